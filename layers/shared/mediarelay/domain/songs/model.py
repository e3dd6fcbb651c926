"""Results of ZEGO's SDK about a song, as a game server relays them: the grants of a room and their lifetimes.

Units, everywhere: durations and times to live in milliseconds, sizes in bytes, times in UTC. ZEGO signs
none of this, so none of it may be used for billing.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from mediarelay.domain.songs.errors import ZegoError


class SongType(StrEnum):
    """The type of a request: a whole song, its accompaniment, a long clip, or a short segment."""

    SONG = "song"
    ACCOMPANIMENT = "accompaniment"
    CLIP = "clip"
    SEGMENT = "segment"


@dataclass(frozen=True, slots=True, order=True)
class SongKey:
    """The subject of a lease. Since SDK 3.0.2, members share by these four values."""

    room: str
    song: str
    vendor: int
    type: SongType

    @property
    def log_keys(self) -> dict[str, str]:
        """The log keys of the song."""
        return {"room": self.room, "song": self.song}


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """One file of one quality. `resource_id` is valid only in the SDK instance that received it.

    Attributes:
        size: None if it is not stated (0).
        ttl: The remaining validity; None if it is not stated.
        share_token: From SDKs before 3.0.2, where members share by resource.
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
    """What a successful result grants.

    Attributes:
        shared: It was obtained by sharing (`getSharedResource`), which grants no right to share.
        share_ttl: How long others may share it; None without that right.
        krc_ttl: How long the token for word-by-word lyrics is valid; None without such a token.
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
    """One result of the SDK, as Mediarelay received it.

    Attributes:
        digest: SHA-256 of the relayed content without its signature. It identifies the relay.
        content: SHA-256 of the SDK's result alone.
        sent: When the game server sent it, by its signed clock, at the latest when it arrived. It only orders relays.
        request_id: ZEGO's id of the request that this result answers.
        at: When Mediarelay received it for the first time. All deadlines count from then.
        grant, error: One of them.
        unreadable: ZEGO's fields that could not be read, as paths without list indexes.
    """

    key: SongKey
    digest: str
    content: str = ""
    sent: datetime
    at: datetime
    request_id: str | None = None
    grant: Grant | None = None
    error: ZegoError | None = None
    unreadable: tuple[str, ...] = ()
