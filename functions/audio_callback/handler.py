"""POST /callbacks/audio/{token}: store what the CDN claims about an audio task."""

from mediarelay.domain.tasks.media import Kind
from mediarelay.http import taking_callbacks
from mediarelay.root import receiver

handler = taking_callbacks(receiver(Kind.AUDIO))
