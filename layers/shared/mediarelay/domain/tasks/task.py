"""A task and its merge.

A task is the fold of its observations. For every origin it keeps the one observation that says most, chosen by a total
order, so merging is a maximum: commutative, associative and idempotent. Everything else (state, outcome, renditions) is
read off these few observations; nothing depends on the order of arrival.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any, TypeVar

from mediarelay.domain.tasks.conflict import OUTCOME, Conflict, Statement, bounded, conflicts, statements
from mediarelay.domain.tasks.media import OUTCOMES, Facts, Fault, Kind, Place, Rendition, Source, State
from mediarelay.domain.tasks.origin import AUTHORITY, TRUSTED_ORIGINS, UNCERTAIN, Origin

Layer = TypeVar("Layer", Source, Place)


PROGRESS = {
    State.EXPECTED: 0,
    State.PENDING: 1,
    State.PROBED: 2,
    State.TRANSCODING: 3,
    State.LOST: 4,
    State.SUPERSEDED: 5,
    State.FAILED: 6,
    State.SUCCEEDED: 7,
}
"""How far each state is. An answer that comes after the task was given up replaces `lost`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """One thing that was said about a task. `digest` identifies its content; `at` is when we heard it (UTC)."""

    origin: Origin
    digest: str
    at: datetime
    facts: Facts


@dataclass(frozen=True, slots=True)
class Task:
    """What all observations of one vid come to: the best of each origin, and what was said that may be contradicted."""

    best: Mapping[Origin, Observation]
    said: frozenset[Statement] = frozenset()

    @property
    def vid(self) -> str:
        """The provider's id of the task."""
        return self._strongest().facts.vid

    @property
    def kind(self) -> Kind:
        """Video or audio, as is certain, else as the strongest observation says."""
        return self.certain_kind or self._strongest().facts.kind

    @property
    def certain_kind(self) -> Kind | None:
        """Video or audio, if somebody says so who knows."""
        certain = [seen.facts.kind for seen in self._by_authority() if seen.origin not in UNCERTAIN]
        return certain[-1] if certain else None

    @property
    def is_known(self) -> bool:
        """Whether a client ordered the task, the provider answered about it, or a trusted callback named it.

        Only claims name all other tasks, and anybody with the path token can make those up.
        """
        return not TRUSTED_ORIGINS.isdisjoint(self.best)

    @property
    def state(self) -> State:
        """The provider's outcome if it told one, else the furthest state that something else than a claim states."""
        decisive = self._decisive()
        return decisive.facts.state if decisive else State.EXPECTED

    @property
    def outcome(self) -> State | None:
        """The terminal state, once there is one."""
        return self.state if self.state in OUTCOMES else None

    @property
    def outcome_at(self) -> datetime | None:
        """When we were told the outcome, or gave the task up; None while there is none."""
        decisive = self._decisive()
        return decisive.at if decisive and decisive.facts.state in OUTCOMES else None

    @property
    def settled(self) -> bool:
        """Whether the provider told an outcome: there is nothing left to ask. What is lost may still be found."""
        return self.outcome not in {None, State.LOST} and not self.disputed

    @property
    def disputed(self) -> bool:
        """Whether trusted callbacks tell different outcomes, and no answer has settled that yet."""
        told = {one.value for one in self.said if one.subject == OUTCOME and one.origin is Origin.TRUSTED}
        return len(told) > 1 and self.lost_at is None and self._told_for_good() is None

    @property
    def lost_at(self) -> datetime | None:
        """When it was given up, if it was."""
        given_up = self.best.get(Origin.TIMEOUT)
        return given_up.at if given_up else None

    @property
    def claimed(self) -> State | None:
        """What callbacks claim, as long as it goes further than what is known, and no outcome is recorded."""
        claim = self.best.get(Origin.CLAIM)
        further = claim and PROGRESS[claim.facts.state] > PROGRESS[self.state]
        return claim.facts.state if claim and further and not self.outcome else None

    @property
    def source(self) -> Source:
        """The source: each field as the strongest observation states it; claims fill gaps until the provider spoke."""
        unwanted = {Origin.CLAIM} if self._told() else set()
        return _overlay(Source, [one.facts.source for one in self._by_authority() if one.origin not in unwanted])

    @property
    def renditions(self) -> tuple[Rendition, ...]:
        """The outputs; an unsigned claim never states them."""
        told = self._told()
        return told.facts.renditions if told else ()

    @property
    def faults(self) -> tuple[Fault, ...]:
        """Why it failed, as the provider says."""
        told = self._told()
        return told.facts.faults if told else ()

    @property
    def conflicts(self) -> tuple[Conflict, ...]:
        """What was said about outcome, account, bucket or file that cannot all be true."""
        final = self._told_for_good()
        return tuple(
            replace(one, settled=final.value) if final and one.subject == OUTCOME and final in one.values else one
            for one in conflicts(self.said)
        )

    @property
    def without_claims(self) -> "Task":
        """What is known without callbacks: an unsigned claim must not decide what an answer is held against."""
        best = dict(self.best)
        best.pop(Origin.CLAIM, None)
        return Task(best, frozenset(one for one in self.said if one.origin is not Origin.CLAIM))

    @property
    def created_at(self) -> datetime:
        """When the task was made: the provider's own time, else when we first heard of it. A claim may state any."""
        certain = [seen.facts.created_at for seen in self._by_authority() if seen.origin is not Origin.CLAIM]
        stated = [time for time in certain if time]
        return stated[-1] if stated else self.heard_at

    @property
    def heard_at(self) -> datetime:
        """When the first of the observations that count came."""
        return min(seen.at for seen in self.best.values())

    @property
    def updated_at(self) -> datetime:
        """When we last learnt something that counts."""
        return max(seen.at for seen in self.best.values())

    def _decisive(self) -> Observation | None:
        """What decides the state; None if there are only claims."""
        told = self._told()
        if told and told.facts.state in OUTCOMES:
            return told
        stated = [seen for origin, seen in self.best.items() if origin is not Origin.CLAIM]
        return max(stated, key=lambda seen: (PROGRESS[seen.facts.state], seen.at), default=None)

    def _told_for_good(self) -> State | None:
        """The outcome that the provider answered."""
        answer = self.best.get(Origin.ANSWER)
        return answer.facts.state if answer and answer.facts.state in OUTCOMES else None

    def _told(self) -> Observation | None:
        """What the provider itself said: an outcome before progress, its signed answer before a trusted callback."""
        told = [self.best[origin] for origin in (Origin.ANSWER, Origin.TRUSTED) if origin in self.best]
        final = [seen for seen in told if seen.facts.state in OUTCOMES]
        return next(iter(final or told), None)

    def _by_authority(self) -> list[Observation]:
        return [self.best[origin] for origin in sorted(self.best, key=AUTHORITY.__getitem__)]

    def _strongest(self) -> Observation:
        return self._by_authority()[-1]


