"""Our own HTTP contract: what clients send and what they get."""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)

from mediarelay.contracts.api.plain import (
    Day,
    Digest,
    FlagText,
    Key,
    KindName,
    Moment,
    Name,
    OrderName,
    PageSize,
    Query,
    Request,
    StateList,
    StateText,
    TimeName,
    Vid,
    place,
    sentence,
)
from mediarelay.contracts.json_objects import read_answer
from mediarelay.contracts.observation import facts_of
from mediarelay.contracts.source_url import Url, stated_in_url
from mediarelay.domain.quarantine import QuarantinedBody
from mediarelay.domain.songs.errors import ErrorClass
from mediarelay.domain.songs.lease import Lease, Next, Part, advice
from mediarelay.domain.songs.model import Resource, SongType
from mediarelay.domain.tasks.intent import Intent, Submitted, submit_status
from mediarelay.domain.tasks.item import Order, Selection, TimeOf, time_of
from mediarelay.domain.tasks.log import LoggedObservation
from mediarelay.domain.tasks.media import OUTCOMES, Fault, Kind, Rendition, Source, State
from mediarelay.domain.tasks.origin import Origin
from mediarelay.domain.tasks.replay_job import RATES
from mediarelay.domain.tasks.task import Task
from mediarelay.domain.tasks.vid import video_vid
from mediarelay.errors import Malformed, MediarelayError, shown_detail

Text = Annotated[str, StringConstraints(min_length=1, max_length=2048)]


SONG_DETAILS = ("name", "singer", "duration", "has_original", "prelude")
"""Of a grant, what is shown as it is."""
MAX_TASKS = 500
"""Of one batch."""
MAX_CONFLICTS = 20
"""Of those of one song that are shown and announced."""
MAX_SHOWN = 64 * 1024
"""Bytes of one body that a history shows, as JSON writes them in ASCII: its answer must stay below 6 MB."""
Model = TypeVar("Model", bound=Request)


class NoQuery(Query):
    """A request without query parameters."""


class NoBody(Request):
    """A request whose body, if there is one, says nothing."""


class AudioTaskRequest(Request):
    """`POST /tasks/audio`: the file to transcode, in the provider's words."""

    url: Url
    bucketName: Text  # noqa: N815 - the provider's name, part of the contract
    bucketRegion: Text  # noqa: N815

    @field_validator("bucketName", "bucketRegion")
    @classmethod
    def _is_in_the_url(cls, value: str, others: ValidationInfo) -> str:
        return stated_in_url(value, others)


class VideoTaskRequest(Request):
    """`POST /tasks/video`: a task to expect, by vid, by url, or by url and the headers of its upload."""

    vid: Vid | None = None
    url: Url | None = None
    cos_request_id: Text | None = None
    date: Text | None = None

    def known_vid(self) -> str | None:
        """The vid that follows from the request; None if only the provider can tell. Raises `Malformed`."""
        if self.vid or (self.url and self.cos_request_id and self.date):
            return self.vid or video_vid(self.cos_request_id or "", self.date or "")
        if self.url and not (self.cos_request_id or self.date):
            return None
        raise Malformed("vid", "is required, unless url is given, alone or with cos_request_id and date")


class BatchItem(AudioTaskRequest):
    """One task of a batch; `idempotency_key` names the wish, by default the wish itself."""

    idempotency_key: Key | None = None


class AudioBatch(Request):
    """`POST /tasks/audio/batch`: items are judged one by one, so one that is wrong does not stop the others."""

    tasks: Annotated[
        list[Annotated[Any, WithJsonSchema({"$ref": "#/components/schemas/BatchItem"})]],
        Field(min_length=1, max_length=MAX_TASKS),
    ]


class BatchResult(BaseModel):
    """What became of one item: the status and fields that it would have had alone; `repeated` for a known key."""

    index: int
    status: int
    repeated: bool | None = None
    vid: str | None = None
    state: State | None = None
    detail: str | None = None
    field: str | None = None


class BatchResults(BaseModel):
    """Answer to a batch, in its order."""

    results: list[BatchResult]


