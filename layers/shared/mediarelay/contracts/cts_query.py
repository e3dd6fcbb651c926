"""Answers of the query and submit actions: GetCtsInfo, GetCtsaudioInfo, AddCtsAudioTask (the envelope's `data`)."""

from mediarelay.contracts.cts_fields import (
    Count,
    Errors,
    MeasureFields,
    Moment,
    OriginFields,
    Text,
    Vid,
    Wire,
    faults,
    source,
)
from mediarelay.contracts.cts_result import Result, renditions
from mediarelay.domain.media import Facts, Kind, State
from mediarelay.errors import Malformed

_STATES = {1: State.PENDING, 2: State.PROBED, 3: State.TRANSCODING, 4: State.FAILED, 5: State.SUCCEEDED}
_DELETED = {None: False, "no": False, "yes": True}


class QueryFields(OriginFields, MeasureFields):
    """The `data` of GetCtsInfo (video) and GetCtsaudioInfo (audio)."""

    update_time: Moment = None
    status: Count = None
    error_code: Errors = ()
    error_msg: Errors = ()
    deleted: Text = None
    result: Result = None

    def state(self) -> State:
        """Return the state: a deleted task is superseded, whatever its status."""
        if self.deleted not in _DELETED:
            raise Malformed("deleted", "neither yes nor no")
        if _DELETED[self.deleted]:
            return State.SUPERSEDED
        if self.status not in _STATES:
            raise Malformed("status", "not 1 to 5")
        return _STATES[self.status]

    def facts(self, kind: Kind) -> Facts:
        """Return the answer in the domain's words."""
        return Facts(
            vid=self.vid,
            kind=kind,
            state=self.state(),
            source=source(self, self),
            renditions=renditions(kind, self.result, self.place()),
            faults=faults(self.error_code, self.error_msg),
            created_at=self.create_time,
            updated_at=self.update_time,
        )


class SubmitFields(Wire):
    """The `data` of AddCtsAudioTask."""

    vid: Vid
