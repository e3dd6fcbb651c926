"""The contract with a CTS-compatible provider: these functions turn its payloads into the domain's `Facts`.

They handle every quirk of the wire format; docs/fields.md lists where each documented field goes. They raise only
`errors.Malformed`, with the wire name of the field, if the task, its state or the owner of its file cannot be read. Any
other field that cannot be read is listed in `Facts.unreadable`.
"""

import json
from collections.abc import Mapping

from mediarelay.contracts.json_objects import read_answer
from mediarelay.domain.tasks.facts import Facts
from mediarelay.domain.tasks.media import Kind
from mediarelay.errors import Malformed
from mediarelay.providers.cts.callback import callback_facts
from mediarelay.providers.cts.envelope import Envelope, parse_envelope
from mediarelay.providers.cts.head import Form, read_callback, read_head
from mediarelay.providers.cts.query import query_facts, submitted_vid

__all__ = [
    "Envelope",
    "Form",
    "canonical",
    "parse_callback",
    "parse_envelope",
    "parse_query",
    "parse_reply",
    "parse_submitted",
    "read_head",
]


def parse_callback(kind: Kind, body: bytes) -> Facts:
    """Read the body of a callback, JSON or form-encoded. The result is a claim until the provider confirms it."""
    _, form, fields = read_callback(body)
    return callback_facts(kind, form, fields)


def parse_query(kind: Kind, data: Mapping[str, object] | None) -> Facts:
    """Read the `data` of a GetCtsInfo (video) or GetCtsaudioInfo (audio) answer."""
    return query_facts(kind, data)


def parse_submitted(data: Mapping[str, object] | None) -> str:
    """Return the vid of the new task from the `data` of an AddCtsAudioTask answer."""
    return submitted_vid(data)


def parse_reply(body: bytes) -> Mapping[str, object]:
    """Return the `data` of a query's answer that was stored as received, with or without its envelope."""
    fields = read_answer(body)
    # `data` may have a field `code`, too. Only `data` has a vid.
    if "code" not in fields or "vid" in fields:
        return fields
    envelope = parse_envelope(body)
    if envelope.code != 0:
        raise Malformed("code", "not 0")
    if envelope.data is None:
        raise Malformed("data", "missing")
    return envelope.data


def canonical(data: Mapping[str, object]) -> bytes:
    """Return `data` as JSON. Equal answers give equal bytes, so the log stores them once."""
    text = json.dumps(data, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    # For half of a surrogate pair, this writes the escape that JSON uses.
    return text.encode("utf-8", "backslashreplace")
