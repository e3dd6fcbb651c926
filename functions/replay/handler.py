"""POST /tasks/{vid}/replay, POST /tasks/replay, /replays: query the provider and publish the outcome again."""

from typing import Any

from mediarelay.aws_lambda.http import api_resolver, client_name
from mediarelay.aws_lambda.observability import observed
from mediarelay.contracts.api.base import JobInPath, VidInPath
from mediarelay.contracts.api.operations import (
    ReplayJobDetails,
    ReplayPage,
    ReplayRequest,
    ReplayResponse,
    ReplaysQuery,
    TaskReplayResponse,
    replay_job_details,
    replay_page,
)
from mediarelay.contracts.api.responses import ALWAYS, LEDGER_DOWN, NOT_FOUND, success
from mediarelay.wiring.clients import replay_jobs, replayer

REPLAYER, JOBS = replayer(), replay_jobs()
app = api_resolver()


@app.post(
    "/tasks/<vid>/replay",
    scope="submit",
    operation_id="replayTask",
    tags=["operation"],
    summary="Query the provider about a task and publish its outcome again",
    description=(
        "Mediarelay queries the provider and publishes the outcome again. The event "
        "has a new id and the extension `replay`, so no subscriber drops it as a repeat."
    ),
    responses=success(TaskReplayResponse, "The replay is stored", 202) | ALWAYS | NOT_FOUND | LEDGER_DOWN,
)
def replay_task(vid: VidInPath) -> tuple[dict[str, Any], int]:
    """Store the replay of one task."""
    identity = REPLAYER.replay(vid, client_name(app.current_event.raw_event))
    return TaskReplayResponse(vid=vid, replay=identity).model_dump(), 202


@app.post(
    "/tasks/replay",
    scope="admin",
    operation_id="replayTasks",
    tags=["operation"],
    summary="Query the provider about many tasks and publish their outcomes again",
    description=(
        "Replays the tasks in `state` (one or several states) whose outcome was recorded "
        "between `since` and `until`, both included. For states that are no outcome, and with `time=created`, the time "
        "of creation counts instead. Each job replays the tasks of one kind and state, newest first, `rate` per "
        "minute. With `dry_run`, Mediarelay only counts the tasks."
    ),
    responses=success(ReplayResponse, "A dry run")
    | success(ReplayResponse, "The jobs are stored", 202)
    | ALWAYS
    | LEDGER_DOWN,
)
def replay_tasks(request: ReplayRequest) -> tuple[dict[str, Any], int]:
    """Store one job for each kind and state, or only count their tasks in a dry run."""
    selections = request.selections()
    count, client = REPLAYER.count(selections), client_name(app.current_event.raw_event)
    jobs = [] if request.dry_run else REPLAYER.start(selections, request.rate, client)
    return ReplayResponse(count=count, jobs=jobs).model_dump(), 202 if jobs else 200


@app.get(
    "/replays",
    scope="admin",
    operation_id="listReplays",
    tags=["operation"],
    summary="List the jobs of bulk replays, newest first",
    description="A job is listed until 30 days after its end. Jobs that ended under an earlier version are not listed.",
    responses=success(ReplayPage, "A page") | ALWAYS | LEDGER_DOWN,
)
def list_replays(query: ReplaysQuery) -> dict[str, Any]:
    """Return a page of jobs."""
    return replay_page(JOBS.page(limit=query.limit, cursor=query.cursor))


@app.get(
    "/replays/<id>",
    scope="admin",
    operation_id="readReplay",
    tags=["operation"],
    summary="Read the job of a bulk replay",
    responses=success(ReplayJobDetails, "The job") | ALWAYS | NOT_FOUND | LEDGER_DOWN,
)
def read_replay(id: JobInPath) -> dict[str, Any]:  # noqa: A002 - the name of the path parameter
    """Return a job."""
    return replay_job_details(JOBS.find(id))


@app.post(
    "/replays/<id>/stop",
    scope="admin",
    operation_id="stopReplay",
    tags=["operation"],
    summary="Stop the job of a bulk replay",
    description=(
        "A stopped job never continues; the part of the present minute may still be carried out. A job that has ended "
        "stays as it is."
    ),
    responses=success(ReplayJobDetails, "The job") | ALWAYS | NOT_FOUND | LEDGER_DOWN,
)
def stop_replay(id: JobInPath) -> dict[str, Any]:  # noqa: A002
    """Stop a job and return it."""
    return replay_job_details(JOBS.stop(id, client_name(app.current_event.raw_event)))


handler = observed(app.resolve)
