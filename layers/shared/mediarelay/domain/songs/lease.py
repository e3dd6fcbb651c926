"""A lease: what a room may use of a song, and until when. Pure: the clock is handed in.

A lease is the set of all relays about one song. Sets only grow, so joining them is commutative, associative and
idempotent, and everything else is read off the set: nothing depends on the order of arrival. Of each result only its
first receipt counts, so a repeat never makes anything last longer.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from mediarelay.domain.songs.errors import NO_PITCH, SHARE_ENDED, ErrorClass, SongError
from mediarelay.domain.songs.model import Grant, Relay, Resource, SongKey

LONGEST = timedelta(hours=24)
"""ZEGO: no resource is valid for longer."""
LAST_RESORT = timedelta(hours=1)
"""Of a resource that does not state its validity: as long as a share token lasts by default."""
HARMLESS = frozenset({ErrorClass.INFORMATION, ErrorClass.WAIT, ErrorClass.USE_WHAT_YOU_HAVE})
"""Errors that say nothing about what the room has."""


class Part(StrEnum):
    """What of a lease may end by itself."""

    SHARE = "share"
    KRC = "krc"
    RESOURCE = "resource"


class Next(StrEnum):
    """What a client should do about a song."""

    USE = "use"
    SHARE = "share"
    ACQUIRE = "acquire"
    GIVE_UP = "give_up"


AFTER = {
    ErrorClass.PERMANENT: Next.GIVE_UP,
    ErrorClass.FIX: Next.GIVE_UP,
    ErrorClass.USE_WHAT_YOU_HAVE: Next.USE,
    ErrorClass.WAIT: Next.USE,
}
"""What to do after the last error, if nothing is good any more; else a member must acquire it."""


@dataclass(frozen=True, slots=True)
class Entitlement:
    """One part that is held: until when (UTC), by which relay, and what it is."""

    part: Part
    until: datetime
    digest: str
    token: str | None = field(default=None, repr=False)
    resource: Resource | None = None

    def left(self, now: datetime) -> int:
        """Milliseconds left; 0 if it is over."""
        return max(0, (self.until - now) // timedelta(milliseconds=1))


@dataclass(frozen=True, slots=True)
class Lease:
    """All relays about one song, by digest, each with its first receipt."""

    relays: Mapping[str, Relay]

    @property
    def key(self) -> SongKey:
        """What it is about."""
        return next(iter(self.relays.values())).key

    @property
    def newest(self) -> Relay | None:
        """The acquisition that counts: the last one sent."""
        return self._last(relay for relay in self.relays.values() if relay.grant)

    @property
    def acquired(self) -> Relay | None:
        """The last acquisition that lets others share, unless sharing ended since."""
        ended = self._last(one for one in self.relays.values() if one.error and one.error.code == SHARE_ENDED)
        return self._last(
            relay
            for relay in self.relays.values()
            if _shares(relay) and (ended is None or _order(relay) > _order(ended))
        )

    @property
    def failure(self) -> Relay | None:
        """The last error that says something about what the room has, unless something was got since."""
        return self._since(lambda error, _at: not _is_harmless(error))

    @property
    def last_error(self) -> Relay | None:
        """The last error of any kind, unless something was got since."""
        return self._since(lambda _error, _at: True)

    def last_word(self, now: datetime) -> SongError | None:
        """What the last error that matters says: that somebody has the song is believed for an hour."""
        last = self._since(lambda error, at: _matters(error, now - at))
        return last.error if last else None

    def latest(self, count: int) -> list[Relay]:
        """The last so many that were sent."""
        return sorted(self.relays.values(), key=_order)[-count:]

    def _since(self, counts: Callable[[SongError, datetime], bool]) -> Relay | None:
        """The last error that counts, unless something was got since."""
        last = self._last(one for one in self.relays.values() if one.error and counts(one.error, one.at))
        return last if last and (self.newest is None or _order(last) > _order(self.newest)) else None

    @property
    def conflicts(self) -> tuple[str, ...]:
        """Request ids under which different results were relayed: one of them is not ZEGO's."""
        ids = Counter(name for name, _ in {(relay.request_id, relay.content) for relay in self.relays.values()} if name)
        return tuple(sorted(name for name, count in ids.items() if count > 1))

    def entitlements(self, margin: timedelta) -> tuple[Entitlement, ...]:
        """What was got and until when, all in all `margin` earlier than it really ends."""
        return tuple(replace(hold, until=hold.until - margin) for hold in self._entitlements())

    def _entitlements(self) -> Iterator[Entitlement]:
        lyrics = self._last(relay for relay in self.relays.values() if relay.grant and relay.grant.krc_token)
        if self.acquired and (grant := self.acquired.grant):
            until = _until(self.acquired, grant.share_ttl)
            yield Entitlement(Part.SHARE, until, self.acquired.digest, grant.share_token)
        if lyrics and (grant := lyrics.grant):
            yield Entitlement(Part.KRC, _until(lyrics, grant.krc_ttl), lyrics.digest, grant.krc_token)
        if self.newest and (grant := self.newest.grant):
            yield from (_resource_hold(self.newest, grant, one) for one in grant.resources)

    @staticmethod
    def _last(relays: Iterable[Relay]) -> Relay | None:
        return max(relays, key=_order, default=None)


