"""Logs and metrics of every function: the context of its log lines, and one blob of metrics per invocation."""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, TypeVar

from mediarelay.aws_lambda import cold_start
from mediarelay.observability import add_log_keys, flush, logger

# Path parameters that are logged, and their log keys. The token of a callback is a secret, so it is not among them.
PATH_KEYS = {"vid": "vid", "room_id": "room"}
# Characters of a path parameter in the log. No vid is longer.
MAX_SHOWN = 64
Answer = TypeVar("Answer")
Handler = Callable[[Any, Any], Answer]


def observed(handler: Handler[Answer]) -> Handler[Answer]:
    """Return a handler with a log context, which publishes its metrics when it ends, even if it raises.

    The log context holds the function's name, whether this is a cold start, and the id of the API request as
    `request_id`. Keys of an earlier invocation are removed. The first invocation also publishes the metrics of init.
    The event is never logged, whatever the environment says, because it holds tokens and bodies.
    """

    @logger.inject_lambda_context(clear_state=True, log_event=False)
    @wraps(handler)
    def observed_handler(event: Any, context: Any) -> Answer:
        add_log_keys(**_request_keys(event))
        try:
            return handler(event, context)
        finally:
            flush()

    cold_start.end()
    return observed_handler


def request_id(event: Any) -> str | None:
    """Return the id that API Gateway gave a request, which log lines and problems show; None for any other event."""
    found = event.get("requestContext", {}).get("requestId") if isinstance(event, Mapping) else None
    return found if isinstance(found, str) else None


def _request_keys(event: Any) -> dict[str, str | None]:
    """Return the log keys of an API Gateway event; none for any other event."""
    if not isinstance(event, Mapping) or "requestContext" not in event:
        return {}
    path = event.get("pathParameters") or {}
    named = {key: str(path[name])[:MAX_SHOWN] for name, key in PATH_KEYS.items() if name in path}
    return {"request_id": request_id(event), **named}
