"""What the template does not say about a route: its summary, parameters, bodies and statuses. Data only."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, TypeAdapter

from mediarelay.contracts.api.plain import Request, Vid
from mediarelay.contracts.api.views import (
    Accepted,
    AudioBatch,
    AudioTaskRequest,
    BatchResults,
    Health,
    History,
    NoBody,
    NoQuery,
    QuarantinePage,
    QuarantineQuery,
    QuarantineReplayRequest,
    RelayReceipts,
    Replayed,
    ReplayJobs,
    ReplayRequest,
    Rerun,
    SongHistory,
    SongPage,
    SongPlace,
    SongRelay,
    SongRelays,
    SongsQuery,
    TaskCreated,
    TaskPage,
    TaskQuery,
    TaskView,
    TokensQuery,
    VideoTaskRequest,
)
from mediarelay.domain.tasks.intent import MAX_KEY


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One route.

    `asks` is what its handler reads: a `Query`, else the body. `bodies` are its forms where no single model has them
    all. `answers` gives the model of each success, `problems` the statuses that carry problem+json, `words` what one
    of them means here.
    """

    name: str
    summary: str
    description: str = ""
    tag: str
    asks: type[Request] | None = None
    bodies: tuple[type[BaseModel], ...] = ()
    answers: Mapping[int, tuple[type[BaseModel], str]]
    problems: tuple[int, ...]
    headers: tuple[dict[str, Any], ...] = ()
    words: Mapping[int, str] = field(default_factory=dict)


VID = TypeAdapter(Vid).json_schema()

PATH_PARAMETERS: dict[str, dict[str, Any]] = {
    "vid": {"description": "The provider's id of the task", "schema": VID},
    "room_id": {"description": "The room, as it was relayed", "schema": {"type": "string"}},
    "song_id": {"description": "The song, as it was relayed", "schema": {"type": "string"}},
    "token": {"description": "A live token of the CallbackTokens secret", "schema": {"type": "string"}},
}

PROBLEMS = {
    400: "Malformed; `field` names the place",
    401: "The callback's path token is missing or wrong",
    403: "The callback does not come from an admitted network",
    404: "No such task, or song",
    409: "The Idempotency-Key was used for another request",
    413: "The body is over MaxCallbackBytes",
    500: "A bug; its trace is in the log",
    422: "The provider refused the request and would refuse it again; `detail` has its code and its message",
    503: "The ledger did not answer; nothing was promised",
}


def _header(name: str, description: str, **schema: Any) -> dict[str, Any]:
    return {"name": name, "in": "header", "description": description, "schema": {"type": "string"} | schema}


IDEMPOTENCY_KEY = _header(
    "Idempotency-Key",
    "Names the request: the same key gives the same task, for good; with another request it is a 409. Without a key "
    "the request itself is the key, until DefaultKeyHours after the provider took it. Send a new key when the file "
    "behind the URL has new content.",
    minLength=1,
    maxLength=MAX_KEY,
)
WEBHOOK = (
    _header("webhook-id", "The message's own id. These three headers, or ZEGO's fields in the body, are needed"),
    _header("webhook-timestamp", "Seconds since 1970, within five minutes of our clock"),
    _header("webhook-signature", "`v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`; several with blanks"),
)
ACCEPTED = (
    TaskCreated,
    "Stored; the vid is not known yet. Repeat the same request after Retry-After to learn it",
)
"""The answer that comes with Retry-After."""
_CREATED = {
    201: (TaskCreated, "The task"),
    200: (TaskCreated, "A repeat: the task that the same key gave before, whatever the file holds by now"),
    202: ACCEPTED,
}
_BY_PATH = (
    "A name with `%`, `/` or `?` does not survive a path: use GET /songs, with the name as a query parameter. A `%` is "
    "understood here as long as only one room and song can be meant."
)
_NO_TOKENS = "`tokens` without the scope `read:tokens`"
_RESOURCE_IDS = "Resource ids are for support: each is good only where it was got."
_NOT_NOW = {
    "callback": (
        "Nothing is stored; send it again. Neither the ledger nor the retry queue took it, the secret with the path "
        "tokens cannot be used, or no network of CallbackSourceCidrs can be read"
    ),
    "relay": (
        "Not everything is stored; send it again. The ledger or the key that seals tokens did not answer, the secret "
        "with the signing keys cannot be used, or no network of MusicSourceCidrs can be read"
    ),
    "submit": "The ledger did not answer, or the secret with the provider's keys cannot be used; nothing was promised",
    "unseal": "The ledger, or the key that unseals tokens, did not answer",
}
"""What a 503 means on routes that need more than the ledger, by what they do."""
_CALLBACK = "The body is a callback as the provider documents it; docs/fields.md has every field. A query is ignored."

