"""POST /tasks/video: expect a video task, by its vid, its url, or the headers of its upload."""

from typing import Any

from mediarelay.contracts.api import VideoTrack, read
from mediarelay.domain.media import Kind
from mediarelay.http import Event, Response, answering, created, idempotency_key, json_object
from mediarelay.root import submitter

SUBMITTER = submitter()


@answering
def handler(event: Event, _context: Any) -> Response:
    """Answer `{"vid", "kind", "state"}`: 201, 200 for a repeat, 202 while the vid is not known."""
    wish = read(VideoTrack, json_object(event))
    request = wish.model_dump(exclude_none=True)
    vid = wish.known_vid()
    if vid:
        return created(SUBMITTER.track(vid, request))
    return created(SUBMITTER.submit(Kind.VIDEO, request, idempotency_key(event)))
