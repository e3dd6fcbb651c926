"""`make run`: send real media through the deployed system, and check every outcome, notification and output."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

from local.background import in_background
from local.client import ApiClient, Upload, bucket_host
from local.console import Screen
from local.deploy import Deployment
from local.environment import LocalError
from local.notifications import Subscriber
from local.samples import Media
from local.songs import Song
from local.stack import CLIPS, FILMS, MUSIC, Stack

Answer = dict[str, Any]
OUTCOMES = frozenset({"succeeded", "failed", "superseded", "lost"})
# The run need not ask again about a task in these states.
UNCHANGING = OUTCOMES - {"lost"}
# Seconds.
CHECK_EVERY = 0.5
ENGINE_EVERY = 1.0
MAX_WAIT = 180.0
# Two minutes of the call budget, and a provider that answers at the third attempt.
MAX_ANSWER_WAIT = 150.0
TRIES = 4
# Seconds. A large file takes longer to transcode: 10 s for each megabyte.
MAX_WAIT_PER_BYTE = 1e-5
# Why a stored request has no task yet, by whether our own call budget of this minute is used up.
WAITING: Mapping[bool | None, str] = {
    True: "Mediarelay's own call budget of this minute is used up",
    False: "the provider has not answered yet",
    None: "the provider has not answered yet, or Mediarelay's own call budget of this minute is used up",
}
# A fresh stack ends with its run, so that no command can ask it.
RERUN = "make up, make run FILE=..., mediarelay task VID"
# Two of the ladder's renditions, a GIF and covers.
MPS_OUTPUTS = (10, 20, 20000, {"definition": 10, "type": "snapshot"})


@dataclass
class Watch:
    """An observer of tasks and a song. It waits until each task has an outcome and its notification has arrived."""

    api_client: ApiClient
    subscriber: Subscriber
    screen: Screen
    names: dict[str, str] = field(default_factory=dict)
    tasks: dict[str, dict[str, Any]] = field(default_factory=dict)
    published: dict[str, set[str]] = field(default_factory=dict)
    percents: dict[str, int] = field(default_factory=dict)
    song: Song | None = None
    asked_at: float = -ENGINE_EVERY

    def expect(self, request: Callable[[], Answer], name: str, provider: str) -> None:
        """Send a request and follow its task. Raises `LocalError` if there is no task after `MAX_ANSWER_WAIT`.

        Mediarelay answers 202 while it has no vid. It has stored the request then, and the same request again, after
        `Retry-After`, returns the vid.
        """
        self.screen.activity(f"sending the request about {name}")
        created, end = self._answer(request), time.monotonic() + MAX_ANSWER_WAIT
        while created["vid"] is None:
            reason = WAITING[self.api_client.has_spent_budget(provider)]
            if time.monotonic() > end:
                raise LocalError(f"{name}: Mediarelay has stored the request, but has no task for it yet: {reason}")
            seconds = min(created.get("retry_after", CHECK_EVERY), MAX_ANSWER_WAIT)
            self.screen.sentence(f"{name}: stored, but {reason}. Asking again in {seconds:.0f} s.", "  ")
            self.screen.activity(f"waiting for the task of {name}")
            self._pause(seconds)
            created = self._answer(request)
        self.names[created["vid"]] = name
        self._check()

    def _answer(self, request: Callable[[], Answer]) -> Answer:
        """Send a request, and follow the song and the other tasks until it is answered: it may start two functions."""
        sent = in_background(request)
        while not sent.done():
            self._pause(CHECK_EVERY)
        return sent.result()

    def _pause(self, seconds: float) -> None:
        """Wait, and follow the tasks that are there meanwhile."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(CHECK_EVERY)
            self._check()

    def follow(self, seconds: float) -> None:
        """Print every change. Raises `LocalError` if something is still missing and nothing changes for `seconds`."""
        seen, end = self._seen(), time.monotonic() + seconds
        while missing := self._missing():
            if time.monotonic() > end:
                raise LocalError(f"no change for {seconds:.0f} s, still missing: {', '.join(missing)}")
            self.screen.activity(f"waiting for {missing[0]}")
            time.sleep(CHECK_EVERY)
            # A program that has ended makes every further wait useless, and its log states the cause.
            Stack(self.api_client.deployment.env).require_running()
            self._check()
            if self._seen() != seen:
                seen, end = self._seen(), time.monotonic() + seconds

    def _seen(self) -> tuple[object, ...]:
        """Return what changes while tasks advance."""
        states = {vid: task["state"] for vid, task in self.tasks.items()}
        published = {vid: set(types) for vid, types in self.published.items()}
        return states, dict(self.percents), published, len(self.song.steps) if self.song else 0

    def _missing(self) -> list[str]:
        states = {vid: self.tasks.get(vid, {}).get("state", "unknown") for vid in self.names}
        without = [f"an outcome of {self.names[vid]}" for vid, state in states.items() if state not in OUTCOMES]
        for vid, state in states.items():
            if state in OUTCOMES and f"mediarelay.task.{state}" not in self.published.get(vid, set()):
                without.append(f"the notification of {self.names[vid]}")
        return without + (self.song.missing() if self.song else [])

    def _check(self) -> None:
        self._check_engine()
        for vid, name in self.names.items():
            before = self.tasks.get(vid, {})
            if before.get("state") in UNCHANGING:
                continue
            now = self.api_client.task(vid)
            if (before.get("state"), before.get("claimed")) != (now["state"], now.get("claimed")):
                self.screen.state(name, now)
            self.tasks[vid] = now
            self._show(vid, now)
        if self.song and self.song.steps:
            self.song.check()
        for event in self.subscriber.events():
            self._receive(event)

    def _check_engine(self) -> None:
        """Ask the engine how far its tasks are: Mediarelay learns it only when it queries the provider."""
        if self.names and time.monotonic() >= self.asked_at + ENGINE_EVERY:
            self.asked_at = time.monotonic()
            known = self.api_client.engine_percents()
            self.percents = {vid: known[vid] for vid in self.names if vid in known}

    def _show(self, vid: str, task: dict[str, Any]) -> None:
        """Show the live line of a task until its outcome is there."""
        if task["state"] in OUTCOMES:
            self.screen.close_task(self.names[vid])
        else:
            self.screen.open_task(self.names[vid], task["state"], self.percents.get(vid))

    def _receive(self, event: dict[str, Any]) -> None:
        """Record a notification, and print it if it is about this run. Others use a running stack, too."""
        if self.song and event["subject"].startswith(self.song.subjects()):
            self.song.receive(event)
            return
        self.published.setdefault(event["subject"], set()).add(event["type"])
        if event["subject"] in self.names:
            self.screen.notification(self.names[event["subject"]], event)


