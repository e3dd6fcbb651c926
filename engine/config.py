"""The configuration of the engine and its faults, as typed values that can change while it runs."""

import json
import os
import random
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from engine.decode import Secret, decode, encode, merge
from engine.model import TaskKind
from engine.mps.odd import OddForm
from engine.mps.requests import Schedule
from engine.music import GameServer
from engine.places import Place, parse_host
from mediarelay.errors import Malformed

DAY = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """The key of the signed API. With a `token`, calls must carry it as the parameter `Token`."""

    secret_id: str
    secret_key: Secret
    token: Secret | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cover:
    """The screenshots of one specification: `count` of them, evenly spread over the duration."""

    spec: str
    count: Annotated[int, Field(ge=1, le=100)] = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """A bucket. With `video`, each upload starts a video task. `dst` is the bucket for outputs, by default this one."""

    name: str
    region: str
    video: bool = False
    video_specs: tuple[str, ...] = ("f10", "f20", "f30", "f40")
    covers: tuple[Cover, ...] = ()
    gifs: tuple[str, ...] = ()
    dst: Place | None = None

    def place(self, app_id: int) -> Place:
        """Return the place of this bucket in the given account."""
        return Place(app_id=app_id, bucket=self.name, region=self.region)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackPolicy:
    """The retry policy of callbacks: `tries` attempts with a `timeout` in seconds each.

    The first wait is `backoff` in seconds. It doubles after each attempt and has jitter.
    """

    tries: Annotated[int, Field(ge=1, le=20)] = 3
    timeout: Annotated[float, Field(ge=0.1, le=120)] = 10.0
    backoff: Annotated[float, Field(ge=0, le=3600)] = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Mps:
    """The settings of the API of MPS. Times are in seconds.

    `session_seconds` is how long a SessionId counts as used, `query_seconds` how long queries and lists know a task.
    `s3_buckets` maps buckets of AWS S3 to the names of buckets that stand in for them. `url_hosts` are the hosts, with
    their ports, from which the engine fetches sources; it requests nothing from any other host.
    """

    schedules: tuple[Schedule, ...] = ()
    s3_buckets: dict[str, str] = field(default_factory=dict)
    url_hosts: tuple[str, ...] = ()
    session_seconds: Annotated[float, Field(ge=0, le=30 * DAY)] = 3 * DAY
    query_seconds: Annotated[float, Field(ge=0, le=30 * DAY)] = 7 * DAY


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The configuration. Times are in seconds, sizes in bytes. `workers` is the number of sources that run at once."""

    credentials: Credentials
    app_id: Annotated[int, Field(ge=1, le=10**15 - 1)] = 1250000000
    buckets: tuple[Bucket, ...] = ()
    audio_specs: tuple[str, ...] = ("128000_mp3", "48000_m4a", "0_flac")
    video_callback_url: str | None = None
    audio_callback_url: str | None = None
    music: GameServer | None = None
    mps: Mps = field(default_factory=Mps)
    trans_basic: bool = False
    callbacks: CallbackPolicy = field(default_factory=CallbackPolicy)
    transcoder: Literal["ffmpeg", "stub"] = "ffmpeg"
    stage_delay: Annotated[float, Field(ge=0, le=3600)] = 0.0
    workers: Annotated[int, Field(ge=1, le=64)] = 2
    ffmpeg_timeout: Annotated[float, Field(ge=1, le=DAY)] = 3600.0
    max_object_size: Annotated[int, Field(ge=1, le=2**50)] = 5 * 2**30

    def bucket(self, place: Place) -> Bucket | None:
        """Return the configured bucket at a place, None if there is none."""
        return next((bucket for bucket in self.buckets if bucket.place(self.app_id) == place), None)

    def callback_url(self, kind: TaskKind) -> str | None:
        """Return the address for callbacks of a kind of task, None if the engine sends none."""
        return self.video_callback_url if kind is TaskKind.VIDEO else self.audio_callback_url

    def check(self) -> "Config":
        """Return the configuration itself. Raises `Malformed` if it breaks a rule that the types cannot express."""
        for i, bucket in enumerate(self.buckets):
            if parse_host(bucket.place(self.app_id).host) != bucket.place(self.app_id):
                raise Malformed(f"buckets.{i}", "name and region do not make a bucket host")
        for name in ("video_callback_url", "audio_callback_url"):
            if not (getattr(self, name) or "http://").startswith(("http://", "https://")):
                raise Malformed(name, "must be an http or https URL")
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """The faults that the engine applies on request. Delays are in seconds.

    `share` is the part of calls, callbacks and tasks that the faults affect, from 0 to 1. To add a fault, add a field
    and use it once, in `endpoint.py`, `callbacks.py`, `reports.py` or `attempt.py`.
    """

    share: Annotated[float, Field(ge=0, le=1)] = 1.0
    drop_callbacks: bool = False
    callback_copies: Annotated[int, Field(ge=1, le=100)] = 1
    callback_delay: Annotated[float, Field(ge=0, le=DAY)] = 0.0
    callback_jitter: Annotated[float, Field(ge=0, le=DAY)] = 0.0
    callback_reversed: Annotated[float, Field(ge=0, le=3600)] = 0.0
    callback_corrupt: bool = False
    callback_lie: Literal["success", "fail"] | None = None
    callback_wrong_sign: bool = False
    api_error: int | None = None
    mps_error: str | None = None
    api_hang: Annotated[float, Field(ge=0, le=3600)] = 0.0
    api_http_status: Annotated[int, Field(ge=400, le=599)] | None = None
    api_garbage: bool = False
    task_error: int | None = None
    failed_sub_tasks: tuple[str, ...] = ()
    odd_forms: tuple[OddForm, ...] = ()

    def roll(self) -> "Faults":
        """Return these faults, or none of them, for one call, callback or task."""
        return self if self.share >= 1 or random.random() < self.share else NO_FAULTS  # noqa: S311


NO_FAULTS = Faults()


class Settings:
    """The configuration and the faults in force.

    DIR/config.json stores the configuration. The faults end with the process.
    """

    def __init__(self, config: Config, file: Path) -> None:
        self.config = config.check()
        self.faults = NO_FAULTS
        self._file = file
        self._lock = threading.Lock()
        self._save()

    def update(self, body: object, check: Callable[[Config], None] = lambda _: None) -> Config:
        """Merge a partial configuration into the present one.

        Raises `Malformed`, which `check` may raise, too; nothing has changed then.
        """
        with self._lock:
            config = decode(Config, merge(encode(self.config), body)).check()
            check(config)
            self.config = config
            self._save()
            return self.config

    def set_faults(self, body: object) -> Faults:
        """Replace all faults. A fault that `body` omits is off. Raises `Malformed`."""
        self.faults = decode(Faults, body)
        return self.faults

    def _save(self) -> None:
        draft = self._file.with_suffix(".tmp")
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as out:  # noqa: PTH123
            json.dump(encode(self.config), out, indent=2)
        draft.replace(self._file)


def load_settings(data: Path, file: Path | None = None) -> Settings:
    """Read the configuration from `file` if given, else from DIR, else use the defaults with a new secret key.

    Raises `Malformed` for an invalid configuration, OSError for an unreadable file.
    """
    kept = data / "config.json"
    source = file or (kept if kept.exists() else None)
    fresh = Config(credentials=Credentials(secret_id="AKID" + secrets.token_hex(16), secret_key=secrets.token_hex(16)))
    return Settings(_read(source, fresh) if source else fresh, kept)


def _read(source: Path, fresh: Config) -> Config:
    try:
        body = json.loads(source.read_text(encoding="utf-8"))
    except ValueError as error:
        raise Malformed(source.name, f"is not JSON: {error}") from error
    given = body.get("credentials") if isinstance(body, dict) else None
    return decode(Config, body if given else merge(encode(fresh), body))