def merge(left: Task, right: Task) -> Task:
    """Join two views of one task: per origin the observation that says most."""
    return Task(_best([*left.best.values(), *right.best.values()]), bounded(left.said | right.said))


def fold(observations: Iterable[Observation]) -> Task:
    """Join observations of one vid, in any order and with any repetition."""
    seen = list(observations)
    said = (statement for one in seen for statement in statements(one.origin, one.facts))
    return Task(_best(seen), bounded(frozenset(said)))


def _best(observations: Iterable[Observation]) -> dict[Origin, Observation]:
    best: dict[Origin, Observation] = {}
    for seen in observations:
        rival = best.get(seen.origin)
        best[seen.origin] = seen if rival is None else max(rival, seen, key=_weight)
    return best


def _weight(seen: Observation) -> tuple[bool, float, int, float, str]:
    """An outcome is final: of one origin the first one stands. Until there is one, the furthest and latest counts."""
    final, at = seen.facts.state in OUTCOMES - {State.LOST}, seen.at.timestamp()
    return final, -at if final else 0.0, PROGRESS[seen.facts.state], at, seen.digest


def _overlay(kind: type[Layer], layers: list[Layer]) -> Layer:
    """Combine dataclasses field by field: the last one that states a field counts."""
    stated = ((item.name, [getattr(layer, item.name) for layer in layers]) for item in fields(kind))
    known = ((name, [value for value in values if value is not None]) for name, values in stated)
    return kind(**{name: _combine(values) for name, values in known if values})


def _combine(values: list[Any]) -> Any:
    return _overlay(Place, values) if isinstance(values[-1], Place) else values[-1]
