"""The API 3.0 of MPS at POST /: its checks, actions and envelope, as docs/engine.md describes them.

Every answer is HTTP 200 with `{"Response": {..., "RequestId"}}`, or with `Error` within it.
"""

import json
import logging
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import uuid4

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from engine.config import Settings
from engine.decode import decode
from engine.endpoint import respond
from engine.forms import read_body
from engine.jobs import Jobs
from engine.model import MPS_KINDS, Status, Task
from engine.mps.answers import detail, row
from engine.mps.errors import Refused, code_of
from engine.mps.odd import make_odd
from engine.mps.requests import DescribeTaskDetail, DescribeTasks, ManageTask, ProcessMedia, without_nulls
from engine.mps.tasks import make_task
from engine.store import SessionUsed, Store, TaskQuery
from mediarelay.errors import Malformed
from mediarelay.signing.tc3 import AuthFailure, verify

logger = logging.getLogger(__name__)

T = TypeVar("T")
Json = dict[str, Any]
Headers = Mapping[str, str]

PATH = "/"
VERSION = "2019-06-12"
SERVICE = "mps"
MAX_BODY = 10 << 20
# Seconds. Lists go back no further.
LISTED_SECONDS = 168 * 3600
# The provider requires no region for its actions, and refuses one that it does not have.
REGIONS = frozenset(
    {
        *("ap-bangkok", "ap-beijing", "ap-chengdu", "ap-chongqing", "ap-guangzhou", "ap-hongkong", "ap-jakarta"),
        *("ap-mumbai", "ap-nanjing", "ap-seoul", "ap-shanghai", "ap-singapore", "ap-tokyo", "eu-frankfurt"),
        *("na-ashburn", "na-siliconvalley", "na-toronto", "sa-saopaulo"),
    }
)
_STATUSES = {
    "WAITING": (Status.PENDING,),
    "PROCESSING": (Status.PROBED, Status.TRANSCODING),
    "FINISH": (Status.FAILED, Status.SUCCEEDED),
}


def failure(code: str, message: str) -> Json:
    """Return the body of a refusal, without its envelope."""
    return {"Error": {"Code": code, "Message": message}}


def envelope(body: Json) -> Json:
    """Wrap an answer as the provider does."""
    return {"Response": {**body, "RequestId": str(uuid4())}}


