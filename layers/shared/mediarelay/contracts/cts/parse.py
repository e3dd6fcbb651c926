"""The contract with a CTS-compatible provider: its payloads in, the domain's `Facts` out.

Every quirk of the wire is settled behind these functions; docs/fields.md lists where each documented field goes. They
raise `errors.Malformed` with the wire name of the field, and nothing else, if a payload does not say which task it is
about or how that stands, or if it states unreadably whose file it is. `Facts.unreadable` has all other such fields.
"""

import json
from collections.abc import Mapping

from mediarelay.contracts.cts.callback import callback_facts
from mediarelay.contracts.cts.envelope import Envelope, parse_envelope
from mediarelay.contracts.cts.head import Form, Head, read_callback, read_head
from mediarelay.contracts.cts.query import query_facts, submitted_vid
from mediarelay.contracts.json_objects import read_answer
from mediarelay.domain.tasks.media import Facts, Kind
from mediarelay.errors import Malformed

__all__ = [
    "Envelope",
    "Form",
    "Head",
    "canonical",
    "parse_callback",
    "parse_envelope",
    "parse_query",
    "parse_reply",
    "parse_submitted",
    "read_head",
]


def parse_callback(kind: Kind, body: bytes) -> Facts:
    """Read the body of a callback, JSON or form; a claim, not yet a fact."""
    head, fields = read_callback(body)
    return callback_facts(kind, head.form, fields)


def parse_query(kind: Kind, data: Mapping[str, object] | None) -> Facts:
    """Read the `data` of a GetCtsInfo (video) or GetCtsaudioInfo (audio) answer."""
    return query_facts(kind, data)


def parse_submitted(data: Mapping[str, object] | None) -> str:
    """Read the `data` of an AddCtsAudioTask answer: the vid of the new task."""
    return submitted_vid(data)


def parse_reply(body: bytes) -> Mapping[str, object]:
    """Return the `data` of a query's answer that was kept as it came: with its envelope, or without."""
    fields = read_answer(body)
    if "code" not in fields or "vid" in fields:
        return fields
    envelope = parse_envelope(body)
    if envelope.code != 0:
        raise Malformed("code", "not 0")
    if envelope.data is None:
        raise Malformed("data", "missing")
    return envelope.data


def canonical(data: Mapping[str, object]) -> bytes:
    """Write `data` as JSON. The same answer gives the same bytes, so that it is logged once."""
    text = json.dumps(data, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "backslashreplace")  # half a surrogate pair is spelled as JSON spells it
