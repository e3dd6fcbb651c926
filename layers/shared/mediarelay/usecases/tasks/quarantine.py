"""Quarantine: see what could not be read, and read it again once the reader is mended."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol, TypeVar

from mediarelay.domain.quarantine import QuarantinedBody
from mediarelay.domain.tasks.origin import Origin
from mediarelay.errors import Malformed, TooLarge
from mediarelay.observability import add_log_keys
from mediarelay.usecases.tasks.receive import Receipt

MAX_AT_ONCE = 100
MAX_BYTES = 16 * 2**20
"""Read for one page: bodies may be large, and a page has to be done within the gateway's 30 seconds."""
MAX_SHOWN = 4096
"""Bytes of each body in a list: what is in quarantine may be large, and many."""
Result = TypeVar("Result")


class QuarantineStore(Protocol):
    """Where bodies that could not be read are kept."""

    def bodies(self, day: str, after: str) -> Iterator[QuarantinedBody]:
        """Yield the bodies of one day behind a digest, in the order of digests."""

    def delete(self, quarantined: QuarantinedBody) -> None:
        """Delete a body."""


@dataclass(frozen=True, slots=True)
class Rerun:
    """What came of reading again: how many are tasks' claims now, how many stay, and where to go on (None: the end)."""

    stored: int
    refused: int
    cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantine:
    """Lists and re-runs. `intakes` gives the reader of each route; what comes back is a claim, never believed."""

    store: QuarantineStore
    intakes: Mapping[str, Callable[[QuarantinedBody], Receipt]]

    def page(self, day: str, after: str) -> tuple[list[QuarantinedBody], str | None]:
        """Return some bodies of a day, their beginnings only, and where the next page begins."""
        return self._each(day, after, lambda kept: replace(kept, body=kept.body[:MAX_SHOWN], size=len(kept.body)))

    def rerun(self, day: str, after: str) -> Rerun:
        """Read some bodies of a day again; what can be read now leaves the quarantine."""
        taken, cursor = self._each(day, after, self._again)
        return Rerun(sum(taken), len(taken) - sum(taken), cursor)

    def _each(self, day: str, after: str, use: Callable[[QuarantinedBody], Result]) -> tuple[list[Result], str | None]:
        """Use one body after the other, as many as there is time for; returns where to go on (None: the end)."""
        done, size = list[Result](), 0
        for kept in self.store.bodies(day, after):
            done.append(use(kept))
            size += len(kept.body)
            if len(done) == MAX_AT_ONCE or size >= MAX_BYTES:
                return done, kept.digest
        return done, None

    def _again(self, kept: QuarantinedBody) -> bool:
        if kept.route not in self.intakes:
            return False  # kept without its tokens, so there is nothing to read again
        add_log_keys(vid=None)  # of the body before
        try:
            self.intakes[kept.route](kept)
        except (Malformed, TooLarge):
            return False
        self.store.delete(kept)
        return True


def claiming(take: Callable[[bytes, Origin, datetime], Receipt]) -> Callable[[QuarantinedBody], Receipt]:
    """Make the reader of a route from its intake."""
    return lambda kept: take(kept.body, Origin.CLAIM, kept.at)