@dataclass(frozen=True, slots=True)
class Advice:
    """What to do about a song, and why."""

    next: Next
    why: str


def lease(relays: Iterable[Relay]) -> Lease:
    """Join relays about one song, in any order and with any repetition."""
    found: dict[str, Relay] = {}
    for relay in relays:
        found[relay.digest] = _first(found[relay.digest], relay) if relay.digest in found else relay
    return Lease(found)


def merge(left: Lease, right: Lease) -> Lease:
    """Join two views of one lease."""
    return lease([*left.relays.values(), *right.relays.values()])


def advice(known: Lease, now: datetime, margin: timedelta) -> Advice:
    """Say what a client of the room should do now."""
    alive = {hold.part for hold in known.entitlements(margin) if hold.left(now)}
    if Part.RESOURCE in alive:
        return Advice(Next.USE, "Whoever got the resource may use it" + _sharing(Part.SHARE in alive))
    if Part.SHARE in alive:
        return Advice(Next.SHARE, "The resource is over, the right to share it is not: share it (getSharedResource).")
    error = known.last_word(now)
    if error is None:
        return Advice(Next.ACQUIRE, "Everything is over: a member must request the song again (billed).")
    return Advice(AFTER.get(error.kind, Next.ACQUIRE), error.advice)


def _sharing(possible: bool) -> str:  # noqa: FBT001 - one word of a sentence
    return "; others may share it." if possible else "; nobody else may share it any more."


def _is_harmless(error: SongError) -> bool:
    return error.kind in HARMLESS or error.code in NO_PITCH


def _matters(error: SongError, age: timedelta) -> bool:
    return not _is_harmless(error) or (AFTER.get(error.kind) is Next.USE and age <= LAST_RESORT)


def _first(one: Relay, other: Relay) -> Relay:
    """The same result received twice: the earliest of both times counts, each by itself."""
    return replace(one, at=min(one.at, other.at), sent=min(one.sent, other.sent))


def _order(relay: Relay) -> tuple[datetime, datetime, str]:
    return relay.sent, relay.at, relay.digest


def _shares(relay: Relay) -> bool:
    return relay.grant is not None and relay.grant.share_ttl is not None


def _until(relay: Relay, ttl: int | None) -> datetime:
    """A deadline, from the first receipt; never later than the longest validity."""
    stated = LAST_RESORT if ttl is None else timedelta(milliseconds=ttl)
    return relay.at + min(stated, LONGEST)


def _resource_hold(relay: Relay, grant: Grant, resource: Resource) -> Entitlement:
    """A resource that does not state its validity is taken to last as long as it may be shared."""
    ttl = grant.share_ttl if resource.ttl is None else resource.ttl
    return Entitlement(Part.RESOURCE, _until(relay, ttl), relay.digest, resource=resource)
