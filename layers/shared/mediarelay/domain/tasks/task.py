"""A task and its merge.

A task is the fold of its observations. For every origin it keeps the one observation that says most, chosen by a total
order, so merging is a maximum: commutative, associative and idempotent. Everything else (state, outcome, renditions) is
read off these few observations; nothing depends on the order of arrival.
"""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import Any, TypeVar

from mediarelay.domain.tasks.conflict import OUTCOME, Conflict, Statement, bounded, conflicts, statements
from mediarelay.domain.tasks.facts import Facts, Fault, Place, Rendition, Source
from mediarelay.domain.tasks.intent import is_submission
from mediarelay.domain.tasks.media import OUTCOMES, Kind, State
from mediarelay.domain.tasks.origin import AUTHORITY, PROVING_ORIGINS, UNCERTAIN, Origin

Layer = TypeVar("Layer", Source, Place)
# Fields by which clients find their tasks again.
NAMES = ("reference", "submission")
# Observations that follow a submit: the provider made the task, or named the one of the upload.
LOGGED_SUBMITS = frozenset({Origin.SUBMIT, Origin.TRACK})

# The order of the states. `lost` comes before the provider's outcomes: an answer after the timeout replaces it.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """One observation of a task, as it was read.

    Attributes:
        origin: Who sent it.
        digest: SHA-256 of its body in hex; it identifies the content.
        at: When Mediarelay received it (UTC).
        facts: What it states.
    """

    origin: Origin
    digest: str
    at: datetime
    facts: Facts


@dataclass(frozen=True, slots=True)
class Task:
    """The fold of all observations of one vid.

    Attributes:
        best: The strongest observation of each origin; at least one.
        statements: What observations state about outcome, account, bucket, file and reference, which others may
            contradict.
        named: By field, the strongest observation of each origin among those that state it: a later request that
            states no reference does not take an earlier one back.
    """

    best: Mapping[Origin, Observation]
    statements: frozenset[Statement] = frozenset()
    named: Mapping[str, Mapping[Origin, Observation]] = field(default_factory=dict)

    @property
    def vid(self) -> str:
        """The provider's id of the task."""
        return self._strongest().facts.vid

    @property
    def kind(self) -> Kind:
        """The certain kind; without one, the kind that the strongest observation states."""
        return self.certain_kind or self._strongest().facts.kind

    @property
    def certain_kind(self) -> Kind | None:
        """The kind that a client or an answer states. Callbacks do not count: one may arrive at the wrong address."""
        # The last one is the strongest.
        certain = [one.facts.kind for one in self._by_authority() if one.origin not in UNCERTAIN]
        return certain[-1] if certain else None

    @property
    def is_known(self) -> bool:
        """Whether a client requested the task, the provider answered about it, or a trusted callback named it.

        Only claims name all other tasks. Anybody with the path token can invent those.
        """
        return not PROVING_ORIGINS.isdisjoint(self.best)

    @property
    def is_only_claimed(self) -> bool:
        """Whether there is nothing but claims."""
        return self.best.keys() == {Origin.CLAIM}

    @property
    def state(self) -> State:
        """The provider's outcome if it stated one; otherwise the furthest state that anything but a claim states."""
        decisive = self._decisive()
        return decisive.facts.state if decisive else State.EXPECTED

    @property
    def outcome(self) -> State | None:
        """The terminal state, once there is one."""
        return self.state if self.state in OUTCOMES else None

    @property
    def outcome_at(self) -> datetime | None:
        """When the outcome arrived, or the task was given up; None while there is no outcome."""
        decisive = self._decisive()
        return decisive.at if decisive and decisive.facts.state in OUTCOMES else None

    @property
    def is_final(self) -> bool:
        """Whether the provider stated an outcome, so that no query is needed. A lost task may still be found."""
        return self.outcome not in {None, State.LOST} and not self.disputed

    @property
    def disputed(self) -> bool:
        """Whether trusted callbacks state different outcomes, and neither an answer nor a timeout has decided."""
        trusted = {one.value for one in self.statements if (one.subject, one.origin) == (OUTCOME, Origin.TRUSTED)}
        return len(trusted) > 1 and self.lost_at is None and self._answered_outcome() is None

    @property
    def lost_at(self) -> datetime | None:
        """When the task was given up, if it was."""
        timeout = self.best.get(Origin.TIMEOUT)
        return timeout.at if timeout else None

    @property
    def claimed(self) -> State | None:
        """The state that callbacks claim, if it goes further than the known state and no outcome is recorded."""
        claim = self.best.get(Origin.CLAIM)
        further = claim and PROGRESS[claim.facts.state] > PROGRESS[self.state]
        return claim.facts.state if claim and further and not self.outcome else None

    @property
    def source(self) -> Source:
        """The source, each field as the strongest observation states it.

        Claims fill gaps until the provider has stated anything itself.
        """
        return _overlay(Source, [one.facts.source for one in self._believed()])

    @property
    def renditions(self) -> tuple[Rendition, ...]:
        """The outputs; an unsigned claim never states them."""
        stated = self._from_provider()
        return stated.facts.renditions if stated else ()

    @property
    def faults(self) -> tuple[Fault, ...]:
        """The errors that the provider states."""
        stated = self._from_provider()
        return stated.facts.faults if stated else ()

    @property
    def partial(self) -> bool:
        """Whether the provider states that some outputs succeeded and others did not; an unsigned claim never does."""
        stated = self._from_provider()
        return stated is not None and stated.facts.partial

    @property
    def progress(self) -> int | None:
        """How much of an open task is done, in percent, as the provider last stated it; None if it states nothing."""
        stated = self._from_provider()
        return stated.facts.progress if stated and self.outcome is None else None

    @property
    def reference(self) -> str | None:
        """The client's own reference, as the strongest origin states it; of several of one origin, the latest.

        An unsigned claim never states it: clients find their orders by it, and a claim may name any order.
        """
        return self._named("reference", set(Origin) - {Origin.CLAIM})

    @property
    def submission(self) -> str | None:
        """The submission that made the task: as our log states it, otherwise as the provider does in our form."""
        stated = self.stated_submission
        return self._named("submission", LOGGED_SUBMITS) or (stated if is_submission(stated or "") else None)

    @property
    def stated_submission(self) -> str | None:
        """The id that the provider says the task was submitted with, which may be that of another system.

        An unsigned claim never states it.
        """
        stated = self._from_provider()
        return stated.facts.submission if stated else None

    def _named(self, name: str, origins: AbstractSet[Origin]) -> str | None:
        """Return a field as the strongest of some origins states it."""
        stated = self.named.get(name, {})
        strongest = max(stated.keys() & origins, key=AUTHORITY.__getitem__, default=None)
        return getattr(stated[strongest].facts, name) if strongest else None

    @property
    def conflicts(self) -> tuple[Conflict, ...]:
        """Statements about outcome, account, bucket or file that cannot all be true."""
        final = self._answered_outcome()
        return tuple(
            replace(one, settled=final.value) if final and one.subject == OUTCOME and final in one.values else one
            for one in conflicts(self.statements)
        )

    @property
    def binding_statements(self) -> frozenset[Statement]:
        """The statements that an answer must agree with. Unsigned claims must not decide which answer is accepted."""
        return frozenset(one for one in self.statements if one.origin is not Origin.CLAIM)

    @property
    def created_at(self) -> datetime:
        """The time of creation that the provider states; otherwise the time of the first observation.

        A claim's time does not count: it may be any.
        """
        certain = [one.facts.created_at for one in self._by_authority() if one.origin is not Origin.CLAIM]
        stated = [time for time in certain if time]
        return stated[-1] if stated else self.first_observed_at

    @property
    def first_observed_at(self) -> datetime:
        """When the first of the strongest observations arrived."""
        return min(one.at for one in self.best.values())

    @property
    def updated_at(self) -> datetime:
        """When the last of the strongest observations arrived."""
        return max(one.at for one in self.best.values())

    def _decisive(self) -> Observation | None:
        """Return the observation that decides the state; None if there are only claims."""
        # An outcome of the provider stands, whatever clients or callbacks state later.
        stated = self._from_provider()
        if stated and stated.facts.state in OUTCOMES:
            return stated
        others = [one for origin, one in self.best.items() if origin is not Origin.CLAIM]
        return max(others, key=lambda one: (PROGRESS[one.facts.state], one.at), default=None)

    def _answered_outcome(self) -> State | None:
        """Return the outcome that a signed answer states."""
        answer = self.best.get(Origin.ANSWER)
        return answer.facts.state if answer and answer.facts.state in OUTCOMES else None

    def _from_provider(self) -> Observation | None:
        """Return what the provider stated: an outcome before progress, an answer before a trusted callback."""
        stated = [self.best[origin] for origin in (Origin.ANSWER, Origin.TRUSTED) if origin in self.best]
        final = [one for one in stated if one.facts.state in OUTCOMES]
        return next(iter(final or stated), None)

    def _believed(self) -> list[Observation]:
        """Return the observations in ascending authority, without claims once the provider has stated anything."""
        ignored = {Origin.CLAIM} if self._from_provider() else set()
        return [one for one in self._by_authority() if one.origin not in ignored]

    def _by_authority(self) -> list[Observation]:
        return [self.best[origin] for origin in sorted(self.best, key=AUTHORITY.__getitem__)]

    def _strongest(self) -> Observation:
        return self._by_authority()[-1]