def run(deployment: Deployment, media: list[Media], screen: Screen, outputs: Path, *, song: bool, stays: bool) -> None:
    """Send media, and a song if `song` is set, through the deployment, and download the outputs into `outputs`.

    `stays` states whether the stack keeps running. Raises `LocalError` unless every task succeeds, every notification
    arrives, and every output has its stated size.
    """
    api_client = ApiClient(deployment, TRIES, screen.sentence)
    played = Song(api_client, screen, f"room-{uuid4().hex[:8]}") if song else None
    # The subscription precedes the first upload, because SNS delivers nothing that it published before.
    watch = Watch(api_client, Subscriber.join(deployment), screen, song=played)
    # The song takes the longest and needs no transcoding, so it begins before the engine uses every core.
    if played:
        screen.activity("relaying a song")
        played.begin()
    for one in media:
        _send(watch, one)
    size = sum(one.file.stat().st_size for one in media)
    watch.follow(MAX_WAIT + size * MAX_WAIT_PER_BYTE)
    _report(watch, outputs, stays=stays)


def _report(watch: Watch, outputs: Path, *, stays: bool) -> None:
    """Download and list the outputs, and state why a task has none. Raises `LocalError` if one has not succeeded."""
    watch.screen.activity("downloading the outputs")
    for vid, task in watch.tasks.items():
        if task["state"] != "succeeded":
            watch.screen.faults(watch.names[vid], task, f"mediarelay task {vid}" if stays else RERUN)
        for rendition in task["renditions"]:
            _fetch(watch.api_client, rendition, outputs)
        if task["renditions"]:
            watch.screen.renditions(watch.names[vid], task["renditions"], outputs)
    failed = [watch.names[vid] for vid, task in watch.tasks.items() if task["state"] != "succeeded"]
    if failed:
        raise LocalError(f"not succeeded: {', '.join(failed)}")
    watch.screen.line("\nEvery outcome and notification arrived. The files are in")
    watch.screen.path(outputs)


def _send(watch: Watch, media: Media) -> None:
    """Upload a file to the bucket of each provider and kind that accepts it, and send the request about it."""
    for target in TARGETS:
        if not (media.has_audio if target.is_audio else media.has_video):
            continue
        watch.screen.activity(f"uploading {media.file.name}")
        upload = watch.api_client.upload(target.bucket, f"run/{media.file.name}", media.file)
        name = f"{media.file.name} ({target.label})"
        watch.screen.sentence(f"uploaded {name}", "  ")
        watch.expect(partial(target.request, watch.api_client, upload), name, target.provider)


@dataclass(frozen=True)
class Target:
    """A bucket, the provider and the kind of its tasks, and the request that makes or tracks a task of an upload."""

    bucket: str
    label: str
    provider: str
    request: Callable[[ApiClient, Upload], dict[str, Any]]
    is_audio: bool = False


# CTS makes a task of an upload to its bucket, and of a submit about an audio file. MPS makes one of each submit.
TARGETS = (
    Target(CLIPS, "video", "cts", ApiClient.track_video),
    Target(FILMS, "video by MPS", "mps", lambda api_client, upload: api_client.submit_video(upload, MPS_OUTPUTS)),
    Target(MUSIC, "audio", "cts", lambda api_client, upload: api_client.submit_audio(upload, MUSIC), is_audio=True),
)


def _fetch(api_client: ApiClient, rendition: dict[str, Any], outputs: Path) -> None:
    """Download a rendition. Raises `LocalError` if its size differs from the size in the ledger."""
    bucket = rendition["dst"]["bucket"]
    sizes = [
        api_client.download(bucket_host(bucket), path, outputs / bucket / path.lstrip("/"))
        for path in rendition["paths"]
    ]
    if rendition.get("size", sum(sizes)) != sum(sizes):
        raise LocalError(f"{rendition['paths'][0]} has {sum(sizes)} bytes, the ledger says {rendition['size']}")
