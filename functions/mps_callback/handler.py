"""POST /callbacks/mps/{token}: store a callback of MPS about a task."""

from mediarelay.aws_lambda.raw_http import callback_handler
from mediarelay.providers.mps.callbacks import MPS_CALLBACKS
from mediarelay.wiring.callbacks import callback_endpoint

handler = callback_handler(callback_endpoint(MPS_CALLBACKS))
