"""The origins of observations."""

from enum import StrEnum


class Origin(StrEnum):
    """Who sent an observation, in ascending order of authority."""

    REPLY = "reply"
    """An answer of the provider that could not be read, or is about another task. It states nothing."""
    TIMEOUT = "timeout"
    """The sweep gave the task up."""
    CLAIM = "claim"
    """A callback. Callbacks are unsigned: anybody with the path token can send one."""
    LISTED = "listed"
    """The provider lists the task among its own. At most unsigned callbacks have named it before."""
    TRACK = "track"
    """A client expects a task (`POST /tasks/video`)."""
    SUBMIT = "submit"
    """A client submitted the task (`POST /tasks/audio`, `POST /tasks/video`)."""
    TRUSTED = "trusted"
    """A callback, with the setting `CallbackTrust=callback`."""
    ANSWER = "answer"
    """A signed query of the provider."""


AUTHORITY = {origin: rank for rank, origin in enumerate(Origin)}
CALLBACKS = frozenset({Origin.CLAIM, Origin.TRUSTED})
# Origins that prove that a task exists.
PROVING_ORIGINS = frozenset({Origin.LISTED, Origin.TRACK, Origin.SUBMIT, Origin.TRUSTED, Origin.ANSWER})
# Origins that do not prove the kind of a task: a callback may arrive at the wrong address, and a list names no kind.
UNCERTAIN = frozenset({Origin.REPLY, Origin.TIMEOUT, Origin.CLAIM, Origin.LISTED, Origin.TRUSTED})
# Origins whose bodies are not loaded with the log, as there may be any number of them.
STORED_APART = frozenset({Origin.CLAIM, Origin.REPLY})
