"""POST /callbacks/video/{token}: store a callback of the CDN about a video task."""

from mediarelay.aws_lambda.raw_http import callback_handler
from mediarelay.providers.cts.callbacks import VIDEO_CALLBACKS
from mediarelay.wiring.callbacks import callback_endpoint

handler = callback_handler(callback_endpoint(VIDEO_CALLBACKS))
