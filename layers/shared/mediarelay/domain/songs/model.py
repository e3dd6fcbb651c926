"""What ZEGO's SDK says about a song, as a game server relays it: who may use what of it, and for how long.

Units, everywhere: durations and times to live in milliseconds, sizes in bytes, times in UTC. Nothing here is signed by
ZEGO, so nothing here is a basis for billing.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from mediarelay.domain.songs.errors import SongError


class SongType(StrEnum):
    """What was asked for: a whole song, its accompaniment, a long clip, a short segment."""

    SONG = "song"
    ACCOMPANIMENT = "accompaniment"
    CLIP = "clip"
    SEGMENT = "segment"


@dataclass(frozen=True, slots=True, order=True)
class SongKey:
    """What a lease is about: since SDK 3.0.2 sharing goes by these four."""

    room: str
    song: str
    vendor: int
    type: SongType


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """One file, of one quality. `resource_id` is good only inside the SDK instance that got it.

    Attributes:
        size: None where it is not stated (0).
        ttl: What is left of its validity; None where it is not stated.
        share_token: Of the old SDK, where sharing went by resource.
    """

    resource_id: str = field(repr=False)
    quality: str | None = None
    size: int | None = None
    ttl: int | None = None
    share_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a song or of a clip, in milliseconds from its start."""

    begin: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What a success gives.

    Attributes:
        shared: It was got by sharing (`getSharedResource`), so it gives nobody the right to share.
        share_ttl: How long others may share it; None where that is not given.
        krc_ttl: How long the token for word-by-word lyrics is good; None without such a token.
        segment: Which part of the song a clip is; `others` are parts of the clip.
    """

    resources: tuple[Resource, ...]
    shared: bool = False
    share_token: str | None = field(default=None, repr=False)
    share_ttl: int | None = None
    krc_token: str | None = field(default=None, repr=False)
    krc_ttl: int | None = None
    name: str | None = None
    singer: str | None = None
    duration: int | None = None
    has_original: bool | None = None
    segment: Span | None = None
    prelude: int | None = None
    others: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Relay:
    """One result of the SDK, as it reached us.

    Attributes:
        digest: SHA-256 of what was relayed, without its signature: the identity of the relay.
        content: SHA-256 of the SDK's result alone.
        sent: When the relaying server sent it, by its signed clock, but never after we had it: it only orders relays.
        request_id: ZEGO's id of the request that this answers.
        at: When we received it for the first time: all deadlines count from here.
        grant, error: One of them.
        unreadable: Names of ZEGO's fields that could not be read, with their paths and without the numbers of lists.
    """

    key: SongKey
    digest: str
    content: str = ""
    sent: datetime
    at: datetime
    request_id: str | None = None
    grant: Grant | None = None
    error: SongError | None = None
    unreadable: tuple[str, ...] = ()
