"""The resolver of the functions behind the authorizer: it reads requests strictly and answers errors as problem+json.

A handler states its route once: path, types, statuses and descriptions. `python -m docs.generate` makes the OpenAPI
document from it. Powertools' own validation stays off, because it answers 422, ignores unknown query parameters,
refuses bodies without a JSON content type, and accepts JSON that ours refuses (a name twice, `NaN`, over 32 levels).
"""

from collections.abc import Callable, Mapping
from functools import wraps
from hashlib import sha256
from typing import Any, TypeVar

from aws_lambda_powertools.event_handler.api_gateway import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError

from mediarelay.aws_lambda.raw_http import Event, header, is_head, log_error, problem, raw_body
from mediarelay.contracts.api.base import NoBody, NoQuery, validate
from mediarelay.contracts.json_objects import read_object
from mediarelay.domain.scopes import Scope, allows
from mediarelay.errors import MissingScope, NoRoute

# Powertools writes a path parameter as `<vid>`, API Gateway and OpenAPI as `{vid}`.
TO_BRACES = str.maketrans("<>", "{}")
# Hex digits of an entity tag: 128 bits.
TAG_DIGITS = 32
# One step may take two calls of AWS with all their attempts.
RESERVE_MS = 10_000
Route = TypeVar("Route", bound=Callable[..., Any])
JsonResponse = Response[dict[str, Any]]
TextResponse = Response[str]


class ApiResolver(APIGatewayHttpResolver):
    """Calls a route with its path parameters, and with `query` and `request` if it declares these arguments.

    `query` is a model of the query parameters, `request` one of the body. A route that does not declare the argument
    refuses query parameters, or a body.
    """

    def __init__(self) -> None:
        super().__init__()
        self.functions: dict[str, Callable[..., Any]] = {}
        """The function of each route, by route key such as `GET /tasks/{vid}`."""
        self.scopes: dict[str, Scope | None] = {}
        """The scope that each route needs, by route key; None for a route without an authorizer."""

    def get(self, rule: str, *, scope: Scope | None, **options: Any) -> Callable[[Route], Route]:  # type: ignore[override]
        """Register a GET route that needs a scope."""
        return self.route(rule, "GET", scope=scope, **options)

    def post(self, rule: str, *, scope: Scope | None, **options: Any) -> Callable[[Route], Route]:  # type: ignore[override]
        """Register a POST route that needs a scope."""
        return self.route(rule, "POST", scope=scope, **options)

    def route(  # type: ignore[override]
        self, rule: str, method: str, *, scope: Scope | None, **options: Any
    ) -> Callable[[Route], Route]:
        """Register a route whose arguments are read from the request.

        `scope` has no default, so a route that states none fails at import. None admits every caller.
        """
        register = super().route(rule, method, **options)
        key = f"{method} {rule}".translate(TO_BRACES)

        def add(function: Route) -> Route:
            self.functions[key], self.scopes[key] = function, scope

            @wraps(function)
            def read_and_call(**_matched: str) -> Any:
                event = self.current_event.raw_event
                require_scope(event, scope)
                return function(**read_arguments(event, function.__annotations__))

            register(read_and_call)
            return function

        return add

    def resolve(self, event: Event, context: Any) -> dict[str, Any]:
        """Answer a request by its route key.

        API Gateway has already matched the path and decoded its parameters. Powertools would match it again, with a
        pattern that excludes emoji and quotation marks, so it gets the path of the route key instead.
        """
        matched = {**event, "rawPath": event["routeKey"].partition(" ")[2]}
        try:
            answer = super().resolve(_as_get(matched) if is_head(event) else matched, context)
        # Powertools serializes an answer outside of its exception handlers.
        except Exception as error:  # noqa: BLE001 - `log_error` logs it
            answer = problem(log_error(error), event)
        # HTTP/2 header names are in lower case, and the functions without a resolver write them like that, too.
        lower = {"headers": {name.lower(): value for name, value in answer["headers"].items()}}
        return answer | lower | ({"body": ""} if is_head(event) else {})


def _as_get(event: Event) -> Event:
    """Return a request with the method HEAD as one with GET, whose headers its answer has."""
    context = event["requestContext"]
    return {**event, "requestContext": {**context, "http": {**context["http"], "method": "GET"}}}


def api_resolver() -> ApiResolver:
    """Return a resolver without routes."""
    app = ApiResolver()
    # `Exception`, so that no error leaves in Powertools' own shape, or as a 500 of API Gateway without a body.
    app.exception_handler(Exception)(lambda error: _answer_error(error, app.current_event.raw_event))
    return app


def _answer_error(error: Exception, event: Event) -> Response[str]:
    refusal = problem(log_error(NoRoute("no such route") if isinstance(error, NotFoundError) else error), event)
    return Response(status_code=refusal["statusCode"], headers=refusal["headers"], body=refusal["body"])


def json_response(body: dict[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> JsonResponse:
    """Return an answer with a status and headers. A route without special headers just returns its body."""
    return Response(status, "application/json", body, headers=headers)


def versioned(event: Event, text: str) -> Response[str]:
    """Return a JSON text with its `ETag`, or 304 without it if the client's `If-None-Match` names this version."""
    tag = f'"{sha256(text.encode()).hexdigest()[:TAG_DIGITS]}"'
    if has_version(event, tag):
        return Response(304, body="", headers={"etag": tag})
    return Response(200, "application/json", text, headers={"etag": tag})


def has_version(event: Event, tag: str) -> bool:
    """Return whether the client's `If-None-Match` names a version."""
    known = (header(event, "if-none-match") or "").split(",")
    # A cache on the way may have weakened a tag; for GET, RFC 9110 compares it without the mark.
    return any(one.strip().removeprefix("W/") in {tag, "*"} for one in known)


def read_arguments(event: Event, types: Mapping[str, Any]) -> dict[str, Any]:
    """Return a route's arguments, validated against the types of its annotations; raises `Malformed`."""
    given = dict(event.get("pathParameters") or {})
    given["query"] = validate(types.get("query", NoQuery), event.get("queryStringParameters") or {})
    # Clients may send a body with GET; HTTP gives it no meaning, so it is ignored.
    if event["requestContext"]["http"]["method"] == "POST":
        given["request"] = validate(types.get("request", NoBody), json_object(event))
    return {name: value for name, value in given.items() if name in types}


def json_object(event: Event) -> dict[str, Any]:
    """Return the body as a JSON object; a request without a body has an empty one. Raises `Malformed`."""
    body = raw_body(event)
    return read_object(body) if body else {}


def client_name(event: Event) -> str:
    """Return the name of the client that the authorizer identified."""
    return _from_authorizer(event, "client")


def api_url(event: Event) -> str:
    """Return the URL of the API that a request was sent to."""
    # The template cannot tell a function behind the API: the two would depend on each other.
    return f"https://{event['requestContext']['domainName']}"


def remaining(context: Any) -> Callable[[], bool]:
    """Return whether an invocation has time for another step and its answer, each time it is asked."""
    return lambda: context.get_remaining_time_in_millis() > RESERVE_MS


def require_scope(event: Event, scope: Scope | None) -> None:
    """Raise `MissingScope` if the client that the authorizer identified lacks a scope."""
    if scope and not allows(_from_authorizer(event, "scopes").split(), scope):
        raise MissingScope(scope)


def _from_authorizer(event: Event, name: str) -> str:
    return str(event["requestContext"].get("authorizer", {}).get("lambda", {}).get(name, ""))
