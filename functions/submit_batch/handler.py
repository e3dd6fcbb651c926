"""POST /tasks/audio/batch: store up to 500 wishes; a queue hands them to the provider."""

from typing import Any

from mediarelay.contracts.api import AudioBatch, batch_view, read
from mediarelay.http import Event, Response, answering, json_object, own_key, respond
from mediarelay.root import batcher

BATCHER = batcher()


@answering
def handler(event: Event, _context: Any) -> Response:
    """Answer `{"results"}`, one for each item, in order: 207."""
    wishes = read(AudioBatch, json_object(event)).tasks
    return respond(207, batch_view(BATCHER.take(wishes, lambda key: own_key(event, key))))
