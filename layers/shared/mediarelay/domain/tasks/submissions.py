"""Lists of submissions: which ones to select, and what an index shows of each."""

from collections.abc import Collection
from dataclasses import dataclass

from mediarelay.domain.tasks.intent import Intent, SubmissionState
from mediarelay.domain.tasks.media import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmissionFilter:
    """Submissions of some kinds in some states."""

    kinds: Collection[Kind]
    states: Collection[SubmissionState]

    def matches(self, intent: Intent) -> bool:
        """Return whether a submission is one of these."""
        return intent.kind in self.kinds and intent.state in self.states


def listed_state(state: SubmissionState) -> SubmissionState:
    """Return the state under which a submission is listed.

    Only the stored intent says whether an attempt was made. An index row for each attempt would cost a write each.
    """
    return SubmissionState.OPEN if state is SubmissionState.QUEUED else state
