"""Operations over HTTP: replays and the quarantine."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from mediarelay.contracts.api.base import (
    Day,
    Digest,
    PageSize,
    QueryModel,
    RequestModel,
    ResponseModel,
    StateList,
    TaskFilter,
    TimeName,
)
from mediarelay.domain.page import Page
from mediarelay.domain.quarantine import QuarantinedBody
from mediarelay.domain.tasks.listing import Selection, TimeOf
from mediarelay.domain.tasks.media import Kind, State
from mediarelay.domain.tasks.replay_job import RATES, JobStatus, ReplayJob


class ReplayRequest(TaskFilter):
    """`POST /tasks/replay`: the tasks to replay, and the rate in tasks per minute for each state and kind."""

    state: StateList = Field(description="One state, or a list of states", examples=["lost"])
    time: TimeName | None = Field(
        default=None,
        description="The time that since and until refer to; by default outcome, or created for other states",
    )
    # Each replayed task costs a query, so the rate has to leave calls of the budget to other tasks.
    rate: Annotated[int, Field(ge=RATES[0], le=RATES[-1])] = 60
    dry_run: bool = False

    def selections(self) -> list[Selection]:
        """Return one selection for each kind and state; raise `Malformed` if a state has no such time."""
        return self._selections(self.state, self.time)


class TaskReplayResponse(ResponseModel):
    """Response to a replay of one task: `replay` identifies the stored request."""

    vid: str
    replay: str


class ReplayResponse(ResponseModel):
    """Response to a replay of many tasks: the number of selected tasks, and the ids of the jobs (none in a dry run)."""

    count: int
    jobs: list[str]


class ReplaysQuery(QueryModel):
    """`GET /replays`: the bulk replays to list."""

    limit: PageSize = Field(default=20, description="Replays per page")
    cursor: str | None = Field(default=None, description="The `cursor` of the previous page")


class ReplayJobDetails(ResponseModel):
    """A bulk replay: what it selects, how far it is, and who started it.

    `done` counts the tasks whose replay was requested.
    """

    id: str
    kind: Kind
    state: State
    since: datetime | None = None
    until: datetime | None = None
    time: TimeOf
    rate: int = Field(description="Tasks per minute")
    done: int
    status: JobStatus
    client: str
    created_at: datetime


class ReplayPage(ResponseModel):
    """A page of bulk replays. `cursor` leads to the next page and is missing on the last one."""

    replays: list[ReplayJobDetails]
    cursor: str | None = None


class QuarantineReplayRequest(RequestModel):
    """`POST /quarantine/replay`: the day whose bodies to read again."""

    day: Day = Field(description="The day on which they arrived (UTC)", examples=["2026-11-21"])
    cursor: Digest = Field(default="", description="The `cursor` of the previous page")


class QuarantineQuery(QuarantineReplayRequest, QueryModel):
    """`GET /quarantine`: the day whose bodies to list."""


class QuarantineItem(ResponseModel):
    """A quarantined body. `size` is its length in bytes, `body` its beginning as text."""

    digest: str
    route: str
    reason: str
    at: datetime
    size: int
    body: str


class QuarantinePage(ResponseModel):
    """Bodies of one day. `cursor` leads to the next page and is missing on the last one."""

    bodies: list[QuarantineItem]
    cursor: str | None = None


class QuarantineReplayResponse(ResponseModel):
    """Response to a replay of quarantined bodies: how many were stored as claims, and how many are still unreadable.

    `cursor` leads to the next bodies of that day and is missing after the last ones.
    """

    stored: int
    refused: int
    cursor: str | None = None


def replay_job_details(job: ReplayJob) -> dict[str, Any]:
    """Return a bulk replay as JSON values."""
    return _job_details(job).model_dump(mode="json", exclude_none=True)


def replay_page(page: Page[ReplayJob]) -> dict[str, Any]:
    """Return a page of bulk replays as JSON values."""
    shown = ReplayPage(replays=[_job_details(job) for job in page.items], cursor=page.cursor)
    return shown.model_dump(mode="json", exclude_none=True)


def _job_details(job: ReplayJob) -> ReplayJobDetails:
    chosen = job.selection
    return ReplayJobDetails(
        id=job.identity,
        kind=chosen.kind,
        state=chosen.state,
        since=chosen.since,
        until=chosen.until,
        time=chosen.time,
        rate=job.rate,
        done=job.done,
        status=job.status,
        client=job.by,
        created_at=job.at,
    )


def quarantine_page(page: Page[QuarantinedBody]) -> dict[str, Any]:
    """Return a page of the quarantine as JSON values."""
    # `size` is set where the use case has shortened the body.
    bodies = [
        QuarantineItem(
            digest=one.digest,
            route=one.route,
            reason=one.reason,
            at=one.at,
            size=one.size or len(one.body),
            body=one.body.decode("utf-8", "replace"),
        )
        for one in page.items
    ]
    return QuarantinePage(bodies=bodies, cursor=page.cursor).model_dump(mode="json", exclude_none=True)
