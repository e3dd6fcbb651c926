"""The event log: every notification as it was published, in the order of publication."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

# A cursor stands in URLs, so it has no character that a URL gives a meaning.
_SEPARATOR = "_"
_ID = re.compile(r"[0-9a-f-]{36}", re.ASCII)
_EVERY = "*"
# A part of a type, or several; `*` stands for the rest of a type.
_PATTERN = re.compile(r"[a-z]+(?:\.[a-z]+)*(?:\.\*)?|\*", re.ASCII)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in the event log: a time (UTC), and the id of an event of that time.

    Without an id, it is the place before all events of that time.
    """

    at: datetime
    id: str = ""

    def __str__(self) -> str:
        """Return the text that `read_position` reads. Texts sort as their positions do."""
        time = utc_text(self.at)
        return f"{time}{_SEPARATOR}{self.id}" if self.id else time


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """A notification in the event log.

    Attributes:
        position: Its place: when it was published, and its id.
        type: Its type, such as `mediarelay.task.succeeded`.
        message: The CloudEvent in JSON, exactly as it was published.
    """

    position: Position
    type: str
    message: str


def utc_text(at: datetime) -> str:
    """Return a time as text of fixed length with microseconds, so that texts sort as their times do."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def read_position(text: str) -> Position:
    """Read a position; raise ValueError for any other text."""
    time, separator, identity = text.partition(_SEPARATOR)
    at = datetime.fromisoformat(time)
    if separator and not _ID.fullmatch(identity):
        raise ValueError("must end with the id of an event")
    return Position(at.replace(tzinfo=at.tzinfo or UTC).astimezone(UTC), identity)


def days_between(since: datetime, until: datetime) -> Iterator[date]:
    """Yield the days (UTC) from one time to another, both included."""
    day = since.date()
    while day <= until.date():
        yield day
        day += _DAY


def is_pattern(text: str) -> bool:
    """Return whether a text is a type of events, or the beginning of one and `.*`, or `*` for every type."""
    return _PATTERN.fullmatch(text) is not None


def matches(event_type: str, patterns: tuple[str, ...]) -> bool:
    """Return whether a type matches one of the patterns, or there are none."""
    return not patterns or any(_matches(event_type, pattern) for pattern in patterns)


def _matches(event_type: str, pattern: str) -> bool:
    prefix, star, _ = pattern.partition(_EVERY)
    return event_type.startswith(prefix) if star else event_type == pattern
