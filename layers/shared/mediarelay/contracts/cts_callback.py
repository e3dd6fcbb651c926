"""Bodies of the provider's callbacks: results, the basic one before a video's transcode, the old console one."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import BeforeValidator

from mediarelay.contracts.callback_head import STATES, Form
from mediarelay.contracts.cts_fields import (
    Errors,
    MeasureFields,
    OriginFields,
    Text,
    Vid,
    Wire,
    faults,
    nothing,
    source,
)
from mediarelay.contracts.cts_result import Result, renditions
from mediarelay.domain.media import Facts, Kind, State
from mediarelay.errors import Malformed


class DetailFields(MeasureFields):
    """The `detail` of a result callback: measures and renditions after a success, errors after a failure."""

    result: Result = None
    error_code: Errors = ()
    error_msg: Errors = ()


class ResultCallback(OriginFields):
    """A transcode ended. `status` is `success` or `fail`; a failure may come without any detail."""

    status: Text = None
    detail: Annotated[DetailFields | None, BeforeValidator(nothing)] = None

    def facts(self, kind: Kind) -> Facts:
        """Return the claim in the domain's words."""
        detail = self.detail or DetailFields.read({})
        return Facts(
            vid=self.vid,
            kind=kind,
            state=_state(Form.RESULT, self.status),
            source=source(self, detail),
            renditions=renditions(kind, detail.result, self.place()),
            faults=faults(detail.error_code, detail.error_msg),
            created_at=self.create_time,
        )


class BasicCallback(OriginFields, MeasureFields):
    """A video was looked at, before transcoding. `success` only means that it could be read."""

    status: Text = None
    fail_msg: Text = None

    def facts(self, kind: Kind) -> Facts:
        """Return the claim in the domain's words: probed, or failed with `fail_msg`."""
        return Facts(
            vid=self.vid,
            kind=kind,
            state=_state(Form.BASIC, self.status),
            source=source(self, self),
            faults=faults((), (self.fail_msg,)),
            created_at=self.create_time,
        )


class ConsoleCallback(Wire):
    """The old form-encoded callback. It states a task's state; docs/fields.md says why nothing else is kept."""

    vid: Vid
    status: Text = None

    def facts(self, kind: Kind) -> Facts:
        """Return the claim in the domain's words."""
        return Facts(vid=self.vid, kind=kind, state=_state(Form.CONSOLE, self.status))


_MODELS: dict[Form, type[ResultCallback | BasicCallback | ConsoleCallback]] = {
    Form.RESULT: ResultCallback,
    Form.BASIC: BasicCallback,
    Form.CONSOLE: ConsoleCallback,
}


def callback_facts(kind: Kind, form: Form, fields: Mapping[str, object]) -> Facts:
    """Validate a callback of a known form; raises Malformed."""
    return _MODELS[form].read(fields).facts(kind)


def _state(form: Form, status: str | None) -> State:
    state = STATES[form].get(status or "")
    if state is None:
        raise Malformed("status", f"none of {', '.join(STATES[form])}")
    return state
