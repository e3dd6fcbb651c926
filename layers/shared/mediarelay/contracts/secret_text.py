"""The text of a secret: a JSON object, possibly written by hand.

Read leniently where a slip has one obvious meaning. Standard library only: the callback functions import it.
"""

import json
import re
from collections import Counter
from dataclasses import dataclass
from typing import Any

from mediarelay.errors import Malformed

# Why a value does not count; which name it is may be a secret itself.
REPEATED = "a name is stated twice"
_STRING_OR_COMMA = re.compile(r'"(?:[^"\\]|\\.)*"|,(?=\s*[}\]])', re.DOTALL)


@dataclass(frozen=True, slots=True)
class SecretText:
    """What a secret says.

    Attributes:
        fields: Without the names that are stated twice: which of both counts would be a guess.
        repeated: How many names are stated twice, at any depth.
        strict: Whether it is JSON as it stands.
    """

    fields: dict[str, Any]
    repeated: int = 0
    strict: bool = True


def read_secret_text(text: str) -> SecretText:
    """Read a secret. A byte order mark, trailing commas and line breaks in texts are accepted.

    Raises `Malformed`, without any of the text, if it is no JSON object all the same.
    """
    repeated: list[str] = []
    fields, strict = _decoded(text.removeprefix("\ufeff"), repeated)
    if not isinstance(fields, dict):
        raise Malformed("secret", "a JSON object was expected")
    return SecretText(fields, len(repeated), strict)


def _decoded(text: str, repeated: list[str]) -> tuple[Any, bool]:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        counts = Counter(name for name, _ in pairs)
        repeated.extend(name for name, count in counts.items() if count > 1)
        return {name: value for name, value in pairs if counts[name] == 1}

    try:
        return json.loads(text, object_pairs_hook=once), True
    except (ValueError, RecursionError):
        repeated.clear()
    repaired = _STRING_OR_COMMA.sub(lambda found: found[0] if found[0] != "," else "", text)
    try:
        return json.loads(repaired, object_pairs_hook=once, strict=False), False
    except (ValueError, RecursionError):
        raise Malformed("secret", "not JSON") from None
