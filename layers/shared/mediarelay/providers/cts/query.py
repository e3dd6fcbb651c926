"""Reads the `data` of the answers of GetCtsInfo, GetCtsaudioInfo and AddCtsAudioTask."""

from mediarelay.contracts.fields import Fields
from mediarelay.domain.tasks.facts import Facts
from mediarelay.domain.tasks.media import Kind, State
from mediarelay.errors import Malformed
from mediarelay.providers.cts import fields as shared
from mediarelay.providers.cts import values as read
from mediarelay.providers.cts.result import renditions

_STATES = {1: State.PENDING, 2: State.PROBED, 3: State.TRANSCODING, 4: State.FAILED, 5: State.SUCCEEDED}


def query_facts(kind: Kind, data: object) -> Facts:
    """Read the `data` of GetCtsInfo (video) or GetCtsaudioInfo (audio); raise `Malformed`."""
    fields = shared.data_fields(data)
    source = shared.source(fields, fields)
    return Facts(
        vid=fields.strict("vid", read.vid),
        kind=kind,
        state=_state(fields),
        source=source,
        renditions=renditions(kind, fields.part("result"), source.place),
        faults=shared.faults(fields),
        created_at=fields.side("create_time", read.moment),
        updated_at=fields.side("update_time", read.moment),
        unreadable=tuple(sorted(fields.unreadable)),
    )


def _state(fields: Fields) -> State:
    """Return the state of a task."""
    # A deleted task keeps a status, which no longer says how the task ended, so `deleted` comes first.
    if fields.strict("deleted", read.flag):
        return State.SUPERSEDED
    state = _STATES.get(fields.strict("status", read.count) or 0)
    if state is None:
        raise Malformed("status", "not 1 to 5")
    return state


def submitted_vid(data: object) -> str:
    """Return the vid from the `data` of AddCtsAudioTask; raise `Malformed`."""
    return shared.data_fields(data).strict("vid", read.vid)
