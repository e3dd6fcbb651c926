"""Submit a batch: each item is stored or refused by itself; the submit queue sends the stored ones to the provider."""

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

# Concurrent writes. API Gateway waits 30 seconds, which is too short to store 500 items one after the other.
WRITERS = 8
Result = Submitted | MediarelayError


@dataclass(frozen=True, slots=True)
class BatchSubmitter:
    """Stores batches of audio tasks."""

    registry: IntentRegistry

    def take(self, items: Sequence[Any], own_key: Callable[[str | None], str | None]) -> list[Result]:
        """Store items; return the result or error of each, in order. `own_key` adds the client's name to its key."""
        with ThreadPoolExecutor(WRITERS) as pool:
            return list(pool.map(lambda item: self._take(item, own_key), items))

    def _take(self, item: Any, own_key: Callable[[str | None], str | None]) -> Result:
        try:
            request = validate(AudioBatchItem, _object(item)).model_dump()
            key = own_key(request.pop("idempotency_key"))
            return self.registry.enqueue(Kind.AUDIO, request, key)
        # The error of one item is its result. Raised, it would cost the client the results of all others.
        except MediarelayError as error:
            return error


def _object(item: Any) -> dict[str, Any]:
    if not isinstance(item, dict):
        raise Malformed("body", "must be an object")
    return item
