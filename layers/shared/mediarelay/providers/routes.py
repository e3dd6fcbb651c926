"""The callbacks of all routes. A callback function loads only those of its own route."""

from mediarelay.providers.cts.callbacks import AUDIO_CALLBACKS, VIDEO_CALLBACKS
from mediarelay.providers.mps.callbacks import MPS_CALLBACKS
from mediarelay.providers.port import CallbackFormat

CALLBACKS: tuple[CallbackFormat, ...] = (VIDEO_CALLBACKS, AUDIO_CALLBACKS, MPS_CALLBACKS)
