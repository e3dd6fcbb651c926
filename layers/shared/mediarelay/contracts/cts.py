"""The contract with a CTS-compatible provider: its payloads in, the domain's `Facts` out.

Every quirk of the wire is settled behind these functions; docs/fields.md lists where each documented field goes. All of
them raise `errors.Malformed` with the dotted wire name of the field for any input they cannot read, and nothing else.
"""

from collections.abc import Mapping

from mediarelay.contracts.callback_head import Form, Head, read_callback, read_head
from mediarelay.contracts.cts_callback import callback_facts
from mediarelay.contracts.cts_envelope import Envelope, parse_envelope
from mediarelay.contracts.cts_query import QueryFields, SubmitFields
from mediarelay.domain.media import Facts, Kind

__all__ = [
    "Envelope",
    "Form",
    "Head",
    "parse_callback",
    "parse_envelope",
    "parse_query",
    "parse_submitted",
    "read_head",
]


def parse_callback(kind: Kind, body: bytes) -> Facts:
    """Read the body of a callback, JSON or form; a claim, not yet a fact."""
    head, fields = read_callback(body)
    return callback_facts(kind, head.form, fields)


def parse_query(kind: Kind, data: Mapping[str, object] | None) -> Facts:
    """Read the `data` of a GetCtsInfo (video) or GetCtsaudioInfo (audio) answer."""
    return QueryFields.read(data).facts(kind)


def parse_submitted(data: Mapping[str, object] | None) -> str:
    """Read the `data` of an AddCtsAudioTask answer: the vid of the new task."""
    return SubmitFields.read(data).vid
