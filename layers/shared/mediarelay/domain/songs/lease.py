"""A lease: what a room may use of a song, and until when.

A lease is the set of all relays about one song. Everything else is derived from that set, so nothing depends on the
order of arrival: joining two sets is commutative, associative and idempotent. Only the first receipt of each result
counts, so a repeated result never extends a deadline.

The functions are pure: the caller passes the time.
"""

from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from mediarelay.domain.songs.errors import NO_PITCH, SHARE_ENDED, ErrorClass, ZegoError
from mediarelay.domain.songs.model import Grant, Relay, Resource, SongKey

# ZEGO grants no resource for longer than a day.
MAX_VALIDITY = timedelta(hours=24)
# A resource that does not state its validity gets the default lifetime of a share token.
DEFAULT_VALIDITY = timedelta(hours=1)
# Errors that take nothing away from the room.
HARMLESS = frozenset({ErrorClass.INFORMATION, ErrorClass.WAIT, ErrorClass.USE_WHAT_YOU_HAVE})


class Part(StrEnum):
    """A part of a lease that has a deadline of its own."""

    SHARE = "share"
    KRC = "krc"
    RESOURCE = "resource"


class Next(StrEnum):
    """What a client should do next about a song."""

    USE = "use"
    SHARE = "share"
    ACQUIRE = "acquire"
    GIVE_UP = "give_up"


# The next action after the last error, once nothing is usable. After any other error a member must acquire the song.
AFTER = {
    ErrorClass.PERMANENT: Next.GIVE_UP,
    ErrorClass.FIX: Next.GIVE_UP,
    ErrorClass.USE_WHAT_YOU_HAVE: Next.USE,
    ErrorClass.WAIT: Next.USE,
}


