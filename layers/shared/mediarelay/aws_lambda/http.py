"""The resolver of the functions behind the authorizer: it reads requests strictly and answers errors as problem+json.

A handler states its route once: path, types, statuses and descriptions; `python -m docs.generate` makes the OpenAPI
document from it. Powertools' own validation stays off. It answers 422, takes unknown query parameters, refuses bodies
without a JSON content type, and its JSON reader takes what ours refuses (a name twice, `NaN`, more than 32 levels).
"""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, TypeVar

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError

from mediarelay.aws_lambda.raw_http import Event, log_error, problem, raw_body
from mediarelay.contracts.api.base import NoBody, NoQuery, validate
from mediarelay.contracts.json_objects import read_object
from mediarelay.errors import NotFound

# Powertools writes a path parameter as `<vid>`, API Gateway and OpenAPI as `{vid}`.
TO_BRACES = str.maketrans("<>", "{}")
Route = TypeVar("Route", bound=Callable[..., Any])
JsonResponse = Response[dict[str, Any]]


class ApiResolver(APIGatewayHttpResolver):
    """Calls a route with its path parameters, and with `query` and `request` if it has these arguments.

    `query` is a model of the query parameters, `request` one of the body. Without the argument a route takes no query
    parameter, or no body.
    """

    def __init__(self) -> None:
        super().__init__()
        self.functions: dict[str, Callable[..., Any]] = {}
        """The function of each route, by route key such as `GET /tasks/{vid}`."""

    def route(self, rule: str, method: Any, *arguments: Any, **options: Any) -> Callable[[Route], Route]:
        """Register a route whose arguments are read from the request."""
        register = super().route(rule, method, *arguments, **options)

        def add(function: Route) -> Route:
            self.functions[f"{method} {rule}".translate(TO_BRACES)] = function

            @wraps(function)
            def read_and_call(**_matched: str) -> Any:
                return function(**read_arguments(self.current_event.raw_event, function.__annotations__))

            register(read_and_call)
            return function

        return add

    def resolve(self, event: Event, context: Any) -> dict[str, Any]:
        """Answer a request by its route key.

        API Gateway has matched the path already, and has decoded its parameters. Powertools would match it again, by a
        pattern that knows no emoji and no quotation mark, so it gets the path of the route key instead.
        """
        matched = {**event, "rawPath": event["routeKey"].partition(" ")[2]}
        answer = super().resolve(matched, context)
        return answer | {"headers": {name.lower(): value for name, value in answer["headers"].items()}}


def api_resolver() -> ApiResolver:
    """Return a resolver without routes."""
    app = ApiResolver()
    app.exception_handler(Exception)(_answer_error)
    return app


def _answer_error(error: Exception) -> Response[str]:
    refusal = problem(log_error(NotFound("no such route") if isinstance(error, NotFoundError) else error))
    return Response(status_code=refusal["statusCode"], headers=refusal["headers"], body=refusal["body"])


def json_response(body: dict[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> JsonResponse:
    """Answer with JSON and with headers of its own; without headers a route just returns its body."""
    return Response(status, "application/json", body, headers=headers)


def read_arguments(event: Event, types: Mapping[str, Any]) -> dict[str, Any]:
    """Return a route's arguments, named and typed as its annotations say; raises `Malformed`."""
    given = dict(event.get("pathParameters") or {})
    given["query"] = validate(types.get("query", NoQuery), event.get("queryStringParameters") or {})
    if event["requestContext"]["http"]["method"] == "POST":
        given["request"] = validate(types.get("request", NoBody), json_object(event))
    return {name: value for name, value in given.items() if name in types}


def json_object(event: Event) -> dict[str, Any]:
    """Return the body as a JSON object, read as strictly as a callback; no body is an empty object."""
    body = raw_body(event)
    return read_object(body) if body else {}


def client_name(event: Event) -> str:
    """Return the client's name, as the authorizer found it."""
    return _from_authorizer(event, "client")


def scopes(event: Event) -> frozenset[str]:
    """Return the client's scopes, as the authorizer found them."""
    return frozenset(_from_authorizer(event, "scopes").split())


def _from_authorizer(event: Event, name: str) -> str:
    return str(event["requestContext"].get("authorizer", {}).get("lambda", {}).get(name, ""))
