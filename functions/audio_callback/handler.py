"""POST /callbacks/audio/{token}: store a callback of the CDN about an audio task."""

from mediarelay.aws_lambda.raw_http import callback_handler
from mediarelay.providers.cts.callbacks import AUDIO_CALLBACKS
from mediarelay.wiring.callbacks import callback_endpoint

handler = callback_handler(callback_endpoint(AUDIO_CALLBACKS))
