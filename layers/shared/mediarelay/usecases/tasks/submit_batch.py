"""Batch: many wishes at once. Each is stored or refused by itself; the queue hands them to the provider."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from mediarelay.contracts.api.views import BatchItem, read
from mediarelay.domain.tasks.intent import Submitted
from mediarelay.domain.tasks.media import Kind
from mediarelay.errors import Malformed, MediarelayError
from mediarelay.usecases.tasks.submit import IntentRegistry

WRITERS = 8
"""Wishes that are stored at the same time: a batch has to be done within the gateway's 30 seconds."""
Result = Submitted | MediarelayError


@dataclass(frozen=True, slots=True)
class BatchSubmitter:
    """Takes batches of audio tasks."""

    registry: IntentRegistry

    def take(self, wishes: Sequence[Any], own_key: Callable[[str | None], str | None]) -> list[Result]:
        """Store wishes; returns for each, in order, what became of it. `own_key` makes a client's key its own."""
        with ThreadPoolExecutor(WRITERS) as pool:
            return list(pool.map(lambda wish: self._take(wish, own_key), wishes))

    def _take(self, wish: Any, own_key: Callable[[str | None], str | None]) -> Result:
        try:
            item = read(BatchItem, _object(wish)).model_dump()
            key = own_key(item.pop("idempotency_key"))
            return self.registry.enqueue(Kind.AUDIO, item, key)
        except MediarelayError as error:
            return error


def _object(wish: Any) -> dict[str, Any]:
    if not isinstance(wish, dict):
        raise Malformed("body", "must be an object")
    return wish
