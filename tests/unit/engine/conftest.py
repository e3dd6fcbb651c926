"""Real media, a receiver of callbacks, and engines as their own processes."""

import contextlib
import email.utils
import hashlib
import http.client
import http.server
import json
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from engine.transcode import find_ffmpeg
from mediarelay.signing.qcloud import sign

ROOT = Path(__file__).parents[3]
APP_ID = 1250000000
KEYS = {"secret_id": "AKIDtest", "secret_key": "test-key"}
VIDEO_HOST = f"cts-{APP_ID}.cossh.myqcloud.com"
AUDIO_HOST = f"music-{APP_ID}.cosgz.myqcloud.com"
FINAL = {4, 5}


def base_config(**changes) -> dict:
    return {
        "credentials": KEYS,
        "app_id": APP_ID,
        "buckets": [
            {
                "name": "cts",
                "region": "sh",
                "video": True,
                "video_specs": ["f10", "f40"],
                "covers": [{"spec": "0_0", "count": 3}, {"spec": "s_90", "count": 1}],
                "gifs": ["w_64"],
            },
            {"name": "music", "region": "gz"},
            {"name": "moved", "region": "gz", "dst": {"app_id": 7, "bucket": "out", "region": "sh"}},
        ],
        "audio_specs": ["128000_mp3", "48000_m4a", "0_flac"],
        "callbacks": {"tries": 3, "timeout": 2, "backoff": 0.05},
        **changes,
    }


