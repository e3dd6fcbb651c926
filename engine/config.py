"""What the engine does and what it does wrong on purpose, as typed values that can change while it runs."""

import json
import os
import random
import secrets
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from engine.decode import Secret, decode, encode, merge
from engine.music import GameServer
from engine.places import Place, parse_host
from mediarelay.domain.tasks.media import Kind
from mediarelay.errors import Malformed

DAY = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """Who may call the signed API; with a `token`, calls must carry it as the parameter `Token`."""

    secret_id: str
    secret_key: Secret
    token: Secret | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cover:
    """`count` screenshots of one specification, evenly spread over the duration."""

    spec: str
    count: Annotated[int, Field(ge=1, le=100)] = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """A bucket; with `video` on, each upload starts a video task. `dst` is where outputs go, by default here."""

    name: str
    region: str
    video: bool = False
    video_specs: tuple[str, ...] = ("f10", "f20", "f30", "f40")
    covers: tuple[Cover, ...] = ()
    gifs: tuple[str, ...] = ()
    dst: Place | None = None

    def place(self, app_id: int) -> Place:
        """Return this bucket as a place of the given account."""
        return Place(app_id=app_id, bucket=self.name, region=self.region)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackPolicy:
    """How callbacks are sent: `timeout` and `backoff` in seconds, the wait doubles with each try and is jittered."""

    tries: Annotated[int, Field(ge=1, le=20)] = 3
    timeout: Annotated[float, Field(ge=0.1, le=120)] = 10.0
    backoff: Annotated[float, Field(ge=0, le=3600)] = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Everything that can be set. Times in seconds, sizes in bytes; `workers` is how many sources run at once."""

    credentials: Credentials
    app_id: Annotated[int, Field(ge=1, le=10**15 - 1)] = 1250000000
    buckets: tuple[Bucket, ...] = ()
    audio_specs: tuple[str, ...] = ("128000_mp3", "48000_m4a", "0_flac")
    video_callback_url: str | None = None
    audio_callback_url: str | None = None
    music: GameServer | None = None
    trans_basic: bool = False
    callbacks: CallbackPolicy = field(default_factory=CallbackPolicy)
    transcoder: Literal["ffmpeg", "stub"] = "ffmpeg"
    stage_delay: Annotated[float, Field(ge=0, le=3600)] = 0.0
    workers: Annotated[int, Field(ge=1, le=64)] = 2
    ffmpeg_timeout: Annotated[float, Field(ge=1, le=DAY)] = 3600.0
    max_object_size: Annotated[int, Field(ge=1, le=2**50)] = 5 * 2**30

    def bucket(self, place: Place) -> Bucket | None:
        """Return the configured bucket at a place."""
        return next((bucket for bucket in self.buckets if bucket.place(self.app_id) == place), None)

    def callback_url(self, kind: Kind) -> str | None:
        """Return where results of this kind are reported."""
        return self.video_callback_url if kind is Kind.VIDEO else self.audio_callback_url

    def check(self) -> "Config":
        """Return itself; raises `Malformed` for what the types cannot say."""
        for i, bucket in enumerate(self.buckets):
            if parse_host(bucket.place(self.app_id).host) != bucket.place(self.app_id):
                raise Malformed(f"buckets.{i}", "name and region do not make a bucket host")
        for name in ("video_callback_url", "audio_callback_url"):
            if not (getattr(self, name) or "http://").startswith(("http://", "https://")):
                raise Malformed(name, "must be an http or https URL")
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """What goes wrong on purpose; delays in seconds. `share` is the part of calls and callbacks that is hit (0 to 1).

    A new fault is a field here and one use at the place it is about: `api.py`, `callbacks.py` or `jobs.py`.
    """

    share: Annotated[float, Field(ge=0, le=1)] = 1.0
    drop_callbacks: bool = False
    callback_copies: Annotated[int, Field(ge=1, le=100)] = 1
    callback_delay: Annotated[float, Field(ge=0, le=DAY)] = 0.0
    callback_jitter: Annotated[float, Field(ge=0, le=DAY)] = 0.0
    callback_reversed: Annotated[float, Field(ge=0, le=3600)] = 0.0
    callback_corrupt: bool = False
    callback_lie: Literal["success", "fail"] | None = None
    api_error: int | None = None
    api_hang: Annotated[float, Field(ge=0, le=3600)] = 0.0
    api_http_status: Annotated[int, Field(ge=400, le=599)] | None = None
    api_garbage: bool = False
    task_error: int | None = None

    def roll(self) -> "Faults":
        """Return these faults, or none of them, for one call or one callback."""
        return self if self.share >= 1 or random.random() < self.share else NO_FAULTS  # noqa: S311


NO_FAULTS = Faults()


class Settings:
    """The configuration and the faults in force.

    The configuration is kept in DIR/config.json, the faults end with the process.
    """

    def __init__(self, config: Config, file: Path) -> None:
        self.config = config.check()
        self.faults = NO_FAULTS
        self._file = file
        self._lock = threading.Lock()
        self._save()

    def update(self, body: object) -> Config:
        """Lay a partial configuration over the present one; raises `Malformed`, then nothing has changed."""
        with self._lock:
            self.config = decode(Config, merge(encode(self.config), body)).check()
            self._save()
            return self.config

    def set_faults(self, body: object) -> Faults:
        """Replace all faults: what `body` leaves out is off; raises `Malformed`."""
        self.faults = decode(Faults, body)
        return self.faults

    def _save(self) -> None:
        draft = self._file.with_suffix(".tmp")
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as out:  # noqa: PTH123
            json.dump(encode(self.config), out, indent=2)
        draft.replace(self._file)


def load_settings(data: Path, file: Path | None = None) -> Settings:
    """Read the configuration: `file` if given, else what DIR keeps, else defaults with a fresh secret key.

    Raises `Malformed` for content, OSError for a file that cannot be read.
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
