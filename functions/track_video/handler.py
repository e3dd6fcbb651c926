"""POST /tasks/video: expect a video task, by its vid, its url, or the headers of its upload."""

from mediarelay.contracts.api.views import VideoTaskRequest
from mediarelay.domain.tasks.media import Kind
from mediarelay.http import Event, Response, created, idempotency_key
from mediarelay.routing import Route, serving
from mediarelay.wiring.provider import submitter

SUBMITTER = submitter()


def track(event: Event, wish: VideoTaskRequest) -> Response:
    """Answer `{"vid", "kind", "state"}`: 201, 200 for a repeat, 202 while the vid is not known."""
    request = wish.model_dump(exclude_none=True)
    vid, key = wish.known_vid(), idempotency_key(event)
    if vid:
        return created(SUBMITTER.track(vid, request))
    return created(SUBMITTER.submit(Kind.VIDEO, request, key))


ROUTES = {"POST /tasks/video": Route(VideoTaskRequest, track)}
handler = serving(ROUTES)