ROUTES = {
    "POST /callbacks/video/{token}": Route(
        name="videoCallback",
        summary="Take a callback about a video task",
        description=_CALLBACK,
        tag="callbacks",
        answers={200: (Accepted, "Stored, or stored before")},
        problems=(400, 401, 403, 413, 500, 503),
        words={503: _NOT_NOW["callback"]},
    ),
    "POST /callbacks/audio/{token}": Route(
        name="audioCallback",
        summary="Take a callback about an audio task",
        description=_CALLBACK,
        tag="callbacks",
        answers={200: (Accepted, "Stored, or stored before")},
        problems=(400, 401, 403, 413, 500, 503),
        words={503: _NOT_NOW["callback"]},
    ),
    "POST /tasks/audio": Route(
        name="submitAudio",
        summary="Submit an audio task",
        description="Needs the scope `submit`.",
        tag="tasks",
        asks=AudioTaskRequest,
        answers=_CREATED,
        problems=(400, 409, 422, 500, 503),
        headers=(IDEMPOTENCY_KEY,),
        words={503: _NOT_NOW["submit"]},
    ),
    "POST /tasks/video": Route(
        name="trackVideo",
        summary="Expect a video task",
        description=(
            "Needs the scope `submit`. Give `vid`; or `url` alone, and the provider is asked; or `url` with "
            "`cos_request_id` and `date`, the headers x-cos-request-id and Date of the upload's answer, from which "
            "the vid is computed. The Idempotency-Key counts only with `url` alone."
        ),
        tag="tasks",
        asks=VideoTaskRequest,
        answers=_CREATED,
        problems=(400, 409, 422, 500, 503),
        headers=(IDEMPOTENCY_KEY,),
        words={503: _NOT_NOW["submit"]},
    ),
    "POST /tasks/audio/batch": Route(
        name="submitBatch",
        summary="Submit up to 500 audio tasks",
        description=(
            "Needs the scope `submit`. Each item is stored or refused by itself, and has the status that it would have "
            "had alone: 202 while the provider has not been asked, 200 once its vid is known, 400, 409, 422 (the "
            "provider refused it; the key is free again), 503. Its `idempotency_key` is for it what the header is for "
            "one task; the header is refused here. A queue hands the wishes to the provider at the pace of the budget; "
            "send the same batch again to learn the vids."
        ),
        tag="tasks",
        asks=AudioBatch,
        answers={207: (BatchResults, "One result for each item, in order")},
        problems=(400, 500),
    ),
    "POST /tasks/{vid}/replay": Route(
        name="replayTask",
        summary="Have a task asked about and announced anew",
        description=(
            "Needs the scope `submit`. The provider is asked once more, and the outcome is published again, with an id "
            "of its own and the extension `replay`, so that no subscriber drops it as a repeat."
        ),
        tag="operation",
        asks=NoBody,
        answers={202: (Replayed, "The wish is stored")},
        problems=(400, 404, 500, 503),
    ),
    "POST /tasks/replay": Route(
        name="replayTasks",
        summary="Have many tasks asked about and announced anew",
        description=(
            "Needs the scope `admin`. Takes the tasks that are in `state`, one or several, when their turn comes, and "
            "whose outcome was recorded between `since` and `until`, both included; in states that are no outcome, or "
            "with `time` created, those that were created then. Newest first, `rate` per minute for each state and "
            "kind. With `dry_run` it only counts them."
        ),
        tag="operation",
        asks=ReplayRequest,
        answers={200: (ReplayJobs, "A dry run"), 202: (ReplayJobs, "The jobs are stored")},
        problems=(400, 500, 503),
    ),
    "POST /callbacks/music": Route(
        name="relaySong",
        summary="Relay what ZEGO's SDK said about a song",
        description=(
            "For game servers. Signed with Standard Webhooks headers, or with ZEGO's fields in the body; five minutes "
            "either way. The same result again is a duplicate, however it is signed. Tokens are sealed with KMS. Of up "
            "to 100 in `relays` all are taken, or none if one is malformed."
        ),
        tag="songs",
        bodies=(SongRelay, SongRelays),
        headers=WEBHOOK,
        answers={200: (RelayReceipts, "One result for each relay")},
        problems=(400, 401, 403, 413, 500, 503),
        words={
            401: "Not proved: no live secret signed it, it is from another time, or its nonce was used before",
            403: "The relay does not come from an admitted network",
            413: "The message is over 256 KB, or one relay over 128 KB",
            503: _NOT_NOW["relay"],
        },
    ),
    "GET /rooms/{room_id}/songs": Route(
        name="listSongs",
        summary="Say what a room may use now",
        description=f"Needs the scope `read`. Never with tokens. {_BY_PATH}",
        tag="songs",
        asks=NoQuery,
        answers={200: (SongPage, "The room's songs; none for a room that nobody knows")},
        problems=(400, 500, 503),
    ),
    "GET /rooms/{room_id}/songs/{song_id}": Route(
        name="readSong",
        summary="Say what a room may use now of one song",
        description=f"Needs the scope `read`; `tokens=true` needs `read:tokens` as well. {_BY_PATH}",
        tag="songs",
        asks=TokensQuery,
        answers={200: (SongPage, "The song, for each vendor and type")},
        problems=(400, 403, 404, 500, 503),
        words={403: _NO_TOKENS, 503: _NOT_NOW["unseal"]},
    ),
    "GET /rooms/{room_id}/songs/{song_id}/history": Route(
        name="readSongHistory",
        summary="Say what was relayed about a song",
        description=f"Needs the scope `admin`. {_RESOURCE_IDS} {_BY_PATH}",
        tag="songs",
        asks=NoQuery,
        answers={200: (SongHistory, "The latest 50 relays, oldest first, without their tokens")},
        problems=(400, 404, 500, 503),
        words={503: _NOT_NOW["unseal"]},
    ),
    "GET /songs": Route(
        name="findSongs",
        summary="Say what a room may use now, of all songs or of one, whatever their names",
        description="Needs the scope `read`; `tokens=true` needs `song_id`, and the scope `read:tokens` as well.",
        tag="songs",
        asks=SongsQuery,
        answers={200: (SongPage, "The songs; none for a room that nobody knows")},
        problems=(400, 403, 404, 500, 503),
        words={403: _NO_TOKENS, 503: _NOT_NOW["unseal"]},
    ),
    "GET /songs/history": Route(
        name="findSongHistory",
        summary="Say what was relayed about a song, whatever its name",
        description=f"Needs the scope `admin`. {_RESOURCE_IDS}",
        tag="songs",
        asks=SongPlace,
        answers={200: (SongHistory, "The latest 50 relays, oldest first, without their tokens")},
        problems=(400, 404, 500, 503),
        words={503: _NOT_NOW["unseal"]},
    ),
    "GET /quarantine": Route(
        name="listQuarantine",
        summary="List bodies of one day that could not be read",
        description="Needs the scope `admin`. The bodies are untrusted input.",
        tag="operation",
        asks=QuarantineQuery,
        answers={200: (QuarantinePage, "Up to 100 bodies")},
        problems=(400, 500, 503),
    ),
    "POST /quarantine/replay": Route(
        name="rereadQuarantine",
        summary="Read bodies of one day again, after the reader was mended",
        description=(
            "Needs the scope `admin`. Takes up to 100; what can be read now becomes a claim and leaves the quarantine. "
            "Go on with `cursor` until it is left out."
        ),
        tag="operation",
        asks=QuarantineReplayRequest,
        answers={200: (Rerun, "How many were stored, and how many stay")},
        problems=(400, 500, 503),
    ),
    "GET /tasks": Route(
        name="listTasks",
        summary="List tasks, by default newest first",
        description=(
            "Needs the scope `read`. By time of creation, or with `time=outcome` by the time at which the outcome was "
            "recorded. Lists what has a task item; may be behind by a moment. No page has a task twice, and one that "
            "moves on to another state meanwhile is in it all the same. From one page to the next a task can change "
            "its place only if its time changes: once the provider tells when it was made, or once a lost one is found."
        ),
        tag="tasks",
        asks=TaskQuery,
        answers={200: (TaskPage, "A page")},
        problems=(400, 500, 503),
    ),
    "GET /tasks/{vid}": Route(
        name="readTask",
        summary="Read a task",
        description="Needs the scope `read`. Folded from the log at the time of the call, so never behind.",
        tag="tasks",
        asks=NoQuery,
        answers={200: (TaskView, "The task")},
        problems=(400, 404, 500, 503),
    ),
    "GET /tasks/{vid}/history": Route(
        name="readHistory",
        summary="Read a task's observations, oldest first",
        description="Needs the scope `read`.",
        tag="tasks",
        asks=NoQuery,
        answers={200: (History, "The log, bodies as received")},
        problems=(400, 404, 500, 503),
    ),
    "GET /health": Route(
        name="health",
        summary="Say that the API runs",
        tag="health",
        asks=NoQuery,
        answers={200: (Health, "It runs")},
        problems=(400, 500),
    ),
}
