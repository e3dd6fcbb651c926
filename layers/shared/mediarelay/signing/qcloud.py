"""Signs and verifies requests by the rules of Tencent Cloud API v2.

The text to sign is `METHOD + host + path + "?" + parameters`. All parameters except `Signature` are sorted by name and
joined as `name=value` with `&`, without escaping. The signature is HMAC-SHA1 or HMAC-SHA256 in Base64.

Because the scheme does not escape `&` and `=` inside values, the value `1&b=2` signs like two parameters. A verifier
cannot distinguish them, so `verify` refuses names that could be read in two ways.

`verify` checks in this order:

| check | error |
| --- | --- |
| form of the parameters | `BadParameter` (4000) |
| SecretId | `UnknownKey` (4104) |
| signature | `WrongSignature` (4100) |
| timestamp | `OutsideWindow` (4500) |
| nonce | `NonceReused` (4500) |
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from mediarelay.errors import Unauthenticated

# The provider documents two windows for a `Timestamp`. This is the shorter one, in either direction.
WINDOW_SECONDS = 300

# `signed_params` sets these. An action parameter of the same name would replace a value that authenticates the call.
RESERVED = frozenset({"SecretId", "Nonce", "Timestamp", "Token", "SignatureMethod", "Signature"})

_REQUIRED = ("SecretId", "Timestamp", "Nonce", "Signature")
_NAME = re.compile(r"[0-9A-Za-z._-]{1,256}", re.ASCII)
_NONCE = re.compile(r"[1-9][0-9]{0,19}", re.ASCII)
_TIMESTAMP = re.compile(r"[1-9][0-9]{0,11}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Credentials:
    """An API key pair, with a `token` for temporary keys. `repr` does not show the secrets."""

    secret_id: str
    secret_key: str = field(repr=False)
    token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The target of a request. The signature covers `host` (without scheme), so it must equal the `Host` header."""

    method: str
    host: str
    path: str


class VerificationFailed(Unauthenticated):
    """The request is refused. `code` is the provider's documented code. The message does not help a forger."""

    code = 4100


class BadParameter(VerificationFailed):
    """The parameter `name` is missing or malformed."""

    code = 4000

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name}: {reason}")
        self.name = name


class UnknownKey(VerificationFailed):
    """There is no such SecretId."""

    code = 4104


class WrongSignature(VerificationFailed):
    """The signature does not match the request."""

    code = 4100


class OutsideWindow(VerificationFailed):
    """The timestamp is too old or too far ahead."""

    code = 4500


class NonceReused(VerificationFailed):
    """The nonce was used before."""

    code = 4500


def flatten(params: Mapping[str, object]) -> dict[str, str]:
    """Return nested parameters in the form in which they are sent: lists as `Key.0`, objects as `Key.Name`.

    `None`, an empty list and an empty object become an empty value, `True` and `False` become `true` and `false`.
    Raises ValueError if two parameters get the same name, TypeError for a value that has no such form.
    """
    flat: dict[str, str] = {}
    for name, value in params.items():
        for key, text in _leaves(str(name), value):
            if key in flat:
                raise ValueError(f"two parameters are named {key}")
            flat[key] = text
    return flat


def _leaves(name: str, value: object) -> Iterator[tuple[str, str]]:
    """Yield `(flat name, text)` for every scalar below `value`."""
    if isinstance(value, Mapping):
        children = [(str(key), child) for key, child in value.items()]
    elif isinstance(value, list | tuple):
        children = [(str(index), child) for index, child in enumerate(value)]
    else:
        yield name, _text(value)
        return
    if not children:
        yield name, ""
    for key, child in children:
        yield from _leaves(f"{name}.{key}", child)


def _text(value: object) -> str:
    """Return a scalar as text; raise TypeError for other types."""
    # Languages write floats differently, so the signature would depend on the language.
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int):
        return str(value)
    raise TypeError(f"a parameter cannot be a {type(value).__name__}")


def string_to_sign(method: str, host: str, path: str, params: Mapping[str, object]) -> str:
    """Return the text to sign: `GEThost/path?A=1&B=2`.

    Underscores in names, but not in values, become dots before sorting. For POST, values that start with `@` (files)
    are left out.
    """
    return _text_to_sign(Endpoint(method, host, path), flatten(params), _SPELLINGS[0])


def _dotted(name: str) -> str:
    return name.replace("_", ".")


def _dotted_inside(name: str) -> str:
    return name if name.startswith("_") else _dotted(name)


def _as_sent(name: str) -> str:
    return name


@dataclass(frozen=True, slots=True)
class _Spelling:
    """The sort key and the spelling that a signer uses for parameter names."""

    order: Callable[[str], str]
    write: Callable[[str], str]


# The official SDKs differ for names with underscores only. `verify` accepts all three; we sign with the first.
_SPELLINGS = (
    _Spelling(order=_dotted, write=_dotted),  # the official Python SDK, and this module
    _Spelling(order=_as_sent, write=_dotted),  # the official Java and .NET SDKs
    _Spelling(order=_as_sent, write=_dotted_inside),  # the official PHP and Node.js SDKs
)