class Bounded(Request):
    """Which tasks, by the time that `time` names; both bounds are included. A time without a zone is UTC."""

    kind: KindName | None = Field(default=None, description="Only tasks of this kind")
    since: Moment | None = Field(default=None, description="Only from this time on; a date alone is its first moment")
    until: Moment | None = Field(default=None, description="Only up to this time")
    time: TimeName | None = None

    @field_validator("until")
    @classmethod
    def _in_order(cls, until: datetime | None, others: ValidationInfo) -> datetime | None:
        since = others.data.get("since")
        if since and until and until < since:
            raise ValueError("must not be before since")
        return until

    def _selections(self, states: Iterable[State], time: TimeOf | None) -> list[Selection]:
        """One selection for each kind and state."""
        return [
            Selection(kind=kind, state=state, since=self.since, until=self.until, time=time_of(state, time))
            for kind in ([self.kind] if self.kind else Kind)
            for state in states
        ]


def _have_outcome(states: Iterable[State], time: TimeOf | None) -> None:
    if time is TimeOf.OUTCOME and not OUTCOMES.issuperset(states):
        raise Malformed("time", "must not be outcome for a state that is none")


class ReplayRequest(Bounded):
    """`POST /tasks/replay`: which tasks, and how many of them per minute, state and kind."""

    state: StateList = Field(description="In one of these states, or in this one")
    time: TimeName | None = Field(
        default=None,
        description="What since and until bound. By default outcome, for states that are no outcome created",
    )
    rate: Annotated[int, Field(ge=RATES[0], le=RATES[-1])] = 60
    dry_run: bool = False

    def selections(self) -> list[Selection]:
        """One selection for each kind and state; raises `Malformed`."""
        _have_outcome(self.state, self.time)
        return self._selections(self.state, self.time)


class TaskQuery(Bounded, Query):
    """`GET /tasks`: which tasks, in which order."""

    state: StateText | None = Field(default=None, description="Only tasks in these states, separated by commas")
    time: TimeName = Field(
        default=TimeOf.CREATED,
        description="What since, until and order are about. With outcome only tasks that have one are listed",
    )
    order: OrderName = Field(default=Order.DESCENDING, description="Newest or oldest first")
    limit: PageSize = Field(default=20, description="Tasks per page")
    cursor: str | None = Field(default=None, description="Where the previous page ended; use it with the same filters")

    def selections(self) -> list[Selection]:
        """One selection for each kind and state; raises `Malformed`."""
        states = self.state or (State if self.time is TimeOf.CREATED else OUTCOMES)
        _have_outcome(states, self.time)
        return self._selections(states, self.time)


class TokensQuery(Query):
    """`GET /rooms/{room_id}/songs/{song_id}`."""

    tokens: FlagText = Field(default=False, description="Show the tokens that are still good")


class Place(Query):
    """A room, or a song in it."""

    room_id: Name = Field(description="The room, as it was relayed")
    song_id: Name | None = Field(default=None, description="The song, as it was relayed")


class SongPlace(Place):
    """`GET /songs/history`: a song in a room."""

    song_id: Name = Field(description="The song, as it was relayed")


class SongsQuery(TokensQuery, Place):
    """`GET /songs`: the songs of a room, or one of them."""

    @field_validator("tokens")
    @classmethod
    def _of_one(cls, tokens: bool, others: ValidationInfo) -> bool:  # noqa: FBT001 - pydantic calls it
        if tokens and others.data.get("song_id") is None:
            raise ValueError("needs song_id: tokens are shown of one song only")
        return tokens


class Replayed(BaseModel):
    """Answer to a replay of one task: the wish is stored."""

    vid: str
    replay: str


class ReplayJobs(BaseModel):
    """Answer to a replay in bulk: how many tasks it is about now, and the jobs (none in a dry run)."""

    count: int
    jobs: list[str] = []


class QuarantineReplayRequest(Request):
    """`POST /quarantine/replay`: which day's bodies to read again."""

    day: Day = Field(description="The day they came (UTC), such as 2026-11-21")
    cursor: Digest = Field(default="", description="Where the previous page ended")


