"""Quarantine: list bodies that could not be read, and read them again once the reader is fixed."""

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
# Bytes of bodies in one page: they may be large, and the gateway waits for 30 seconds.
MAX_BYTES = 16 * 2**20
# Bytes of each body in a list.
MAX_SHOWN = 4096
Result = TypeVar("Result")


class QuarantineStore(Protocol):
    """Where bodies that could not be read are kept."""

    def bodies(self, day: str, after: str) -> Iterator[QuarantinedBody]:
        """Yield the bodies of one day behind a digest, in the order of digests."""

    def delete(self, quarantined: QuarantinedBody) -> None:
        """Delete a body."""


@dataclass(frozen=True, slots=True)
class Rerun:
    """The result of reading again: how many bodies became claims, how many stay, and the next cursor, if any."""

    stored: int
    refused: int
    cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantine:
    """Lists bodies and reads them again. `intakes` has the reader of each route; each body becomes a claim."""

    store: QuarantineStore
    intakes: Mapping[str, Callable[[QuarantinedBody], Receipt]]

    def page(self, day: str, after: str) -> tuple[list[QuarantinedBody], str | None]:
        """Return a page of a day's bodies, only their beginnings, and the next cursor."""
        return self._each(day, after, lambda kept: replace(kept, body=kept.body[:MAX_SHOWN], size=len(kept.body)))

    def rerun(self, day: str, after: str) -> Rerun:
        """Read a page of a day's bodies again; those that can be read leave the quarantine."""
        taken, cursor = self._each(day, after, self._again)
        return Rerun(sum(taken), len(taken) - sum(taken), cursor)

    def _each(self, day: str, after: str, use: Callable[[QuarantinedBody], Result]) -> tuple[list[Result], str | None]:
        """Use the bodies of one page, one after the other; return the results and the next cursor (None: the end)."""
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
