"""POST /tasks/video: submit a video, or expect a task named by its vid, its url, or the headers of its upload."""

from mediarelay.aws_lambda.http import JsonResponse, api_resolver
from mediarelay.aws_lambda.observability import observed
from mediarelay.aws_lambda.submits import SUBMIT_RESPONSES, idempotency_key, respond_submitted
from mediarelay.contracts.api.responses import IDEMPOTENCY_KEY_HEADER, REQUEST_HEADERS
from mediarelay.contracts.api.submits import VideoTaskRequest
from mediarelay.domain.tasks.media import Kind
from mediarelay.wiring.provider import submitter

SUBMITTER = submitter()
app = api_resolver()


@app.post(
    "/tasks/video",
    scope="submit",
    operation_id="trackVideo",
    tags=["tasks"],
    summary="Submit or expect a video task",
    description=(
        "Send `source` or `url`, and the provider makes the task (MPS) or finds the one that "
        "the upload started (CTS). Send `vid` to expect a task that exists already; or, for CTS, `url` with "
        "`cos_request_id` and `date` (the headers x-cos-request-id and Date of the upload's response), and Mediarelay "
        "computes the vid. Idempotency-Key counts only if the provider is called."
    ),
    responses=SUBMIT_RESPONSES,
    openapi_extensions={REQUEST_HEADERS: [IDEMPOTENCY_KEY_HEADER]},
)
def track_video(request: VideoTaskRequest) -> JsonResponse:
    """Submit or expect the task, or return the one that the same request gave before."""
    fields, vid = request.model_dump(exclude_none=True), request.known_vid()
    key = idempotency_key(app.current_event.raw_event)
    # A known vid identifies the task by itself, so it needs no key and no call to the provider.
    if vid:
        return respond_submitted(SUBMITTER.track(vid, fields))
    return respond_submitted(SUBMITTER.submit(Kind.VIDEO, fields, key))


handler = observed(app.resolve)
