"""Where a word about a task comes from."""

from enum import StrEnum


class Origin(StrEnum):
    """Who said it, weakest word first; `trusted` is a callback of a provider that is configured to be believed.

    `reply` is what the provider answered if it cannot be judged, or is about something else: it states nothing.
    """

    REPLY = "reply"
    TIMEOUT = "timeout"
    CLAIM = "claim"
    TRACK = "track"
    SUBMIT = "submit"
    TRUSTED = "trusted"
    ANSWER = "answer"


AUTHORITY = {origin: rank for rank, origin in enumerate(Origin)}
TRUSTED_ORIGINS = frozenset({Origin.TRACK, Origin.SUBMIT, Origin.TRUSTED, Origin.ANSWER})
"""Origins that are believed when they name a task: clients, the provider, and the CDN if its callbacks are trusted.
Anybody with the path token can make up a claim."""
UNCERTAIN = frozenset({Origin.REPLY, Origin.TIMEOUT, Origin.CLAIM, Origin.TRUSTED})
"""Origins that do not know of which kind a task is: a callback may come to the wrong address."""
STORED_APART = frozenset({Origin.CLAIM, Origin.REPLY})
"""Origins whose bodies a task is folded without, as there may be any number of them."""
