"""Dead-letter queues over HTTP."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field, WithJsonSchema

from mediarelay.contracts.api.base import PageSize, QueryModel, RequestModel, ResponseModel
from mediarelay.contracts.api.status import DeadLetterStatus, dead_letter_counts
from mediarelay.domain.operations.dead_letters import ShownLetter
from mediarelay.domain.operations.facts import QueueFacts

QueueInPath = Annotated[
    str,
    WithJsonSchema(
        {"type": "string", "description": "The queue's name in the template", "examples": ["ConfirmDeadLetters"]}
    ),
]


class DeadLetterList(ResponseModel):
    """All dead-letter queues."""

    dead_letters: list[DeadLetterStatus]


class MessageQuery(QueryModel):
    """`GET /dead-letters/{queue}/messages`."""

    limit: PageSize = Field(default=10, description="Messages to show")


class DeadLetterMessage(ResponseModel):
    """A message in a dead-letter queue. `body` has at most 4,096 characters, without the providers' credentials.

    A callback from the backlog is shown as it was received; its attributes are its route, its origin and its time.
    """

    id: str
    sent_at: datetime
    received: int = Field(description="How often the message was received, also by operators")
    body: str
    truncated: bool
    attributes: Mapping[str, str]


class DeadLetterMessages(ResponseModel):
    """Some messages of a queue, in no fixed order. They stay in it, hidden for two seconds."""

    messages: list[DeadLetterMessage]


class RedriveResponse(ResponseModel):
    """How many messages were moved to their source queue, and SQS's estimate of how many remain."""

    moved: int
    remaining: int


class PurgeRequest(RequestModel):
    """`POST /dead-letters/{queue}/purge`."""

    confirm: str = Field(description="The name of the queue again")


class PurgeResponse(ResponseModel):
    """SQS's estimate of how many messages were deleted."""

    purged: int


def dead_letter_list(counts: Iterable[QueueFacts]) -> dict[str, Any]:
    """Return the dead-letter queues as JSON values."""
    return DeadLetterList(dead_letters=dead_letter_counts(counts)).model_dump()


def dead_letter_messages(messages: Iterable[ShownLetter]) -> dict[str, Any]:
    """Return messages as JSON values."""
    shown = [DeadLetterMessage.model_validate(one) for one in messages]
    return DeadLetterMessages(messages=shown).model_dump(mode="json")
