"""Sample callbacks and relays, and how each is signed, for `mediarelay trigger`.

A sample is a JSON file in `samples/`: `{"description", "route", "signature", "id_field", "body"}`. `id_field` is the
path of the field that identifies the task or room.
"""

import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from typing import Any

from mediarelay.signing.mps_callback import LIFETIME, callback_sign
from mediarelay.signing.standard_webhooks import headers as webhook_headers
from mediarelay.signing.zego import callback_signature
from mediarelay_cli.errors import CliError, Exit

SUFFIX = ".json"
NONCE_BITS = 62
JSON_TYPE = {"Content-Type": "application/json"}


@dataclass(frozen=True, slots=True)
class Sample:
    """One sample."""

    name: str
    description: str
    route: str
    signature: str
    id_field: str
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Message:
    """A sample as it is sent: its path, which may contain a token, its headers and its body."""

    path: str
    headers: Mapping[str, str]
    body: bytes


def names() -> list[str]:
    """Return the names of all samples."""
    return sorted(one.name.removesuffix(SUFFIX) for one in _folder().iterdir() if one.name.endswith(SUFFIX))


def sample(name: str) -> Sample:
    """Return a sample. Raises `CliError`."""
    if name not in names():
        raise CliError(f"there is no sample {name}", f"Known samples: {', '.join(names())}.", Exit.USAGE)
    return Sample(name, **json.loads((_folder() / f"{name}{SUFFIX}").read_text("utf-8")))


def _folder() -> Any:
    return files("mediarelay_cli") / "samples"


def new_id(chosen: Sample) -> str:
    """Return a random id of the form that the sample's provider uses."""
    if chosen.signature == "mps":
        return f"1250000000-WorkflowTask-{secrets.token_hex(16)}t0"
    return f"trigger{secrets.token_hex(10)}"


def changed(chosen: Sample, identity: str, overrides: Sequence[str]) -> Sample:
    """Return a sample with another id and other fields (`field.0.name=value`). Raises `CliError`."""
    body = json.loads(json.dumps(chosen.body))
    _put(body, chosen.id_field, identity)
    for override in overrides:
        path, separator, text = override.partition("=")
        if not (path and separator):
            raise CliError(f"--override {override}: no `=`", "Write it as `field=value`.", Exit.USAGE)
        _put(body, path, _value(text))
    return replace(chosen, body=body)


def _value(text: str) -> Any:
    """Return JSON, or else the text itself."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _put(body: Any, path: str, value: Any) -> None:
    *parents, last = path.split(".")
    for part in parents:
        body = body.setdefault(part, {}) if isinstance(body, dict) else body[_index(body, part, path)]
    body[last if isinstance(body, dict) else _index(body, last, path)] = value


def _index(body: Any, part: str, path: str) -> int:
    """Return a part of a path as a position in a list. Raises `CliError` if the list has none of it."""
    # The positions as text: Python refuses to read a number of thousands of digits.
    positions = [str(number) for number in range(len(body))] if isinstance(body, list) else []
    if part not in positions:
        raise CliError(f"{path}: the sample has no such field", code=Exit.USAGE)
    return int(part)


# ── signatures ──


def _with_token(chosen: Sample, token: str, _secret: str, _now: int) -> Message:
    return Message(f"/{chosen.route}/{token}", JSON_TYPE, _encoded(chosen.body))


def _with_sign(chosen: Sample, token: str, secret: str, now: int) -> Message:
    body = {name: value for name, value in chosen.body.items() if name not in {"Timestamp", "Sign"}}
    if secret:
        expires = now + int(LIFETIME.total_seconds())
        body |= {"Timestamp": expires, "Sign": callback_sign(expires, secret)}
    return Message(f"/{chosen.route}/{token}", JSON_TYPE, _encoded(body))


def _with_headers(chosen: Sample, _token: str, secret: str, now: int) -> Message:
    body = _encoded(chosen.body)
    try:
        signed = webhook_headers(secret, f"msg_{secrets.token_hex(12)}", now, body)
    except ValueError as error:
        raise CliError("the webhook secret is not base64", "It looks like `whsec_` and base64.", Exit.USAGE) from error
    return Message(f"/{chosen.route}", JSON_TYPE | signed, body)


def _with_fields(chosen: Sample, _token: str, secret: str, now: int) -> Message:
    nonce = secrets.randbits(NONCE_BITS)
    fields = {"signature": callback_signature(secret, now, nonce), "timestamp": now, "nonce": nonce}
    return Message(f"/{chosen.route}", JSON_TYPE, _encoded({**chosen.body, **fields}))


def _encoded(body: Mapping[str, Any]) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode("utf-8", "surrogatepass")


SIGNERS: Mapping[str, Callable[[Sample, str, str, int], Message]] = {
    "token": _with_token,
    "mps": _with_sign,
    "standard_webhooks": _with_headers,
    "zego": _with_fields,
}


def signed(chosen: Sample, token: str, secret: str, now: int) -> Message:
    """Return a sample as its sender sends it. `now` is in UNIX seconds; an empty secret leaves out `Sign` of MPS."""
    return SIGNERS[chosen.signature](chosen, token, secret, now)
