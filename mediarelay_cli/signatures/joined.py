"""The schemes that hash a secret joined with a time: ZEGO's callbacks, ZEGO's server API, and `Sign` of MPS."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations

from mediarelay_cli.signatures.common import (
    SECRET_SPELLED,
    Write,
    hexadecimal,
    other_algorithm,
    other_times,
    spellings,
    with_changes,
)
from mediarelay_cli.signatures.recipe import ALGORITHMS, SECRET, Mistake

# MPS sets the expiry so many seconds after it signs.
LIFETIME = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinedRecipe:
    """The choices of a hash over joined texts.

    Attributes:
        parts: The names of the parts, in the order of joining; None sorts the parts as text.
        stated: The parts beside the secret, by name.
    """

    secret: str
    stated: tuple[tuple[str, str], ...]
    parts: tuple[str, ...] | None
    algorithm: str
    separator: str = ""
    write: Write = hexadecimal

    @property
    def text(self) -> bytes:
        """The text that is hashed."""
        return self.joined(self.secret).encode("utf-8", "surrogatepass")

    @property
    def shown(self) -> str:
        """The text that is hashed, without the secret."""
        values = self._values(self.secret)
        order = self.parts or tuple(sorted(values, key=lambda name: values[name]))
        return self.separator.join(self._values(SECRET)[name] for name in order)

    @property
    def signature(self) -> str:
        """The hash."""
        return self.write(ALGORITHMS[self.algorithm](self.secret.encode("utf-8", "surrogatepass"), self.text))

    def joined(self, secret: str) -> str:
        """Return the parts, joined."""
        values = self._values(secret)
        return self.separator.join(
            sorted(values.values()) if self.parts is None else [values[one] for one in self.parts]
        )

    def _values(self, secret: str) -> dict[str, str]:
        return dict(self.stated) | {"secret": secret}


def zego_callback(secret: str, timestamp: str, nonce: str) -> JoinedRecipe:
    """Return the recipe of a callback of ZEGO: SHA-1 of secret, timestamp and nonce, sorted as text."""
    stated = (("timestamp", timestamp), ("nonce", nonce))
    return JoinedRecipe(secret=secret, stated=stated, parts=None, algorithm="SHA1")


def zego_server_api(secret: str, app_id: str, nonce: str, timestamp: str) -> JoinedRecipe:
    """Return the recipe of a call to ZEGO's server API: MD5 of app id, nonce, secret and timestamp."""
    stated = (("app_id", app_id), ("nonce", nonce), ("timestamp", timestamp))
    parts = ("app_id", "nonce", "secret", "timestamp")
    return JoinedRecipe(secret=secret, stated=stated, parts=parts, algorithm="MD5")


def mps_callback(secret: str, timestamp: str) -> JoinedRecipe:
    """Return the recipe of `Sign` in a callback of MPS: MD5 of timestamp and notify key."""
    parts = ("timestamp", "secret")
    return JoinedRecipe(secret=secret, stated=(("timestamp", timestamp),), parts=parts, algorithm="MD5")


# ── mistakes ──


def _orders(found: JoinedRecipe) -> Iterator[tuple[str, JoinedRecipe]]:
    names = (*(name for name, _ in found.stated), "secret")
    for parts in permutations(names):
        if parts != found.parts:
            yield ", ".join(parts), with_changes(found, parts=parts)


def _sorted(found: JoinedRecipe) -> Iterator[tuple[str, JoinedRecipe]]:
    if found.parts is not None:
        yield "", with_changes(found, parts=None)


def _omitted(found: JoinedRecipe) -> Iterator[tuple[str, JoinedRecipe]]:
    names = found.parts or (*(name for name, _ in found.stated), "secret")
    for omitted in names:
        yield omitted, with_changes(found, parts=tuple(name for name in names if name != omitted))


def _separators(found: JoinedRecipe) -> Iterator[tuple[str, JoinedRecipe]]:
    for separator in (",", ".", "&", "\n", ":", "-", " "):
        yield f"{separator!r}", with_changes(found, separator=separator)


def _times(found: JoinedRecipe) -> Iterator[tuple[str, JoinedRecipe]]:
    for detail, time in other_times(dict(found.stated).get("timestamp", "")):
        yield detail, _with(found, "timestamp", time)


def _sent_at(found: JoinedRecipe) -> Iterator[tuple[str, JoinedRecipe]]:
    timestamp = dict(found.stated)["timestamp"]
    if timestamp.isdigit():
        yield "", _with(found, "timestamp", str(int(timestamp) - LIFETIME))


def _doubles(found: JoinedRecipe) -> Iterator[tuple[str, JoinedRecipe]]:
    nonce = dict(found.stated).get("nonce", "")
    if nonce.isdigit():
        yield "", _with(found, "nonce", f"{float(nonce):.0f}")
        yield "", _with(found, "nonce", repr(float(nonce)))


def _with(found: JoinedRecipe, name: str, value: str) -> JoinedRecipe:
    stated = tuple((one, value if one == name else text) for one, text in found.stated)
    return with_changes(found, stated=stated)


HEX = spellings("upper_case_hex", accepted=("upper_case_hex",)) + spellings("base64", "base64_of_hex")
DOUBLE: Mistake[JoinedRecipe] = Mistake(
    "nonce_as_double",
    "Your client reads the nonce as a floating-point number, which changes its digits.",
    "Sign the digits exactly as they were sent.",
    _doubles,
)


def _common(right: str, algorithm: str) -> list[Mistake[JoinedRecipe]]:
    return [
        other_algorithm(algorithm),
        Mistake(
            "separator", "Your client joins the parts with {}.", "Join them with nothing between them.", _separators
        ),
        Mistake("timestamp", "Your client signs the time {}.", "Sign the text that you send: UNIX seconds.", _times),
        Mistake("omitted", "Your client does not sign the part {}.", right, _omitted),
        SECRET_SPELLED,
    ]


_ZEGO = "Join secret, timestamp and nonce, sorted as text."
ZEGO_MISTAKES: tuple[Mistake[JoinedRecipe], ...] = (
    Mistake("order", "Your client joins the parts in the fixed order {}.", _ZEGO, _orders),
    *_common(_ZEGO, "SHA1"),
    DOUBLE,
    *HEX,
)
_SERVER = "Join app id, nonce, server secret and timestamp, in this order."
SERVER_API_MISTAKES: tuple[Mistake[JoinedRecipe], ...] = (
    Mistake("sorted", "Your client sorts the parts, as ZEGO's callbacks do.", _SERVER, _sorted),
    Mistake("order", "Your client joins the parts in the order {}.", _SERVER, _orders),
    *_common(_SERVER, "MD5"),
    DOUBLE,
    *spellings("upper_case_hex", "base64", "base64_of_hex"),
)
_MPS = "Join `Timestamp` and the notify key, in this order."
MPS_MISTAKES: tuple[Mistake[JoinedRecipe], ...] = (
    Mistake("order", "Your client joins the parts in the order {}.", _MPS, _orders),
    Mistake(
        "time_of_sending",
        "Your client signs the time of sending.",
        "Sign `Timestamp`, the expiry, which is 10 minutes later.",
        _sent_at,
    ),
    *_common(_MPS, "MD5"),
    *HEX,
)
