"""What subscribers hear of a lease, and when. Pure: the clock is handed in.

Each acquisition is ready once, about to expire once and expired once; each failure failed once. An acquisition that was
followed by another says nothing more: the newest one speaks for the lease.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from mediarelay.domain.lease import Lease, Part
from mediarelay.domain.song import Relay, SongKey


class News(StrEnum):
    """What may become of a song."""

    READY = "ready"
    FAILED = "failed"
    EXPIRING = "expiring"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Margins:
    """How much earlier than stated everything counts as over, and how long before that subscribers are told."""

    safety: timedelta
    notice: timedelta


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to be said, about one relay, from some time on (UTC)."""

    news: News
    digest: str
    at: datetime

    @property
    def label(self) -> str:
        """How the ledger spells it."""
        return f"{self.news}#{self.digest}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SongBooks:
    """The bookkeeping of a lease: `published` are labels; `version` is raised by each write."""

    version: int = 0
    published: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class SongRecord:
    """All the ledger has about one song of a room.

    Attributes:
        relays: Without their tokens.
        sealed: Of each relay, by digest, the whole of it, sealed.
        waiting: Relays that nobody has folded yet.
        books: Of the lease, if there are any.
    """

    key: SongKey
    relays: tuple[Relay, ...]
    sealed: Mapping[str, tuple[bytes, ...]]
    waiting: frozenset[str]
    books: SongBooks | None


def next_notice(known: Lease, books: SongBooks, margins: Margins, now: datetime) -> Notice | None:
    """What is to be said next, now or later. Of what is over nobody needs to hear that it is about to end."""
    every = sorted(_notices(known, margins), key=lambda notice: notice.at)
    ended = any(notice.news is News.EXPIRED and notice.at <= now for notice in every)
    left = (notice for notice in every if notice.label not in books.published)
    return next((notice for notice in left if not (ended and notice.news is News.EXPIRING)), None)


def _notices(known: Lease, margins: Margins) -> Iterator[Notice]:
    """All that is ever to be said of a lease; ready comes before expiring even if there is hardly any time between."""
    newest, failure = known.newest, known.failure
    if newest:
        first, last = ends(known, margins.safety)
        yield Notice(News.READY, newest.digest, newest.at)
        yield Notice(News.EXPIRING, newest.digest, max(first - margins.notice, newest.at))
        yield Notice(News.EXPIRED, newest.digest, last)
    if failure:
        yield Notice(News.FAILED, failure.digest, failure.at)


def ends(known: Lease, safety: timedelta) -> tuple[datetime, datetime]:
    """When the first part that matters ends, and when nothing can be used or shared any more.

    Of several resources the one that lasts longest counts.
    """
    ends_of: dict[Part, datetime] = {}
    for hold in known.holds(safety):
        ends_of[hold.part] = max(hold.until, ends_of.get(hold.part, hold.until))
    usable = [end for part, end in ends_of.items() if part is not Part.KRC]
    return min(ends_of.values()), max(usable)
