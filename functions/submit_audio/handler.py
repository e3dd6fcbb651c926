"""POST /tasks/audio: submit an audio task, once per Idempotency-Key."""

from mediarelay.aws_lambda.http import JsonResponse, api_resolver
from mediarelay.aws_lambda.observability import observed
from mediarelay.aws_lambda.submits import SUBMIT_RESPONSES, idempotency_key, respond_submitted
from mediarelay.contracts.api.responses import IDEMPOTENCY_KEY_HEADER, REQUEST_HEADERS
from mediarelay.contracts.api.submits import AudioTaskRequest
from mediarelay.domain.tasks.media import Kind
from mediarelay.wiring.provider import submitter

SUBMITTER = submitter()
app = api_resolver()


@app.post(
    "/tasks/audio",
    scope="submit",
    operation_id="submitAudio",
    tags=["tasks"],
    summary="Submit an audio task",
    description=("CTS takes `url`, `bucketName` and `bucketRegion`; MPS takes `source` as well."),
    responses=SUBMIT_RESPONSES,
    openapi_extensions={REQUEST_HEADERS: [IDEMPOTENCY_KEY_HEADER]},
)
def submit_audio(request: AudioTaskRequest) -> JsonResponse:
    """Submit the task, or return the one that the same key gave before."""
    key = idempotency_key(app.current_event.raw_event)
    return respond_submitted(SUBMITTER.submit(Kind.AUDIO, request.model_dump(exclude_none=True), key))


handler = observed(app.resolve)
