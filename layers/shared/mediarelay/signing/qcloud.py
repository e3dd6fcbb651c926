"""Tencent Cloud API v2 request signatures: signing for our calls, verifying for a compatible service.

The rules are those of the signature documents 228/1725 (HMAC-SHA1) and 228/10771 (HMAC-SHA256) and of the official
SDKs: every parameter except `Signature`, sorted by name, joined raw as `name=value` with `&`, behind METHOD + host +
path + `?`.

The scheme does not escape `&` and `=` inside values, so one value `1&b=2` signs like two parameters. A verifier cannot
tell them apart; `verify` at least refuses names that could be read in two ways.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from mediarelay.errors import Unauthenticated

# How far a `Timestamp` may be off, either way: the shorter of the two documented windows.
WINDOW_SECONDS = 300

# Names that `signed_params` sets itself.
RESERVED = frozenset({"SecretId", "Nonce", "Timestamp", "Token", "SignatureMethod", "Signature"})

_REQUIRED = ("SecretId", "Timestamp", "Nonce", "Signature")
_NAME = re.compile(r"[0-9A-Za-z._-]{1,256}", re.ASCII)
_NONCE = re.compile(r"[1-9][0-9]{0,19}", re.ASCII)
_TIMESTAMP = re.compile(r"[1-9][0-9]{0,11}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Credentials:
    """An API key pair; `token` only with temporary keys. The secrets stay out of `repr`."""

    secret_id: str
    secret_key: str = field(repr=False)
    token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What is called: `host` without scheme (the signature covers it, so it must be the host really called)."""

    method: str
    host: str
    path: str


class VerificationFailed(Unauthenticated):
    """The request is not accepted; `code` is the documented one. Says nothing that helps a forger."""

    code = 4100


class BadParameter(VerificationFailed):
    """A parameter is missing or out of form; `name` says which."""

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
    """Spell nested parameters the way they go on the wire: lists as `Key.0`, objects as `Key.Name`.

    `None`, an empty list and an empty object become the empty value, `True` and `False` become `true` and `false`.
    Raises ValueError if two parameters end up under one name.
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
    """Spell one scalar. Floats are refused: no two languages write them alike, so the signature would depend on it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int):
        return str(value)
    raise TypeError(f"a parameter cannot be a {type(value).__name__}")


def string_to_sign(method: str, host: str, path: str, params: Mapping[str, object]) -> str:
    """Build the text that is signed: `GEThost/path?A=1&B=2`.

    Underscores in names (never in values) become dots before sorting; with POST, values that start with `@` (files) are
    left out. `Token` and `RequestClient` are ordinary parameters.
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
    """How a signer orders the names and how it writes them."""

    order: Callable[[str], str]
    write: Callable[[str], str]


# The official signers differ in names with underscores only; a verifier takes each of them, the first one signs.
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
    """Return the Base64 signature; HMAC-SHA256 if `SignatureMethod` is exactly `HmacSHA256`, else HMAC-SHA1."""
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
    """Return everything to send: the flat action parameters, the common ones and the `Signature`; not yet URL-encoded.

    `nonce` is a positive integer that is never used twice, `timestamp` is in UNIX seconds; every retry needs new ones.
    Raises ValueError for a nonce or timestamp below 1 and for action parameters that use a reserved name.
    """
    if nonce < 1 or timestamp < 1:
        raise ValueError("nonce and timestamp are positive integers")
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
    """Accept a received request or raise the `VerificationFailed` that says why not.

    `secret_of(secret_id)` gives the secret key or None. `seen(nonce)` marks the nonce as used and says whether it was
    used before; it is called last, so that a caller without the key cannot use up nonces. `now` and `window` are in
    seconds; the edges of the window are inside. The order: 4000 form, 4104 key, 4100 signature, 4500 time, 4500 nonce.
    """
    flat = _well_formed(params)
    secret_key = secret_of(flat["SecretId"])
    if secret_key is None:
        raise UnknownKey("no such SecretId")
    if not _matches(secret_key, endpoint, flat):
        raise WrongSignature("the signature does not match")
    if abs(now - int(flat["Timestamp"])) > window:
        raise OutsideWindow("the timestamp is outside the window")
    if seen(flat["Nonce"]):
        raise NonceReused("the nonce was used before")


def _matches(secret_key: str, endpoint: Endpoint, flat: Mapping[str, str]) -> bool:
    """Recompute the signature in each accepted spelling and compare in constant time, on bytes."""
    texts = {_text_to_sign(endpoint, flat, spelling) for spelling in _SPELLINGS}
    expected = [_sign_text(secret_key, text, flat.get("SignatureMethod")) for text in texts]
    given = flat["Signature"].encode()
    return any([hmac.compare_digest(each.encode(), given) for each in expected])  # noqa: C419


def _well_formed(params: Mapping[str, object]) -> dict[str, str]:
    """Flatten, then check what every signed request must have; raises BadParameter."""
    try:
        flat = flatten(params)
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
    """Refuse names that could be read in two ways: signs of the encoding itself, `a_b` beside `a.b`."""
    if not all(map(_NAME.fullmatch, flat)):
        raise BadParameter("parameters", "a name is out of form")
    if len({name.replace("_", ".") for name in flat}) != len(flat):
        raise BadParameter("parameters", "two names sign alike")
