"""HTTP API authorizer (payload 2.0, simple response): who may call which route."""

from typing import Any

from mediarelay.aws_lambda.raw_http import Event, header
from mediarelay.root import doorkeeper

DOORKEEPER = doorkeeper()


def handler(event: Event, _context: Any) -> dict[str, Any]:
    """Answer `{"isAuthorized", "context"}`."""
    client = DOORKEEPER.admit(header(event, "authorization"), event["routeKey"])
    if client is None:
        return {"isAuthorized": False, "context": {"client": ""}}
    return {"isAuthorized": True, "context": {"client": client.name, "scopes": " ".join(client.scopes)}}
