"""Signs and verifies requests by TC3-HMAC-SHA256, the signature of Tencent Cloud API 3.0.

The signature covers the body as sent, so serialize a body once. Each row is text; line breaks join its parts.

| value | parts |
| --- | --- |
| canonical request | method, path, query, `name:value` of each signed header, nothing, their names, digest of body |
| string to sign | `TC3-HMAC-SHA256`, timestamp, scope, digest of the canonical request |
| scope | `{UTC date of the timestamp}/{service}/tc3_request` |

A digest is SHA-256 in hex. The key of the HMAC comes from `TC3` and the secret key, then date, service, `tc3_request`.

`verify` checks in this order:

| check | error |
| --- | --- |
| form of the headers, scope | `InvalidAuthorization` |
| SecretId | `SecretIdNotFound` |
| signature | `SignatureFailure` |
| timestamp | `SignatureExpire` |
"""

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from mediarelay.errors import Unauthenticated
from mediarelay.signing.qcloud import Credentials

ALGORITHM = "TC3-HMAC-SHA256"
# The provider documents this window for `X-TC-Timestamp`, in either direction.
WINDOW_SECONDS = 300
# The provider requires a signature to cover these.
REQUIRED_HEADERS = frozenset({"content-type", "host"})

_TERMINATOR = "tc3_request"
# Ten digits last until the year 2286. A date of any longer number may not exist.
_TIMESTAMP = re.compile(r"[1-9][0-9]{0,9}", re.ASCII)
_AUTHORIZATION = re.compile(
    rf"{ALGORITHM} Credential=(?P<secret_id>[!-+.0-~-]+)/(?P<scope>[0-9-]+/[0-9a-z]+/{_TERMINATOR}), "
    r"SignedHeaders=(?P<names>[0-9a-z_;-]+), Signature=(?P<signature>[0-9a-f]{64})",
    re.ASCII,
)


class AuthFailure(Unauthenticated):
    """The request is refused. `code` is the provider's documented code. The message does not help a forger."""

    code = "AuthFailure"


class InvalidAuthorization(AuthFailure):
    """A header that authenticates the request is missing or malformed, or its scope is another one."""

    code = "AuthFailure.InvalidAuthorization"


class SecretIdNotFound(AuthFailure):
    """There is no such SecretId."""

    code = "AuthFailure.SecretIdNotFound"


class SignatureFailure(AuthFailure):
    """The signature does not match the request."""

    code = "AuthFailure.SignatureFailure"


class SignatureExpire(AuthFailure):
    """The timestamp is too old or too far ahead."""

    code = "AuthFailure.SignatureExpire"


@dataclass(frozen=True, slots=True)
class Request:
    """What a signature covers. Text is encoded as UTF-8.

    Raises ValueError if a part, except the payload, contains a line break.

    Attributes:
        service: The service in the scope, such as `mps`.
        timestamp: UNIX seconds, as in the header `X-TC-Timestamp`.
        headers: The headers to sign, by their names in lower case.
        payload: The body exactly as it is sent.
        method: The HTTP method in upper case.
        path: The path.
        query: The query string as it is sent, without `?`.
    """

    service: str
    timestamp: int
    headers: Mapping[str, str]
    payload: str | bytes
    method: str = "POST"
    path: str = "/"
    query: str = ""

    def __post_init__(self) -> None:
        parts = [self.service, self.method, self.path, self.query, *self.headers, *self.headers.values()]
        # Two different requests could otherwise have the same canonical request.
        if "\n" in "".join(parts):
            raise ValueError("a line break in a part of the request")

    @property
    def scope(self) -> str:
        """`2023-11-14/mps/tc3_request`."""
        return f"{self._date}/{self.service}/{_TERMINATOR}"

    @property
    def signed_names(self) -> str:
        """The names of the signed headers: `content-type;host`."""
        return ";".join(sorted(self.headers))

    @property
    def canonical_request(self) -> str:
        """The text whose digest is signed."""
        headers = [f"{name}:{self.headers[name]}" for name in sorted(self.headers)]
        digest = hashlib.sha256(_bytes(self.payload)).hexdigest()
        return "\n".join([self.method, self.path, self.query, *headers, "", self.signed_names, digest])

    @property
    def string_to_sign(self) -> str:
        """The text to sign."""
        digest = hashlib.sha256(_bytes(self.canonical_request)).hexdigest()
        return f"{ALGORITHM}\n{self.timestamp}\n{self.scope}\n{digest}"

    def signature(self, secret_key: str) -> str:
        """Return the signature, 64 hex digits."""
        key = _bytes(f"TC3{secret_key}")
        for part in (self._date, self.service, _TERMINATOR):
            key = _hmac(key, part)
        return _hmac(key, self.string_to_sign).hex()

    def authorization(self, secret_id: str, secret_key: str) -> str:
        """Return the header `Authorization`."""
        return (
            f"{ALGORITHM} Credential={secret_id}/{self.scope}, "
            f"SignedHeaders={self.signed_names}, Signature={self.signature(secret_key)}"
        )

    @property
    def _date(self) -> str:
        return datetime.fromtimestamp(self.timestamp, UTC).strftime("%Y-%m-%d")


def _bytes(value: str | bytes) -> bytes:
    # A received header may contain half of a surrogate pair. It must not raise an error while it is compared.
    return value if isinstance(value, bytes) else value.encode("utf-8", "surrogatepass")


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, _bytes(text), hashlib.sha256)


