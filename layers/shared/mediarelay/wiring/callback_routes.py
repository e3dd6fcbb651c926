"""The stores of all callback routes, for the functions that take callbacks from the backlog or the quarantine."""

from functools import cache

from mediarelay.providers.routes import CALLBACKS
from mediarelay.usecases.tasks.receive import CallbackStore
from mediarelay.wiring.callbacks import callback_store


@cache
def callback_stores() -> dict[str, CallbackStore]:
    """Return the store of each route, such as `callbacks/video`."""
    return {callbacks.route: callback_store(callbacks) for callbacks in CALLBACKS}
