"""List what is overdue, oldest first, with the reason of each item."""

import base64
import binascii
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from heapq import merge
from itertools import islice
from typing import NamedTuple, Protocol

from mediarelay.domain.due import BEGINNING, Duty
from mediarelay.domain.due_item import (
    DamagedRow,
    DeliverySubject,
    DueItem,
    EventSubject,
    IntentSubject,
    ReplayJobSubject,
    TaskSubject,
)
from mediarelay.domain.operations.facts import Facts
from mediarelay.domain.operations.overdue import OVERDUE_AFTER
from mediarelay.domain.operations.stuck import OverdueRow, StuckItem, explain
from mediarelay.domain.page import Page
from mediarelay.domain.schedule import PROMPT_DUTIES, PROMPT_VISIBILITY_TIMEOUT
from mediarelay.domain.songs.model import SongKey
from mediarelay.domain.tasks.intent import Intent
from mediarelay.domain.tasks.item import Bookkeeping
from mediarelay.errors import Malformed, RowUnreadable
from mediarelay.providers.registry import provider_of, query_circuit, submit_circuit

Found = DueItem | DamagedRow


class OverdueRows(Protocol):
    """Lists rows of the due index."""

    def due_between(self, duty: Duty, since: datetime, until: datetime) -> Iterator[tuple[str, Found]]:
        """Yield rows with a text that identifies each, oldest first, then in the order of the texts."""


class StoredTasks(Protocol):
    """Reads task items."""

    def bookkeeping(self, vid: str) -> Bookkeeping | None:
        """Return the bookkeeping of a task; None without an item that can be read."""


class StoredIntents(Protocol):
    """Reads intents."""

    def find(self, identity: str) -> Intent | None:
        """Read an intent; raises `RowUnreadable`."""


class Place(NamedTuple):
    """The place of a row in the list. Rows of all duties are sorted by it."""

    due_at: datetime
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StuckReader:
    """Lists what is overdue. `facts` returns the facts that the reasons are made of."""

    rows: OverdueRows
    tasks: StoredTasks
    intents: StoredIntents
    facts: Callable[[], Facts]

    def page(self, duties: Sequence[Duty], limit: int, cursor: str | None) -> Page[StuckItem]:
        """Return a page of the overdue rows of some duties; raises `Malformed` (`cursor`), `LedgerUnavailable`."""
        facts, after = self.facts(), _decode(cursor)
        watched = [one.duty for one in facts.duties if one.duty in duties]
        overdue = merge(*(self._overdue(duty, facts, after) for duty in watched), key=lambda one: one[0])
        # One row more than fits shows whether there is another page.
        found = list(islice(overdue, limit + 1))
        items = tuple(self._item(duty, row, facts) for _, duty, row in found[:limit])
        return Page(items, _encode(found[limit - 1][0]) if len(found) > limit else None)

    def _overdue(self, duty: Duty, facts: Facts, after: Place) -> Iterator[tuple[Place, Duty, Found]]:
        until = facts.time - OVERDUE_AFTER[duty]
        # A row that fails in each run is hidden until the next one, so its due time is never old.
        if duty in PROMPT_DUTIES and any(one.failed for one in facts.duties if one.duty is duty):
            until = facts.time + PROMPT_VISIBILITY_TIMEOUT
        for key, row in self.rows.due_between(duty, after.due_at, until) if after.due_at <= until else ():
            position = Place(row.due_at, key)
            if position > after:
                yield position, duty, row

    def _item(self, duty: Duty, row: Found, facts: Facts) -> StuckItem:
        found = self._described(duty, row)
        overdue = max(timedelta(), facts.time - found.due_at)
        return StuckItem(found, overdue, explain(found, facts))

    def _described(self, duty: Duty, row: Found) -> OverdueRow:
        if isinstance(row, DamagedRow):
            return OverdueRow(type="row", id=row.key, duty=duty, due_at=row.due_at)
        subject = row.subject
        if isinstance(subject, TaskSubject):
            return self._task(duty, row.due_at, subject)
        if isinstance(subject, IntentSubject):
            return self._submission(duty, row.due_at, subject.identity)
        return OverdueRow(type=_TYPES[type(subject)], id=_identity(subject), duty=duty, due_at=row.due_at)

    def _task(self, duty: Duty, due_at: datetime, task: TaskSubject) -> OverdueRow:
        found = self.tasks.bookkeeping(task.vid)
        return OverdueRow(
            type="task",
            id=task.vid,
            duty=duty,
            due_at=due_at,
            circuit=query_circuit(task.vid, task.kind),
            provider=provider_of(task.vid).name,
            attempts=found.attempts if found else None,
        )

    def _submission(self, duty: Duty, due_at: datetime, identity: str) -> OverdueRow:
        try:
            found = self.intents.find(identity)
        except RowUnreadable:
            found = None
        if found is None:
            return OverdueRow(type="submission", id=identity, duty=duty, due_at=due_at)
        return OverdueRow(
            type="submission",
            id=found.submission,
            duty=duty,
            due_at=due_at,
            circuit=submit_circuit(found.provider, found.kind),
            provider=found.provider,
            last_error=f"the provider refused it: {found.refused}" if found.refused else None,
        )


_TYPES = {ReplayJobSubject: "replay", EventSubject: "event", DeliverySubject: "delivery", SongKey: "song"}


def _identity(subject: ReplayJobSubject | EventSubject | DeliverySubject | SongKey) -> str:
    match subject:
        case ReplayJobSubject():
            return subject.identity
        case EventSubject():
            return subject.position.id
        case DeliverySubject():
            return f"{subject.endpoint}/{subject.event_id}"
        case SongKey():
            return "/".join((subject.room, subject.song, str(subject.vendor), subject.type))


def _encode(position: Place) -> str:
    text = json.dumps([int(position.due_at.timestamp()), position.key])
    return base64.urlsafe_b64encode(text.encode()).decode()


def _decode(cursor: str | None) -> Place:
    if cursor is None:
        return Place(BEGINNING, "")
    try:
        seconds, key = json.loads(base64.b64decode(cursor, altchars=b"-_", validate=True))
        return Place(datetime.fromtimestamp(int(seconds), UTC), str(key))
    except (binascii.Error, ValueError, TypeError, OverflowError, OSError, RecursionError) as error:
        raise Malformed("cursor", "must be the cursor of an earlier page") from error
