"""Reads the bodies of the provider's callbacks: the result, the basic callback of a video, the old console callback."""

from collections.abc import Callable, Mapping

from mediarelay.contracts.fields import Fields
from mediarelay.domain.tasks.facts import Facts
from mediarelay.domain.tasks.media import Kind, State
from mediarelay.errors import Malformed
from mediarelay.providers.cts import fields as shared
from mediarelay.providers.cts import values as read
from mediarelay.providers.cts.head import STATES, Form
from mediarelay.providers.cts.result import renditions


def callback_facts(kind: Kind, form: Form, fields: Mapping[str, object]) -> Facts:
    """Read the fields of a callback of a known form; raise `Malformed`."""
    return _READERS[form](kind, Fields(fields))


def _result(kind: Kind, fields: Fields) -> Facts:
    """Read the callback after a transcode."""
    # `detail` contains measures and renditions after a success, and errors after a failure. It may be missing.
    detail = fields.part("detail")
    source = shared.source(fields, detail)
    return Facts(
        vid=fields.strict("vid", read.vid),
        kind=kind,
        state=_state(Form.RESULT, fields),
        source=source,
        renditions=renditions(kind, detail.part("result"), source.place),
        faults=shared.faults(detail),
        created_at=fields.side("create_time", read.moment),
        unreadable=tuple(sorted(fields.unreadable)),
    )


def _basic(kind: Kind, fields: Fields) -> Facts:
    """Read the callback after the provider probed a video, before the transcode. Its `success` is not an outcome."""
    return Facts(
        vid=fields.strict("vid", read.vid),
        kind=kind,
        state=_state(Form.BASIC, fields),
        source=shared.source(fields, fields),
        faults=shared.pair_faults((), fields.each("fail_msg", read.text)),
        created_at=fields.side("create_time", read.moment),
        unreadable=tuple(sorted(fields.unreadable)),
    )


def _console(kind: Kind, fields: Fields) -> Facts:
    """Read the old form-encoded callback, of which only the state is kept; docs/fields.md says why."""
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
