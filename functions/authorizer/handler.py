"""HTTP API authorizer (payload 2.0, simple response): who may call which route."""

from typing import Any

from mediarelay.http import Event, header
from mediarelay.root import doorkeeper

DOORKEEPER = doorkeeper()


def handler(event: Event, _context: Any) -> dict[str, Any]:
    """Answer `{"isAuthorized", "context"}`."""
    name = DOORKEEPER.admit(header(event, "authorization"), event["routeKey"])
    return {"isAuthorized": name is not None, "context": {"client": name or ""}}
