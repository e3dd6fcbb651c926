"""The callbacks that an event of a task causes. CTS and MPS send theirs at different events and in their own shapes."""

from collections.abc import Callable, Mapping
from enum import StrEnum

from engine import payloads
from engine.callbacks import Message, deliveries
from engine.config import Config, Faults
from engine.model import Task, TaskKind
from engine.mps import answers
from engine.mps.odd import make_odd, wrap
from engine.payloads import Json
from engine.store import Callback


class Event(StrEnum):
    """What happened to a task. `PROBED` is also the event of an unreadable source."""

    PROBED = "probed"
    STARTED = "started"
    PROGRESSED = "progressed"
    PUBLISHED = "published"
    ENDED = "ended"


def callbacks(task: Task, event: Event, config: Config, faults: Faults, now: float) -> list[Callback]:
    """Return the deliveries of an event at `now`, in UNIX seconds, as the faults make them."""
    message = _MESSAGES[task.kind](task, event, config, faults, now)
    return deliveries(message, faults, now) if message else []


def _cts(task: Task, event: Event, config: Config, _: Faults, __: float) -> Message | None:
    url = config.callback_url(task.kind)
    basic = event is Event.PROBED and config.trans_basic and task.kind is TaskKind.VIDEO
    if url is None or not (basic or event is Event.ENDED):
        return None
    body = payloads.basic_callback(task) if basic else payloads.result_callback(task, typed=config.trans_basic)
    name = "trans_basic" if basic else "trans_result"
    return Message(vid=task.vid, type=name, url=url, body=body, claim=payloads.claim)


def _mps(task: Task, event: Event, _: Config, faults: Faults, now: float) -> Message | None:
    notify = task.request.task_notify_config if task.request else None
    wanted = {Event.ENDED, Event.STARTED} if notify and notify.notify_mode == "Change" else {Event.ENDED}
    # Every other type of notification goes to a message queue.
    if notify is None or notify.notify_type != "URL" or event not in wanted:
        return None
    plain = answers.callback(task, now, wrong_sign=faults.callback_wrong_sign)

    def odd(body: Json) -> Json:
        return wrap(make_odd(body, faults.odd_forms), faults.odd_forms)

    def claim(_: Json, lie: str) -> Json:
        return odd(answers.claim(plain, lie))

    return Message(vid=task.vid, type=task.kind.value, url=notify.notify_url, body=odd(plain), claim=claim)


_MESSAGES: Mapping[TaskKind, Callable[[Task, Event, Config, Faults, float], Message | None]] = {
    TaskKind.VIDEO: _cts,
    TaskKind.AUDIO: _cts,
    TaskKind.WORKFLOW: _mps,
    TaskKind.SCHEDULE: _mps,
}