class Engine:
    """An engine process and what one says to it."""

    def __init__(self, data: Path, config: dict | None = None, env: dict[str, str] | None = None) -> None:
        command = [sys.executable, "-W", "error", "-m", "engine", "--port", "0", "--data", str(data)]
        if config is not None:
            file = data.with_suffix(".json")
            file.write_text(json.dumps(config))
            command += ["--config", str(file)]
        path = os.pathsep.join([str(ROOT / "layers/shared"), str(ROOT)])
        self.process = subprocess.Popen(
            command,
            cwd=data.parent,
            env={**os.environ, "PYTHONPATH": path, **(env or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.ready = self.process.stdout.readline()
        self.port = int(self.ready.rsplit(":", 1)[-1] or 0)

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        code = self.process.wait(10)
        self.errors = self.process.stderr.read()
        self.process.stdout.close()
        self.process.stderr.close()
        return code

    def request(self, method: str, path: str, body=None, headers=None) -> tuple[int, http.client.HTTPMessage, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        with contextlib.closing(connection):
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()

    def console(self, path: str, body: object = None) -> dict:
        sent = None if body is None else json.dumps(body)
        status, _, answer = self.request("GET" if body is None else "PUT", f"/_engine/{path}", sent)
        assert status == 200, answer
        return json.loads(answer)

    def signed(self, action: str, method: str = "GET", host: str | None = None, **params: str) -> dict:
        full = {
            "Action": action,
            "SecretId": KEYS["secret_id"],
            "Nonce": str(secrets.randbits(62) + 1),
            "Timestamp": str(int(time.time())),
            **params,
        }
        full = {name: value for name, value in full.items() if value is not None}
        host = host or f"127.0.0.1:{self.port}"
        full.setdefault("Signature", sign(KEYS["secret_key"], method, host, "/v2/index.php", full))
        return full

    def send(self, params: dict, method: str = "GET", target: str = "/v2/index.php") -> dict:
        text = urlencode(params)
        path, body = (f"{target}?{text}", None) if method == "GET" else (target, text)
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        status, _, answer = self.request(method, path, body, kind)
        assert status == 200
        return json.loads(answer)

    def call(self, action: str, method: str = "GET", **params: str) -> dict:
        return self.send(self.signed(action, method, **params), method)

    def upload(self, host: str, path: str, content: bytes | Path) -> str:
        """PUT an object; returns the vid that its headers make."""
        body = content.read_bytes() if isinstance(content, Path) else content
        status, headers, answer = self.request("PUT", path, body, {"Host": host})
        assert status == 200, answer
        moment = int(email.utils.parsedate_to_datetime(headers["Date"]).timestamp())
        return hashlib.md5(headers["x-cos-request-id"].encode(), usedforsecurity=False).hexdigest() + str(moment)

    def submit(self, path: str, host: str = AUDIO_HOST) -> str:
        bucket, region = host.split("-", maxsplit=1)[0], host.split(".cos")[1].split(".", maxsplit=1)[0]
        url = f"http://{host}{path}"
        answer = self.call("AddCtsAudioTask", url=url, bucketName=bucket, bucketRegion=region)
        assert answer["code"] == 0, answer
        return answer["data"]["vid"]

    def final(self, action: str, vid: str) -> dict:
        """Ask until the task is finished."""
        return wait_for(lambda: found if (found := self.call(action, vid=vid)["data"])["status"] in FINAL else None)


def wait_for(look: Callable[[], object], seconds: float = 20):
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.03)
    return found


def mps_task(body: dict) -> dict:
    """The task within a callback of MPS, which may be wrapped; empty for one of CTS."""
    body = body.get("Response", body)
    return body.get("WorkflowTaskEvent") or body.get("ScheduleTaskEvent") or {}


class CallbackReceiver:
    """Takes callbacks, remembers them, answers what `answers` says next (200 when it is empty)."""

    def __init__(self) -> None:
        self.got: list[tuple[str, dict, dict]] = []
        self.answers: list[int] = []
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                receiver.got.append((self.path, body, dict(self.headers)))
                self.send_response(receiver.answers.pop(0) if receiver.answers else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args: object) -> None: ...

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def of(self, vid: str, count: int = 1) -> list[dict]:
        """Wait for the callbacks of a task."""
        wait_for(lambda: len(self.seen(vid)) >= count)
        return self.seen(vid)

    def seen(self, vid: str) -> list[dict]:
        return [body for _, body, _ in self.got if vid in (body.get("vid"), mps_task(body).get("TaskId"))]

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture(scope="session")
def receiver() -> Iterator[CallbackReceiver]:
    made = CallbackReceiver()
    yield made
    made.close()


@pytest.fixture
def start_engine(tmp_path: Path) -> Iterator[Callable[..., Engine]]:
    """Start engines that end with the test; without a configuration the data directory's own counts."""
    started: list[Engine] = []

    def start(config: dict | None = None, data: str = "data", env: dict[str, str] | None = None) -> Engine:
        started.append(Engine(tmp_path / data, config, env))
        return started[-1]

    yield start
    for engine in started:
        if engine.process.poll() is None:
            engine.stop()


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory, receiver: CallbackReceiver) -> Iterator[Engine]:
    """One real engine for all tests that do not change its settings."""
    urls = {"video_callback_url": receiver.url + "/video", "audio_callback_url": receiver.url + "/audio"}
    made = Engine(tmp_path_factory.mktemp("engine") / "data", base_config(trans_basic=True, **urls))
    yield made
    assert made.stop() == 0
    assert made.errors == ""


@pytest.fixture(scope="session")
def shared_stub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    made = Engine(tmp_path_factory.mktemp("stub") / "data", base_config(transcoder="stub"))
    yield made
    assert made.stop() == 0
    assert made.errors == ""


@pytest.fixture
def stub(shared_stub: Engine, receiver: CallbackReceiver) -> Iterator[Engine]:
    """An engine that only pretends to transcode; its settings and faults end with the test."""
    urls = {"video_callback_url": receiver.url + "/video", "audio_callback_url": receiver.url + "/audio"}
    before = shared_stub.console("config", urls)
    yield shared_stub
    shared_stub.console("config", before)
    shared_stub.console("faults", {})


@pytest.fixture(scope="session")
def make_media(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Make a media file with ffmpeg's test sources; the same arguments give the same file."""
    directory = tmp_path_factory.mktemp("media")

    def make(name: str, *arguments: str) -> Path:
        path = directory / name
        if not path.exists():
            command = [find_ffmpeg(), "-v", "error", "-nostdin", *arguments, str(path)]
            subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
        return path

    return make


def picture(size: str, seconds: float = 1) -> list[str]:
    return ["-f", "lavfi", "-i", f"testsrc2=size={size}:rate=25:duration={seconds}"]


def sound(seconds: float = 1) -> list[str]:
    return ["-f", "lavfi", "-i", f"sine=frequency=440:sample_rate=44100:duration={seconds}"]


H264 = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac"]


@pytest.fixture(scope="session")
def clip(make_media) -> Path:
    """A second of 640x360 with sound."""
    return make_media("clip.mp4", *picture("640x360"), *sound(), *H264)


@pytest.fixture(scope="session")
def silent(make_media) -> Path:
    return make_media("silent.mp4", *picture("640x360"), *H264)


@pytest.fixture(scope="session")
def portrait(make_media, clip: Path) -> Path:
    """The clip turned by its display matrix: 360x640 as shown."""
    return make_media("portrait.mp4", "-display_rotation", "90", "-i", str(clip), "-c", "copy")


@pytest.fixture(scope="session")
def song(make_media) -> Path:
    return make_media("song.mp3", *sound(2), "-c:a", "libmp3lame", "-b:a", "128k")
