"""How far a task is: ffmpeg's own position, while it runs, in the console and in the answers of MPS."""

import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import transcode
from engine.failures import Stopped
from engine.model import Status
from engine.mps.answers import detail
from engine.plan import arguments, plan_audio
from engine.probe import probe
from engine.progress import percent
from engine.transcode import Handle, find_ffmpeg
from tests.hypothesis_profiles import patient
from tests.unit.engine.test_mps_answers import task


def reports(position: str) -> str:
    return f"frame=1\nout_time_us={position}\nout_time=00:00:01.0\nprogress=continue\n"


@pytest.mark.parametrize(
    ("text", "seconds", "shown"),
    [
        ("", 10, 0),
        (reports("N/A"), 10, 0),
        (reports("2500000"), 10, 25),
        (reports("2500000") + reports("7500000"), 10, 75),
        (reports("7500000") + reports("N/A"), 10, 75),
        (reports("10000000"), 10, 99),
        (reports("99000000"), 10, 99),
        (reports("2500000"), 0, 0),
        (reports("1") * 100 + reports("5000000"), 10, 50),
    ],
)
def test_the_latest_position_counts(tmp_path: Path, text: str, seconds: float, shown: int) -> None:
    file = tmp_path / "progress"
    file.write_text(text)
    assert percent(file, seconds) == shown


def test_nothing_is_encoded_before_ffmpeg_writes(tmp_path: Path) -> None:
    assert percent(tmp_path / "progress", 10) == 0


@given(st.integers(0, 10**12), st.floats(0, 10**6))
@patient
def test_a_percentage_is_one(tmp_path_factory: pytest.TempPathFactory, position: int, seconds: float) -> None:
    file = tmp_path_factory.getbasetemp() / "progress"
    file.write_text(reports(str(position)))
    assert 0 <= percent(file, seconds) <= 99


def test_ffmpeg_states_its_position(make_media: Any, tmp_path: Path) -> None:
    source = make_media("tone.wav", "-f", "lavfi", "-i", "sine=duration=4")
    (tmp_path / "source").write_bytes(source.read_bytes())
    facts = probe(source)
    command = [find_ffmpeg(), *arguments(facts, plan_audio(facts, ["128000_mp3"]))]
    Handle().run(command, tmp_path, 60)
    assert percent(tmp_path / "progress", 8) in {49, 50}


def test_a_running_process_is_watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transcode, "REPORT_EVERY", 0.05)
    seen: list[int] = []
    Handle().run([sys.executable, "-c", "import time; time.sleep(0.5)"], tmp_path, 10, lambda: seen.append(1))
    assert len(seen) >= 3


def test_a_watcher_that_stops_the_job_ends_the_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A report about a deleted task raises `Stopped`; its process must not go on."""
    monkeypatch.setattr(transcode, "REPORT_EVERY", 0.05)

    def refuse() -> None:
        raise Stopped

    begun = time.monotonic()
    with pytest.raises(Stopped):
        Handle().run([sys.executable, "-c", "import time; time.sleep(30)"], tmp_path, 60, refuse)
    assert time.monotonic() - begun < 20


def test_mps_states_the_progress_of_each_transcode() -> None:
    running = task(status=Status.TRANSCODING, outputs=(), percent=42)
    results = [one["TranscodeTask"] for one in detail(running)["WorkflowTask"]["MediaProcessResultSet"]]
    assert [one["Progress"] for one in results if one] == [42]
    done = [one["TranscodeTask"] for one in detail(task(percent=42))["WorkflowTask"]["MediaProcessResultSet"]]
    assert [one["Progress"] for one in done if one] == [100]
