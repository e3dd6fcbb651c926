"""What subscribers hear of a lease, and when. Pure: the clock is handed in.

Each acquisition is ready once, about to expire once and expired once (again, if an older one that came late revived
it); each failure failed once. An acquisition that was followed by another says nothing more: the newest one speaks.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from mediarelay.domain.songs.lease import Entitlement, Lease, Part
from mediarelay.domain.songs.model import Relay, SongKey

MAX_PUBLISHED_RELAYS = 500
"""Relays of one song of which it is noted what was said: all of it has to fit one item."""


class SongEventType(StrEnum):
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
class SongEvent:
    """Something to be said from some time on (UTC); `about` names the relay, and of an end what ends."""

    news: SongEventType
    about: str
    at: datetime

    @property
    def label(self) -> str:
        """How the ledger spells it."""
        return f"{self.news}#{self.about}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SongBookkeeping:
    """The bookkeeping of a lease: `published` are labels; `version` is raised by each write."""

    version: int = 0
    published: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class StoredRelay:
    """A stored relay: `body` is JSON without its tokens, `encrypted` the whole of it."""

    body: bytes
    encrypted: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SongLog:
    """Everything that the ledger holds about one song of a room.

    Attributes:
        relays: The relays, without their tokens.
        stored: Each relay as it is stored, by digest.
        unfolded: The digests of relays that the lease was not computed with yet.
        bookkeeping: That of the lease, if there is one that can be read.
    """

    key: SongKey
    relays: tuple[Relay, ...]
    stored: Mapping[str, StoredRelay]
    unfolded: frozenset[str]
    bookkeeping: SongBookkeeping | None


def next_event(known: Lease, books: SongBookkeeping, margins: Margins, now: datetime) -> SongEvent | None:
    """What is to be said next, now or later. Of what is over nobody needs to hear that it is about to end."""
    every = sorted(_notices(known, books, margins), key=lambda notice: notice.at)
    ended = any(notice.news is SongEventType.EXPIRED and notice.at <= now for notice in every)
    left = (notice for notice in every if notice.label not in books.published)
    return next((notice for notice in left if not (ended and notice.news is SongEventType.EXPIRING)), None)


def _notices(known: Lease, books: SongBookkeeping, margins: Margins) -> Iterator[SongEvent]:
    """All that is ever to be said of a lease; ready comes before the rest even if there is no time between."""
    if known.newest:
        yield SongEvent(SongEventType.READY, _short(known.newest.digest), known.newest.at)
        yield from _ends(known, known.newest, books, margins)
    if known.failure:
        yield SongEvent(SongEventType.FAILED, _short(known.failure.digest), known.failure.at)


def _ends(known: Lease, newest: Relay, books: SongBookkeeping, margins: Margins) -> Iterator[SongEvent]:
    """The first end that was not announced before, and the last of what can be used or shared.

    What was over when it came ends nothing.
    """
    parts = _longest(
        hold for hold in known.entitlements(margins.safety) if hold.until > max(newest.at, _came(known, hold))
    )
    warned = [label for label in books.published if label.startswith(SongEventType.EXPIRING)]
    coming = [hold for hold in parts if not any(label.endswith(_what(hold)) for label in warned)]
    if coming and _short(newest.digest) not in map(_whom, warned):
        first = min(coming, key=lambda hold: hold.until)
        about = f"{_short(newest.digest)}#{_what(first)}"
        yield SongEvent(SongEventType.EXPIRING, about, max(first.until - margins.notice, newest.at))
    usable = [hold for hold in parts if hold.part is not Part.KRC]
    last = max(usable, key=lambda hold: hold.until, default=None)
    yield SongEvent(SongEventType.EXPIRED, _over(newest, last, books), last.until if last else newest.at)


def _over(newest: Relay, last: Entitlement | None, books: SongBookkeeping) -> str:
    """What an end is about: what was said to have ended it before, unless an older acquisition revived it since."""
    own = _short(newest.digest)
    before = [label for label in books.published if label.startswith(f"{SongEventType.EXPIRED}#{own}")]
    if before and (last is None or last.digest == newest.digest):
        return before[0].removeprefix(f"{SongEventType.EXPIRED}#")
    return f"{own}#{_what(last)}" if last else own


def prune_published(known: Lease, published: frozenset[str]) -> frozenset[str]:
    """Of what was said, that which is about relays that still count or came lately: nobody says the rest again."""
    counting = [known.newest, known.failure, *(known.relays[hold.digest] for hold in known.entitlements(timedelta()))]
    there = {_short(relay.digest) for relay in (*counting, *known.latest(MAX_PUBLISHED_RELAYS)) if relay}
    return frozenset(label for label in published if there.intersection(label.split("#")))


def _whom(label: str) -> str:
    """The relay of which a label speaks."""
    return label.split("#")[1]


def _came(known: Lease, hold: Entitlement) -> datetime:
    return known.relays[hold.digest].at


def _what(hold: Entitlement) -> str:
    return f"{hold.part}#{_short(hold.digest)}"


def _short(digest: str) -> str:
    return digest[:16]


def _longest(holds: Iterable[Entitlement]) -> list[Entitlement]:
    """Of each part the hold that lasts longest."""
    found: dict[Part, Entitlement] = {}
    for hold in holds:
        found[hold.part] = max(hold, found.get(hold.part, hold), key=lambda one: one.until)
    return list(found.values())
