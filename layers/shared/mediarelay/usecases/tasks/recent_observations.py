"""Repeats that need no call: a provider that repeats a callback mostly reaches the same execution environment.

| the observation | call | answer |
| --- | --- | --- |
| this environment stored it, or found it stored, in the last five minutes | none | duplicate |
| is stored, and this environment does not know it | a write that the table refuses, and bills | duplicate |
| is new | a write | stored |
| could not be stored | a write that fails | the error; the next repeat tries again |
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from mediarelay.domain.due import Due
from mediarelay.domain.tasks.log import LoggedObservation
from mediarelay.usecases.tasks.receive import ObservationStore

# Providers repeat a callback within seconds to minutes. An item that an operator deletes is missed that long at most.
MAX_AGE_SECONDS = 300
MAX_KNOWN = 1000


class Identity(NamedTuple):
    """What makes two observations the same one."""

    vid: str
    origin: str
    kind: str
    digest: str


@dataclass(frozen=True, slots=True)
class RecentObservations:
    """An observation store that remembers what it has stored in the last five minutes.

    Attributes:
        store: Stores the others.
        clock: Returns monotonic seconds.
    """

    store: ObservationStore
    clock: Callable[[], float]
    _known_until: dict[Identity, float] = field(default_factory=dict)

    def append(self, observation: LoggedObservation, due: Due | None = None) -> bool:
        """Append an observation; return False if it is already there. Raises the errors of the store."""
        identity = Identity(observation.vid, observation.origin, observation.kind, observation.digest)
        if self._known_until.get(identity, 0.0) > self.clock():
            return False
        stored = self.store.append(observation, due)
        self._remember(identity)
        return stored

    def _remember(self, identity: Identity) -> None:
        # A dictionary keeps the order of insertion. One that is known already moves to the end.
        self._known_until.pop(identity, None)
        self._known_until[identity] = self.clock() + MAX_AGE_SECONDS
        if len(self._known_until) > MAX_KNOWN:
            del self._known_until[next(iter(self._known_until))]
