"""The head of a callback: which task it is about, and which form it has.

The callback functions import this module, so it uses no third-party package. `parse.py` builds on it.
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any
from urllib.parse import parse_qsl

from mediarelay.contracts.fields import Fields
from mediarelay.contracts.json_objects import MAX_DEPTH, decode_text, read_lenient, unique_names
from mediarelay.domain.tasks.file_url import parse_printed
from mediarelay.domain.tasks.log import ClaimSummary
from mediarelay.domain.tasks.media import MAX_URL, State
from mediarelay.domain.tasks.vid import VID_FORM, is_vid
from mediarelay.errors import Malformed
from mediarelay.providers.cts import values as read
from mediarelay.providers.port import Head

# Splitting a form costs time for each field, and any sender decides how many there are.
_MAX_FORM_FIELDS = 64
_JSON_START = re.compile(r'\s*[\[{"]')


class Form(StrEnum):
    """The forms of the provider's callbacks."""

    RESULT = "result"
    """A transcode has ended: JSON with `detail`; `callback_type` is `trans_result`, or missing in old versions."""
    BASIC = "basic"
    """A video was probed before transcoding: flat JSON; `callback_type` is `trans_basic`, or missing in failures."""
    CONSOLE = "console"
    """The old callback that is configured in the console: form-encoded, usually with an empty vid."""


_TYPES = {"trans_result": Form.RESULT, "trans_basic": Form.BASIC}
# Fields that identify a form if `callback_type` is missing.
_SHAPES = ((Form.RESULT, {"detail"}), (Form.BASIC, {"fail_msg", "size"}))


# Each form has its own words for a status: `success` of a basic callback is not an outcome.
STATES: dict[Form, dict[str, State]] = {
    Form.RESULT: {"success": State.SUCCEEDED, "fail": State.FAILED},
    Form.BASIC: {"success": State.PROBED, "fail": State.FAILED},
    Form.CONSOLE: {"0": State.PENDING, "1": State.TRANSCODING, "2": State.SUCCEEDED, "3": State.FAILED},
}
MAX_BUCKET_NAME = 256


def read_head(body: bytes, max_depth: int = MAX_DEPTH) -> Head:
    """Identify a callback. Raises `Malformed` with `body`, `vid` or `callback_type`."""
    return read_callback(body, max_depth)[0]


def read_callback(body: bytes, max_depth: int = MAX_DEPTH) -> tuple[Head, Form, dict[str, Any]]:
    """Identify a callback and return its form and its fields as they were sent. Raises as `read_head` does."""
    text = decode_text(body)
    if "=" in text and not _JSON_START.match(text):
        fields, lenient = _form_fields(text), False
        form = Form.CONSOLE
    else:
        fields, lenient = read_lenient(text, max_depth)
        form = _json_form(fields)
    return Head(_vid(fields), _claim_summary(Fields(fields), form), lenient), form, fields


def _claim_summary(fields: Fields, form: Form) -> ClaimSummary:
    """Read the fields that another observation can contradict. A field that cannot be read is left out."""
    return ClaimSummary(
        state=STATES[form].get(fields.side("status", read.text) or ""),
        app_id=fields.side("app_id", read.count),
        bucket=read.short_text(fields.data.get("bucket_name"), MAX_BUCKET_NAME),
        url=_url(fields.data),
    )


def _url(data: Mapping[str, Any]) -> str | None:
    """Return the URL as the provider sends it, not percent-encoded, even if its path shows that this one is encoded."""
    stated, path = (read.short_text(data.get(name), MAX_URL) for name in ("url", "url_f0"))
    file = parse_printed(stated, path) if stated else None
    return file.printed if file else stated


def _form_fields(text: str) -> dict[str, Any]:
    try:
        pairs = parse_qsl(text.strip(), keep_blank_values=True, max_num_fields=_MAX_FORM_FIELDS, errors="replace")
    except ValueError:
        raise Malformed("body", "must be JSON or a form") from None
    return unique_names(pairs)


def _vid(fields: dict[str, Any]) -> str:
    vid = fields.get("vid")
    if vid is None or vid == "":
        raise Malformed("vid", "is required: without it, the callback names no task")
    if not is_vid(vid):
        raise Malformed("vid", VID_FORM)
    # A task of another provider has callbacks of its own, which may have to be signed.
    if not read.owns(vid):
        raise Malformed("vid", "must not have a hyphen: the task belongs to another provider")
    return str(vid)


def _json_form(fields: dict[str, Any]) -> Form:
    """Return the form by `callback_type`; if it is missing, by the fields."""
    stated = fields.get("callback_type")
    if stated is None or stated == "":
        form = next((form for form, names in _SHAPES if names & fields.keys()), None)
    else:
        form = _TYPES.get(stated) if isinstance(stated, str) else None
    if form is None:
        raise Malformed("callback_type", "no documented callback has this type or shape")
    return form