class QuarantineQuery(QuarantineReplayRequest, Query):
    """`GET /quarantine`: which day's bodies to list."""


class KeptView(BaseModel):
    """A body in quarantine; `body` is the beginning of it, as far as it is text; `size` counts its bytes."""

    digest: str
    route: str
    reason: str
    at: datetime
    size: int
    body: str


class QuarantinePage(BaseModel):
    """Bodies of one day; `cursor` leads to the next ones."""

    bodies: list[KeptView]
    cursor: str | None = None


class Rerun(BaseModel):
    """What came of reading again: stored as claims, still unreadable; `cursor` leads to the next ones."""

    model_config = ConfigDict(from_attributes=True)
    stored: int
    refused: int
    cursor: str | None = None


class TaskCreated(BaseModel):
    """Answer to a submit: `vid` is null while the provider has not answered (202)."""

    vid: str | None
    kind: Kind
    state: State


class RefusedView(BaseModel):
    """A wish that was accepted (202) and that the provider will not take after all; nothing was made of it.

    `idempotency_key` and `client` are there if the client chose the key.
    """

    kind: Kind
    url: str
    bucketName: str | None = None  # noqa: N815 - as it was asked for
    bucketRegion: str | None = None  # noqa: N815
    idempotency_key: str | None = None
    client: str | None = None
    reason: str
    accepted_at: datetime


class SongError(BaseModel):
    """Why a song could not be got: ZEGO's code, what kind of error that is, and what a person should do."""

    model_config = ConfigDict(from_attributes=True)
    code: int
    kind: ErrorClass
    advice: str


class ResourceView(BaseModel):
    """A file of a song, in one quality, and for how many milliseconds whoever has it may use it."""

    quality: str | None = None
    size: int | None = None
    ms_left: int
    share_token: str | None = Field(default=None, description="Only with scope read:tokens; of the old SDK")


class SpanView(BaseModel):
    """Milliseconds from the start of the song, or of the clip."""

    model_config = ConfigDict(from_attributes=True)
    begin: int
    end: int


class SongView(BaseModel):
    """What a room may use of a song now. Fields without a known value are left out; times left are milliseconds."""

    room_id: str
    song_id: str
    vendor_id: int
    type: SongType
    next: Next
    why: str
    share_ms_left: int | None = Field(default=None, description="How long others may still share it")
    krc_ms_left: int | None = Field(default=None, description="How long the token for its lyrics is good")
    resources: list[ResourceView] = []
    name: str | None = None
    singer: str | None = None
    duration: int | None = None
    has_original: bool | None = None
    segment: SpanView | None = None
    prelude: int | None = None
    other_segments: list[SpanView] = []
    error: SongError | None = None
    conflicts: list[str] = Field(default=[], description="Request ids under which different results were relayed")
    received_at: datetime | None = None
    share_token: str | None = Field(default=None, description="Only with scope read:tokens")
    krc_token: str | None = Field(default=None, description="Only with scope read:tokens")


class SongPage(BaseModel):
    """The songs of a room."""

    songs: list[SongView]


class SongHistoryLine(BaseModel):
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


class SongHistory(BaseModel):
    """What was relayed about a song in a room, oldest first (the latest 50), and which request ids contradict."""

    room_id: str
    song_id: str
    relays: list[SongHistoryLine]
    conflicts: list[str]


class SongRelay(BaseModel):
    """`POST /callbacks/music`: one result of ZEGO's SDK, as the game server got it.

    Read by `contracts/zego/relay.py`, without this model: it is here for the description of the API.
    """

    room_id: str
    vendor_id: int
    resource_type: SongType | int | None = Field(default=None, description="What was requested; by default inferred")
    song_id: str | None = Field(default=None, description="Needed for an error whose result does not name the song")
    error_code: int | None = Field(default=None, description="The SDK's errorCode")
    shared: bool | None = Field(default=None, description="Got by getSharedResource; by default inferred")
    result: dict[str, Any] | str | None = Field(default=None, description="The SDK's result, as an object or as text")
    signature: str | None = Field(default=None, description="ZEGO's fields, unless Standard Webhooks headers are sent")
    timestamp: int | str | None = None
    nonce: int | str | None = None


