"""The routes of a function: what each asks for, read before its code runs; anything else is refused."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mediarelay.aws_lambda.observability import observed
from mediarelay.contracts.api.plain import Query, Request
from mediarelay.contracts.api.views import NoQuery, read
from mediarelay.contracts.json_objects import read_object
from mediarelay.errors import NotFound
from mediarelay.http import Event, Handler, Response, answering, raw_body

Answer = Callable[[Event, Any], Response]
"""Of (event, what was asked for)."""


@dataclass(frozen=True, slots=True)
class Route:
    """What a route asks for, and its answer.

    A `Query` is read from the query parameters, any other `Request` from the body; then no query parameter is known.
    """

    asks: type[Request]
    answer: Answer


def serving(routes: Mapping[str, Route]) -> Handler:
    """Make the handler of a function from its routes, by route key such as `GET /tasks`."""

    @observed
    @answering
    def handler(event: Event, _context: Any) -> Response:
        route = routes.get(event["routeKey"])
        if route is None:
            raise NotFound("no such route")
        return route.answer(event, _asked(event, route.asks))

    return handler


def _asked(event: Event, asks: type[Request]) -> Request:
    parameters = event.get("queryStringParameters") or {}
    if issubclass(asks, Query):
        return read(asks, parameters)
    read(NoQuery, parameters)
    return read(asks, json_object(event))


def json_object(event: Event) -> dict[str, Any]:
    """Return the request's body as a JSON object, read as strictly as a callback; no body is an empty one."""
    body = raw_body(event)
    return read_object(body) if body else {}
