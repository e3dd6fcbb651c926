"""GET /submissions, GET /submissions/{id}, POST /submissions/{id}/cancel: follow and cancel submitted requests."""

from typing import Any

from mediarelay.aws_lambda.http import api_resolver, client_name
from mediarelay.aws_lambda.observability import observed
from mediarelay.contracts.api.responses import ALWAYS, LEDGER_DOWN, NOT_CANCELLABLE, NOT_FOUND, success
from mediarelay.contracts.api.submissions import (
    SubmissionDetails,
    SubmissionInPath,
    SubmissionPage,
    SubmissionsQuery,
    submission_details,
    submission_page,
)
from mediarelay.wiring.submissions import submissions

SUBMISSIONS = submissions()
app = api_resolver()


@app.get(
    "/submissions",
    scope="read",
    operation_id="listSubmissions",
    tags=["submissions"],
    summary="List submissions, newest first",
    description=(
        "The list may be a moment behind. A page may hold fewer submissions than `limit`: only a missing `cursor` "
        "marks the last page. Submissions that an earlier version completed are not listed."
    ),
    responses=success(SubmissionPage, "A page") | ALWAYS | LEDGER_DOWN,
)
def list_submissions(query: SubmissionsQuery) -> dict[str, Any]:
    """Return a page of submissions."""
    return submission_page(SUBMISSIONS.page(query.chosen(), limit=query.limit, cursor=query.cursor))


@app.get(
    "/submissions/<id>",
    scope="read",
    operation_id="readSubmission",
    tags=["submissions"],
    summary="Read a submission",
    description=(
        "404 also for a submission whose key was used again: after a cancel, or after a refusal or `DefaultKeyHours`."
    ),
    responses=success(SubmissionDetails, "The submission") | ALWAYS | NOT_FOUND | LEDGER_DOWN,
)
def read_submission(id: SubmissionInPath) -> dict[str, Any]:  # noqa: A002 - the name of the path parameter
    """Return a submission."""
    return submission_details(SUBMISSIONS.find(id))


@app.post(
    "/submissions/<id>/cancel",
    scope="submit",
    operation_id="cancelSubmission",
    tags=["submissions"],
    summary="Cancel a submission that was not sent yet",
    description=(
        "Only a submission in the state `queued` can be cancelled: no attempt has made a task. Its key is free again, "
        "so the same request makes a new submission. Mediarelay publishes `mediarelay.submit.refused` unless the "
        "submission has a key of the client that cancels it: another client may wait for the task."
    ),
    responses=success(SubmissionDetails, "The cancelled submission")
    | ALWAYS
    | NOT_FOUND
    | NOT_CANCELLABLE
    | LEDGER_DOWN,
)
def cancel_submission(id: SubmissionInPath) -> dict[str, Any]:  # noqa: A002
    """Cancel a submission and return it."""
    return submission_details(SUBMISSIONS.cancel(id, client_name(app.current_event.raw_event)))


handler = observed(app.resolve)
