"""The log of a task as values: each observation as it arrived, and what still needs a query."""

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from mediarelay.domain.row_handle import RowHandle
from mediarelay.domain.tasks.media import Kind, State
from mediarelay.domain.tasks.origin import Origin

# The callback functions import this module, and use no task item.
if TYPE_CHECKING:
    from mediarelay.domain.due import Due
    from mediarelay.domain.tasks.item import TaskItem


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimSummary:
    """The few fields of a callback that can contradict others, so that its body need not be loaded for that."""

    state: State | None = None
    app_id: int | None = None
    bucket: str | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedObservation:
    """One observation in the log of a task.

    Attributes:
        origin: Who sent it.
        at: When Mediarelay received it (UTC).
        body: The body exactly as received; None if it was not loaded or has been deleted.
        digest: SHA-256 of the body in hex. It identifies the observation within its task, origin and kind.
        claim_summary: What a callback claims.
        give_up_at: Until when the provider is queried about a callback; it may be stored long after it arrived.
        reason: Why a reply was not accepted as an answer.
        submission: The submission that made the task, for the observation of a submit.
    """

    vid: str
    kind: Kind
    origin: Origin
    at: datetime
    body: bytes | None
    digest: str = ""
    claim_summary: ClaimSummary | None = None
    give_up_at: datetime | None = None
    reason: str | None = None
    submission: str | None = None

    def __post_init__(self) -> None:
        """Derive the digest if it is not given."""
        if not self.digest:
            object.__setattr__(self, "digest", hashlib.sha256(self.body or b"").hexdigest())


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingCheck:
    """An observation or a replay that waits in the due index until the provider has been queried.

    Attributes:
        handle: Its row.
        kind: The kind of task that it names.
        at: When it arrived (UTC).
        give_up_at: Until when the provider is queried about a callback.
        origin: The origin of the observation that waits; None for a replay.
        due: The duty that it waits for, and from when.
    """

    handle: RowHandle
    kind: Kind
    at: datetime
    give_up_at: datetime | None = None
    origin: Origin | None
    due: "Due | None" = None

    @property
    def is_replay(self) -> bool:
        """Whether a client's replay waits, not an observation."""
        return self.origin is None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskLog:
    """Everything that the ledger holds about one vid.

    Attributes:
        observations: The log. Claims and replies come without their bodies.
        item: The task item, if there is one that can be read.
        has_unreadable_item: Whether there is one that cannot.
        pending: Claims and replays that still need a query of their own.
        replays: How often a client asked for a replay.
    """

    observations: tuple[LoggedObservation, ...]
    item: "TaskItem | None" = None
    has_unreadable_item: bool = False
    pending: tuple[PendingCheck, ...] = ()
    replays: int = 0

    def without_bodies(self) -> "TaskLog":
        """Return the log for what needs times and rows only. A body may have megabytes, and a batch many tasks."""
        return replace(self, observations=tuple(replace(one, body=None) for one in self.observations))
