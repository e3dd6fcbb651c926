"""POST /tasks/audio/batch: store up to 500 wishes; a queue hands them to the provider."""

from mediarelay.contracts.api.views import AudioBatch, batch_view
from mediarelay.errors import Malformed
from mediarelay.http import IDEMPOTENCY_KEY, Event, Response, header, own_key, respond
from mediarelay.routing import Route, serving
from mediarelay.wiring.clients import batch_submitter

BATCHER = batch_submitter()


def submit(event: Event, batch: AudioBatch) -> Response:
    """Answer `{"results"}`, one for each item, in order: 207."""
    if header(event, IDEMPOTENCY_KEY) is not None:
        raise Malformed(IDEMPOTENCY_KEY, "is not taken for a batch; give each task its own idempotency_key")
    return respond(207, batch_view(BATCHER.take(batch.tasks, lambda key: own_key(event, key))))


ROUTES = {"POST /tasks/audio/batch": Route(AudioBatch, submit)}
handler = serving(ROUTES)
