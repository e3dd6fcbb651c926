"""Reads the text of a secret: a JSON object, possibly written by hand.

It accepts mistakes that have one obvious meaning. It uses the standard library only, because the callback functions
import it.
"""

import json
import re
from collections import Counter
from dataclasses import dataclass
from typing import Any

from mediarelay.errors import Malformed

# The reason does not quote the name, which may be a secret itself.
REPEATED = "a name is stated twice"
_STRING_OR_COMMA = re.compile(r'"(?:[^"\\]|\\.)*"|,(?=\s*[}\]])', re.DOTALL)


@dataclass(frozen=True, slots=True)
class SecretText:
    """The content of a secret.

    Attributes:
        fields: The members, without duplicate names: choosing one of two values would be a guess.
        repeated: The number of duplicate names, at any depth.
        strict: Whether the text is valid JSON.
    """

    fields: dict[str, Any]
    repeated: int = 0
    strict: bool = True


def read_secret_text(text: str) -> SecretText:
    """Read a secret; accept a byte order mark, trailing commas and line breaks in strings.

    Raises `Malformed`, without any of the text, if it is not a JSON object.
    """
    repeated: list[str] = []
    fields, strict = _decoded(text.removeprefix("\ufeff"), repeated)
    if not isinstance(fields, dict):
        raise Malformed("secret", "a JSON object was expected")
    return SecretText(fields, len(repeated), strict)


def read_packed(text: str) -> Any:
    """Decode a value that was stored as text within a secret, with the same mistakes accepted; raises `Malformed`."""
    return _decoded(text, [])[0]


def _decoded(text: str, repeated: list[str]) -> tuple[Any, bool]:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        counts = Counter(name for name, _ in pairs)
        repeated.extend(name for name, count in counts.items() if count > 1)
        return {name: value for name, value in pairs if counts[name] == 1}

    try:
        return json.loads(text, object_pairs_hook=once), True
    except (ValueError, RecursionError):
        # The second attempt counts the names again.
        repeated.clear()
    repaired = _STRING_OR_COMMA.sub(lambda found: found[0] if found[0] != "," else "", text)
    try:
        return json.loads(repaired, object_pairs_hook=once, strict=False), False
    except (ValueError, RecursionError):
        raise Malformed("secret", "not JSON") from None
