"""POST /tasks/audio: submit an audio task, once per Idempotency-Key."""

from typing import Any

from mediarelay.contracts.api import AudioSubmit, read
from mediarelay.domain.media import Kind
from mediarelay.http import Event, Response, answering, created, idempotency_key, json_object
from mediarelay.root import submitter

SUBMITTER = submitter()


@answering
def handler(event: Event, _context: Any) -> Response:
    """Answer `{"vid", "kind", "state"}`: 201, 200 for a repeat, 202 while the provider has not answered."""
    request = read(AudioSubmit, json_object(event)).model_dump()
    return created(SUBMITTER.submit(Kind.AUDIO, request, idempotency_key(event)))
