"""Contradictions: statements about one task that cannot all be true. A signed answer of the provider settles them.

The statements are a set that only grows, so the order of arrival does not matter. The set is bounded: only its greatest
members are kept, which preserves that property, because the greatest members of a union are among the greatest of its
parts.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby

from mediarelay.domain.tasks.facts import Facts
from mediarelay.domain.tasks.file_url import identity
from mediarelay.domain.tasks.media import State
from mediarelay.domain.tasks.origin import AUTHORITY, Origin

OUTCOME = "outcome"
# Only so many statements of a task are stored: anybody with the path token can send any number of claims.
MAX_STATEMENTS = 64


@dataclass(frozen=True, slots=True)
class Statement:
    """The value that one origin states about a subject: `outcome`, `app_id`, `bucket`, `url` or `reference`."""

    subject: str
    value: str
    origin: Origin


@dataclass(frozen=True, slots=True)
class Conflict:
    """Values of one subject that contradict each other, each with its origins.

    `settled` is the value that a signed answer states, if there is one.
    """

    subject: str
    values: Mapping[str, tuple[Origin, ...]]
    settled: str | None


def _outcome(facts: Facts) -> State | None:
    """Return the outcome that another one can contradict. A deleted or lost task contradicts neither of the two."""
    return facts.state if facts.state in {State.SUCCEEDED, State.FAILED} else None


SUBJECTS: Mapping[str, Callable[[Facts], object]] = {
    OUTCOME: _outcome,
    "app_id": lambda facts: facts.source.place.app_id,
    "bucket": lambda facts: facts.source.place.bucket,
    # Clients and provider spell URLs differently. Two spellings of one file are no contradiction.
    "url": lambda facts: identity(facts.source.url) if facts.source.url else None,
    # Two requests may give one task two references. The task shows one of them, the history both.
    "reference": lambda facts: facts.reference or None,
}


def statements(origin: Origin, facts: Facts) -> frozenset[Statement]:
    """Return what an observation states about the subjects."""
    stated = ((subject, read(facts)) for subject, read in SUBJECTS.items())
    return frozenset(Statement(subject, str(value), origin) for subject, value in stated if value is not None)


def bounded(statements: Iterable[Statement]) -> frozenset[Statement]:
    """Keep the statements of the strongest origins; a signed answer always outranks claims."""
    return frozenset(sorted(statements, key=_weight, reverse=True)[:MAX_STATEMENTS])


def conflicts(statements: Iterable[Statement]) -> tuple[Conflict, ...]:
    """Return the subjects about which more than one value is stated."""
    by_subject = groupby(sorted(statements, key=_reading_order), key=lambda one: one.subject)
    found = (_conflict(subject, list(group)) for subject, group in by_subject)
    return tuple(conflict for conflict in found if len(conflict.values) > 1)


def _conflict(subject: str, statements: list[Statement]) -> Conflict:
    values = {
        value: tuple(one.origin for one in group) for value, group in groupby(statements, key=lambda one: one.value)
    }
    answered = [value for value, origins in values.items() if Origin.ANSWER in origins]
    return Conflict(subject, values, answered[0] if len(answered) == 1 else None)


def _weight(statement: Statement) -> tuple[int, str, str]:
    return AUTHORITY[statement.origin], statement.subject, statement.value


def _reading_order(statement: Statement) -> tuple[str, str, int]:
    return statement.subject, statement.value, -AUTHORITY[statement.origin]
