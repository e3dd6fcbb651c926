"""What the template does not say about a route: its summary, parameters, bodies and statuses. Data only."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, TypeAdapter

from mediarelay.contracts.api import (
    Accepted,
    AudioBatch,
    AudioSubmit,
    BatchResults,
    Day,
    Health,
    History,
    QuarantinePage,
    QuarantineWish,
    RelayReceipts,
    Replayed,
    ReplayJobs,
    ReplayWish,
    Rerun,
    SongHistory,
    SongPage,
    SongRelay,
    TaskCreated,
    TaskPage,
    TaskView,
    Vid,
    VideoTrack,
)
from mediarelay.domain.media import Kind, State
from mediarelay.usecases.read import MOST_PER_PAGE


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One route. `answers` gives the model of each success; `problems` the statuses that carry problem+json."""

    name: str
    summary: str
    description: str = ""
    tag: str
    request: type[BaseModel] | None = None
    answers: Mapping[int, tuple[type[BaseModel], str]]
    problems: tuple[int, ...]
    parameters: tuple[dict[str, Any], ...] = ()


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
    404: "No such task",
    409: "The Idempotency-Key was used for another request",
    413: "The body is over MaxCallbackBytes",
    500: "A bug; its trace is in the log",
    502: "The provider refused the request and would refuse it again; `detail` has its code",
    503: "The ledger did not answer; nothing was promised",
}

IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Names the wish: the same key gives the same task. Default: the request's body.",
    "schema": {"type": "string"},
}


