"""The types of items in the table, and which of them may wait for which duty."""

from enum import StrEnum

from mediarelay.domain.due import Duty, query_duty
from mediarelay.domain.tasks.media import Kind
from mediarelay.domain.tasks.origin import Origin


class ItemType(StrEnum):
    """The types of items. The type of an observation is its origin."""

    TASK = "task"
    REPLAY = "replay"
    REPLAY_JOB = "replay_job"
    INTENT = "intent"
    RELAY = "relay"
    LEASE = "lease"
    PART = "part"
    QUARANTINE = "quarantine"
    CIRCUIT = "circuit"
    BUDGET = "budget"
    LIST_CURSOR = "list_cursor"
    RUN = "run"
    NONCE = "nonce"
    EVENT = "event"
    ENDPOINT = "endpoint"
    DELIVERY = "delivery"
    UNREADABLE = "unreadable"


# The types that this code reads. Only the operator reads copies of unreadable items.
ITEM_TYPES = frozenset({*ItemType, *Origin}) - {ItemType.UNREADABLE}
# These items lie in the partition of a task and name it by an attribute `vid`.
UNDER_VID = frozenset({*Origin, ItemType.TASK, ItemType.REPLAY})
# A tick could not handle any other type, so that row would come up in each tick. `Duty.UNREADABLE` is missing because
# it is for the operator, not for a tick.
MAY_WAIT_FOR: dict[Duty, frozenset[str]] = {
    **{query_duty(kind, known=known): UNDER_VID for kind in Kind for known in (True, False)},
    Duty.SUBMIT: frozenset({ItemType.INTENT}),
    Duty.SUBMIT_QUEUED: frozenset({ItemType.INTENT}),
    Duty.GIVE_UP: frozenset({ItemType.TASK}),
    Duty.PUBLISH: frozenset({ItemType.TASK, ItemType.INTENT}),
    Duty.REPLAY: frozenset({ItemType.REPLAY_JOB}),
    Duty.SONG: frozenset({ItemType.RELAY, ItemType.LEASE}),
    Duty.FAN_OUT: frozenset({ItemType.EVENT}),
    Duty.DELIVER: frozenset({ItemType.DELIVERY}),
}
