"""The envelope around API v2 answers: `code`, `message`, `codeDesc`, `data`. HTTP is 200 for business errors too."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from mediarelay.contracts.callback_head import read_object
from mediarelay.contracts.cts_fields import Text, Wire, nothing, number

_MODULE_CODE = re.compile(r"\(([0-9]{1,9})\)", re.ASCII)
_LARGEST_CODE = 2**31


class EnvelopeFields(Wire):
    """The wire form. `code` has been printed as text, `codeDesc` as text, as a number and not at all."""

    code: Annotated[int, Field(ge=-_LARGEST_CODE, le=_LARGEST_CODE), BeforeValidator(number)]
    message: Text = None
    code_desc: Text = Field(None, alias="codeDesc")
    data: Annotated[dict[str, Any] | None, BeforeValidator(nothing)] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """An answer: `code` 0 is success; `module_code` is the number a `message` like `(9111)text` starts with."""

    code: int
    message: str
    code_desc: str | None
    module_code: int | None
    data: Mapping[str, Any] | None


def parse_envelope(body: bytes) -> Envelope:
    """Read an answer of the API; raises Malformed naming `body`, `code`, `message`, `codeDesc` or `data`."""
    fields = EnvelopeFields.read(read_object(body))
    module = _MODULE_CODE.match(fields.message or "")
    return Envelope(
        code=fields.code,
        message=fields.message or "",
        code_desc=fields.code_desc,
        module_code=int(module[1]) if module else None,
        data=fields.data,
    )
