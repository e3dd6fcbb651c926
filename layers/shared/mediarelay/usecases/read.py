"""Read: a task, its history, pages of tasks. Folds the log on the way, so a read is never behind."""

import base64
import binascii
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from heapq import merge
from itertools import islice, product
from typing import Any, Protocol

from mediarelay.contracts.api import TaskPage, history_view, task_view
from mediarelay.contracts.observation import observe
from mediarelay.domain.entry import Entry, Record
from mediarelay.domain.media import Kind, State
from mediarelay.domain.origin import LAID_ASIDE, Origin
from mediarelay.domain.task import Task, fold
from mediarelay.domain.vid import checked, is_vid
from mediarelay.errors import Malformed, NotFound
from mediarelay.usecases.tasks import Tasks

MOST_PER_PAGE = 100
MOST_SHOWN = 20
"""Claims, and replies, of which a history shows the bodies: anybody with the path token may pile up more."""
MOST_FILLING = 3
"""Claims that are read in full for a task."""
PAGE_SIZES = frozenset(map(str, range(1, MOST_PER_PAGE + 1)))


class Pages(Protocol):
    """The part of the ledger that lists tasks."""

    def page(self, key: str, *, since: str, before: str | None, limit: int) -> list[dict[str, str]]:
        """Cards of one kind and state, newest first."""


class Claims(Protocol):
    """The part of the ledger that has what callbacks and replies said."""

    def heard(self, entry: Entry) -> bytes | None:
        """Read the body of a claim or a reply."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Answers queries."""

    tasks: Tasks
    pages: Pages
    claims: Claims

    def task(self, vid: str) -> dict[str, Any]:
        """Return one task; raises `NotFound`. Until the provider told its outcome, claims fill gaps."""
        record, task = self._known(vid)
        stating = tuple(one for one in record.entries if one.origin is not Origin.REPLY)
        return task_view(task if task.settled else fold(observe(self._with_bodies(stating, MOST_FILLING))))

    def history(self, vid: str) -> dict[str, Any]:
        """Return a task's observations, oldest first; raises `NotFound`. Only the latest claims show their bodies."""
        record, task = self._known(vid)
        return history_view(task, self._with_bodies(record.entries, MOST_SHOWN))

    def _known(self, vid: str) -> tuple[Record, Task]:
        record, task = self.tasks.load(checked(vid))
        if task is None:
            raise NotFound(f"no task {vid}")
        return record, task

    def _with_bodies(self, entries: tuple[Entry, ...], most: int) -> Iterator[Entry]:
        """Yield entries, oldest first, one by one as they may be large.

        Of the claims, the latest have their bodies; and so have the latest replies.
        """
        ordered = sorted(entries, key=lambda one: (one.at, one.digest))
        latest = [one for origin in LAID_ASIDE for one in [one for one in ordered if one.origin is origin][-most:]]
        return (replace(one, body=self.claims.heard(one)) if one in latest else one for one in ordered)

    def list(self, query: Mapping[str, str]) -> dict[str, Any]:
        """Return a page of tasks: `kind`, `state`, `since` (ISO 8601), `limit` (1 to 100), `cursor`; newest first."""
        limit = _limit(query.get("limit", "20"))
        keys = product(_choice(Kind, "kind", query), _choice(State, "state", query))
        since, before = _since(query.get("since")), _decode(query.get("cursor"))
        pages = [
            self.pages.page(f"{kind}#{state}", since=since, before=before, limit=limit + 1) for kind, state in keys
        ]
        rows = list(islice(merge(*pages, key=lambda row: row["list_at"], reverse=True), limit + 1))
        cursor = _encode(rows[limit - 1]["list_at"]) if len(rows) > limit else None
        page = TaskPage.model_validate({"tasks": rows[:limit], "cursor": cursor})
        return page.model_dump(mode="json", exclude_none=True)


def _limit(text: str) -> int:
    if text not in PAGE_SIZES:
        raise Malformed("limit", f"1 to {MOST_PER_PAGE}")
    return int(text)


def _choice(kind: type[Kind] | type[State], name: str, query: Mapping[str, str]) -> tuple[Any, ...]:
    if name not in query:
        return tuple(kind)
    try:
        return (kind(query[name]),)
    except ValueError as error:
        raise Malformed(name, "one of " + ", ".join(kind)) from error


def _since(text: str | None) -> str:
    if text is None:
        return "0"
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC).isoformat()
    except (ValueError, OverflowError) as error:
        raise Malformed("since", "an ISO 8601 time") from error


def _encode(position: str) -> str:
    return base64.urlsafe_b64encode(position.encode()).decode()


def _decode(cursor: str | None) -> str | None:
    if cursor is None:
        return None
    try:
        return _position(base64.b64decode(cursor, altchars=b"-_", validate=True).decode())
    except (binascii.Error, ValueError) as error:
        raise Malformed("cursor", "not one of ours") from error


def _position(text: str) -> str:
    """Check a position in the list, `time#vid`; raises ValueError."""
    moment, _, vid = text.partition("#")
    if not is_vid(vid) or datetime.fromisoformat(moment).isoformat() != moment:
        raise ValueError("no position")
    return text
