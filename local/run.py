"""`make run`: send real media through the deployed system, and check every outcome, notification and output."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from rich.markup import escape

from local.client import ApiClient, Upload, bucket_host
from local.console import Screen
from local.deploy import Deployment
from local.environment import LocalError
from local.notifications import Subscriber
from local.samples import Media
from local.songs import Song
from local.stack import CLIPS, FILMS, MUSIC, Stack

OUTCOMES = frozenset({"succeeded", "failed", "superseded", "lost"})
CHECK_EVERY = 0.3
MAX_WAIT = 180.0
# Seconds. A large file takes longer to transcode: 10 s for each megabyte.
MAX_WAIT_PER_BYTE = 1e-5
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
    song: Song | None = None

    def expect(self, created: dict[str, Any], name: str) -> None:
        """Add a task to follow. `created` is the API's answer. Raises `LocalError` if it has no vid."""
        if created["vid"] is None:
            raise LocalError(f"{name}: the provider has not answered, see the engine's log")
        self.names[created["vid"]] = name
        self.screen.line(f"  expecting {escape(name)} as")
        self.screen.path(created["vid"])
        self._check()

    def follow(self, seconds: float) -> None:
        """Print every change, for at most `seconds`. Raises `LocalError` if anything is still missing then."""
        end = time.monotonic() + seconds
        while missing := self._missing():
            if time.monotonic() > end:
                raise LocalError(f"still missing after {seconds:.0f} s: {', '.join(missing)}")
            self.screen.activity(f"waiting for {missing[0]}")
            time.sleep(CHECK_EVERY)
            # A program that has ended makes every further wait useless, and its log states the cause.
            Stack(self.api_client.deployment.env).require_running()
            self._check()

    def _missing(self) -> list[str]:
        states = {vid: self.tasks.get(vid, {}).get("state", "unknown") for vid in self.names}
        without = [f"an outcome of {self.names[vid]}" for vid, state in states.items() if state not in OUTCOMES]
        for vid, state in states.items():
            if state in OUTCOMES and f"mediarelay.task.{state}" not in self.published.get(vid, set()):
                without.append(f"the notification of {self.names[vid]}")
        return without + (self.song.missing() if self.song else [])

    def _check(self) -> None:
        for vid, name in self.names.items():
            before, now = self.tasks.get(vid, {}), self.api_client.task(vid)
            if (before.get("state"), before.get("claimed")) != (now["state"], now.get("claimed")):
                self.screen.state(name, now)
            self.tasks[vid] = now
        if self.song and self.song.steps:
            self.song.check()
        for event in self.subscriber.events():
            if self.song and event["subject"].startswith(self.song.subjects()):
                self.song.receive(event)
                continue
            self.published.setdefault(event["subject"], set()).add(event["type"])
            self.screen.notification(self.names.get(event["subject"], event["subject"]), event)


def run(deployment: Deployment, media: list[Media], screen: Screen, outputs: Path) -> None:
    """Send media and a song through the deployment, and download the outputs into `outputs`.

    Raises `LocalError` unless every task succeeds, every notification arrives, and every output has its stated size.
    """
    api_client = ApiClient(deployment)
    song = Song(api_client, screen, f"room-{uuid4().hex[:8]}")
    # The subscription precedes the first upload, because SNS delivers nothing that it published before.
    watch = Watch(api_client, Subscriber.join(deployment), screen, song=song)
    for one in media:
        _send(watch, one)
    screen.activity("relaying a song")
    song.begin()
    size = sum(one.file.stat().st_size for one in media)
    watch.follow(MAX_WAIT + size * MAX_WAIT_PER_BYTE)
    for vid, task in watch.tasks.items():
        screen.renditions(watch.names[vid], task)
        screen.activity("downloading the outputs")
        for rendition in task["renditions"]:
            _fetch(watch.api_client, rendition, outputs)
    failed = [watch.names[vid] for vid, task in watch.tasks.items() if task["state"] != "succeeded"]
    if failed:
        raise LocalError(f"not succeeded: {', '.join(failed)}")
    screen.line("Every outcome and notification arrived. The files are in")
    screen.path(outputs)


def _send(watch: Watch, media: Media) -> None:
    """Upload a file to the bucket of each provider and kind that accepts it, and send the request about it."""
    for bucket, kind in ((CLIPS, "video"), (FILMS, "video by MPS"), (MUSIC, "audio")):
        if not (media.has_audio if bucket == MUSIC else media.has_video):
            continue
        watch.screen.activity(f"uploading {media.file.name}")
        upload = watch.api_client.upload(bucket, f"run/{media.file.name}", media.file)
        name = f"{media.file.name} ({kind})"
        watch.screen.activity(f"sending the request about {name}")
        watch.screen.line(f"  uploaded {escape(name)} to the engine, as")
        watch.screen.path(upload.url)
        watch.expect(REQUESTS[bucket](watch.api_client, upload), name)


# CTS makes a task of an upload to its bucket, and of a submit about an audio file. MPS makes one of each submit.
REQUESTS: dict[str, Callable[[ApiClient, Upload], dict[str, Any]]] = {
    CLIPS: ApiClient.track_video,
    FILMS: lambda api_client, upload: api_client.submit_video(upload, MPS_OUTPUTS),
    MUSIC: lambda api_client, upload: api_client.submit_audio(upload, MUSIC),
}


def _fetch(api_client: ApiClient, rendition: dict[str, Any], outputs: Path) -> None:
    """Download a rendition. Raises `LocalError` if its size differs from the size in the ledger."""
    bucket = rendition["dst"]["bucket"]
    sizes = [
        api_client.download(bucket_host(bucket), path, outputs / bucket / path.lstrip("/"))
        for path in rendition["paths"]
    ]
    if rendition.get("size", sum(sizes)) != sum(sizes):
        raise LocalError(f"{rendition['paths'][0]} has {sum(sizes)} bytes, the ledger says {rendition['size']}")
