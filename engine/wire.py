"""Adapt HTTP to the provider's clients: absolute targets in requests, and the case of header names in answers."""

import re
from urllib.parse import unquote

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mediarelay.errors import Malformed

_ABSOLUTE = re.compile(rb"https?://([^/?#@]+)(/.*)?", re.IGNORECASE | re.DOTALL)
_SPECIAL = {b"etag": b"ETag"}


def as_clients_expect(inner: ASGIApp) -> ASGIApp:
    """Wrap an application so that it accepts absolute targets and writes header names in the case that COS uses."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await inner(scope, receive, send)
            return
        try:
            target = to_origin_form(scope)
        except Malformed as malformed:
            await PlainTextResponse(f"{malformed}\n", status_code=400)(scope, receive, send)
            return
        await inner(target, receive, _with_usual_names(send))

    return app


def to_origin_form(scope: Scope) -> Scope:
    """Return a request in origin form. The host of an absolute target replaces the Host header (RFC 9112, 3.2.2).

    A client that uses the engine as its proxy sends absolute targets. Raises `Malformed` for any other target, such as
    that of CONNECT.
    """
    raw = scope["raw_path"]
    if raw.startswith(b"/") or raw == b"*":
        return scope
    match = _ABSOLUTE.fullmatch(raw)
    if match is None:
        raise Malformed("target", "must be a path or an http URL without user information")
    path = match[2] or b"/"
    headers = [(name, value) for name, value in scope["headers"] if name != b"host"]
    return {
        **scope,
        "raw_path": path,
        "path": unquote(path.decode("ascii")),
        "headers": [(b"host", match[1]), *headers],
    }


def usual_name(name: bytes) -> bytes:
    """Write a header name in the case that COS uses, because SDKs copy headers into case-sensitive tables."""
    return _SPECIAL.get(name, name if name.startswith(b"x-cos-") else name.title())


def _with_usual_names(send: Send) -> Send:
    async def renamed(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [(usual_name(name.lower()), value) for name, value in message["headers"]]
            message = {**message, "headers": headers}
        await send(message)

    return renamed
