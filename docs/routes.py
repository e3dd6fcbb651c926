"""What the template does not say about a route: its summary, parameters, bodies and statuses. Data only."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, TypeAdapter

from mediarelay.contracts.api import (
    Accepted,
    AudioSubmit,
    Health,
    History,
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
