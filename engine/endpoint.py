"""Answer a call of either API with the faults in force."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.responses import JSONResponse, PlainTextResponse, Response

from engine.config import Faults

Json = dict[str, Any]


async def respond(faults: Faults, error: Json | None, answer: Callable[[], Awaitable[Json]]) -> Response:
    """Return the answer of a call. `error` is the answer that a fault prescribes, if there is one."""
    # An HTTP status and an error prevent the call. A hang and garbage follow a call that has taken effect, because
    # clients must cope with a lost answer to a submit.
    if faults.api_http_status is not None:
        return PlainTextResponse("fault", status_code=faults.api_http_status)
    body = await answer() if error is None else error
    await asyncio.sleep(faults.api_hang)
    return PlainTextResponse(str(body)[:40]) if faults.api_garbage else JSONResponse(body)
