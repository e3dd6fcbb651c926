"""Songs over HTTP: what a room may use, and what game servers relayed about a song."""

from datetime import datetime, timedelta
from typing import Any

from pydantic import Field, ValidationInfo, field_validator

from mediarelay.contracts.api.base import FlagText, Name, QueryModel, ResponseModel
from mediarelay.domain.songs.errors import ErrorClass
from mediarelay.domain.songs.lease import Lease, Next, Part, advice
from mediarelay.domain.songs.model import Resource, SongType

# Fields of a grant that an answer shows as they are.
LEASE_DETAILS = ("name", "singer", "duration", "has_original", "prelude")
# Request ids in contradiction that an answer or a notification about one song shows.
MAX_CONFLICTS = 20


class TokensQuery(QueryModel):
    """`GET /rooms/{room_id}/songs/{song_id}`."""

    tokens: FlagText = Field(default=False, description="Show the tokens that are still good")


class SongNames(QueryModel):
    """A room, or a song in it."""

    room_id: Name = Field(description="The room, as it was relayed")
    song_id: Name | None = Field(default=None, description="The song, as it was relayed")


class SongQuery(SongNames):
    """`GET /songs/history`: a song in a room."""

    song_id: Name = Field(description="The song, as it was relayed")


class SongsQuery(TokensQuery, SongNames):
    """`GET /songs`: the songs of a room, or one of them."""

    @field_validator("tokens")
    @classmethod
    def _of_one(cls, tokens: bool, others: ValidationInfo) -> bool:  # noqa: FBT001 - pydantic calls it
        if tokens and others.data.get("song_id") is None:
            raise ValueError("needs song_id: tokens are shown of one song only")
        return tokens


class SongError(ResponseModel):
    """Why a song could not be got: ZEGO's code, what kind of error that is, and what a person should do."""

    code: int
    kind: ErrorClass
    advice: str


class SongResource(ResponseModel):
    """A file of a song, in one quality, and for how many milliseconds whoever has it may use it."""

    quality: str | None = None
    size: int | None = None
    ms_left: int
    share_token: str | None = Field(default=None, description="Only with scope read:tokens; of the old SDK")


class SongSegment(ResponseModel):
    """Milliseconds from the start of the song, or of the clip."""

    begin: int
    end: int


class SongLease(ResponseModel):
    """What a room may use of a song now. Fields without a known value are left out; times left are milliseconds."""

    room_id: str
    song_id: str
    vendor_id: int
    type: SongType
    next: Next
    why: str
    share_ms_left: int | None = Field(default=None, description="How long others may still share it")
    krc_ms_left: int | None = Field(default=None, description="How long the token for its lyrics is good")
    resources: list[SongResource]
    name: str | None = None
    singer: str | None = None
    duration: int | None = None
    has_original: bool | None = None
    segment: SongSegment | None = None
    prelude: int | None = None
    other_segments: list[SongSegment]
    error: SongError | None = None
    conflicts: list[str] = Field(description="Request ids under which different results were relayed")
    received_at: datetime | None = None
    share_token: str | None = Field(default=None, description="Only with scope read:tokens")
    krc_token: str | None = Field(default=None, description="Only with scope read:tokens")


class SongPage(ResponseModel):
    """The songs of a room."""

    songs: list[SongLease]


class SongHistoryEntry(ResponseModel):
    """One relay: when it was sent and when it came; `body` without its tokens, of which digests are shown.

    `resource_ids` are for support: each is good only in the SDK instance that got it.
    """

    vendor_id: int
    type: SongType
    at: datetime
    sent: datetime
    digest: str
    resource_ids: list[str]
    unreadable: tuple[str, ...] = Field(
        description="Fields that could not be read, so that their values are not known; a time to live counts as over"
    )
    body: Any


class SongHistory(ResponseModel):
    """What was relayed about a song in a room, oldest first (the latest 50), and which request ids contradict."""

    room_id: str
    song_id: str
    relays: list[SongHistoryEntry]
    conflicts: list[str]


def song_lease(known: Lease, now: datetime, margin: timedelta) -> SongLease:
    """Return a lease as it is now, without its tokens."""
    entitlements, action, newest = known.entitlements(margin), advice(known, now, margin), known.newest
    left = {one.part: one.remaining_ms(now) for one in entitlements}
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
        resources=[_resource(one.resource, one.remaining_ms(now)) for one in entitlements if one.resource],
        segment=SongSegment.model_validate(grant.segment) if grant and grant.segment else None,
        other_segments=[SongSegment.model_validate(span) for span in (grant.others if grant else ())],
        error=SongError.model_validate(known.last_error.error) if known.last_error else None,
        conflicts=list(known.conflicts[:MAX_CONFLICTS]),
        received_at=newest.at if newest else None,
        **(details or {}),
    )


def _resource(resource: Resource, left: int) -> SongResource:
    return SongResource(quality=resource.quality, size=resource.size, ms_left=left)
