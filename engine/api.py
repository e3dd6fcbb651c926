"""The signed API v2 at /v2/index.php: its checks, actions and envelope, as docs/engine.md describes them.

Every answer is HTTP 200 with `{"code", "message", "codeDesc", "data"}`.
"""

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from engine.config import Settings
from engine.endpoint import respond
from engine.forms import Pairs, read_body, read_form, read_urlencoded
from engine.jobs import Jobs
from engine.model import Task, TaskKind
from engine.payloads import query
from engine.places import parse_url
from engine.store import Store, UsedNonce
from mediarelay.errors import Malformed
from mediarelay.signing.qcloud import WINDOW_SECONDS, Endpoint, VerificationFailed, verify

logger = logging.getLogger(__name__)

Params = Mapping[str, str]
Answer = dict[str, Any]

PATH = "/v2/index.php"
MAX_BODY = 1 << 20
# The `codeDesc` of each code. The provider publishes the numbers but few of the texts, so most texts are the engine's.
CODES = {
    0: "Success",
    4000: "InvalidParameter",
    4100: "AuthFailure",
    4104: "SecretIdNotFound",
    4105: "InvalidToken",
    4400: "QuotaExceeded",
    4500: "ReplayRequest",
    5000: "ResourceNotFound",
    6000: "InternalError",
    6100: "ActionNotSupported",
    6200: "UnderMaintenance",
}


class Refused(Exception):
    """The API refuses a call with this code."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def envelope(code: int, message: str = "", data: Answer | None = None) -> Answer:
    """Wrap data, or the code and message of a refusal, as the provider does."""
    return {"code": code, "message": message, "codeDesc": CODES.get(code, "Failure"), "data": data or {}}


class Api:
    """The actions of the API and the checks that precede them."""

    def __init__(self, settings: Settings, store: Store, jobs: Jobs) -> None:
        self._settings = settings
        self._store = store
        self._jobs = jobs
        self._actions: dict[str, Callable[[Params], Answer]] = {
            "GetCtsInfo": self._video_info,
            "GetCtsaudioInfo": self._audio_info,
            "AddCtsAudioTask": self._add_audio,
        }

    async def endpoint(self, request: Request) -> Response:
        """Answer GET (parameters in the query) and POST (a form, the query or both), with the faults in force."""
        faults = self._settings.faults.roll()
        error = None if faults.api_error is None else envelope(faults.api_error, "fault")
        return await respond(faults, error, lambda: self._answer(request))

    def call(self, method: str, host: str, params: Params) -> Answer:
        """Check and carry out one call. Errors become envelopes; nothing is raised."""
        try:
            self._authenticate(method, host, params)
            return envelope(0, data=self._act(params))
        except VerificationFailed as failed:
            return envelope(failed.code, str(failed))
        except Malformed as malformed:
            return envelope(4000, str(malformed))
        except Refused as refused:
            return envelope(refused.code, str(refused))
        except Exception:
            # Clients of the provider expect an envelope, never HTTP 500.
            logger.exception("a call failed")
            return envelope(6000, "internal error")

    async def _answer(self, request: Request) -> Answer:
        try:
            params = _unique(await _pairs(request))
        except Malformed as malformed:
            return envelope(4000, str(malformed))
        return await run_in_threadpool(self.call, request.method, request.headers.get("host", ""), params)

    def _authenticate(self, method: str, host: str, params: Params) -> None:
        keys = self._settings.config.credentials
        now = time.time()
        _need(params, "Action")
        verify(
            Endpoint(method, host, PATH),
            params,
            secret_of=lambda secret_id: keys.secret_key if secret_id == keys.secret_id else None,
            seen=lambda nonce: self._is_repeat(params, nonce, now),
            now=now,
        )
        if keys.token is not None and params.get("Token") != keys.token:
            raise Refused(4105, "Token: missing or wrong")

    def _is_repeat(self, params: Params, nonce: str, now: float) -> bool:
        """Mark a nonce as used at its timestamp. Return True if the key used both before."""
        # The official clients draw from so few nonces that two honest calls share one by chance. The timestamp is
        # therefore a part of the key.
        used = UsedNonce(secret_id=params["SecretId"], nonce=nonce, timestamp=params["Timestamp"])
        # A timestamp is valid for WINDOW_SECONDS on either side of the clock, so a used nonce counts for both.
        return self._store.use_nonce(used, now, 2 * WINDOW_SECONDS + 1)

    def _act(self, params: Params) -> Answer:
        action = self._actions.get(params["Action"])
        if action is None:
            raise Refused(6100, f"the action {params['Action']} is not supported")
        return action(params)

    def _video_info(self, params: Params) -> Answer:
        if params.get("vid"):
            return query(self._of_kind(TaskKind.VIDEO, params["vid"]))
        if not params.get("url"):
            raise Malformed("vid", "one of vid and url is required")
        place, key = parse_url(params["url"])
        return query(_found(self._store.newest_task(TaskKind.VIDEO, place, key)))

    def _audio_info(self, params: Params) -> Answer:
        return query(self._of_kind(TaskKind.AUDIO, _need(params, "vid")))

    def _add_audio(self, params: Params) -> Answer:
        url, bucket, region = (_need(params, name) for name in ("url", "bucketName", "bucketRegion"))
        place, key = parse_url(url)
        for name, given, stated in (("bucketName", bucket, place.bucket), ("bucketRegion", region, place.region)):
            if given != stated:
                raise Malformed(name, "is not the one in the url")
        return {"vid": self._jobs.start_audio(place, key).vid}

    def _of_kind(self, kind: TaskKind, vid: str) -> Task:
        task = self._store.task(vid)
        return _found(task if task and task.kind is kind else None)


def _found(task: Task | None) -> Task:
    if task is None:
        raise Refused(5000, "no such task")
    return task


def _need(params: Params, name: str) -> str:
    value = params.get(name)
    if not value:
        raise Malformed(name, "is missing")
    return value


async def _pairs(request: Request) -> Pairs:
    """Read the parameters of the query and of the body, if there is one. Raises `Malformed`."""
    query = read_urlencoded(request.scope["query_string"].decode("latin-1"))
    if request.method != "POST":
        return query
    return query + read_form(request.headers.get("content-type", ""), await read_body(request, MAX_BODY))


def _unique(pairs: Pairs) -> Params:
    params = dict(pairs)
    # The signature covers one value of each name. A second value would reach an action unsigned.
    if len(params) != len(pairs):
        raise Malformed("parameters", "a name is given twice")
    return params
