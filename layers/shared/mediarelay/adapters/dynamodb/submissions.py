"""Lists of submissions."""

from collections.abc import Sequence
from dataclasses import dataclass

from mediarelay.adapters.dynamodb.due_index import DueIndex
from mediarelay.adapters.dynamodb.intents import decode_intent
from mediarelay.adapters.dynamodb.keys import intent_key, submission_list
from mediarelay.adapters.dynamodb.listing import newest, read_all, waiting
from mediarelay.adapters.dynamodb.table import Table
from mediarelay.domain.due import Duty
from mediarelay.domain.page import ListedRow
from mediarelay.domain.tasks.intent import Intent, SubmissionState
from mediarelay.domain.tasks.media import Kind


@dataclass(frozen=True)
class SubmissionIndex:
    """Lists submissions, newest first."""

    table: Table
    due_index: DueIndex

    def page(self, kind: Kind, state: SubmissionState, *, behind: str | None, limit: int) -> list[ListedRow]:
        """List at most `limit` submissions of one kind and state behind a position (None: from the beginning)."""
        return newest(self.table, submission_list(kind, state), behind, limit)

    def waiting(self) -> list[ListedRow]:
        """List all submissions that wait for an attempt, in no fixed order, also those that are in no list."""
        return waiting(self.due_index, (Duty.SUBMIT, Duty.SUBMIT_QUEUED))

    def read(self, intents: Sequence[str]) -> dict[str, Intent]:
        """Read up to 100 intents; leave out those that are gone or unreadable."""
        found = read_all(self.table, [intent_key(one) for one in intents], decode_intent)
        return {intent.identity: intent for intent in found}
