"""HTTP API authorizer (payload 2.0, simple response): who may call which route."""

from typing import Any

from mediarelay.aws_lambda.observability import observed
from mediarelay.aws_lambda.raw_http import Event, header
from mediarelay.wiring.authorizer import authorizer

AUTHORIZER = authorizer()


@observed
def handler(event: Event, _context: Any) -> dict[str, Any]:
    """Answer `{"isAuthorized", "context"}`."""
    client = AUTHORIZER.admit(header(event, "authorization"), event["routeKey"])
    if client is None:
        return {"isAuthorized": False, "context": {"client": ""}}
    return {"isAuthorized": True, "context": {"client": client.name, "scopes": " ".join(client.scopes)}}
