"""Send to the local stack what users of Mediarelay and of the object storage send."""

import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import requests

from local.deploy import Deployment
from local.environment import LocalError
from local.stack import APP_ID, BUCKET_REGION
from mediarelay.domain.tasks import file_url
from mediarelay.domain.tasks.file_url import CosFile
from mediarelay.signing.standard_webhooks import headers

# Seconds.
TIMEOUT = 30
UPLOAD_TIMEOUT = 600
BUSY_PAUSE = 2
# A busy machine takes longer to start a function than the function may run. The gateway answers so then.
BUSY_STATUSES = frozenset({429, 502, 503, 504})
# The newest tasks of the engine. A run starts fewer.
ENGINE_TASKS = 20


def bucket_host(bucket: str) -> str:
    """Return the host name of a bucket of this stack."""
    return file_url.bucket_host(APP_ID, bucket, BUCKET_REGION)


def file_in(bucket: str, key: str) -> CosFile:
    """Return an object of a bucket of this stack."""
    return CosFile(app_id=APP_ID, bucket=bucket, region=BUCKET_REGION, key=key)


@dataclass(frozen=True)
class Upload:
    """An uploaded file: its URL, and the two headers of the answer that decide the vid of its task."""

    url: str
    cos_request_id: str
    date: str


@dataclass(frozen=True)
class ApiClient:
    """A client of one deployment and its engine. Every method raises `LocalError` for an HTTP error.

    Attributes:
        tries: How often to send a call of the API, until the machine is not too busy to answer it.
        report: Takes a sentence about each call that is sent again.
    """

    deployment: Deployment
    tries: int = 1
    report: Callable[[str], None] = lambda _: None

    def upload(self, bucket: str, key: str, file: Path) -> Upload:
        """Put a file into a bucket, as a client of the object storage does."""
        # The name of the host resolves to the real storage, so the request goes to the engine and names it in a header.
        host = bucket_host(bucket)
        url = f"{self.deployment.env.engine_url}/{quote(key)}"
        with file.open("rb") as content:
            answer = requests.put(url, data=content, headers={"Host": host}, timeout=UPLOAD_TIMEOUT)
        _checked(answer, f"upload of {file.name}")
        return Upload(file_in(bucket, key).url, answer.headers["x-cos-request-id"], answer.headers["Date"])

    def submit_audio(self, upload: Upload, bucket: str) -> dict[str, Any]:
        """Submit an audio task, once per upload. Return the body of the answer."""
        body = {"provider": "cts", "url": upload.url, "bucketName": bucket, "bucketRegion": BUCKET_REGION}
        # An upload's request id is unique, so that a repeated submit of one upload starts one task.
        return self._post("/tasks/audio", body, {"Idempotency-Key": upload.cos_request_id})

    def submit_video(self, upload: Upload, outputs: Sequence[object]) -> dict[str, Any]:
        """Submit a video to MPS, once per upload. Return the body of the answer."""
        body = {"provider": "mps", "url": upload.url, "outputs": outputs, "output_dir": "/mps/", "reference": "run"}
        return self._post("/tasks/video", body, {"Idempotency-Key": upload.cos_request_id})

    def track_video(self, upload: Upload) -> dict[str, Any]:
        """Track the task that an upload started. Return the body of the answer."""
        body = {"url": upload.url, "cos_request_id": upload.cos_request_id, "date": upload.date}
        return self._post("/tasks/video", body, {})

    def expect_video(self, url: str) -> dict[str, Any]:
        """Track the newest CTS task of a video by its URL alone. Return the body of the answer."""
        return self._post("/tasks/video", {"provider": "cts", "url": url}, {})

    def relay(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """Relay results of ZEGO's SDK, as a game server does with Standard Webhooks. Return the body of the answer."""
        body, url = json.dumps(message).encode(), f"{self.deployment.api_url}/callbacks/music"
        proof = headers(self.deployment.env.keys.music, f"msg_{uuid4().hex}", int(time.time()), body)
        answer = requests.post(url, data=body, headers=proof, timeout=TIMEOUT)
        _checked(answer, "POST /callbacks/music")
        receipts: dict[str, Any] = answer.json()
        return receipts

    def task(self, vid: str) -> dict[str, Any]:
        """Return a task, as the API shows it."""
        return self.get(f"/tasks/{vid}")

    def get(self, path: str) -> dict[str, Any]:
        """Return the body of a GET of the API."""
        body: dict[str, Any] = self._send("GET", path, headers=self.headers).json()
        return body

    def has_spent_budget(self, provider: str) -> bool | None:
        """Return whether Mediarelay's own call budget of this minute is used up; None if the API does not tell."""
        try:
            budgets = self.get("/status")["budget"]
        except LocalError:
            return None
        return any(one["calls"] >= one["limit"] for one in budgets if one["provider"] == provider)

    def engine_percents(self) -> dict[str, int]:
        """Return how much of each of the engine's newest tasks is encoded, in percent, by vid."""
        url = f"{self.deployment.env.engine_url}/_engine/tasks"
        answer = requests.get(url, params={"limit": str(ENGINE_TASKS)}, timeout=TIMEOUT)
        _checked(answer, "GET /_engine/tasks")
        return {task["vid"]: task["percent"] for task in answer.json()["tasks"]}

    def download(self, host: str, path: str, target: Path) -> int:
        """Download an output from its bucket into a file. Return its size in bytes."""
        url = f"{self.deployment.env.engine_url}/{quote(path.removeprefix('/'))}"
        with requests.get(url, headers={"Host": host}, timeout=UPLOAD_TIMEOUT, stream=True) as answer:
            _checked(answer, f"GET {path}")
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("wb") as file:
                return sum(file.write(chunk) for chunk in answer.iter_content(1 << 16))

    @property
    def headers(self) -> dict[str, str]:
        """The headers of an API client."""
        return {"Authorization": f"Bearer {self.deployment.env.keys.bearer}"}

    def _post(self, path: str, body: Mapping[str, object], extra: Mapping[str, str]) -> dict[str, Any]:
        answer = self._send("POST", path, json=dict(body), headers={**self.headers, **extra})
        created: dict[str, Any] = answer.json()
        if answer.status_code == HTTPStatus.ACCEPTED:
            created["retry_after"] = float(answer.headers.get("Retry-After", 1))
        return created

    def _send(self, method: str, path: str, **options: Any) -> requests.Response:
        """Send a call until it is answered, at most `tries` times. Every call that this client sends is idempotent."""
        for _ in range(self.tries - 1):
            try:
                answer = self._request(method, path, **options)
                if answer.status_code not in BUSY_STATUSES:
                    return _checked(answer, f"{method} {path}")
                reason = f"status {answer.status_code}"
            except requests.Timeout:
                reason = f"no answer in {TIMEOUT} s"
            self.report(f"{method} {path}: {reason}. {describe_load()}; trying again")
            time.sleep(BUSY_PAUSE)
        return _checked(self._request(method, path, **options), f"{method} {path}")

    def _request(self, method: str, path: str, **options: Any) -> requests.Response:
        return requests.request(method, self.deployment.api_url + path, timeout=TIMEOUT, **options)


def describe_load() -> str:
    """Return a clause that states how busy this machine is."""
    return f"The machine is busy (load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores)"


def _checked(answer: requests.Response, what: str) -> requests.Response:
    if not answer.ok:
        raise LocalError(f"{what}: {answer.status_code} {answer.text[:500]}")
    return answer
