"""The types of items in the table, and which of them may wait for which duty."""

from enum import StrEnum

from mediarelay.domain.due import Duty, query_duty
from mediarelay.domain.tasks.media import Kind
from mediarelay.domain.tasks.origin import Origin


class ItemType(StrEnum):
    """What an item is. An observation states its origin instead."""

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
    NONCE = "nonce"
    UNREADABLE = "unreadable"


# The types that code reads. Copies of unreadable items are for the operator only.
ITEM_TYPES = frozenset({*ItemType, *Origin}) - {ItemType.UNREADABLE}
# The types of items in the partition of a task.
UNDER_VID = frozenset({*Origin, ItemType.TASK, ItemType.REPLAY})
# The types of items that may wait for each duty. A tick would take up any other type again and again, without effect.
# `Duty.UNREADABLE` is missing: it is for the operator, not for a tick.
MAY_WAIT_FOR: dict[Duty, frozenset[str]] = {
    **{query_duty(kind, known=known): UNDER_VID for kind in Kind for known in (True, False)},
    Duty.SUBMIT: frozenset({ItemType.INTENT}),
    Duty.SUBMIT_QUEUED: frozenset({ItemType.INTENT}),
    Duty.GIVE_UP: frozenset({ItemType.TASK}),
    Duty.PUBLISH: frozenset({ItemType.TASK, ItemType.INTENT}),
    Duty.REPLAY: frozenset({ItemType.REPLAY_JOB}),
    Duty.SONG: frozenset({ItemType.RELAY, ItemType.LEASE}),
    Duty.DELETE_BODY: frozenset(Origin),
}
