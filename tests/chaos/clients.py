"""How the clients of each provider send tasks, and when the end of one agrees with what the engine knows."""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

import requests
from botocore.exceptions import BotoCoreError, ClientError

from local.client import ApiClient, Upload, file_in
from local.deploy import Deployment
from local.environment import ROOT, LocalError
from local.stack import APP_ID, BUCKET_REGION, CLIPS, FILMS, MUSIC
from mediarelay.domain.tasks.media import Kind
from mediarelay.signing.mps_callback import LIFETIME, callback_sign
from tests.other_system import REGION, submit

Json = dict[str, Any]

BROKEN = "broken"
BATCH = 20
AGAIN = 1.0
LONGEST = 1200.0
RESENDERS = 4
"""Clients that repeat their submits at the same time."""
MISSING_EVERY = 5
"""One in so many tasks is bound to fail."""
TRUTH = {5: "succeeded", 4: "failed"}
PASSING = (requests.RequestException, BotoCoreError, ClientError, LocalError, KeyError, ValueError)
"""What a client sees of a stack that is going wrong: it tries again."""
TAKEN = {200, 201, 202}
PAYLOADS = ROOT / "tests" / "contract" / "payloads"
"""What a forged callback says, about ever another id."""
OUTPUTS: Mapping[Kind, tuple[int, ...]] = {Kind.VIDEO: (10, 20), Kind.AUDIO: (1010, 1100)}


@dataclass
class Submission:
    """What one client wanted; the vid is known later, unless the client knows it itself."""

    kind: Kind
    url: str
    request: Json
    vid: str | None = None


class Clients(Protocol):
    """The clients of one provider."""

    def start(self, number: int, key: str) -> Submission:
        """Upload a file, if it is not a missing one, and submit it unless that is done in batches."""

    def submit(self, submissions: list[Submission]) -> list[Submission]:
        """Submit, or learn the vids of earlier submits; returns the refused ones."""

    def is_right(self, shown: Json, true: Json) -> bool:
        """Whether a task as the API shows it, with an outcome, agrees with the engine's."""

    def billed_twice(self, truth: Iterable[Json]) -> int | None:
        """How many tasks the engine has beside the one of each key; None if the provider does not bill them."""

    def forged(self) -> tuple[str, Json]:
        """The route and the body of a callback that only lacks a task."""


@dataclass(frozen=True)
class CtsClients:
    """An upload makes a task of a video, which its client tracks. Sounds are submitted in batches."""

    deployment: Deployment

    def start(self, number: int, key: str) -> Submission:
        return (self._video, self._audio)[number % 2](number, key)

    def submit(self, submissions: list[Submission]) -> list[Submission]:
        return submit_batch(self.deployment, submissions)

    def is_right(self, shown: Json, true: Json) -> bool:
        own = {TRUTH[true["status"]]} if true["status"] in TRUTH else set()
        return shown["state"] in own | ({"superseded"} if true["deleted"] else set())

    def billed_twice(self, _truth: Iterable[Json]) -> int | None:
        return None

    def forged(self) -> tuple[str, Json]:
        return "video", payload("video_callback_success.json") | {"vid": uuid4().hex[:30]}

    def _video(self, number: int, key: str) -> Submission:
        stored = upload(self.deployment, CLIPS if number % MISSING_EVERY else BROKEN, f"{key}.mp4")
        created = patiently(lambda: ApiClient(self.deployment).track_video(stored))
        return Submission(Kind.VIDEO, stored.url, {}, created["vid"])

    def _audio(self, number: int, key: str) -> Submission:
        url = file_in(MUSIC, f"{key}.mp3").url
        if number % MISSING_EVERY:
            upload(self.deployment, MUSIC, f"{key}.mp3")
        request = {"provider": "cts", "url": url, "bucketName": MUSIC, "bucketRegion": BUCKET_REGION}
        return Submission(Kind.AUDIO, url, request)


