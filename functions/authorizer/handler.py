"""HTTP API authorizer (payload 2.0, simple response): admit every client with a live token."""

from typing import Any

from mediarelay.aws_lambda.observability import observed
from mediarelay.aws_lambda.raw_http import Event, header
from mediarelay.wiring.authorizer import authorizer

AUTHORIZER = authorizer()


@observed
def handler(event: Event, _context: Any) -> dict[str, Any]:
    """Return `{"isAuthorized", "context"}`; the context has the client's name, and its scopes for the route."""
    client = AUTHORIZER.authorize(header(event, "authorization"))
    if client is None:
        return {"isAuthorized": False, "context": {"client": ""}}
    return {"isAuthorized": True, "context": {"client": client.name, "scopes": " ".join(client.scopes)}}