@dataclass(frozen=True, slots=True)
class Entitlement:
    """One part that a room may use until a deadline (UTC).

    `digest` names the relay that granted it. `token` and `resource` are what it grants.
    """

    part: Part
    until: datetime
    digest: str
    token: str | None = field(default=None, repr=False)
    resource: Resource | None = None

    def remaining_ms(self, now: datetime) -> int:
        """Return the milliseconds left; 0 after the deadline."""
        return max(0, (self.until - now) // timedelta(milliseconds=1))


@dataclass(frozen=True, slots=True)
class Lease:
    """All relays about one song, by digest, each as it was first received."""

    relays: Mapping[str, Relay]

    @property
    def key(self) -> SongKey:
        """The room, song, vendor and type."""
        return next(iter(self.relays.values())).key

    @property
    def newest(self) -> Relay | None:
        """The acquisition that was sent last."""
        # Sent, not received: a game server may deliver an old relay late, after an outage.
        return self._last(relay for relay in self.relays.values() if relay.grant)

    @property
    def acquired(self) -> Relay | None:
        """The last acquisition with a right to share, unless an error ended sharing since."""
        ended = self._last(one for one in self.relays.values() if one.error and one.error.code == SHARE_ENDED)
        return self._last(
            relay
            for relay in self.relays.values()
            if _shares(relay) and (ended is None or _order(relay) > _order(ended))
        )

    @property
    def failure(self) -> Relay | None:
        """The last error that takes something away from the room, unless an acquisition followed."""
        return self._since(lambda error, _at: not _is_harmless(error))

    @property
    def last_error(self) -> Relay | None:
        """The last error of any kind, unless an acquisition followed."""
        return self._since(lambda _error, _at: True)

    def last_relevant_error(self, now: datetime) -> ZegoError | None:
        """Return the last error that matters for the next action."""
        last = self._since(lambda error, at: _matters(error, now - at))
        return last.error if last else None

    def latest(self, count: int) -> list[Relay]:
        """Return the `count` relays that were sent last."""
        return sorted(self.relays.values(), key=_order)[-count:]

    def _since(self, counts: Callable[[ZegoError, datetime], bool]) -> Relay | None:
        """Return the last error for which `counts` is true, unless an acquisition followed."""
        last = self._last(one for one in self.relays.values() if one.error and counts(one.error, one.at))
        return last if last and (self.newest is None or _order(last) > _order(self.newest)) else None

    @property
    def conflicts(self) -> tuple[str, ...]:
        """Request ids with different results. ZEGO answers a request once, so one of them is not from ZEGO."""
        # The same request with the same content is only a repeat, so the set drops it first.
        ids = Counter(name for name, _ in {(relay.request_id, relay.content) for relay in self.relays.values()} if name)
        return tuple(sorted(name for name, count in ids.items() if count > 1))

    def entitlements(self, margin: timedelta) -> tuple[Entitlement, ...]:
        """Return what the room may use, with every deadline moved earlier by `margin`."""
        return tuple(replace(one, until=one.until - margin) for one in self._entitlements())

    def _entitlements(self) -> Iterator[Entitlement]:
        lyrics = self._last(relay for relay in self.relays.values() if relay.grant and relay.grant.krc_token)
        if self.acquired and (grant := self.acquired.grant):
            until = _until(self.acquired, grant.share_ttl)
            yield Entitlement(Part.SHARE, until, self.acquired.digest, grant.share_token)
        if lyrics and (grant := lyrics.grant):
            yield Entitlement(Part.KRC, _until(lyrics, grant.krc_ttl), lyrics.digest, grant.krc_token)
        if self.newest and (grant := self.newest.grant):
            yield from (_resource_entitlement(self.newest, grant, one) for one in grant.resources)

    @staticmethod
    def _last(relays: Iterable[Relay]) -> Relay | None:
        return max(relays, key=_order, default=None)


@dataclass(frozen=True, slots=True)
class SongTokens:
    """The valid tokens of a lease. `resources` has one entry for each of its resources, None without a token."""

    share: str | None = field(default=None, repr=False)
    krc: str | None = field(default=None, repr=False)
    resources: tuple[str | None, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class CurrentLease:
    """A lease as it is at a time.

    Attributes:
        at: The time (UTC).
        margin: Moves every deadline earlier.
        tokens: None of them, unless the reader may see them.
    """

    lease: Lease
    at: datetime
    margin: timedelta
    tokens: SongTokens = field(default_factory=SongTokens)

    @property
    def entitlements(self) -> tuple[Entitlement, ...]:
        """What the room may use, or could use until its deadline passed."""
        return self.lease.entitlements(self.margin)


@dataclass(frozen=True, slots=True)
class Advice:
    """What to do next about a song, and why."""

    next: Next
    why: str


def lease(relays: Iterable[Relay]) -> Lease:
    """Join relays about one song; their order and repetitions do not matter."""
    found: dict[str, Relay] = {}
    for relay in relays:
        found[relay.digest] = _first(found[relay.digest], relay) if relay.digest in found else relay
    return Lease(found)


def merge(left: Lease, right: Lease) -> Lease:
    """Join two views of one lease."""
    return lease([*left.relays.values(), *right.relays.values()])


def valid_tokens(current: CurrentLease, readable: Container[str]) -> SongTokens:
    """Return the tokens that are valid now, of the relays whose digests are `readable`."""
    entitlements = current.entitlements
    valid = {one.part: one for one in entitlements if one.remaining_ms(current.at) and one.digest in readable}
    share, krc = valid.get(Part.SHARE), valid.get(Part.KRC)
    # SDKs before 3.0.2 share by resource. Such a token is valid as long as the right to share, not as the resource.
    resources = (
        one.resource.share_token if share and share.digest == one.digest else None
        for one in entitlements
        if one.resource
    )
    return SongTokens(share.token if share else None, krc.token if krc else None, tuple(resources))


def advice(known: Lease, now: datetime, margin: timedelta) -> Advice:
    """Return what a client of the room should do now."""
    # A resource comes first: whoever has one need not pay or share again.
    alive = {one.part for one in known.entitlements(margin) if one.remaining_ms(now)}
    if Part.RESOURCE in alive:
        return Advice(Next.USE, "Whoever got the resource may use it" + _sharing(Part.SHARE in alive))
    if Part.SHARE in alive:
        return Advice(Next.SHARE, "The resource is over, the right to share it is not: share it (getSharedResource).")
    error = known.last_relevant_error(now)
    if error is None:
        return Advice(Next.ACQUIRE, "Everything is over: a member must request the song again (billed).")
    return Advice(AFTER.get(error.kind, Next.ACQUIRE), error.advice)


def _sharing(possible: bool) -> str:  # noqa: FBT001 - one word of a sentence
    return "; others may share it." if possible else "; the right to share it has ended."


def _is_harmless(error: ZegoError) -> bool:
    return error.kind in HARMLESS or error.code in NO_PITCH


def _matters(error: ZegoError, age: timedelta) -> bool:
    """Return whether an error matters for the next action. "Another member has the song" expires after one hour."""
    return not _is_harmless(error) or (AFTER.get(error.kind) is Next.USE and age <= DEFAULT_VALIDITY)


def _first(one: Relay, other: Relay) -> Relay:
    """Join two receipts of one result: the earlier time of receipt and the earlier time of sending count."""
    return replace(one, at=min(one.at, other.at), sent=min(one.sent, other.sent))


def _order(relay: Relay) -> tuple[datetime, datetime, str]:
    # The digest makes the order total, so that every reader picks the same relay.
    return relay.sent, relay.at, relay.digest


def _shares(relay: Relay) -> bool:
    return relay.grant is not None and relay.grant.share_ttl is not None


def _until(relay: Relay, ttl: int | None) -> datetime:
    """Return a deadline, counted from the first receipt; never later than `MAX_VALIDITY`."""
    stated = DEFAULT_VALIDITY if ttl is None else timedelta(milliseconds=ttl)
    # A result is not signed, so an absurd lifetime must not keep a song alive for ever.
    return relay.at + min(stated, MAX_VALIDITY)


def _resource_entitlement(relay: Relay, grant: Grant, resource: Resource) -> Entitlement:
    """Return the entitlement to a resource. Without a validity of its own, it lasts as long as it may be shared."""
    ttl = grant.share_ttl if resource.ttl is None else resource.ttl
    return Entitlement(Part.RESOURCE, _until(relay, ttl), relay.digest, resource=resource)
