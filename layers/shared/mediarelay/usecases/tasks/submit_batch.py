"""Batch: many submits at once. Each is stored or refused by itself; a queue hands them to the provider."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from mediarelay.contracts.api.base import validate
from mediarelay.contracts.api.submits import AudioBatchItem
from mediarelay.domain.tasks.intent import Submitted
from mediarelay.domain.tasks.media import Kind
from mediarelay.errors import Malformed, MediarelayError
from mediarelay.usecases.tasks.submit import IntentRegistry

# Items that are stored at the same time: a batch has to be done within the gateway's 30 seconds.
WRITERS = 8
Result = Submitted | MediarelayError


@dataclass(frozen=True, slots=True)
class BatchSubmitter:
    """Takes batches of audio tasks."""

    registry: IntentRegistry

    def take(self, items: Sequence[Any], own_key: Callable[[str | None], str | None]) -> list[Result]:
        """Store items; returns the result of each, in order. `own_key` makes a client's key its own."""
        with ThreadPoolExecutor(WRITERS) as pool:
            return list(pool.map(lambda item: self._take(item, own_key), items))

    def _take(self, item: Any, own_key: Callable[[str | None], str | None]) -> Result:
        try:
            request = validate(AudioBatchItem, _object(item)).model_dump()
            key = own_key(request.pop("idempotency_key"))
            return self.registry.enqueue(Kind.AUDIO, request, key)
        except MediarelayError as error:
            return error


def _object(item: Any) -> dict[str, Any]:
    if not isinstance(item, dict):
        raise Malformed("body", "must be an object")
    return item