class SongRelays(BaseModel):
    """`POST /callbacks/music`: several results at once, all of them taken or none."""

    relays: Annotated[list[SongRelay], Field(min_length=1, max_length=100)]
    signature: str | None = Field(default=None, description="ZEGO's fields, unless Standard Webhooks headers are sent")
    timestamp: int | str | None = None
    nonce: int | str | None = None


class RelayReceipt(BaseModel):
    """Answer to one relay."""

    room_id: str
    song_id: str
    vendor_id: int
    type: SongType
    accepted: bool = True
    duplicate: bool


class RelayReceipts(BaseModel):
    """Answer to a batch of relays, in its order."""

    results: list[RelayReceipt]


class TaskView(BaseModel):
    """A task as clients and subscribers see it. Fields without a known value are left out."""

    model_config = ConfigDict(from_attributes=True)
    vid: str
    kind: Kind
    state: State
    claimed: State | None = Field(None, description="What an unconfirmed callback claims")
    source: Source
    renditions: tuple[Rendition, ...] = ()
    faults: tuple[Fault, ...] = ()
    created_at: datetime
    updated_at: datetime


class TaskRow(BaseModel):
    """A task in a list; `outcome_at` is there if the list goes by the time of the outcome."""

    vid: str
    kind: Kind
    state: State
    url: str | None = None
    created_at: datetime
    updated_at: datetime
    outcome_at: datetime | None = None


class TaskPage(BaseModel):
    """A page of tasks, each once; `cursor` leads to the next page, and is left out on the last one."""

    tasks: list[TaskRow]
    cursor: str | None = None


class HistoryLine(BaseModel):
    """One observation: who said what, and when it came.

    `body` is null once its time is over; of callbacks that are not believed, only the latest 20 show it, and so do the
    latest 20 replies. A `reply` is an answer of the provider that cannot be judged, or is about something else;
    `reason` says why.
    """

    origin: Origin
    at: datetime
    digest: str
    body: Any
    unreadable: tuple[str, ...] = Field(
        (), description="Fields of the provider that could not be read, so that their values are not known"
    )
    reason: str | None = None


class ConflictView(BaseModel):
    """Values that contradict each other, each with who said it; `settled` is the provider's own, once it told."""

    model_config = ConfigDict(from_attributes=True)
    subject: str
    values: dict[str, tuple[Origin, ...]]
    settled: str | None


class History(BaseModel):
    """A task's observations, oldest first, and what in them contradicts."""

    vid: str
    observations: list[HistoryLine]
    conflicts: list[ConflictView]


class Accepted(BaseModel):
    """Answer to a callback."""

    vid: str
    accepted: bool
    duplicate: bool


class Health(BaseModel):
    """Answer to a health check."""

    status: str = "ok"


class Problem(BaseModel):
    """RFC 9457: the shape of every error."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str | None = None
    field: str | None = None


def read(model: type[Model], values: Mapping[str, Any]) -> Model:
    """Validate a request; raises `Malformed` with the first field that is wrong, in a plain sentence."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise Malformed(place(first), sentence(model, first)) from error


def batch_view(results: list[Submitted | MediarelayError]) -> dict[str, Any]:
    """Give the results of a batch as JSON values."""
    shown = [_batch_result(index, result) for index, result in enumerate(results)]
    return BatchResults(results=shown).model_dump(mode="json", exclude_none=True)


def _batch_result(index: int, result: Submitted | MediarelayError) -> BatchResult:
    if isinstance(result, MediarelayError):
        return BatchResult(
            index=index,
            status=result.status,
            detail=shown_detail(result) or result.title,
            field=getattr(result, "field", None),
        )
    return BatchResult(
        index=index,
        status=submit_status(result),
        repeated=result.repeated or None,
        vid=result.vid,
        state=result.state,
    )