def _text_to_sign(endpoint: Endpoint, flat: Mapping[str, str], spelling: _Spelling) -> str:
    verb = endpoint.method.upper()
    names = [
        name for name, value in flat.items() if name != "Signature" and not (verb == "POST" and value.startswith("@"))
    ]
    ordered = sorted(names, key=lambda name: (spelling.order(name), name))
    query = "&".join(f"{spelling.write(name)}={flat[name]}" for name in ordered)
    return f"{verb}{endpoint.host}{endpoint.path}?{query}"


def sign(secret_key: str, method: str, host: str, path: str, params: Mapping[str, object]) -> str:
    """Return the Base64 signature: HMAC-SHA256 if `SignatureMethod` is exactly `HmacSHA256`, otherwise HMAC-SHA1."""
    return _sign_text(secret_key, string_to_sign(method, host, path, params), params.get("SignatureMethod"))


def _sign_text(secret_key: str, text: str, algorithm: object) -> str:
    digest = hashlib.sha256 if algorithm == "HmacSHA256" else hashlib.sha1
    return base64.b64encode(hmac.new(secret_key.encode(), text.encode(), digest).digest()).decode("ascii")


def signed_params(
    credentials: Credentials,
    endpoint: Endpoint,
    params: Mapping[str, object],
    *,
    nonce: int,
    timestamp: int,
    sha256: bool = True,
) -> dict[str, str]:
    """Return all parameters to send, with the common ones and the `Signature`, flat and not yet URL-encoded.

    `nonce` is a positive integer that is never used twice, `timestamp` is in UNIX seconds. A retry needs new ones.
    Raises ValueError for a nonce or a timestamp below 1, and for action parameters with a reserved name.
    """
    if nonce < 1 or timestamp < 1:
        raise ValueError("nonce and timestamp must be positive integers")
    if taken := RESERVED.intersection(params):
        raise ValueError(f"reserved parameter: {min(taken)}")
    full = flatten(params) | {
        "SecretId": credentials.secret_id,
        "Nonce": str(nonce),
        "Timestamp": str(timestamp),
        "SignatureMethod": "HmacSHA256" if sha256 else "HmacSHA1",
    }
    if credentials.token is not None:
        full["Token"] = credentials.token
    signature = sign(credentials.secret_key, endpoint.method, endpoint.host, endpoint.path, full)
    return full | {"Signature": signature}


def verify(
    endpoint: Endpoint,
    params: Mapping[str, object],
    *,
    secret_of: Callable[[str], str | None],
    seen: Callable[[str], bool],
    now: float,
    window: int = WINDOW_SECONDS,
) -> None:
    """Verify a received request; raise the first `VerificationFailed` that applies.

    Args:
        endpoint: The target of the request.
        params: Its parameters, with the signature.
        secret_of: Returns the secret key of a SecretId, or None.
        seen: Marks a nonce as used and returns whether it was used before.
        now: UNIX seconds.
        window: Seconds by which the timestamp may differ from `now`, inclusive.
    """
    flat = _well_formed(params)
    secret_key = secret_of(flat["SecretId"])
    if secret_key is None:
        raise UnknownKey("no such SecretId")
    if not _matches(secret_key, endpoint, flat):
        raise WrongSignature("the signature does not match")
    if abs(now - int(flat["Timestamp"])) > window:
        raise OutsideWindow("the timestamp is outside the window")
    # The nonce comes last, so that a caller without the key cannot use up nonces.
    if seen(flat["Nonce"]):
        raise NonceReused("the nonce was used before")


def _matches(secret_key: str, endpoint: Endpoint, flat: Mapping[str, str]) -> bool:
    """Return whether the signature matches in any accepted spelling."""
    texts = {_text_to_sign(endpoint, flat, spelling) for spelling in _SPELLINGS}
    expected = [_sign_text(secret_key, text, flat.get("SignatureMethod")) for text in texts]
    given = flat["Signature"].encode()
    # The list, unlike a generator, compares all of them: the time of the check does not show which one matched.
    return any([hmac.compare_digest(each.encode(), given) for each in expected])  # noqa: C419


def _well_formed(params: Mapping[str, object]) -> dict[str, str]:
    """Return the flat parameters of a received request; raise `BadParameter` if one is missing or malformed."""
    try:
        flat = flatten(params)
        # Half of a surrogate pair has no bytes that could be signed.
        "".join(flat.values()).encode()
    except (TypeError, ValueError, RecursionError):
        raise BadParameter("parameters", "ambiguous or not text") from None
    _check_names(flat)
    for name in _REQUIRED:
        if not flat.get(name):
            raise BadParameter(name, "missing")
    for name, form in (("Nonce", _NONCE), ("Timestamp", _TIMESTAMP)):
        if not form.fullmatch(flat[name]):
            raise BadParameter(name, "not a positive integer")
    return flat


def _check_names(flat: Mapping[str, str]) -> None:
    """Refuse names that contain separators of the scheme, and pairs such as `a_b` and `a.b`, which sign alike."""
    if not all(map(_NAME.fullmatch, flat)):
        raise BadParameter("parameters", "a name is out of form")
    if len({name.replace("_", ".") for name in flat}) != len(flat):
        raise BadParameter("parameters", "two names sign alike")
