"""Contradictions: words about one task that cannot all be true. Kept and shown; the provider's answer settles them.

What was said is a set that only grows, so it does not matter in which order it came. The set is bounded by keeping its
greatest members, which keeps that property: the greatest of a union are the greatest of the parts' greatest.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby

from mediarelay.domain.tasks.file_url import identity
from mediarelay.domain.tasks.media import Facts, State
from mediarelay.domain.tasks.origin import AUTHORITY, Origin

OUTCOME = "outcome"
MAX_STATEMENTS = 64
"""Per task: strangers may send any number of claims."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One thing that one origin said: about what (`outcome`, `app_id`, `bucket`, `url`), and which value."""

    subject: str
    value: str
    origin: Origin


@dataclass(frozen=True, slots=True)
class Conflict:
    """Values that contradict each other, each with who said it; `settled` is the provider's own, once it told."""

    subject: str
    values: Mapping[str, tuple[Origin, ...]]
    settled: str | None


def _outcome(facts: Facts) -> State | None:
    """Success and failure exclude each other; that a task was deleted or given up contradicts neither."""
    return facts.state if facts.state in {State.SUCCEEDED, State.FAILED} else None


SUBJECTS: Mapping[str, Callable[[Facts], object]] = {
    OUTCOME: _outcome,
    "app_id": lambda facts: facts.source.place.app_id,
    "bucket": lambda facts: facts.source.place.bucket,
    "url": lambda facts: identity(facts.source.url) if facts.source.url else None,
}


def statements(origin: Origin, facts: Facts) -> frozenset[Statement]:
    """Take from an observation what others may contradict."""
    said = ((subject, read(facts)) for subject, read in SUBJECTS.items())
    return frozenset(Statement(subject, str(value), origin) for subject, value in said if value is not None)


def bounded(said: Iterable[Statement]) -> frozenset[Statement]:
    """Keep the weightiest statements; the provider's own always outweigh claims."""
    return frozenset(sorted(said, key=_weight, reverse=True)[:MAX_STATEMENTS])


def conflicts(said: Iterable[Statement]) -> tuple[Conflict, ...]:
    """Find the subjects about which more than one value was stated."""
    by_subject = groupby(sorted(said, key=_reading_order), key=lambda one: one.subject)
    found = (_conflict(subject, list(group)) for subject, group in by_subject)
    return tuple(conflict for conflict in found if len(conflict.values) > 1)


def _conflict(subject: str, said: list[Statement]) -> Conflict:
    values = {value: tuple(one.origin for one in group) for value, group in groupby(said, key=lambda one: one.value)}
    answered = [value for value, origins in values.items() if Origin.ANSWER in origins]
    return Conflict(subject, values, answered[0] if len(answered) == 1 else None)


def _weight(said: Statement) -> tuple[int, str, str]:
    return AUTHORITY[said.origin], said.subject, said.value


def _reading_order(said: Statement) -> tuple[str, str, int]:
    return said.subject, said.value, -AUTHORITY[said.origin]
