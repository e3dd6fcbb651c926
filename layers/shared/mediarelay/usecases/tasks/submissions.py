"""Submissions: follow the requests that clients submitted, list them, and cancel one that was not sent yet."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from mediarelay.domain.due import Due, Duty
from mediarelay.domain.page import ListedRow, Page
from mediarelay.domain.tasks.intent import Intent, SubmissionState, intent_of, is_intent_id, is_submission
from mediarelay.domain.tasks.lifecycle import PUBLISH_GRACE
from mediarelay.domain.tasks.media import Kind
from mediarelay.domain.tasks.submissions import SubmissionFilter, listed_state
from mediarelay.errors import (
    Conflict,
    LedgerUnavailable,
    NotFound,
    SubmissionCompleted,
    SubmissionRefused,
    SubmissionSent,
)
from mediarelay.observability import count
from mediarelay.usecases.concurrency import MAX_ATTEMPTS
from mediarelay.usecases.cursors import decode_cursor, encode_cursor

# Why a submission cannot be cancelled, by its state. In the state `queued` it can.
REFUSALS: Mapping[SubmissionState, tuple[type[Conflict], str]] = {
    SubmissionState.OPEN: (SubmissionSent, "was sent to the provider, which may have made a task"),
    SubmissionState.COMPLETED: (SubmissionCompleted, "has a task"),
    SubmissionState.REFUSED: (SubmissionRefused, "was refused"),
}


class SubmissionListing(Protocol):
    """Lists submissions."""

    def page(self, kind: Kind, state: SubmissionState, *, behind: str | None, limit: int) -> list[ListedRow]:
        """Return up to `limit` submissions of one kind and state behind a position, newest first."""

    def waiting(self) -> list[ListedRow]:
        """Return all submissions that wait for an attempt, also those that are in no list."""

    def read(self, intents: Sequence[str]) -> dict[str, Intent]:
        """Read intents; leave out those that are gone or unreadable."""


class CancellableIntents(Protocol):
    """Reads and cancels intents."""

    def find(self, identity: str) -> Intent | None:
        """Read an intent; return None if there is none."""

    def mark_cancelled(self, seen: Intent, by: str, now: datetime, due: Due | None) -> bool:
        """Store that an intent was cancelled; return False if an attempt began meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Submissions:
    """Reads and cancels submissions for API clients."""

    intents: CancellableIntents
    listing: SubmissionListing
    clock: Callable[[], datetime]

    def find(self, submission: str) -> Intent:
        """Return a submission; raises `NotFound`, also if its key was used for a later one."""
        intent = self.intents.find(intent_of(submission)) if is_submission(submission) else None
        if intent is None or intent.submission != submission:
            raise NotFound(f"no submission {submission}")
        return intent

    def page(self, chosen: SubmissionFilter, *, limit: int, cursor: str | None) -> Page[Intent]:
        """Return a page of submissions, newest first; raises `Malformed` (`cursor`).

        A page may hold fewer than `limit`, because the index does not know which open ones wait for an attempt.
        """
        # One more row than fits shows whether there is another page.
        rows = self._rows(chosen, limit + 1, decode_cursor(cursor, is_intent_id))
        shown = rows[:limit]
        found = self.listing.read([row.identity for row in shown])
        intents = [found[row.identity] for row in shown if row.identity in found]
        matching = tuple(intent for intent in intents if chosen.matches(intent))
        return Page(matching, encode_cursor(shown[-1].position) if len(rows) > limit else None)

    def _rows(self, chosen: SubmissionFilter, limit: int, behind: str | None) -> list[ListedRow]:
        """Return the first rows behind a position, each once.

        A submission leaves the open ones once and for all. They are read first, so one that ends meanwhile is read
        twice, never missed.
        """
        states = sorted({listed_state(one) for one in chosen.states}, key=lambda one: one is not SubmissionState.OPEN)
        found: dict[str, ListedRow] = {}
        for state in states:
            pages = (self.listing.page(kind, state, behind=behind, limit=limit) for kind in chosen.kinds)
            found |= {row.identity: row for rows in pages for row in rows}
            # The rows that are in no list are older than all others, so they are needed on the last page only.
            if state is SubmissionState.OPEN and len(found) < limit:
                waiting = (row for row in self.listing.waiting() if behind is None or row.position < behind)
                found |= {row.identity: row for row in waiting}
        return sorted(found.values(), key=lambda row: row.position, reverse=True)[:limit]

    def cancel(self, submission: str, by: str) -> Intent:
        """Cancel a submission that no attempt has sent to the provider; return it.

        Raises `NotFound`, an error of `REFUSALS`, `LedgerUnavailable`. A repeat returns the cancelled submission.
        """
        for _ in range(MAX_ATTEMPTS):
            intent = self.find(submission)
            if intent.state is SubmissionState.CANCELLED:
                return intent
            if intent.state in REFUSALS:
                error, reason = REFUSALS[intent.state]
                raise error(f"the submission {reason}")
            if self.intents.mark_cancelled(intent, by, self.clock(), self._publication(intent, by)):
                count("SubmitsCancelled", kind=intent.kind)
                return self.find(submission)
        raise LedgerUnavailable("too many requests for this submission")

    def _publication(self, intent: Intent, by: str) -> Due | None:
        """Return when to publish that a submission was cancelled: unless only the client that cancels waits for it."""
        # All clients share a default key, so nothing tells which one waits.
        return None if intent.client == by else Due(Duty.PUBLISH, self.clock() + PUBLISH_GRACE)
