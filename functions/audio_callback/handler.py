"""POST /callbacks/audio/{token}: store what the CDN claims about an audio task."""

from mediarelay.domain.tasks.media import Kind
from mediarelay.http import taking_callbacks
from mediarelay.wiring.callbacks import callback_endpoint

handler = taking_callbacks(callback_endpoint(Kind.AUDIO))
