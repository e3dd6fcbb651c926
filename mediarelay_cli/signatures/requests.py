"""Builds the right recipe of each scheme from what a person gives: a request, a body, or single values."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mediarelay.signing.tc3 import REQUIRED_HEADERS
from mediarelay_cli.errors import CliError, Exit
from mediarelay_cli.http_message import HttpMessage
from mediarelay_cli.signatures.recipe import Cause
from mediarelay_cli.signatures.tc3 import Tc3Recipe, date_of

_AUTHORIZATION = re.compile(
    r"(?P<algorithm>\S+)\s+Credential=(?P<secret_id>[^/,\s]+)/(?P<scope>[^,\s]+),\s*"
    r"SignedHeaders=(?P<names>[^,\s]+),\s*Signature=(?P<signature>\S+)"
)


@dataclass(frozen=True, slots=True)
class Authorization:
    """The parts of a TC3 header `Authorization`, as a client sent them."""

    secret_id: str
    scope: str
    names: tuple[str, ...]
    signature: str


def authorization(header: str) -> Authorization:
    """Read a header `Authorization`. Raises `CliError`."""
    if not (found := _AUTHORIZATION.fullmatch(header.strip())):
        form = "TC3-HMAC-SHA256 Credential=ID/DATE/SERVICE/tc3_request, SignedHeaders=content-type;host, Signature=HEX"
        raise CliError("the header Authorization has another form", f"Send `{form}`.", Exit.PROBLEM)
    return Authorization(found["secret_id"], found["scope"], tuple(found["names"].split(";")), found["signature"])


def tc3_recipe(secret: str, service: str, request: HttpMessage, names: tuple[str, ...], timestamp: str) -> Tc3Recipe:
    """Return the right recipe of a request that signs the named headers. Raises `CliError` if one is not sent."""
    listed = sorted({name.lower() for name in names})
    values = {"host": request.host} | request.headers
    if missing := next((name for name in listed if name not in values), None):
        raise CliError(f"the request has no header {missing}, which is signed", "Give it with --header.", Exit.USAGE)
    if not re.fullmatch("[1-9][0-9]{0,9}", timestamp):
        raise CliError("X-TC-Timestamp is no number of seconds", "Send UNIX seconds, 10 digits.", Exit.PROBLEM)
    return Tc3Recipe(
        secret=secret,
        service=service,
        date=date_of(timestamp),
        timestamp=timestamp,
        method=request.method,
        path=request.path or "/",
        query=request.query,
        headers=tuple((name, values[name]) for name in listed),
        payload=request.body,
    )


def tc3_form(sent: Authorization, right: Tc3Recipe) -> tuple[Cause, ...]:
    """Return what is wrong with the form of a header `Authorization`, whatever its signature is."""
    found = {
        "scope": (
            sent.scope != right.scope,
            f"The scope is `{sent.scope}`.",
            f"Send `{right.scope}`: the UTC date of X-TC-Timestamp, the service and `tc3_request`.",
        ),
        "signed_headers": (
            list(sent.names) != [name for name, _ in right.headers],
            "`SignedHeaders` is not a sorted list of lower-case names.",
            f"Send `{';'.join(name for name, _ in right.headers)}`.",
        ),
        "required_headers": (
            not {name.lower() for name in sent.names} >= REQUIRED_HEADERS,
            "`SignedHeaders` lacks a header that the provider requires.",
            f"Sign at least {' and '.join(sorted(REQUIRED_HEADERS))}.",
        ),
    }
    return tuple(Cause(rule, what, advice, accepted=False) for rule, (wrong, what, advice) in found.items() if wrong)


def json_fields(body: bytes) -> Mapping[str, Any]:
    """Return the members of a JSON body, by their names in lower case; none if it is no JSON object."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return {name.lower(): value for name, value in found.items()} if isinstance(found, dict) else {}


def stated(option: str, fields: Mapping[str, Any], name: str, flag: str) -> str:
    """Return a value from an option or else from a body. Raises `CliError` if neither has it."""
    value = option or fields.get(name.lower())
    if value is None or value == "":
        raise CliError(f"{name} is unknown", f"Give {flag}, or a body that contains it.", Exit.USAGE)
    return str(value)
