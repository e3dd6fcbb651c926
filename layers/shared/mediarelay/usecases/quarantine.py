"""Quarantine: see what could not be read, and read it again once the reader is mended."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import Protocol

from mediarelay.domain.entry import Kept
from mediarelay.domain.origin import Origin
from mediarelay.errors import Malformed, TooLarge
from mediarelay.usecases.receive import Receipt

MOST_AT_ONCE = 100
MOST_SHOWN = 4096
"""Bytes of each body in a list: what is in quarantine may be large, and many."""


class Shelf(Protocol):
    """The part of the ledger that keeps what could not be read."""

    def quarantined(self, day: str, after: str) -> Iterator[Kept]:
        """What one day left, in the order of digests."""

    def release(self, kept: Kept) -> None:
        """Take a body out."""


@dataclass(frozen=True, slots=True)
class Rerun:
    """What came of reading again: how many are tasks' claims now, how many stay, and where to go on (None: the end)."""

    stored: int
    refused: int
    cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantine:
    """Lists and re-runs. `intakes` gives the reader of each route; what comes back is a claim, never believed."""

    shelf: Shelf
    intakes: Mapping[str, Callable[[Kept], Receipt]]

    def page(self, day: str, after: str) -> tuple[list[Kept], str | None]:
        """Return some bodies of a day, their beginnings only, and where the next page begins."""
        found = islice(self.shelf.quarantined(day, after), MOST_AT_ONCE + 1)
        page = [replace(kept, body=kept.body[:MOST_SHOWN], size=len(kept.body)) for kept in found]
        return page[:MOST_AT_ONCE], page[MOST_AT_ONCE - 1].digest if len(page) > MOST_AT_ONCE else None

    def rerun(self, day: str, after: str) -> Rerun:
        """Read some bodies of a day again; what can be read now leaves the quarantine."""
        found = [(kept.digest, self._again(kept)) for kept in islice(self.shelf.quarantined(day, after), MOST_AT_ONCE)]
        stored = sum(taken for _, taken in found)
        return Rerun(stored, len(found) - stored, found[-1][0] if len(found) == MOST_AT_ONCE else None)

    def _again(self, kept: Kept) -> bool:
        if kept.route not in self.intakes:
            return False  # kept without its tokens, so there is nothing to read again
        try:
            self.intakes[kept.route](kept)
        except (Malformed, TooLarge):
            return False
        self.shelf.release(kept)
        return True


def claiming(take: Callable[[bytes, Origin, datetime], Receipt]) -> Callable[[Kept], Receipt]:
    """Make the reader of a route from its intake."""
    return lambda kept: take(kept.body, Origin.CLAIM, kept.at)
