"""The kinds and the states of tasks.

The callback functions import this module. What they do not use is in `facts.py`.
"""

from enum import StrEnum

# Characters of the URL of a source. A key of 850 bytes takes 2,550 if all are escaped; the host takes up to 130.
MAX_URL = 2_700


class Kind(StrEnum):
    """The kind of a task."""

    VIDEO = "video"
    AUDIO = "audio"


class State(StrEnum):
    """The state of a task. The last four are outcomes."""

    EXPECTED = "expected"
    PENDING = "pending"
    PROBED = "probed"
    TRANSCODING = "transcoding"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SUPERSEDED = "superseded"
    LOST = "lost"


OUTCOMES = frozenset({State.SUCCEEDED, State.FAILED, State.SUPERSEDED, State.LOST})
