"""Describe the callback routes, whose functions have no resolver, as a resolver describes the others.

No request reaches the functions of this module. `docs.openapi` reads the routes from them.
"""

from typing import Annotated, Any

from pydantic import WithJsonSchema

from mediarelay.aws_lambda.http import api_resolver
from mediarelay.contracts.api.callbacks import CallbackResponse, RelayResponse
from mediarelay.contracts.api.responses import ALWAYS, REQUEST_HEADERS, header, problem_response, success

CALLBACK_RESPONSES = (
    success(CallbackResponse, "Mediarelay has stored the callback, now or before")
    | ALWAYS
    | problem_response(401, "The callback's path token is missing or wrong")
    | problem_response(403, "The callback does not come from an admitted network")
    | problem_response(413, "The body exceeds MaxCallbackBytes")
    | problem_response(
        503,
        "Mediarelay has stored nothing; send the callback again. Neither the ledger nor the callback backlog accepted "
        "it, the secret with the path tokens is unusable, or no entry of CallbackSourceCidrs is a network",
    )
)
RELAY_RESPONSES = (
    success(RelayResponse, "Mediarelay has processed every relay; the body has one result for each")
    | ALWAYS
    | problem_response(401, "No live secret signed the message, its time is too far off, or it reuses a nonce")
    | problem_response(403, "The relay does not come from an admitted network")
    | problem_response(413, "The message exceeds 256 KB, or one relay exceeds 128 KB")
    | problem_response(
        503,
        "Mediarelay has not stored every relay; send the message again. The ledger or the key that encrypts tokens did "
        "not answer, the secret with the signing keys is unusable, or no entry of MusicSourceCidrs is a network",
    )
)
WEBHOOK_HEADERS = [
    header("webhook-id", "A unique id of the message. Send these three headers, or ZEGO's fields in the body"),
    header("webhook-timestamp", "Seconds since 1970, at most five minutes from Mediarelay's clock"),
    header(
        "webhook-signature",
        "`v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`; spaces separate several signatures",
    ),
]
TokenInPath = Annotated[
    str, WithJsonSchema({"type": "string", "description": "A live token of the CallbackTokens secret"})
]


def body(*media_types: str, schemas: tuple[str, ...]) -> dict[str, Any]:
    """Return the OpenAPI extension for a request body of one of these media types and one of these schemas."""
    references = [{"$ref": f"#/components/schemas/{name}"} for name in schemas]
    schema = references[0] if len(references) == 1 else {"anyOf": references}
    return {"requestBody": {"required": True, "content": {name: {"schema": schema} for name in media_types}}}


CALLBACK_BODY = body("application/json", "application/x-www-form-urlencoded", schemas=("Callback",))
DESCRIPTION = (
    "The body is a callback as the provider documents it; docs/fields.md lists every field. Mediarelay ignores a query."
)
app = api_resolver()


@app.post(
    "/callbacks/video/<token>",
    scope=None,
    operation_id="videoCallback",
    tags=["callbacks"],
    summary="Receive a callback about a video task",
    description=DESCRIPTION,
    responses=CALLBACK_RESPONSES,
    openapi_extensions=CALLBACK_BODY,
)
def video_callback(token: TokenInPath) -> None:
    """Describe functions/video_callback."""


@app.post(
    "/callbacks/audio/<token>",
    scope=None,
    operation_id="audioCallback",
    tags=["callbacks"],
    summary="Receive a callback about an audio task",
    description=DESCRIPTION,
    responses=CALLBACK_RESPONSES,
    openapi_extensions=CALLBACK_BODY,
)
def audio_callback(token: TokenInPath) -> None:
    """Describe functions/audio_callback."""


@app.post(
    "/callbacks/mps/<token>",
    scope=None,
    operation_id="mpsCallback",
    tags=["callbacks"],
    summary="Receive a callback of MPS",
    description=(
        f"{DESCRIPTION} If the secret CallbackTokens has `notify_keys`, `Sign` must be valid (401 otherwise). A "
        "callback about something else than a workflow or schedule task is kept in quarantine, and the answer has no "
        "vid. Mediarelay removes credentials from the body."
    ),
    responses=CALLBACK_RESPONSES,
    openapi_extensions=body("application/json", schemas=("MpsCallback",)),
)
def mps_callback(token: TokenInPath) -> None:
    """Describe functions/mps_callback."""


@app.post(
    "/callbacks/music",
    scope=None,
    operation_id="relaySong",
    tags=["songs"],
    summary="Receive a result of ZEGO's SDK about a song",
    description=(
        "For game servers. Sign the message with Standard Webhooks headers or with ZEGO's fields in the body. Its time "
        "may differ from Mediarelay's clock by five minutes. The same result again is a duplicate, whatever its "
        "signature. KMS encrypts the tokens. `relays` has at most 100 entries; Mediarelay stores none of them if one "
        "is malformed."
    ),
    responses=RELAY_RESPONSES,
    openapi_extensions=body("application/json", schemas=("SongRelayRequest", "SongRelaysRequest"))
    | {REQUEST_HEADERS: WEBHOOK_HEADERS},
)
def relay_song() -> None:
    """Describe functions/music_callback."""
