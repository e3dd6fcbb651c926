"""The engine as a process: starting, not starting, ending, starting again."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.unit.engine.mps_client import CLIPS, HOST, Client, body_of, notify

ROOT = Path(__file__).parents[3]
VIDEO = "cts-1250000000.cossh.myqcloud.com"
CONFIG: dict[str, Any] = {
    "credentials": {"secret_id": "AKIDtest", "secret_key": "test-key"},
    "buckets": [{"name": "cts", "region": "sh", "video": True}],
}


def run(*arguments: str, **env: str) -> "subprocess.CompletedProcess[str]":
    path = os.pathsep.join([str(ROOT / "layers/shared"), str(ROOT)])
    return subprocess.run(
        [sys.executable, "-m", "engine", *arguments],
        env={**os.environ, "PYTHONPATH": path, **env},
        capture_output=True,
        check=False,
        text=True,
        timeout=20,
    )


def refused(*arguments: str, **env: str) -> str:
    """Run an engine that cannot start; returns its one line."""
    done = run(*arguments, **env)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    return done.stderr


def test_a_port_in_use(tmp_path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"cannot listen on 127.0.0.1:{port}" in refused("--port", str(port), "--data", str(tmp_path / "d"))


def test_no_ffmpeg(tmp_path) -> None:
    line = refused("--port", "0", "--data", str(tmp_path), IMAGEIO_FFMPEG_EXE=str(tmp_path / "none"))
    assert "no ffmpeg that runs was found" in line


@pytest.mark.parametrize(
    ("text", "expected"), [("{", "is not JSON"), ('{"workers": 0}', "workers"), ('{"x": 1}', "x: is not known")]
)
def test_a_wrong_configuration(tmp_path, text: str, expected: str) -> None:
    file = tmp_path / "c.json"
    file.write_text(text)
    assert expected in refused("--port", "0", "--data", str(tmp_path), "--config", str(file))
    assert "No such file" in refused("--port", "0", "--data", str(tmp_path), "--config", str(tmp_path / "none"))


def test_a_directory_in_use(start_engine, tmp_path) -> None:
    start_engine({**CONFIG, "transcoder": "stub"})
    assert "is in use" in refused("--port", "0", "--data", str(tmp_path / "data"))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_when_it_is_ready_and_ends_in_order(start_engine, number: int) -> None:
    engine = start_engine({**CONFIG, "transcoder": "stub"})
    assert engine.ready == f"engine ready on http://127.0.0.1:{engine.port}\n"
    assert engine.console("health")["status"] == "ok"
    assert (engine.stop(number), engine.errors) == (0, "")


def children_of(process: int) -> list[int]:
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(process)], capture_output=True, text=True, check=False)
    return [int(pid) for pid in found.stdout.split()]


def test_the_end_ends_ffmpeg_and_a_restart_takes_the_job_up(start_engine, make_media) -> None:
    source = ["-f", "lavfi", "-i", "testsrc2=size=1280x720:rate=30:duration=5"]
    long = make_media("long.mp4", *source, "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
    engine = start_engine(CONFIG)
    vid = engine.upload(VIDEO, "/long.mp4", long)
    deadline = time.monotonic() + 10
    while not (children := children_of(engine.process.pid)):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    engine.console("config", {"stage_delay": 30})
    begun = time.monotonic()
    assert (engine.stop(), engine.errors) == (0, "")
    assert time.monotonic() - begun < 5
    for child in children:
        with pytest.raises(ProcessLookupError):
            os.kill(child, 0)
    engine = start_engine()
    engine.console("config", {"stage_delay": 0, "buckets": [{**CONFIG["buckets"][0], "video_specs": ["f10"]}]})
    data = engine.call("GetCtsInfo", vid=vid)["data"]
    assert (data["status"], data["deleted"]) == (3, "no")
    assert engine.stop() == 0
    engine = start_engine()
    assert engine.final("GetCtsInfo", vid)["status"] == 5


def test_everything_is_there_after_a_restart(start_engine, receiver) -> None:
    engine = start_engine({**CONFIG, "transcoder": "stub", "stage_delay": 30, "video_callback_url": receiver.url})
    waiting = [engine.upload(VIDEO, f"/{i}.mp4", b"x") for i in range(3)]
    shown = engine.console("config", {"stage_delay": 0})
    assert engine.stop() == 0
    engine = start_engine()
    assert engine.console("config") == shown
    for vid in waiting:
        assert engine.final("GetCtsInfo", vid)["status"] == 5
        assert receiver.of(vid)[0]["status"] == "success"
    assert engine.request("GET", "/0.mp4", headers={"Host": VIDEO})[2] == b"x"


def test_tasks_of_mps_are_there_after_a_restart(start_engine, receiver) -> None:
    engine = start_engine({**CONFIG, "transcoder": "stub", "stage_delay": 30, "buckets": [CLIPS]})
    engine.upload(HOST, "/in/walk.mp4", b"x")
    client = Client(engine)
    waiting, aborted = client.submit(**body_of(SessionId="s", **notify(receiver.url))), client.submit()
    client.call("ManageTask", OperationType="Abort", TaskId=aborted)
    engine.console("config", {"stage_delay": 0})
    assert engine.stop() == 0
    client = Client(start_engine())
    assert client.final(waiting)["WorkflowTask"]["ErrCode"] == 0
    assert client.final(aborted)["WorkflowTask"]["ErrCode"] == 40000
    assert receiver.of(waiting)[0]["SessionId"] == "s"
    assert client.refusal("ProcessMedia", **body_of(SessionId="s")) == "InvalidParameterValue.SessionId"


def test_a_hanging_call_does_not_keep_it_alive(start_engine) -> None:
    engine = start_engine({**CONFIG, "transcoder": "stub"})
    engine.console("faults", {"api_hang": 60})
    with socket.create_connection(("127.0.0.1", engine.port)) as hanging:
        hanging.sendall(b"GET /v2/index.php HTTP/1.1\r\nHost: x\r\n\r\n")
        time.sleep(0.2)
        begun = time.monotonic()
        assert engine.stop() == 0
        assert time.monotonic() - begun < 6
