"""What every function has around its handler: the context of its log lines, and one blob of metrics per invocation."""

import gc
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, TypeVar

from mediarelay.observability import add_log_keys, flush, logger

# The log keys of the path parameters that name what a request is about. A callback's token is not among them.
PATH_KEYS = {"vid": "vid", "room_id": "room"}
MAX_SHOWN = 64
Answer = TypeVar("Answer")
Handler = Callable[[Any, Any], Answer]


def observed(handler: Handler[Answer]) -> Handler[Answer]:
    """Give a handler its log context, and publish its metrics when it ends, also if it raises.

    The log context is the function's name, whether it is a cold start, and the id of the API request as correlation id.
    Keys of an earlier invocation are gone. What was counted during init is published with the first invocation. The
    event is never logged, whatever the environment says: it holds tokens and bodies.
    """

    @logger.inject_lambda_context(clear_state=True, log_event=False)
    @wraps(handler)
    def observed_handler(event: Any, context: Any) -> Answer:
        add_log_keys(**_request_keys(event))
        try:
            return handler(event, context)
        finally:
            flush()

    gc.enable()  # init is over, see this package's docstring
    return observed_handler


def _request_keys(event: Any) -> dict[str, str]:
    """Return what an event of API Gateway says about its log lines; nothing for any other event."""
    if not isinstance(event, Mapping) or "requestContext" not in event:
        return {}
    path = event.get("pathParameters") or {}
    named = {key: str(path[name])[:MAX_SHOWN] for name, key in PATH_KEYS.items() if name in path}
    return {"correlation_id": event["requestContext"].get("requestId"), **named}