class MpsApi:
    """The actions of the API and the checks that precede them."""

    def __init__(self, settings: Settings, store: Store, jobs: Jobs) -> None:
        self._settings = settings
        self._store = store
        self._jobs = jobs
        self._actions: dict[str, Callable[[object], Json]] = {
            "ProcessMedia": self._process,
            "DescribeTaskDetail": self._describe,
            "DescribeTasks": self._list,
            "ManageTask": self._manage,
        }

    async def endpoint(self, request: Request) -> Response:
        """Answer a call, with the faults in force."""
        faults = self._settings.faults.roll()
        error = None if faults.mps_error is None else envelope(failure(faults.mps_error, "fault"))
        return await respond(faults, error, lambda: self._answer(request))

    def call(self, headers: Headers, payload: bytes) -> Json:
        """Check and carry out one call. Errors become envelopes; nothing is raised. Names of headers are lower-case."""
        try:
            self._authenticate(headers, payload)
            return envelope(self._act(headers, payload))
        except (Refused, AuthFailure) as refused:
            return envelope(failure(refused.code, str(refused)))
        except Malformed as malformed:
            return envelope(failure(code_of(malformed), str(malformed)))
        except Exception:
            # Clients of the provider expect an envelope, never HTTP 500.
            logger.exception("a call failed")
            return envelope(failure("InternalError", "internal error"))

    async def _answer(self, request: Request) -> Json:
        try:
            payload = await read_body(request, MAX_BODY)
        except Malformed as malformed:
            return envelope(failure("InvalidParameter", str(malformed)))
        return await run_in_threadpool(self.call, request.headers, payload)

    def _authenticate(self, headers: Headers, payload: bytes) -> None:
        keys = self._settings.config.credentials
        verify(
            headers,
            payload,
            service=SERVICE,
            secret_key_of=lambda secret_id: keys.secret_key if secret_id == keys.secret_id else None,
            now=time.time(),
        )
        if keys.token is not None and headers.get("x-tc-token") != keys.token:
            raise Refused("AuthFailure.TokenFailure", "X-TC-Token: missing or wrong")

    def _act(self, headers: Headers, payload: bytes) -> Json:
        if headers.get("x-tc-version") != VERSION:
            raise Refused("NoSuchVersion", f"X-TC-Version: must be {VERSION}")
        action = self._actions.get(headers.get("x-tc-action", ""))
        if action is None:
            raise Refused("InvalidAction", f"X-TC-Action: {headers.get('x-tc-action')} is not supported")
        if headers.get("x-tc-region", "ap-shanghai") not in REGIONS:
            raise Refused("UnsupportedRegion", f"X-TC-Region: there is no region {headers['x-tc-region']}")
        return action(_parse(payload))

    def _process(self, body: object) -> Json:
        request = decode(ProcessMedia, body)
        try:
            task = self._jobs.add(make_task(request, self._settings.config, time.time()))
        except SessionUsed as used:
            # The provider does not say which task it was.
            raise Refused("InvalidParameterValue.SessionId", "SessionId: was used before") from used
        return {"TaskId": task.vid}

    def _describe(self, body: object) -> Json:
        task = self._known(decode(DescribeTaskDetail, body).task_id)
        return make_odd(detail(task), self._settings.faults.roll().odd_forms)

    def _list(self, body: object) -> Json:
        request = decode(DescribeTasks, body)
        total, found = self._store.find_tasks(self._query(request))
        shown, rest = found[: request.limit], found[request.limit :]
        return {
            "TotalCount": total,
            "TaskSet": [row(task) for _, task in shown],
            "ScrollToken": str(rest[0][0]) if rest else "",
        }

    def _query(self, request: DescribeTasks) -> TaskQuery:
        now = time.time()
        oldest = now - min(self._settings.config.mps.query_seconds, LISTED_SECONDS)
        return TaskQuery(
            statuses=_STATUSES[request.status],
            since=max(_moment("StartTime", request.start_time, oldest), oldest),
            until=_moment("EndTime", request.end_time, now),
            has_failed=request.sub_task_has_failed,
            first=_number(request.scroll_token),
            # One more task shows whether there is a next page, and where it begins.
            limit=request.limit + 1,
        )

    def _manage(self, body: object) -> Json:
        request = decode(ManageTask, body)
        if request.operation_type != "Abort":
            raise Refused("InvalidParameterValue.InvalidOperationType", "OperationType: must be Abort")
        if not self._jobs.abort(self._known(request.task_id).vid):
            raise Refused("FailedOperation", "the task does not wait")
        return {}

    def _known(self, task_id: str) -> Task:
        task = self._store.task(task_id)
        oldest = time.time() - self._settings.config.mps.query_seconds
        if task is None or task.kind not in MPS_KINDS or task.created < oldest:
            raise Refused("ResourceNotFound.TaskNotFound", "TaskId: no such task")
        return task


def _parse(payload: bytes) -> object:
    try:
        return without_nulls(json.loads(payload))
    # The parser raises RecursionError for deeply nested arrays.
    except (ValueError, RecursionError) as error:
        raise Refused("InvalidParameter", "the body is not JSON") from error


def _moment(name: str, text: str, default: float) -> float:
    """Return a time in ISO 8601 as UNIX seconds. A time without a zone is in UTC."""
    if not text:
        return default
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError) as error:
        raise Refused(f"InvalidParameter.{name}", f"{name}: must be a time in ISO 8601") from error


def _number(scroll_token: str) -> int | None:
    if not scroll_token:
        return None
    if not (scroll_token.isascii() and scroll_token.isdigit() and len(scroll_token) <= 18):  # noqa: PLR2004
        raise Refused("InvalidParameter", "ScrollToken: is not one of this API")
    return int(scroll_token)