def merge(left: Task, right: Task) -> Task:
    """Join two views of one task: per origin the observation that says most."""
    named = {name: _best([*left.named.get(name, {}).values(), *right.named.get(name, {}).values()]) for name in NAMES}
    return Task(_best([*left.best.values(), *right.best.values()]), bounded(left.statements | right.statements), named)


def fold(observations: Iterable[Observation]) -> Task:
    """Join observations of one vid, in any order and with any repetition."""
    known = list(observations)
    stated = (statement for one in known for statement in statements(one.origin, one.facts))
    named = {name: _best(one for one in known if getattr(one.facts, name)) for name in NAMES}
    return Task(_best(known), bounded(frozenset(stated)), named)


def _best(observations: Iterable[Observation]) -> dict[Origin, Observation]:
    best: dict[Origin, Observation] = {}
    for one in observations:
        rival = best.get(one.origin)
        best[one.origin] = one if rival is None else max(rival, one, key=_weight)
    return best


def _weight(one: Observation) -> tuple[bool, float, int, float, str]:
    """Order the observations of one origin.

    An outcome is final, so the first one stands; until there is one, the furthest state counts, then the latest.
    """
    final, at = one.facts.state in OUTCOMES - {State.LOST}, one.at.timestamp()
    return final, -at if final else 0.0, PROGRESS[one.facts.state], at, one.digest


def _overlay(kind: type[Layer], layers: list[Layer]) -> Layer:
    """Combine dataclasses field by field: the last one that states a field counts."""
    stated = ((item.name, [getattr(layer, item.name) for layer in layers]) for item in fields(kind))
    known = ((name, [value for value in values if value is not None]) for name, values in stated)
    return kind(**{name: _combine(values) for name, values in known if values})


def _combine(values: list[Any]) -> Any:
    return _overlay(Place, values) if isinstance(values[-1], Place) else values[-1]
