"""POST /tasks/audio: submit an audio task, once per Idempotency-Key."""

from mediarelay.contracts.api.views import AudioTaskRequest
from mediarelay.domain.tasks.media import Kind
from mediarelay.http import Event, Response, created, idempotency_key
from mediarelay.routing import Route, serving
from mediarelay.wiring.provider import submitter

SUBMITTER = submitter()


def submit(event: Event, wish: AudioTaskRequest) -> Response:
    """Answer `{"vid", "kind", "state"}`: 201, 200 for a repeat, 202 while the provider has not answered."""
    return created(SUBMITTER.submit(Kind.AUDIO, wish.model_dump(), idempotency_key(event)))


ROUTES = {"POST /tasks/audio": Route(AudioTaskRequest, submit)}
handler = serving(ROUTES)