def quarantine_view(page: list[QuarantinedBody], cursor: str | None) -> dict[str, Any]:
    """Give a page of the quarantine as JSON values."""
    bodies = [
        KeptView(
            digest=one.digest,
            route=one.route,
            reason=one.reason,
            at=one.at,
            size=one.size or len(one.body),
            body=one.body.decode("utf-8", "replace"),
        )
        for one in page
    ]
    return QuarantinePage(bodies=bodies, cursor=cursor).model_dump(mode="json", exclude_none=True)


def task_view(task: Task) -> dict[str, Any]:
    """Give a task as JSON values."""
    return TaskView.model_validate(task).model_dump(mode="json", exclude_none=True)


def refused_view(intent: Intent) -> dict[str, Any]:
    """Give a refused wish as JSON values."""
    client, chosen_by_client, key = intent.key.partition("\n")
    chosen = {"client": client, "idempotency_key": key} if chosen_by_client else {}
    view = RefusedView.model_validate(
        {**intent.request, **chosen, "kind": intent.kind, "reason": intent.refused, "accepted_at": intent.at}
    )
    return view.model_dump(mode="json", exclude_none=True)


def history_view(task: Task, entries: Iterable[LoggedObservation]) -> dict[str, Any]:
    """Give a task's log, oldest first, as JSON values."""
    lines, bodies = [], []
    for one in entries:
        lines.append(_history_line(one))
        bodies.append(shown(one.body))
    conflicts = [ConflictView.model_validate(one) for one in task.conflicts]
    view = History(vid=task.vid, observations=lines, conflicts=conflicts).model_dump(mode="json", exclude_unset=True)
    for line, body in zip(view["observations"], bodies, strict=True):
        line["body"] = body  # not through pydantic, which takes no half of a surrogate pair as a name
    return view


def _history_line(entry: LoggedObservation) -> HistoryLine:
    return HistoryLine(
        origin=entry.origin,
        at=entry.at,
        digest=entry.digest,
        body=None,
        unreadable=facts_of(entry).unreadable,
        **({"reason": entry.reason} if entry.reason else {}),
    )


def song_view(known: Lease, now: datetime, margin: timedelta) -> SongView:
    """Show a lease as it is now, without its tokens."""
    holds, told, newest = known.entitlements(margin), advice(known, now, margin), known.newest
    left = {hold.part: hold.remaining_ms(now) for hold in holds}
    grant = newest.grant if newest else None
    details = grant and {name: getattr(grant, name) for name in SONG_DETAILS}
    return SongView(
        room_id=known.key.room,
        song_id=known.key.song,
        vendor_id=known.key.vendor,
        type=known.key.type,
        next=told.next,
        why=told.why,
        share_ms_left=left.get(Part.SHARE),
        krc_ms_left=left.get(Part.KRC),
        resources=[_resource_view(hold.resource, hold.remaining_ms(now)) for hold in holds if hold.resource],
        segment=SpanView.model_validate(grant.segment) if grant and grant.segment else None,
        other_segments=[SpanView.model_validate(span) for span in (grant.others if grant else ())],
        error=SongError.model_validate(known.last_error.error) if known.last_error else None,
        conflicts=list(known.conflicts[:MAX_CONFLICTS]),
        received_at=newest.at if newest else None,
        **(details or {}),
    )


def _resource_view(resource: Resource, left: int) -> ResourceView:
    return ResourceView(quality=resource.quality, size=resource.size, ms_left=left)


def shown(body: bytes | None) -> Any:
    """A body as JSON where it is JSON, else as text; of a large one only that it is large."""
    if body is None:
        return None
    if len(body) <= MAX_SHOWN:
        text = json.dumps(_decoded(body))
        if len(text) <= MAX_SHOWN:  # a control character has become six bytes
            return json.loads(text, parse_constant=str)
    return {"omitted": f"{len(body)} bytes"}


def _decoded(body: bytes) -> Any:
    try:
        return read_answer(body)
    except Malformed:
        return body.decode("utf-8", "replace")
