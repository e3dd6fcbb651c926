"""The lifecycle of a song: what subscribers learn about it, and when.

    acquisition ─▶ ready ─▶ expiring (the notice before its first end) ─▶ expired (its last usable part has ended)
    failure     ─▶ failed

Each acquisition causes each of its events once; each failure is published once. An acquisition that is followed by
another one causes no further events. If an older acquisition arrives late and makes an expired song usable again, the
song expires once more, under another label.

The functions are pure: the caller passes the time.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from mediarelay.domain.songs.lease import Entitlement, Lease, Part
from mediarelay.domain.songs.model import Relay, SongKey

# The latest relays of a song whose published events are remembered; all labels have to fit into one item.
MAX_PUBLISHED_RELAYS = 500


class SongEventType(StrEnum):
    """What may happen to a song."""

    READY = "ready"
    FAILED = "failed"
    EXPIRING = "expiring"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Margins:
    """Safety margins.

    Attributes:
        safety: Subtracted from every deadline.
        notice: How long before the first end subscribers are notified.
    """

    safety: timedelta
    notice: timedelta


@dataclass(frozen=True, slots=True)
class SongEvent:
    """An event and the time (UTC) from which it is published.

    `about` names the relay; for an end, also the part that ends and the relay that granted it.
    """

    type: SongEventType
    about: str
    at: datetime

    @property
    def label(self) -> str:
        """The text that the ledger stores once the event is published."""
        return f"{self.type}#{self.about}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SongBookkeeping:
    """The bookkeeping of a song.

    Attributes:
        version: Raised by each write. A writer that read another version starts over.
        published: Labels of the events that were published.
    """

    version: int = 0
    published: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class StoredRelay:
    """A relay as it is stored: `body` is its JSON without tokens, `encrypted` all of it."""

    body: bytes
    encrypted: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SongLog:
    """Everything that the ledger holds about one song of a room.

    Attributes:
        relays: The relays, without their tokens.
        stored: Each relay as it is stored, by digest.
        unfolded: Digests of the relays that no fold has taken into account yet.
        bookkeeping: None before the first fold.
    """

    key: SongKey
    relays: tuple[Relay, ...]
    stored: Mapping[str, StoredRelay]
    unfolded: frozenset[str]
    bookkeeping: SongBookkeeping | None


def next_event(lease: Lease, bookkeeping: SongBookkeeping, margins: Margins, now: datetime) -> SongEvent | None:
    """Return the earliest event that is not published yet, due now or later; None if there is none.

    After the end, a notice that was not published in time is left out.
    """
    events = sorted(_events(lease, bookkeeping, margins), key=lambda event: event.at)
    # A notice that comes after the end would tell subscribers nothing new.
    ended = any(event.type is SongEventType.EXPIRED and event.at <= now for event in events)
    unpublished = (event for event in events if event.label not in bookkeeping.published)
    return next((event for event in unpublished if not (ended and event.type is SongEventType.EXPIRING)), None)


def prune_published(lease: Lease, published: frozenset[str]) -> frozenset[str]:
    """Drop the labels of relays that neither count any more nor are among the latest: their events cannot recur."""
    counting = [lease.newest, lease.failure, *(lease.relays[one.digest] for one in lease.entitlements(timedelta()))]
    kept = {_short(relay.digest) for relay in (*counting, *lease.latest(MAX_PUBLISHED_RELAYS)) if relay}
    return frozenset(label for label in published if kept.intersection(label.split("#")))


def _events(lease: Lease, bookkeeping: SongBookkeeping, margins: Margins) -> Iterator[SongEvent]:
    """Yield all events of a lease. `ready` comes first, so that it keeps its place when all have the same time."""
    if lease.newest:
        yield SongEvent(SongEventType.READY, _short(lease.newest.digest), lease.newest.at)
        yield from _ends(lease, lease.newest, bookkeeping, margins)
    if lease.failure:
        yield SongEvent(SongEventType.FAILED, _short(lease.failure.digest), lease.failure.at)


def _ends(lease: Lease, newest: Relay, bookkeeping: SongBookkeeping, margins: Margins) -> Iterator[SongEvent]:
    """Yield the notice of the first end, unless there was one, and the end of the last usable part.

    A part that was over when its relay arrived never ends: no room could use it.
    """
    parts = _longest(
        one for one in lease.entitlements(margins.safety) if one.until > max(newest.at, lease.relays[one.digest].at)
    )
    noticed = [label for label in bookkeeping.published if label.startswith(SongEventType.EXPIRING)]
    coming = [one for one in parts if not any(label.endswith(_name(one)) for label in noticed)]
    # One notice per acquisition: subscribers act on the first one, a second part that ends changes nothing for them.
    if coming and _short(newest.digest) not in map(_relay_of, noticed):
        first = min(coming, key=lambda one: one.until)
        about = f"{_short(newest.digest)}#{_name(first)}"
        yield SongEvent(SongEventType.EXPIRING, about, max(first.until - margins.notice, newest.at))
    # Lyrics alone are of no use, so their end is not the end of the song.
    usable = [one for one in parts if one.part is not Part.KRC]
    last = max(usable, key=lambda one: one.until, default=None)
    yield SongEvent(SongEventType.EXPIRED, _expired(newest, last, bookkeeping), last.until if last else newest.at)


def _expired(newest: Relay, last: Entitlement | None, bookkeeping: SongBookkeeping) -> str:
    """Return what the end of a song is about.

    An end that was published keeps its text, so that it is not published again under another one; unless an older
    acquisition has made the song usable again since.
    """
    own = _short(newest.digest)
    before = [label for label in bookkeeping.published if label.startswith(f"{SongEventType.EXPIRED}#{own}")]
    if before and (last is None or last.digest == newest.digest):
        return before[0].removeprefix(f"{SongEventType.EXPIRED}#")
    return f"{own}#{_name(last)}" if last else own


def _relay_of(label: str) -> str:
    """Return the relay that a label is about."""
    return label.split("#")[1]


def _name(entitlement: Entitlement) -> str:
    return f"{entitlement.part}#{_short(entitlement.digest)}"


def _short(digest: str) -> str:
    """Return enough of a digest to tell the relays of one song apart."""
    return digest[:16]


def _longest(entitlements: Iterable[Entitlement]) -> list[Entitlement]:
    """Return for each part the entitlement that lasts longest."""
    found: dict[Part, Entitlement] = {}
    for one in entitlements:
        found[one.part] = max(one, found.get(one.part, one), key=lambda entitlement: entitlement.until)
    return list(found.values())
