"""POST /callbacks/video/{token}: store what the CDN claims about a video task."""

from mediarelay.domain.tasks.media import Kind
from mediarelay.http import taking_callbacks
from mediarelay.wiring.callbacks import callback_endpoint

handler = taking_callbacks(callback_endpoint(Kind.VIDEO))
