"""The engine's JSON console below /_engine/: configuration, faults, tasks and callbacks, for this machine only.

The Host must name this machine, so that no web page can reach the console under a name of its own (DNS rebinding).
"""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import urllib3
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from engine.config import Settings
from engine.cos.service import PREFIX
from engine.decode import decode, encode
from engine.forms import read_body
from engine.jobs import Jobs
from engine.model import Task
from engine.mps.tasks import require_schedules
from engine.music import Order, post
from engine.store import Attempt, Callback, Store
from engine.transcode import NoFfmpeg, find_ffmpeg
from mediarelay.errors import Malformed

_LOCAL = frozenset({"127.0.0.1", "localhost", "[::1]"})
MAX_BODY = 1 << 20
MAX_ROWS = 1000

Handler = Callable[[Request, Any], Any]


class Console:
    """The routes of the console."""

    def __init__(self, settings: Settings, store: Store, jobs: Jobs) -> None:
        self._settings = settings
        self._store = store
        self._jobs = jobs
        self._pool = urllib3.PoolManager(retries=False)

    def routes(self) -> list[Route]:
        """Return the routes. Each handler takes a request and its parsed body, None for GET, and returns JSON."""
        table: list[tuple[str, str, Handler]] = [
            ("GET", "health", self._health),
            ("GET", "config", self._config),
            ("PUT", "config", self._set_config),
            ("GET", "faults", self._faults),
            ("PUT", "faults", self._set_faults),
            ("POST", "music", self._relay),
            ("GET", "tasks", self._tasks),
            ("GET", "callbacks", self._callbacks),
        ]
        return [Route(f"/_engine/{name}", _endpoint(handler), methods=[method]) for method, name, handler in table]

    def _health(self, _: Request, __: object) -> Any:
        return {"status": "ok", "transcoder": self._settings.config.transcoder, "jobs": self._jobs.counts()}

    def _config(self, _: Request, __: object) -> Any:
        return encode(self._settings.config, reveal=False)

    def _set_config(self, _: Request, body: object) -> Any:
        # The engine may have started with the stub, for which it requires no ffmpeg.
        if isinstance(body, dict) and body.get("transcoder") == "ffmpeg":
            _require_ffmpeg()
        config = self._settings.update(body, require_schedules)
        self._jobs.resize()
        return encode(config, reveal=False)

    def _faults(self, _: Request, __: object) -> Any:
        return encode(self._settings.faults)

    def _set_faults(self, _: Request, body: object) -> Any:
        return encode(self._settings.set_faults(body))

    def _relay(self, _: Request, body: object) -> Any:
        return {"statuses": post(self._pool, self._settings.config.music, decode(Order, body))}

    def _tasks(self, request: Request, _: object) -> Any:
        return {"tasks": [_shown_task(task) for task in self._store.tasks(_limit(request))]}

    def _callbacks(self, request: Request, _: object) -> Any:
        found = self._store.callbacks(_limit(request), request.query_params.get("vid"))
        return {"callbacks": [_shown_callback(*each) for each in found]}


def _shown_task(task: Task) -> Any:
    """Return a task with the name of its status, and with links to its outputs that a browser can open."""
    links = [_link(task.dst.host, path) for output in task.outputs for path in output.paths]
    return {**encode(task, reveal=False), "state": task.status.name.lower(), "links": links}


def _link(host: str, path: str) -> str:
    return quote(f"{PREFIX}{host}{path}")


def _shown_callback(callback: Callback, attempts: list[Attempt]) -> Any:
    return {**encode(callback), "body": _shown_body(callback.body), "attempts": encode(attempts)}


def _shown_body(body: str) -> Any:
    """Return the parsed body, or its text if a fault has cut it."""
    try:
        return json.loads(body)
    except ValueError:
        return body


def _limit(request: Request) -> int:
    text = request.query_params.get("limit", "100")
    # `isdigit` alone accepts digits such as `²`, which `int` refuses.
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= MAX_ROWS:
        raise Malformed("limit", f"must be from 1 to {MAX_ROWS}")
    return int(text)


def _require_ffmpeg() -> None:
    try:
        find_ffmpeg()
    except NoFfmpeg as error:
        raise Malformed("transcoder", str(error)) from error


def _endpoint(handler: Handler) -> Callable[[Request], Any]:
    async def endpoint(request: Request) -> Response:
        if request.headers.get("host", "").rsplit(":", 1)[0] not in _LOCAL:
            return _problem(403, "the console is for this machine only")
        try:
            body = await _json(request) if request.method != "GET" else None
            return JSONResponse(await run_in_threadpool(handler, request, body))
        except Malformed as malformed:
            return _problem(malformed.status, str(malformed), field=malformed.field)

    return endpoint


async def _json(request: Request) -> object:
    try:
        return json.loads(await read_body(request, MAX_BODY))
    # The parser raises RecursionError for deeply nested arrays.
    except (ValueError, RecursionError) as error:
        raise Malformed("body", "is not JSON") from error


def _problem(status: int, detail: str, **more: str) -> Response:
    content = {"type": "about:blank", "status": status, "detail": detail, **more}
    return JSONResponse(content, status_code=status, media_type="application/problem+json")
