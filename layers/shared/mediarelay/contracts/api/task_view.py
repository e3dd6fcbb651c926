"""`GET /tasks/{vid}`: the task as subscribers get it, and what happens next to it."""

from datetime import datetime
from typing import Any

from pydantic import Field

from mediarelay.contracts.api.base import ResponseModel
from mediarelay.contracts.api.tasks import TaskDetails, task_details
from mediarelay.contracts.notification import TYPES
from mediarelay.domain.tasks.item import Publication
from mediarelay.domain.tasks.next_step import NextStep
from mediarelay.domain.tasks.task import Task


class NextStepDetails(ResponseModel):
    """What happens next. Without `duty`, nothing is due."""

    duty: str | None = Field(None, description="`query`, `give_up` or `publish`")
    at: datetime | None = Field(None, description="From when it is due")
    attempts: int = Field(description="Queries so far that brought no outcome")
    give_up_at: datetime | None = Field(None, description="When the task becomes lost unless it has an outcome")
    published: tuple[str, ...] = Field(description="The types of the events that were published")


class TaskView(TaskDetails):
    """A task, and what happens next to it."""

    next: NextStepDetails


def task_view(task: Task, step: NextStep) -> dict[str, Any]:
    """Return a task and its next step as JSON values."""
    details = NextStepDetails(
        duty=step.duty,
        at=step.at,
        attempts=step.attempts,
        give_up_at=step.give_up_at,
        published=tuple(dict.fromkeys(map(_event_type, step.published))),
    )
    return task_details(task) | {"next": details.model_dump(mode="json", exclude_none=True)}


def _event_type(publication: Publication) -> str:
    return f"mediarelay.task.{TYPES[publication.state]}"