def authorization(  # noqa: PLR0913 - each part of the request has a name
    secret_id: str,
    secret_key: str,
    *,
    service: str,
    host: str,
    content_type: str,
    timestamp: int,
    payload: str | bytes,
) -> str:
    """Return the header `Authorization` of a POST request to `/` that signs `content-type` and `host`.

    Like the official SDKs, it signs both values as they are given. The provider documents them in lower case.
    Raises ValueError if a header contains a line break.

    Args:
        secret_id: The id of an API key.
        secret_key: The key.
        service: The service, such as `mps`.
        host: The header `Host` exactly as it is sent.
        content_type: The header `Content-Type` exactly as it is sent.
        timestamp: UNIX seconds, as in the header `X-TC-Timestamp`.
        payload: The body exactly as it is sent; text is encoded as UTF-8.
    """
    request = Request(service, timestamp, {"content-type": content_type, "host": host}, payload)
    return request.authorization(secret_id, secret_key)


def signed_headers(  # noqa: PLR0913 - each part of the call has a name
    credentials: Credentials,
    *,
    service: str,
    host: str,
    action: str,
    version: str,
    region: str,
    timestamp: int,
    payload: str | bytes,
    content_type: str = "application/json",
) -> dict[str, str]:
    """Return all headers of a call: a POST request to `/`.

    An empty `region` and a missing token have no header. `timestamp` is in UNIX seconds; a retry needs a new one.
    Raises ValueError as `authorization` does.
    """
    request = Request(service, timestamp, {"content-type": content_type, "host": host}, payload)
    optional = {"X-TC-Region": region, "X-TC-Token": credentials.token}
    return {
        "Authorization": request.authorization(credentials.secret_id, credentials.secret_key),
        "Content-Type": content_type,
        "Host": host,
        "X-TC-Action": action,
        "X-TC-Version": version,
        "X-TC-Timestamp": str(timestamp),
    } | {name: value for name, value in optional.items() if value}


def verify(  # noqa: PLR0913 - each part of the request has a name
    headers: Mapping[str, str],
    payload: str | bytes,
    *,
    service: str,
    secret_key_of: Callable[[str], str | None],
    now: float,
    method: str = "POST",
    path: str = "/",
    query: str = "",
) -> str:
    """Verify a received request and return its SecretId; raise the first `AuthFailure` that applies.

    A signature may cover more headers than the required ones. It always covers the body: unsigned payloads, which the
    provider offers, are refused.

    Args:
        headers: All headers. Case does not matter in their names.
        payload: The body as received.
        service: The service that was called, such as `mps`.
        secret_key_of: Returns the secret key of a SecretId, or None.
        now: UNIX seconds.
        method: The HTTP method in upper case.
        path: The path as received.
        query: The query as received, without `?`.
    """
    received = _by_name(headers)
    proof = _proof(received)
    _check(proof, _request(received, proof, service, payload, (method, path, query)), secret_key_of, now)
    return proof["secret_id"]


def _request(
    received: Mapping[str, str],
    proof: Mapping[str, str],
    service: str,
    payload: str | bytes,
    target: tuple[str, str, str],
) -> Request:
    """Return the request that was signed. `target` is its method, path and query."""
    signed = _signed(received, proof["names"])
    try:
        return Request(service, _timestamp(received), signed, payload, *target)
    except ValueError:
        raise InvalidAuthorization("a line break in a part of the request") from None


def _check(proof: Mapping[str, str], request: Request, secret_key_of: Callable[[str], str | None], now: float) -> None:
    if proof["scope"] != request.scope:
        raise InvalidAuthorization("the credential has another scope")
    secret_key = secret_key_of(proof["secret_id"])
    if not secret_key:
        raise SecretIdNotFound("no such SecretId")
    if not _matches(request, secret_key, proof["signature"]):
        raise SignatureFailure("the signature does not match")
    if abs(now - request.timestamp) > WINDOW_SECONDS:
        raise SignatureExpire("the timestamp is outside the window")


def _by_name(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers by their names in lower case. The signature would cover only one of two such headers."""
    received = {name.lower(): value for name, value in headers.items()}
    if len(received) != len(headers):
        raise InvalidAuthorization("a header appears twice")
    return received


def _proof(received: Mapping[str, str]) -> dict[str, str]:
    """Return `secret_id`, `scope`, `names` and `signature` of the header `Authorization`."""
    form = _AUTHORIZATION.fullmatch(received.get("authorization", ""))
    if not form:
        raise InvalidAuthorization("the header Authorization is missing or malformed")
    return form.groupdict()


def _timestamp(received: Mapping[str, str]) -> int:
    text = received.get("x-tc-timestamp", "")
    if not _TIMESTAMP.fullmatch(text):
        raise InvalidAuthorization("the header X-TC-Timestamp is missing or not a positive integer")
    return int(text)


def _signed(received: Mapping[str, str], names: str) -> dict[str, str]:
    """Return the headers that `names` lists: each once, in ascending order, the required ones among them."""
    listed = names.split(";")
    if listed != sorted(set(listed)) or not REQUIRED_HEADERS <= set(listed) <= received.keys():
        raise InvalidAuthorization("SignedHeaders does not list the headers of the request")
    return {name: received[name].strip(" \t") for name in listed}


def _matches(request: Request, secret_key: str, given: str) -> bool:
    """Return whether the signature matches, with the values of headers as sent or in lower case.

    The provider documents lower case. Its official SDKs sign values as sent.
    """
    lowered = replace(request, headers={name: value.lower() for name, value in request.headers.items()})
    expected = [each.signature(secret_key) for each in (request, lowered)]
    # The list, unlike a generator, compares both: the time of the check does not show which one matched.
    return any([hmac.compare_digest(each, given) for each in expected])  # noqa: C419
