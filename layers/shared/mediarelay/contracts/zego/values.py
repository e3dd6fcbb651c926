"""Single values of ZEGO's messages: readers that accept the spellings of all languages that game servers use."""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any, TypeVar

from mediarelay.contracts.fields import is_keyed
from mediarelay.contracts.json_objects import read_any_integer
from mediarelay.domain.songs.model import SongType
from mediarelay.errors import Malformed

# The serializers of some languages write flags as numbers, others as text.
FLAGS: dict[object, bool] = {1: True, "true": True, 0: False, "false": False}
# Game servers pass on the SDK's number of a type, or its name.
TYPES: dict[object, SongType] = {kind.value: kind for kind in SongType} | dict(enumerate(SongType))
SECRET_FIELDS = frozenset({"share_token", "krc_token", "resource_id"})
NAMES = frozenset({"room_id", "song_id", "song_name", "singer_name"})
# Text fields that redaction keeps readable, in addition to whole numbers and flags.
SHOWN_FIELDS = NAMES | {"resource_type", "request_id", "message", "quality"}
# Text fields that are read from a redacted relay. If redaction removes such a text, it leaves a list in its place.
READ_TEXTS = frozenset({"song_name", "singer_name", "request_id", "quality"})
# Fields in which `007` and `7` differ.
TEXTS = SHOWN_FIELDS | SECRET_FIELDS
# Doubles, which other languages parse numbers into, are exact up to here.
MAX_INTEGER = 2**53
MAX_TEXT = 512
MAX_TOKEN = 4096
# A number as other languages' serializers write it into text: `5`, `5.0`, `+5`, `4.32E7` (Java's doubles).
NUMBER = re.compile(r"\s*[+-]?[0-9]{1,19}(\.[0-9]{1,19})?(e[+-]?[0-9]{1,2})?\s*", re.IGNORECASE | re.ASCII)
Value = TypeVar("Value")
Object = Mapping[str, Any]


def exact_text(value: object) -> str | None:
    """Return text unchanged, and a whole number of any size as its digits; a nonce may exceed 2^53. Otherwise None."""
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        value = _whole_float(value)
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None


def digest_of(content: Any) -> str:
    """Return the SHA-256 of a JSON value in hex. The order of members does not matter."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def one_spelling(value: Any, name: str = "") -> Any:
    """Return a result with numbers, flags, lists and empty values in one spelling.

    Digests of the result are made from it, so a repeat by a server in another language has the same digest.
    """
    if is_keyed(value):
        return [one_spelling(value[place]) for place in sorted(value, key=int)]
    if isinstance(value, dict):
        return {inner: one_spelling(member, inner) for inner, member in value.items() if not is_nothing(member)}
    if isinstance(value, list):
        return [one_spelling(member) for member in value]
    same = exact_text(value) if name in TEXTS else _number_of(value)
    return value if same is None else same


def _number_of(value: object) -> int | None:
    """Return a number or a flag in any spelling as a number; None for anything else."""
    flag = value if isinstance(value, bool) else FLAGS.get(value.strip().lower()) if isinstance(value, str) else None
    return integer(value if flag is None else int(flag))


def integer(value: object) -> int | None:
    """Return a whole number in any spelling: an integer, a double without a fraction, or either as text; else None.

    A double of 2^53 or more is refused: it may have been rounded from another integer.
    """
    if isinstance(value, str) and NUMBER.fullmatch(value):
        value = _number_of_text(value)
    if isinstance(value, float):
        return _whole_float(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _number_of_text(text: str) -> int | float:
    try:
        return int(text)
    except ValueError:
        return float(text)


def _whole_float(value: float) -> int | None:
    """Return a double without a fraction as an integer. Infinity (1e999 in JSON) and NaN fail the comparison."""
    return int(value) if abs(value) < MAX_INTEGER and value.is_integer() else None


def unsigned_integer(value: object) -> int | None:
    """Read a whole number that is not negative."""
    return _number_from(0, value)


def signed_integer(value: object) -> int | None:
    """Read a whole number that may be negative, such as an error code or a position before the start."""
    return _number_from(-MAX_INTEGER, value)


def _number_from(low: int, value: object) -> int | None:
    if is_nothing(value):
        return None
    number = integer(value)
    if number is None or not low <= number <= MAX_INTEGER:
        raise ValueError("must be a whole number")
    return number


def flag(value: object) -> bool | None:
    """Read 0, 1, true or false. Any other value cannot be read; taking it as false would be a guess."""
    if is_nothing(value):
        return None
    flag = value if isinstance(value, bool) else _known(FLAGS, value)
    if flag is None:
        raise ValueError("must be 0, 1, true or false")
    return flag


def song_type(value: object) -> SongType | None:
    """Read a requested type."""
    if value is None or value == "":
        return None
    if (kind := _known(TYPES, value)) is None:
        raise ValueError("must be 0 to 3, or one of " + ", ".join(SongType))
    return kind


def _known(table: Mapping[object, Value], value: object) -> Value | None:
    """Look up a number in any spelling, or a word in any case."""
    number = integer(value)
    if number is None and isinstance(value, str):
        return table.get(value.strip().lower())
    return table.get(number)


def is_nothing(value: object) -> bool:
    """Return whether a value is one of the spellings of an empty value. PHP writes an empty object as `[]`."""
    return value is None or value in ([], {}) or (isinstance(value, str) and not value.strip())


def token_text(value: object) -> str | None:
    """Read a token."""
    if is_nothing(value):
        return None
    if not isinstance(value, str) or len(value) > MAX_TOKEN or not storable(value):
        raise ValueError("must be text")
    return value


def is_token(value: object) -> bool:
    """Return whether a value can be read as a token."""
    try:
        return token_text(value) is not None
    except ValueError:
        return False


def identity(value: object) -> str:
    """Read an identity, which is never missing: text, or a number as text."""
    if value is None:
        raise ValueError("is required")
    text = exact_text(value) or ""
    if not 0 < len(text.encode("utf-8", "replace")) <= MAX_TEXT // 4 or not text.isprintable():
        raise ValueError(f"must be 1 to {MAX_TEXT // 4} bytes of printable text")
    return text


def json_object(value: object) -> Object | None:
    """Read an object, possibly an empty one."""
    if isinstance(value, dict):
        return value
    if is_nothing(value):
        return None
    raise ValueError("must be an object")


def storable(text: str) -> bool:
    """Return whether a text can be stored. JSON can spell half of a surrogate pair, which UTF-8 cannot encode."""
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


def parse_result(value: object) -> dict[str, Any]:
    """Return the result as an object. The SDK returns it as JSON text, which a game server may have parsed."""
    if isinstance(value, str):
        value = _parsed(value) if value.strip() else {}
    if value is None or value == []:  # PHP writes an empty object as a list
        return {}
    if not isinstance(value, dict):
        raise Malformed("result", "must be an object, or an object as JSON text")
    return value


def _parsed(text: str) -> dict[str, Any]:
    try:
        return read_any_integer(text.encode("utf-8", "replace"))
    except Malformed as error:
        raise Malformed("result", error.reason) from error
