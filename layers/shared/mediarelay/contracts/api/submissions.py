"""Submissions over HTTP: the requests that clients submitted, and what has become of them."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema

from mediarelay.contracts.api.base import KindName, PageSize, QueryModel, ResponseModel
from mediarelay.domain.page import Page
from mediarelay.domain.tasks.intent import SUBMISSION_DIGITS, Intent, SubmissionState
from mediarelay.domain.tasks.media import Kind
from mediarelay.domain.tasks.submissions import SubmissionFilter


def _states(value: object) -> tuple[SubmissionState, ...]:
    """Read comma-separated states from a query; drop duplicates."""
    named = str(value).split(",")
    if not all(one in list(SubmissionState) for one in named):
        raise ValueError("must be one or more of " + ", ".join(SubmissionState))
    return tuple(dict.fromkeys(map(SubmissionState, named)))


_STATE = {"type": "string", "enum": [state.value for state in SubmissionState]}
SubmissionStates = Annotated[
    tuple[SubmissionState, ...],
    BeforeValidator(_states),
    WithJsonSchema({"type": "array", "minItems": 1, "items": _STATE}),
]
SubmissionInPath = Annotated[
    str,
    WithJsonSchema(
        {
            "type": "string",
            "pattern": f"^[0-9a-f]{{{SUBMISSION_DIGITS}}}$",
            "description": "The `submission` of the answer to a submit",
        }
    ),
]


class SubmissionsQuery(QueryModel):
    """`GET /submissions`: the submissions to list."""

    state: SubmissionStates | None = Field(
        default=None, description="Only submissions in these states, separated by commas"
    )
    kind: KindName | None = Field(default=None, description="Only submissions of this kind")
    limit: PageSize = Field(default=20, description="Submissions per page at most")
    cursor: str | None = Field(
        default=None, description="The `cursor` of the previous page; use it with the same filters"
    )

    def chosen(self) -> SubmissionFilter:
        """Return the submissions that the query selects."""
        return SubmissionFilter(
            kinds=[self.kind] if self.kind else list(Kind), states=self.state or tuple(SubmissionState)
        )


class SubmissionDetails(ResponseModel):
    """A submission: a client's request, and what has become of it. Fields without a known value are left out."""

    id: str
    state: SubmissionState
    kind: Kind
    provider: str
    request: dict[str, Any] = Field(description="The request as the client sent it")
    reference: str | None = Field(None, description="The client's own reference, given with the request")
    idempotency_key: str | None = Field(None, description="The key that the client chose")
    client: str | None = Field(None, description="The client that chose the key")
    vid: str | None = Field(None, description="The task, once the submission is completed")
    reason: str | None = Field(None, description="Why it was refused, or who cancelled it")
    created_at: datetime
    updated_at: datetime | None = Field(None, description="When it was completed, refused or cancelled")
    next_attempt_at: datetime | None = Field(
        None, description="When the request is due to be sent to the provider (again)"
    )


class SubmissionPage(ResponseModel):
    """A page of submissions. `cursor` leads to the next page and is missing on the last one."""

    submissions: list[SubmissionDetails]
    cursor: str | None = None


def submission_details(intent: Intent) -> dict[str, Any]:
    """Return a submission as JSON values."""
    return _details(intent).model_dump(mode="json", exclude_none=True)


def submission_page(page: Page[Intent]) -> dict[str, Any]:
    """Return a page of submissions as JSON values."""
    shown = SubmissionPage(submissions=[_details(intent) for intent in page.items], cursor=page.cursor)
    return shown.model_dump(mode="json", exclude_none=True)


def _details(intent: Intent) -> SubmissionDetails:
    return SubmissionDetails(
        id=intent.submission,
        state=intent.state,
        kind=intent.kind,
        provider=intent.provider,
        request=dict(intent.request),
        reference=intent.reference,
        # A default key is the request itself.
        idempotency_key=intent.key if intent.client is not None else None,
        client=intent.client,
        vid=intent.vid,
        # A submission that was given up may get its task later.
        reason=intent.refused if intent.vid is None else None,
        created_at=intent.at,
        updated_at=intent.updated_at,
        next_attempt_at=intent.next_attempt_at if intent.vid is None else None,
    )