def _query(name: str, description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": description, "schema": schema}


_PAGE = (
    _query("kind", "Only tasks of this kind", {"type": "string", "enum": [kind.value for kind in Kind]}),
    _query("state", "Only tasks in this state", {"type": "string", "enum": [state.value for state in State]}),
    _query("since", "Only tasks created at this time or later; without a zone it is UTC", {"type": "string"}),
    _query("limit", "Tasks per page", {"type": "integer", "minimum": 1, "maximum": MOST_PER_PAGE, "default": 20}),
    _query("cursor", "Where the previous page ended; use it with the same filters", {"type": "string"}),
)
_CREATED = {
    201: (TaskCreated, "The task"),
    200: (TaskCreated, "A repeat: the same task as before"),
    202: (TaskCreated, "Stored; the vid is not known yet. Repeat the same request after Retry-After to learn it"),
}
_CALLBACK = "The body is a callback as the provider documents it; see docs/fields.md for every field."

ROUTES = {
    "POST /callbacks/video/{token}": Route(
        name="videoCallback",
        summary="Take a callback about a video task",
        description=_CALLBACK,
        tag="callbacks",
        answers={200: (Accepted, "Stored, or stored before")},
        problems=(400, 401, 403, 413, 500, 503),
    ),
    "POST /callbacks/audio/{token}": Route(
        name="audioCallback",
        summary="Take a callback about an audio task",
        description=_CALLBACK,
        tag="callbacks",
        answers={200: (Accepted, "Stored, or stored before")},
        problems=(400, 401, 403, 413, 500, 503),
    ),
    "POST /tasks/audio": Route(
        name="submitAudio",
        summary="Submit an audio task",
        description="Needs the scope `submit`.",
        tag="tasks",
        request=AudioSubmit,
        answers=_CREATED,
        problems=(400, 409, 500, 502, 503),
        parameters=(IDEMPOTENCY_KEY,),
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
        request=VideoTrack,
        answers=_CREATED,
        problems=(400, 409, 500, 502, 503),
        parameters=(IDEMPOTENCY_KEY,),
    ),
    "POST /tasks/audio/batch": Route(
        name="submitBatch",
        summary="Submit up to 500 audio tasks",
        description=(
            "Needs the scope `submit`. Each item is stored or refused by itself, and has the status that it would have "
            "had alone: 202 while the provider has not been asked, 200 once its vid is known, 400, 409, 502 (the "
            "provider refused it; the key is free again), 503. A queue hands the wishes to the provider at the pace of "
            "the budget; send the same batch again to learn the vids."
        ),
        tag="tasks",
        request=AudioBatch,
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
        answers={202: (Replayed, "The wish is stored")},
        problems=(400, 404, 500, 503),
    ),
    "POST /tasks/replay": Route(
        name="replayTasks",
        summary="Have many tasks asked about and announced anew",
        description=(
            "Needs the scope `admin`. Takes the tasks that are in `state` when their turn comes and were created "
            "between `since` and `until`, newest first, `rate` per minute and kind. With `dry_run` it only counts them."
        ),
        tag="operation",
        request=ReplayWish,
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
        request=SongRelay,
        answers={200: (RelayReceipts, "One result for each relay")},
        problems=(400, 401, 403, 413, 500, 503),
    ),
    "GET /rooms/{room_id}/songs": Route(
        name="listSongs",
        summary="Say what a room may use now",
        description="Needs the scope `read`. Never with tokens.",
        tag="songs",
        answers={200: (SongPage, "The room's songs; none for a room that nobody knows")},
        problems=(500, 503),
    ),
    "GET /rooms/{room_id}/songs/{song_id}": Route(
        name="readSong",
        summary="Say what a room may use now of one song",
        description="Needs the scope `read`; `tokens=true` needs `read:tokens` as well.",
        tag="songs",
        answers={200: (SongPage, "The song, for each vendor and type")},
        problems=(400, 403, 404, 500, 503),
        parameters=(
            _query("tokens", "Show the tokens that are still good", {"type": "string", "enum": ["true", "false"]}),
        ),
    ),
    "GET /rooms/{room_id}/songs/{song_id}/history": Route(
        name="readSongHistory",
        summary="Say what was relayed about a song",
        description="Needs the scope `admin`. Resource ids are for support: each is good only where it was got.",
        tag="songs",
        answers={200: (SongHistory, "The latest 50 relays, oldest first, without their tokens")},
        problems=(404, 500, 503),
    ),
    "GET /quarantine": Route(
        name="listQuarantine",
        summary="List bodies of one day that could not be read",
        description="Needs the scope `admin`. The bodies are untrusted input.",
        tag="operation",
        answers={200: (QuarantinePage, "Up to 100 bodies")},
        problems=(400, 500, 503),
        parameters=(
            _query("day", "The day they came (UTC), such as 2026-11-21", TypeAdapter(Day).json_schema()),
            _query("cursor", "Where the previous page ended", {"type": "string"}),
        ),
    ),
    "POST /quarantine/replay": Route(
        name="rereadQuarantine",
        summary="Read bodies of one day again, after the reader was mended",
        description=(
            "Needs the scope `admin`. Takes up to 100; what can be read now becomes a claim and leaves the quarantine. "
            "Go on with `cursor` until it is null."
        ),
        tag="operation",
        request=QuarantineWish,
        answers={200: (Rerun, "How many were stored, and how many stay")},
        problems=(400, 500, 503),
    ),
    "GET /tasks": Route(
        name="listTasks",
        summary="List tasks, newest first",
        description="Needs the scope `read`. Lists what has a task item; may be behind by a moment.",
        tag="tasks",
        answers={200: (TaskPage, "A page")},
        problems=(400, 500, 503),
        parameters=_PAGE,
    ),
    "GET /tasks/{vid}": Route(
        name="readTask",
        summary="Read a task",
        description="Needs the scope `read`. Folded from the log at the time of the call, so never behind.",
        tag="tasks",
        answers={200: (TaskView, "The task")},
        problems=(400, 404, 500, 503),
    ),
    "GET /tasks/{vid}/history": Route(
        name="readHistory",
        summary="Read a task's observations, oldest first",
        description="Needs the scope `read`.",
        tag="tasks",
        answers={200: (History, "The log, bodies as received")},
        problems=(400, 404, 500, 503),
    ),
    "GET /health": Route(
        name="health",
        summary="Say that the API runs",
        tag="health",
        answers={200: (Health, "It runs")},
        problems=(500,),
    ),
}
