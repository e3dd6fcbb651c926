"""Songs over HTTP: the songs that a room may use, and the relays about a song."""

from collections.abc import Iterable
from datetime import datetime
from itertools import chain, repeat
from typing import Any

from pydantic import Field, ValidationInfo, field_validator

from mediarelay.contracts.api.base import FlagText, Name, QueryModel, ResponseModel
from mediarelay.contracts.api.bodies import show_body
from mediarelay.domain.songs.errors import ErrorClass
from mediarelay.domain.songs.history import LoggedRelay, RelayHistory
from mediarelay.domain.songs.lease import CurrentLease, Next, Part, advice
from mediarelay.domain.songs.model import SongType

# These fields have the same name and form in a grant and in a response.
LEASE_DETAILS = ("name", "singer", "duration", "has_original", "prelude")
# SNS limits the size of a notification, and a game server could relay any number of contradicting results.
MAX_CONFLICTS = 20


class TokensQuery(QueryModel):
    """`GET /rooms/{room_id}/songs/{song_id}`."""

    tokens: FlagText = Field(default=False, description="Show unexpired tokens; requires the scope read:tokens")


class SongNames(QueryModel):
    """A room, or one song in it."""

    room_id: Name = Field(description="The room's id, as it was relayed")
    song_id: Name | None = Field(default=None, description="The song's id, as it was relayed")


class SongQuery(SongNames):
    """`GET /songs/history`: a song in a room."""

    song_id: Name = Field(description="The song's id, as it was relayed")


class SongsQuery(TokensQuery, SongNames):
    """`GET /songs`: the songs of a room, or one of them."""

    @field_validator("tokens")
    @classmethod
    def _of_one(cls, tokens: bool, others: ValidationInfo) -> bool:  # noqa: FBT001 - pydantic calls it
        if tokens and others.data.get("song_id") is None:
            raise ValueError("requires song_id: tokens are shown for one song only")
        return tokens


class SongError(ResponseModel):
    """Why the room could not acquire a song: ZEGO's code, the class of that error, and advice for the operator."""

    code: int
    kind: ErrorClass
    advice: str


class SongResource(ResponseModel):
    """A file of a song in one quality. A client that acquired it may use it for `ms_left` milliseconds."""

    quality: str | None = None
    size: int | None = None
    ms_left: int
    share_token: str | None = Field(default=None, description="Requires read:tokens; from old SDK versions only")


class SongSegment(ResponseModel):
    """Begin and end of a segment, in milliseconds from the start of the song or of the clip."""

    begin: int
    end: int


class SongLease(ResponseModel):
    """A song as a room may use it now. Fields without a known value are left out; `*_ms_left` is in milliseconds."""

    room_id: str
    song_id: str
    vendor_id: int
    type: SongType
    next: Next
    why: str
    share_ms_left: int | None = Field(default=None, description="Milliseconds for which other users may still share it")
    krc_ms_left: int | None = Field(default=None, description="Milliseconds until the token for its lyrics expires")
    resources: list[SongResource]
    name: str | None = None
    singer: str | None = None
    duration: int | None = None
    has_original: bool | None = None
    segment: SongSegment | None = None
    prelude: int | None = None
    other_segments: list[SongSegment]
    error: SongError | None = None
    conflicts: list[str] = Field(description="Request ids for which game servers relayed different results")
    received_at: datetime | None = None
    share_token: str | None = Field(default=None, description="Requires the scope read:tokens")
    krc_token: str | None = Field(default=None, description="Requires the scope read:tokens")


class SongPage(ResponseModel):
    """The songs of a room."""

    songs: list[SongLease]


class SongHistoryEntry(ResponseModel):
    """One relay: when it was sent (`sent`) and when it arrived (`at`). `body` shows digests instead of tokens.

    `resource_ids` are for support: each is valid only in the SDK instance that received it.
    """

    vendor_id: int
    type: SongType
    at: datetime
    sent: datetime
    digest: str
    resource_ids: list[str]
    unreadable: tuple[str, ...] = Field(
        description="Fields that could not be read, so their values are unknown; such a time to live counts as expired"
    )
    body: Any


class SongHistory(ResponseModel):
    """The latest 50 relays about a song in a room, oldest first, and the request ids with contradicting results."""

    room_id: str
    song_id: str
    relays: list[SongHistoryEntry]
    conflicts: list[str]


def song_page(songs: Iterable[CurrentLease]) -> dict[str, Any]:
    """Return songs as JSON values."""
    return SongPage(songs=[song_lease(one) for one in songs]).model_dump(mode="json", exclude_none=True)


def song_lease(current: CurrentLease) -> SongLease:
    """Return the response about one song."""
    known, tokens = current.lease, current.tokens
    action, newest = advice(known, current.at, current.margin), known.newest
    left = {one.part: one.remaining_ms(current.at) for one in current.entitlements}
    grant = newest.grant if newest else None
    details = grant and {name: getattr(grant, name) for name in LEASE_DETAILS}
    return SongLease(
        room_id=known.key.room,
        song_id=known.key.song,
        vendor_id=known.key.vendor,
        type=known.key.type,
        next=action.next,
        why=action.why,
        share_ms_left=left.get(Part.SHARE),
        krc_ms_left=left.get(Part.KRC),
        resources=_resources(current),
        segment=SongSegment.model_validate(grant.segment) if grant and grant.segment else None,
        other_segments=[SongSegment.model_validate(span) for span in (grant.others if grant else ())],
        error=SongError.model_validate(known.last_error.error) if known.last_error else None,
        conflicts=list(known.conflicts[:MAX_CONFLICTS]),
        received_at=newest.at if newest else None,
        share_token=tokens.share,
        krc_token=tokens.krc,
        **(details or {}),
    )


def _resources(current: CurrentLease) -> list[SongResource]:
    granted = [(one.resource, one.remaining_ms(current.at)) for one in current.entitlements if one.resource]
    tokens = chain(current.tokens.resources, repeat(None))
    return [
        SongResource(quality=resource.quality, size=resource.size, ms_left=left, share_token=token)
        for (resource, left), token in zip(granted, tokens, strict=False)
    ]


def song_history(history: RelayHistory) -> dict[str, Any]:
    """Return the history of a song as JSON values."""
    shown = SongHistory(
        room_id=history.room,
        song_id=history.song,
        relays=[_history_entry(one) for one in history.relays],
        conflicts=list(history.conflicts),
    )
    return shown.model_dump(mode="json")


def _history_entry(logged: LoggedRelay) -> SongHistoryEntry:
    relay = logged.relay
    return SongHistoryEntry(
        vendor_id=relay.key.vendor,
        type=relay.key.type,
        at=relay.at,
        sent=relay.sent,
        digest=relay.digest,
        resource_ids=list(logged.resource_ids),
        unreadable=relay.unreadable,
        body=show_body(logged.body),
    )
