"""Describe the callback routes, whose functions have no resolver, as a resolver describes the others.

No request reaches the functions of this module. `docs.openapi` reads the routes from them.
"""

from typing import Annotated, Any

from pydantic import WithJsonSchema

from mediarelay.aws_lambda.http import api_resolver
from mediarelay.contracts.api.callbacks import CallbackResponse, RelayResponse
from mediarelay.contracts.api.responses import ALWAYS, header, problem_response, success

CALLBACK_RESPONSES = (
    success(CallbackResponse, "Stored, or stored before")
    | ALWAYS
    | problem_response(401, "The callback's path token is missing or wrong")
    | problem_response(403, "The callback does not come from an admitted network")
    | problem_response(413, "The body is over MaxCallbackBytes")
    | problem_response(
        503,
        "Nothing is stored; send it again. Neither the ledger nor the callback backlog took it, the secret with the "
        "path tokens cannot be used, or no network of CallbackSourceCidrs can be read",
    )
)
RELAY_RESPONSES = (
    success(RelayResponse, "One result for each relay")
    | ALWAYS
    | problem_response(401, "No live secret signed it, it is from another time, or its nonce was used before")
    | problem_response(403, "The relay does not come from an admitted network")
    | problem_response(413, "The message is over 256 KB, or one relay over 128 KB")
    | problem_response(
        503,
        "Not everything is stored; send it again. The ledger or the key that encrypts tokens did not answer, the "
        "secret with the signing keys cannot be used, or no network of MusicSourceCidrs can be read",
    )
)
WEBHOOK_HEADERS = [
    header("webhook-id", "The message's own id. These three headers, or ZEGO's fields in the body, are needed"),
    header("webhook-timestamp", "Seconds since 1970, within five minutes of our clock"),
    header("webhook-signature", "`v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`; several with blanks"),
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
DESCRIPTION = "The body is a callback as the provider documents it; docs/fields.md has every field. A query is ignored."
app = api_resolver()


@app.post(
    "/callbacks/video/<token>",
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
    "/callbacks/music",
    operation_id="relaySong",
    tags=["songs"],
    summary="Receive a result of ZEGO's SDK about a song",
    description=(
        "For game servers. Signed with Standard Webhooks headers, or with ZEGO's fields in the body; five minutes "
        "either way. The same result again is a duplicate, however it is signed. KMS encrypts the tokens. Of up to 100 "
        "in `relays` all are taken, or none if one is malformed."
    ),
    responses=RELAY_RESPONSES,
    openapi_extensions=body("application/json", schemas=("SongRelayRequest", "SongRelaysRequest"))
    | {"parameters": WEBHOOK_HEADERS},
)
def relay_song() -> None:
    """Describe functions/music_callback."""
