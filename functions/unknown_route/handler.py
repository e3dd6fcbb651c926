"""Every request that no other route takes: 405 if the path takes other methods, else 404."""

import json
from pathlib import Path
from typing import NoReturn

from mediarelay.aws_lambda.observability import observed
from mediarelay.aws_lambda.raw_http import Event, with_problems, without_body_for_head
from mediarelay.errors import MethodNotAllowed, NoRoute
from mediarelay.wiring.base import settings

# It sets the level of the log.
settings()

# `make docs` writes the file: the methods of each path, such as `/tasks/{vid}`.
ROUTES: dict[str, list[str]] = json.loads(Path(__file__).with_name("routes.json").read_text("utf-8"))


def methods_of(path: str) -> list[str]:
    """Return the methods that a path takes, sorted; none for an unknown path."""
    return sorted({method for route, methods in ROUTES.items() if fits(path, route) for method in methods})


def fits(path: str, route: str) -> bool:
    """Return whether a path belongs to a route. A parameter takes one segment that is not empty."""
    given, stated = path.split("/"), route.split("/")
    same = ((segment and part.startswith("{")) or segment == part for segment, part in zip(given, stated, strict=False))
    return len(given) == len(stated) and all(same)


@observed
@without_body_for_head
@with_problems
def handler(event: Event, _context: object) -> NoReturn:
    """Refuse the request. The path is not logged: that of a callback contains a token."""
    allowed = methods_of(event["rawPath"])
    if not allowed or event["requestContext"]["http"]["method"] in allowed:
        raise NoRoute("no such route")
    raise MethodNotAllowed(allowed)
