"""The composition of the engine: its parts, the order of start and stop, and the routes of requests to parts."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from engine import api
from engine.api import Api
from engine.callbacks import Sender
from engine.config import Settings, load_settings
from engine.console import Console
from engine.cos.service import PREFIX, Cos
from engine.jobs import Jobs
from engine.mps import api as mps_api
from engine.mps.api import MpsApi
from engine.mps.tasks import require_schedules
from engine.objects import Objects
from engine.places import parse_host
from engine.store import Store
from engine.transcode import require_tools
from engine.uploads import Uploads
from engine.wire import as_clients_expect

_ANY = ["GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS", "PATCH"]


@dataclass(frozen=True, slots=True)
class Engine:
    """The parts that live as long as the process."""

    settings: Settings
    store: Store
    objects: Objects
    uploads: Uploads
    sender: Sender
    jobs: Jobs

    @classmethod
    def open(cls, data: Path, config: Path | None = None) -> "Engine":
        """Open a data directory, with the configuration of a file or the one that the directory holds.

        A missing directory is created. Raises `StoreBusy` if another engine uses it, `Malformed` for an invalid
        configuration, `NoFfmpeg` if the configuration needs ffmpeg and none runs, and OSError.
        """
        data.mkdir(parents=True, exist_ok=True)
        # The store locks the directory. It opens first, so that a second engine removes no drafts and no parts.
        store = Store(data / "engine.sqlite3")
        try:
            settings = load_settings(data, config)
            require_tools(settings.config)
            require_schedules(settings.config)
            objects = Objects(data / "objects", store)
            uploads = Uploads(data / "parts", store, objects)
        except BaseException:
            store.close()
            raise
        sender = Sender(store, settings)
        jobs = Jobs(settings, store, objects, sender, data / "work")
        return cls(settings, store, objects, uploads, sender, jobs)

    def start(self) -> None:
        """Start the threads, which continue unfinished tasks and waiting callbacks."""
        # Jobs queue callbacks, so the sender starts before them and stops after them.
        self.sender.start()
        self.jobs.start()

    def stop(self) -> None:
        """Stop the jobs with their processes, then the senders, and close the store."""
        self.jobs.stop()
        self.sender.stop()
        self.store.close()


def build_app(engine: Engine) -> ASGIApp:
    """Build the ASGI application. Its lifespan starts and stops the engine."""
    signed = Api(engine.settings, engine.store, engine.jobs)
    mps = MpsApi(engine.settings, engine.store, engine.jobs)
    cos = Cos(engine.settings, engine.store, engine.objects, engine.uploads, engine.jobs)
    console = Console(engine.settings, engine.store, engine.jobs)
    routes = [
        Route(api.PATH, signed.endpoint, methods=["GET", "POST"]),
        Route(mps_api.PATH, mps.endpoint, methods=["POST"]),
        Route(PREFIX + "{target:path}", cos.by_path, methods=_ANY),
        *console.routes(),
    ]
    return as_clients_expect(_by_host(Starlette(routes=routes, lifespan=_life(engine)), cos))


def _by_host(inner: ASGIApp, cos: Cos) -> ASGIApp:
    """Route requests whose Host is a bucket's to the buckets, whatever their path.

    A bucket may hold keys such as `v2/index.php`, so the host decides before the path.
    """

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive, send) if scope["type"] == "http" else None
        if request and parse_host(request.headers.get("host", "").lower()):
            response = await cos.by_host(request)
            await response(scope, receive, send)
        else:
            await inner(scope, receive, send)

    return app


def _life(engine: Engine) -> Callable[[Starlette], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def life(_: Starlette) -> AsyncIterator[None]:
        engine.start()
        yield
        # Stopping waits for threads, which would block the event loop.
        await run_in_threadpool(engine.stop)

    return life
