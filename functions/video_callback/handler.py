"""POST /callbacks/video/{token}: store what the CDN claims about a video task."""

from mediarelay.domain.tasks.media import Kind
from mediarelay.http import taking_callbacks
from mediarelay.root import receiver

handler = taking_callbacks(receiver(Kind.VIDEO))
