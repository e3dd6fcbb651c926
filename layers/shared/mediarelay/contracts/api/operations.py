"""Operations over HTTP: replays, and the quarantine."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from mediarelay.contracts.api.base import (
    Day,
    Digest,
    QueryModel,
    RequestModel,
    ResponseModel,
    StateList,
    TaskFilter,
    TimeName,
)
from mediarelay.domain.quarantine import QuarantinedBody
from mediarelay.domain.tasks.item import Selection
from mediarelay.domain.tasks.replay_job import RATES


class ReplayRequest(TaskFilter):
    """`POST /tasks/replay`: which tasks, and how many of them per minute, state and kind."""

    state: StateList = Field(description="In one of these states, or in this one")
    time: TimeName | None = Field(
        default=None,
        description="What since and until bound. By default outcome, for states that are no outcome created",
    )
    rate: Annotated[int, Field(ge=RATES[0], le=RATES[-1])] = 60
    dry_run: bool = False

    def selections(self) -> list[Selection]:
        """Return one selection for each kind and state; raises `Malformed`."""
        return self._selections(self.state, self.time)


class TaskReplayResponse(ResponseModel):
    """Answer to a replay of one task: the replay is stored."""

    vid: str
    replay: str


class ReplayResponse(ResponseModel):
    """Answer to a replay of many tasks: how many it selects now, and the jobs (none in a dry run)."""

    count: int
    jobs: list[str]


class QuarantineReplayRequest(RequestModel):
    """`POST /quarantine/replay`: which day's bodies to read again."""

    day: Day = Field(description="The day they came (UTC), such as 2026-11-21")
    cursor: Digest = Field(default="", description="Where the previous page ended")


class QuarantineQuery(QuarantineReplayRequest, QueryModel):
    """`GET /quarantine`: which day's bodies to list."""


class QuarantineItem(ResponseModel):
    """A body in quarantine; `body` is its beginning, as far as it is text; `size` counts its bytes."""

    digest: str
    route: str
    reason: str
    at: datetime
    size: int
    body: str


class QuarantinePage(ResponseModel):
    """Bodies of one day; `cursor` leads to the next ones."""

    bodies: list[QuarantineItem]
    cursor: str | None = None


class QuarantineReplayResponse(ResponseModel):
    """How many bodies were stored as claims, and how many are still unreadable; `cursor` leads to the next ones."""

    stored: int
    refused: int
    cursor: str | None = None


def quarantine_page(page: list[QuarantinedBody], cursor: str | None) -> dict[str, Any]:
    """Return a page of the quarantine as JSON values."""
    bodies = [
        QuarantineItem(
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