@dataclass(frozen=True)
class MpsClients:
    """Each task has a key of its own. Videos are submitted one by one, sounds in batches."""

    deployment: Deployment

    def start(self, number: int, key: str) -> Submission:
        submission = self.stored(number, key)
        if submission.kind is Kind.VIDEO:
            self._submit_each([submission])
        return submission

    def submit(self, submissions: list[Submission]) -> list[Submission]:
        videos = [submission for submission in submissions if submission.kind is Kind.VIDEO]
        sounds = [submission for submission in submissions if submission.kind is Kind.AUDIO]
        return self._submit_each(videos) + (submit_batch(self.deployment, sounds) if sounds else [])

    def is_right(self, shown: Json, true: Json) -> bool:
        return shown["state"] == TRUTH.get(true["status"]) and _shown(shown) == _made(true)

    def billed_twice(self, truth: Iterable[Json]) -> int | None:
        """Each key names a file of its own, so this counts repeats under another SessionId, too."""
        return sum(count - 1 for count in Counter(task["url"] for task in truth).values())

    def forged(self) -> tuple[str, Json]:
        body = payload("mps/callback_success.json")
        expires = int(time.time() + LIFETIME.total_seconds())
        sign = {"Timestamp": expires, "Sign": callback_sign(expires, self.deployment.env.keys.notify_key)}
        task = body["WorkflowTaskEvent"] | {"TaskId": f"{APP_ID}-WorkflowTask-{uuid4().hex}t0"}
        return "mps", body | sign | {"WorkflowTaskEvent": task}

    def stored(self, number: int, key: str) -> Submission:
        kind = (Kind.VIDEO, Kind.AUDIO)[number % 2]
        name = f"{key}.{'mp4' if kind is Kind.VIDEO else 'mp3'}"
        if number % MISSING_EVERY:
            upload(self.deployment, FILMS, name)
        source = {"bucket": f"{FILMS}-{APP_ID}", "region": REGION, "object": f"/{name}"}
        request = {"provider": "mps", "source": source, "outputs": list(OUTPUTS[kind]), "reference": key}
        return Submission(kind, file_in(FILMS, name).url, request)

    def _submit_each(self, submissions: Sequence[Submission]) -> list[Submission]:
        with ThreadPoolExecutor(RESENDERS) as pool:
            taken = list(pool.map(self._submit_one, submissions))
        return [submission for submission, is_taken in zip(submissions, taken, strict=True) if not is_taken]

    def _submit_one(self, submission: Submission) -> bool:
        url = f"{self.deployment.api_url}/tasks/{submission.kind}"
        headers = ApiClient(self.deployment).headers | {"Idempotency-Key": submission.request["reference"]}
        answer = requests.post(url, json=submission.request, headers=headers, timeout=60)
        if answer.status_code in TAKEN:
            submission.vid = answer.json()["vid"] or submission.vid
        return answer.status_code in TAKEN


@dataclass(frozen=True)
class UnreportedMpsTasks(MpsClients):
    """Other systems of the account submit at the provider itself, without an address for callbacks."""

    def start(self, number: int, key: str) -> Submission:
        submission = self.stored(number, key)
        submission.vid = patiently(lambda: submit(self.deployment.env, submission.kind, submission.request))
        return submission


CLIENTS: Mapping[str, Callable[[Deployment], Clients]] = {
    "cts": CtsClients,
    "mps": MpsClients,
    "mps, unreported": UnreportedMpsTasks,
}


def _shown(task: Json) -> Json:
    """What the API, or a notification, says of a task."""
    files = sorted((one["paths"], one.get("size"), one.get("md5")) for one in task["renditions"])
    said = {"path": task["source"]["path"], "reference": task.get("reference"), "files": files}
    return said | {"faults": len(task["faults"]), "partial": task.get("partial", False)}


def _made(task: Json) -> Json:
    """What the engine made of a task."""
    files = sorted((one["paths"], one["size"], one["md5"]) for one in task["outputs"])
    said = {"path": task["path"], "reference": task["request"]["SessionContext"], "files": files}
    faults = len(task["failed_outputs"]) + (task["flaw"] is not None)
    return said | {"faults": faults, "partial": bool(files and faults)}


def payload(name: str) -> Json:
    found: Json = json.loads((PAYLOADS / name).read_text("utf-8"))
    return found


def upload(deployment: Deployment, bucket: str, key: str) -> Upload:
    file = Path(deployment.env.path("source"))
    if not file.exists():
        file.write_bytes(b"any bytes will do for the stub")
    found: Upload = patiently(lambda: ApiClient(deployment).upload(bucket, key, file))
    return found


def submit_batch(deployment: Deployment, submissions: list[Submission]) -> list[Submission]:
    """Submit in one batch, or learn the vids of earlier submits; returns the refused ones."""
    keys = [{"idempotency_key": one.request["reference"]} if "reference" in one.request else {} for one in submissions]
    tasks = [one.request | key for one, key in zip(submissions, keys, strict=True)]
    headers = ApiClient(deployment).headers
    answer = requests.post(
        f"{deployment.api_url}/tasks/audio/batch", json={"tasks": tasks}, headers=headers, timeout=60
    )
    if not answer.ok:
        raise LocalError(answer.text)
    refused = []
    for submission, result in zip(submissions, answer.json()["results"], strict=True):
        submission.vid = result.get("vid") or submission.vid
        refused += [submission] if result["status"] not in TAKEN else []
    return refused


def patiently(job: Callable[[], Any]) -> Any:
    """Do something as a client would: again, if the stack does not take it."""
    end = time.monotonic() + LONGEST
    while True:
        try:
            return job()
        except PASSING:
            if time.monotonic() > end:
                raise
            time.sleep(AGAIN)
