"""Bodies of the provider's callbacks: results, the basic one before a video's transcode, the old console one."""

from collections.abc import Callable, Mapping

from mediarelay.contracts.cts import fields as read
from mediarelay.contracts.cts.head import STATES, Form
from mediarelay.contracts.cts.result import renditions
from mediarelay.contracts.fields import Fields
from mediarelay.domain.tasks.media import Facts, Kind, State
from mediarelay.errors import Malformed


def callback_facts(kind: Kind, form: Form, fields: Mapping[str, object]) -> Facts:
    """Read a callback of a known form; raises Malformed."""
    return _READERS[form](kind, Fields(fields))


def _result(kind: Kind, fields: Fields) -> Facts:
    """A transcode ended. `detail`, if there is one, has measures and renditions after a success, else errors."""
    detail = fields.part("detail")
    source = read.source(fields, detail)
    return Facts(
        vid=fields.strict("vid", read.vid),
        kind=kind,
        state=_state(Form.RESULT, fields),
        source=source,
        renditions=renditions(kind, detail.part("result"), source.place),
        faults=read.faults(detail),
        created_at=fields.side("create_time", read.moment),
        unreadable=tuple(sorted(fields.unreadable)),
    )


def _basic(kind: Kind, fields: Fields) -> Facts:
    """A video was looked at, before transcoding. `success` only means that it could be read."""
    return Facts(
        vid=fields.strict("vid", read.vid),
        kind=kind,
        state=_state(Form.BASIC, fields),
        source=read.source(fields, fields),
        faults=read.pair_faults((), fields.each("fail_msg", read.text)),
        created_at=fields.side("create_time", read.moment),
        unreadable=tuple(sorted(fields.unreadable)),
    )


def _console(kind: Kind, fields: Fields) -> Facts:
    """The old form-encoded callback. It states a task's state; docs/fields.md says why nothing else is kept."""
    return Facts(vid=fields.strict("vid", read.vid), kind=kind, state=_state(Form.CONSOLE, fields))


_READERS: dict[Form, Callable[[Kind, Fields], Facts]] = {
    Form.RESULT: _result,
    Form.BASIC: _basic,
    Form.CONSOLE: _console,
}


def _state(form: Form, fields: Fields) -> State:
    state = STATES[form].get(fields.strict("status", read.text) or "")
    if state is None:
        raise Malformed("status", f"none of {', '.join(STATES[form])}")
    return state
