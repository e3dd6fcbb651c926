"""GET /tasks, /tasks/{vid}, /tasks/{vid}/history, /health, /openapi.json."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from mediarelay import __version__
from mediarelay.aws_lambda.http import TextResponse, api_resolver, versioned
from mediarelay.aws_lambda.observability import observed
from mediarelay.contracts.api.base import HealthResponse, VidInPath
from mediarelay.contracts.api.responses import (
    ALWAYS,
    ETAG,
    IF_NONE_MATCH,
    LEDGER_DOWN,
    NOT_FOUND,
    NOT_MODIFIED,
    REQUEST_HEADERS,
    OpenApiDocument,
    success,
)
from mediarelay.contracts.api.task_view import TaskView, task_view
from mediarelay.contracts.api.tasks import (
    TaskHistory,
    TaskPage,
    TaskQuery,
    task_history,
    task_page,
)
from mediarelay.wiring.clients import task_reader

READER = task_reader()
# `make docs` writes it here, so that it is deployed with the function that serves it.
OPENAPI = Path(__file__).with_name("openapi.json")
app = api_resolver()


@app.get(
    "/tasks",
    scope="read",
    operation_id="listTasks",
    tags=["tasks"],
    summary="List tasks, by default newest first",
    description=(
        "Sorted by the time of creation, or with `time=outcome` by the time at which the "
        "outcome was recorded. The list may be a moment behind. No page lists a task twice, and a task that changes "
        "its state meanwhile stays in the list. Between two pages a task moves only if its time changes: when the "
        "provider first states the time of creation, or when a lost task gets an outcome. With `bucket`, `url` or "
        "`changed_since`, a page reads a bounded number of tasks and may have fewer than `limit`, or none; only a page "
        "without `cursor` is the last one."
    ),
    responses=success(TaskPage, "A page") | ALWAYS | LEDGER_DOWN,
)
def list_tasks(query: TaskQuery) -> dict[str, Any]:
    """Return a page of tasks."""
    selections, where = query.selections(), query.where()
    page = READER.page(selections, order=query.order, limit=query.limit, cursor=query.cursor, where=where)
    return task_page(page)


@app.get(
    "/tasks/<vid>",
    scope="read",
    operation_id="readTask",
    tags=["tasks"],
    summary="Read a task",
    description="Mediarelay folds the log during the call, so the task is never behind.",
    responses=success(TaskView, "The task, and what happens next to it", headers=ETAG)
    | NOT_MODIFIED
    | ALWAYS
    | NOT_FOUND
    | LEDGER_DOWN,
    openapi_extensions={REQUEST_HEADERS: [IF_NONE_MATCH]},
)
def read_task(vid: VidInPath) -> TextResponse:
    """Return a task, or 304 if the client has it as it is."""
    return versioned(app.current_event.raw_event, json.dumps(task_view(*READER.with_next(vid))))


@app.get(
    "/tasks/<vid>/history",
    scope="read",
    operation_id="readHistory",
    tags=["tasks"],
    summary="Read a task's observations, oldest first",
    responses=success(TaskHistory, "The log, with bodies exactly as received") | ALWAYS | NOT_FOUND | LEDGER_DOWN,
)
def read_history(vid: VidInPath) -> dict[str, Any]:
    """Return a task's observations."""
    found = READER.history(vid)
    return task_history(found.task, found.observations)


@app.get(
    "/health",
    scope=None,
    operation_id="health",
    tags=["service"],
    summary="Check that the API runs",
    responses=success(HealthResponse, "The API runs") | ALWAYS,
)
def health() -> dict[str, Any]:
    """Return the version. It checks no dependency, so an outage of one does not take the API out of service."""
    return HealthResponse(version=__version__).model_dump()


@app.get(
    "/openapi.json",
    scope=None,
    operation_id="readOpenApi",
    tags=["service"],
    summary="Read this description of the API",
    responses=success(OpenApiDocument, "An OpenAPI 3.1 document", headers=ETAG) | NOT_MODIFIED | ALWAYS,
    openapi_extensions={REQUEST_HEADERS: [IF_NONE_MATCH]},
)
def read_openapi() -> TextResponse:
    """Return the document that `make docs` generates from all functions."""
    return versioned(app.current_event.raw_event, openapi_text())


@cache
def openapi_text() -> str:
    """Read the document at the first request for it: few processes ever get one."""
    return OPENAPI.read_text("utf-8")


handler = observed(app.resolve)
