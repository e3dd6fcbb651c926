"""Reads the envelope of API v2 answers: `code`, `message`, `codeDesc`, `data`. Errors have HTTP status 200, too."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mediarelay.contracts.fields import Fields, nothing
from mediarelay.contracts.json_objects import read_answer
from mediarelay.providers.cts.values import integer, text

_MODULE_CODE = re.compile(r"\(([0-9]{1,9})\)", re.ASCII)
# No documented code comes near this limit. An answer with a larger number is damaged.
_MAX_CODE = 2**31


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """An answer of the provider.

    Attributes:
        code: 0 for success.
        message: Text for people, empty if missing.
        code_desc: The name of the code.
        module_code: The number at the start of a message such as `(9111)text`.
        data: The content of the answer.
        unreadable: Which of `message` and `codeDesc` could not be read.
    """

    code: int
    message: str
    code_desc: str | None
    module_code: int | None
    data: Mapping[str, Any] | None
    unreadable: tuple[str, ...] = ()


def parse_envelope(body: bytes) -> Envelope:
    """Read an answer of the API; raise `Malformed` with `body`, `code` or `data`."""
    # The provider sends `code` as a number or as text, and `codeDesc` as text, as a number or not at all.
    fields = Fields(read_answer(body))
    message = fields.side("message", text) or ""
    module = _MODULE_CODE.match(message)
    return Envelope(
        code=fields.strict("code", _code),
        message=message,
        code_desc=fields.side("codeDesc", text),
        module_code=int(module[1]) if module else None,
        data=fields.strict("data", _data),
        unreadable=tuple(sorted(fields.unreadable)),
    )


def _code(value: object) -> int:
    found = integer(value)
    if found is None or abs(found) > _MAX_CODE:
        raise ValueError("not a code")
    return found


def _data(value: object) -> Mapping[str, Any] | None:
    value = nothing(value)
    if value is None or isinstance(value, Mapping):
        return value
    raise ValueError("not an object")
