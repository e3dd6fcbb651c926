"""Submit a batch: each item is stored or refused by itself; the submit queue sends the stored ones to the provider."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from mediarelay.contracts.api.base import validate
from mediarelay.contracts.api.submits import AudioBatchItem
from mediarelay.domain.tasks.intent import ClientKey, Submitted
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

    def enqueue(self, items: Sequence[Any], client: str) -> list[Result]:
        """Store the items that a client sent; return the result or error of each, in order."""
        # Pydantic builds a model at its first use, and several threads that do so at once may fail.
        AudioBatchItem.model_rebuild()
        with ThreadPoolExecutor(WRITERS) as pool:
            return list(pool.map(lambda item: self._enqueue(item, client), items))

    def _enqueue(self, item: Any, client: str) -> Result:
        try:
            request = validate(AudioBatchItem, _object(item)).model_dump(exclude_none=True)
            key = request.pop("idempotency_key", None)
            return self.registry.enqueue(Kind.AUDIO, request, ClientKey(client, key) if key else None)
        # The error of one item is its result. Raised, it would cost the client the results of all others.
        except MediarelayError as error:
            return error


def _object(item: Any) -> dict[str, Any]:
    if not isinstance(item, dict):
        raise Malformed("body", "must be an object")
    return item
