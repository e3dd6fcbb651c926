"""The parts that the recipes of several schemes share: spellings of digests, secrets, bodies and times."""

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import permutations
from typing import Any, Protocol, TypeVar, cast
from urllib.parse import quote

from mediarelay_cli.signatures.recipe import ALGORITHMS, Mistake, Recipe

Write = Callable[[bytes], str]


def hexadecimal(digest: bytes) -> str:
    """Return lower-case hex digits."""
    return digest.hex()


def standard_base64(digest: bytes) -> str:
    """Return padded base64 of the standard alphabet."""
    return base64.b64encode(digest).decode()


# ── spellings of the digest ──

_SPELLINGS: dict[str, tuple[str, str, Write]] = {
    "upper_case_hex": ("upper-case hex digits", "Send lower-case digits.", lambda digest: digest.hex().upper()),
    "hex": ("hex digits", "Send base64 of the digest's bytes.", hexadecimal),
    "base64": ("base64", "Send hex digits.", standard_base64),
    "base64_of_hex": (
        "base64 of the hex digits",
        "Encode the bytes of the digest: many libraries return hex digits unless you ask for bytes.",
        lambda digest: base64.b64encode(digest.hex().encode()).decode(),
    ),
    "urlsafe_base64": (
        "URL-safe base64",
        "Use the standard alphabet, with + and /.",
        lambda digest: base64.urlsafe_b64encode(digest).decode(),
    ),
    "no_padding": (
        "base64 without its padding",
        "Keep the = at the end.",
        lambda digest: standard_base64(digest).rstrip("="),
    ),
    "signature_url_encoded": (
        "base64 that is URL-encoded twice",
        "URL-encode the signature once, when you build the query or form.",
        lambda digest: quote(standard_base64(digest), safe=""),
    ),
    "signature_not_url_encoded": (
        "base64 that was not URL-encoded, so that each + arrived as a blank",
        "URL-encode the signature when you build the query or form.",
        lambda digest: standard_base64(digest).replace("+", " "),
    ),
}
HEX_MISTAKES = ("upper_case_hex", "base64", "base64_of_hex")
BASE64_MISTAKES = ("hex", "base64_of_hex", "urlsafe_base64", "no_padding", "upper_case_hex")


class Spelled(Recipe, Protocol):
    """A recipe that spells its digest in a stated way, with a stated algorithm and secret."""

    @property
    def write(self) -> Write:
        """Spells the digest."""

    @property
    def algorithm(self) -> str:
        """The name of an algorithm."""

    @property
    def secret(self) -> str:
        """The secret."""


S = TypeVar("S", bound=Spelled)


def with_changes(recipe: S, **changes: Any) -> S:
    """Return a recipe with other choices. The type of the choices is checked where the recipe is built."""
    return cast("S", replace(cast("Any", recipe), **changes))


def spellings(*names: str, accepted: tuple[str, ...] = ()) -> list[Mistake[Any]]:
    """Return mistakes in the spelling of the digest."""
    return [
        Mistake(
            name,
            f"Your client sends {_SPELLINGS[name][0]}.",
            _SPELLINGS[name][1],
            lambda recipe, write=_SPELLINGS[name][2]: [("", with_changes(recipe, write=write))],  # type: ignore[misc]
            accepted=name in accepted,
        )
        for name in names
    ]


# ── algorithm and secret ──


def other_algorithm(right: str, *names: str) -> Mistake[Any]:
    """Return the mistake of another algorithm; `right` describes the right one."""

    def changes(recipe: S) -> Iterator[tuple[str, S]]:
        for name in names or ALGORITHMS:
            if name != recipe.algorithm:
                yield name, with_changes(recipe, algorithm=name)

    return Mistake("algorithm", "Your client uses {}.", f"Use {right}.", changes)


def _secrets(recipe: S) -> Iterator[tuple[str, S]]:
    secret = recipe.secret
    spelled = {
        "with the line break at the end of its file": f"{secret}\n",
        "with a carriage return at its end": f"{secret}\r\n",
        "in quotes": f'"{secret}"',
        "without the white space around it": secret.strip(),
        "without its last character": secret[:-1],
    }
    for detail, other in spelled.items():
        if other != secret:
            yield detail, with_changes(recipe, secret=other)


SECRET_SPELLED: Mistake[Any] = Mistake(
    "secret_spelling",
    "Your client uses the secret {}.",
    "Use exactly the characters of the secret: read it without the line break at the end of the file.",
    _secrets,
)


# ── bodies, orders, times ──


def other_bodies(body: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the bodies that a client may have signed instead of the one it sent, each with its description."""
    for newline in (b"\n", b"\r\n"):
        yield "with a line break at its end", body + newline
    yield "without the white space around it", body.strip()
    yield "with other line breaks", body.replace(b"\r\n", b"\n")
    yield "as an empty text", b""
    yield "with a byte order mark", b"\xef\xbb\xbf" + body
    for text in _serialised(body):
        yield "serialised again", text.encode("utf-8", "surrogatepass")


def _serialised(body: bytes) -> Iterator[str]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return
    for separators in ((",", ":"), (", ", ": ")):
        for ascii_only in (True, False):
            for order in (False, True):
                yield json.dumps(value, separators=separators, ensure_ascii=ascii_only, sort_keys=order)
    for indent in (2, 4):
        yield json.dumps(value, indent=indent, ensure_ascii=False)


def other_orders(names: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Yield all other orders of some names."""
    return (order for order in permutations(names) if order != names)


def other_times(timestamp: str) -> Iterator[tuple[str, str]]:
    """Yield the spellings of a time that a client may have signed instead of the one it sent."""
    if not (timestamp.isascii() and timestamp.isdigit()):
        return
    yield "in milliseconds", f"{timestamp}000"
    yield "in seconds", timestamp[:-3]
    yield "with a fraction", f"{timestamp}.0"
