"""POST /tasks/{vid}/replay, POST /tasks/replay: query the provider and publish the outcome again."""

from typing import Any

from mediarelay.aws_lambda.http import api_resolver, client_name
from mediarelay.aws_lambda.observability import observed
from mediarelay.contracts.api.base import VidInPath
from mediarelay.contracts.api.operations import ReplayRequest, ReplayResponse, TaskReplayResponse
from mediarelay.contracts.api.responses import ALWAYS, LEDGER_DOWN, NOT_FOUND, success
from mediarelay.wiring.clients import replayer

REPLAYER = replayer()
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


handler = observed(app.resolve)
