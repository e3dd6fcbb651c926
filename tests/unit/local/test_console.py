"""The terminal of `make run`: paths stay whole at 80 columns and in a pipe, and no silence lasts."""

import io
import re
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from local import __main__ as commands
from local import console
from local.console import MAX_SILENCE, Screen, short

LONG = "/run/" + "a-folder-with-a-long-name/" * 5 + "clip [1].mp4.f10.mp4"
URL = "http://clips-1250000000.cossh.myqcloud.com/run/clip.mp4"
RENDITION: dict[str, Any] = {
    "kind": "video",
    "name": "f10",
    "paths": [LONG, "/other"],
    "dst": {"bucket": "clips"},
    "size": 291007,
    "bitrate": 291000,
    "width": 480,
    "height": 270,
}
COVERS: dict[str, Any] = {
    "kind": "cover",
    "paths": [f"/run/clip_snapshotByOffset_10_{i}.jpg" for i in range(3)],
    "dst": {"bucket": "clips"},
}
FAULT = {"code": 902, "message": "the source is not a readable media file: its format is not one that is read here"}
FAILED: dict[str, Any] = {"vid": "a1", "state": "failed", "faults": [FAULT], "renditions": []}
TASK: dict[str, Any] = {"vid": "a1", "state": "succeeded", "claimed": "succeeded", "renditions": [RENDITION]}
EVENT = {"subject": "a1", "type": "mediarelay.task.succeeded", "id": "d45369b2-58e6-5af6-8a16-7db46a4fecbe"}


class Clock:
    """A clock that only the test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Recorded(Screen):
    """A screen whose lines a test can read."""

    def __init__(self, *, terminal: bool = False, width: int = 80) -> None:
        self.file, self.clock = io.StringIO(), Clock()
        recording = Console(
            file=self.file, width=width, force_terminal=terminal, force_interactive=terminal, highlight=False
        )
        super().__init__(recording, self.clock)

    def lines(self) -> list[str]:
        return re.sub(r"\x1b\[[0-9;]*m", "", self.file.getvalue()).splitlines()


@pytest.fixture(params=[True, False], ids=["terminal", "pipe"])
def screen(request: pytest.FixtureRequest) -> Recorded:
    return Recorded(terminal=request.param)


class TestPaths:
    def test_a_long_name_of_a_rendition_is_whole_and_alone_on_its_line(self, screen: Recorded) -> None:
        name = f"{'a-long-name-' * 6}.mp4"
        screen.renditions("clip.mp4", [RENDITION | {"paths": [f"/run/{name}", f"/run/{name}2"]}], Path("out"))
        assert f"    {name} (+1)" in screen.lines()

    def test_the_common_folder_is_there_once_below(self, screen: Recorded) -> None:
        both = [RENDITION | {"paths": [path]} for path in ("/run/clip.mp4.f10.mp4", "/run/deep/clip.m3u8")]
        screen.renditions("clip.mp4", both, Path("out"))
        _, name, first, second, below, folder = screen.lines()
        assert (name, below, folder) == ("clip.mp4", "  in", "    out/clips/run")
        assert [first.split()[-1], second.split()[-1]] == ["clip.mp4.f10.mp4", "deep/clip.m3u8"]

    def test_a_path_and_a_url_are_alone_on_their_line(self, screen: Recorded) -> None:
        screen.path(Path(LONG))
        screen.path(URL)
        assert screen.lines() == [f"    {LONG}", f"    {URL}"]

    def test_a_path_inside_the_current_folder_is_relative(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        assert short(tmp_path / ".local" / "run") == ".local/run"
        assert short(Path("/elsewhere")) == "/elsewhere"

    def test_an_error_is_not_cut(self, screen: Recorded) -> None:
        screen.error(f"the engine has ended; its log is {LONG}")
        assert LONG in screen.lines()[0]

    @pytest.mark.parametrize("width", [60, 80])
    @pytest.mark.parametrize("terminal", [True, False])
    def test_everything_of_the_usual_run_fits(self, *, width: int, terminal: bool) -> None:
        screen = Recorded(terminal=terminal, width=width)
        with screen.stage("deploy"):
            pass
        name = "a-clip-of-mine.mp4 (video by MPS)"
        screen.sentence(f"uploaded {name}", "  ")
        screen.open_task(name, "transcoding", 42)
        screen.break_silence()
        screen.state(name, TASK)
        screen.notification(name, EVENT)
        screen.notification("song in room-0bcafbcc", {"type": "mediarelay.song.expiring", "id": EVENT["id"]})
        why = "Whoever got the resource may use it; others may share it while its token is valid."
        screen.song("room-0bcafbcc", {"next": "acquire", "why": why, "share_ms_left": 13600})
        screen.renditions(name, [RENDITION | {"paths": ["/run/clip.mp4.f10.mp4"]}, COVERS], Path(".local/run/outputs"))
        screen.faults(name, FAILED, "mediarelay task a1")
        assert max(map(len, screen.lines())) <= width
        words = [word for line in screen.lines() for word in line.split()]
        for whole in (
            "clip.mp4.f10.mp4",
            "clip_snapshotByOffset_10_0.jpg",
            *why.split(),
            *str(FAULT["message"]).split(),
        ):
            assert whole in words, "nothing is broken in mid-word"

    @pytest.mark.parametrize(("width", "has_bitrate"), [(60, False), (80, True)])
    def test_a_narrow_screen_shows_a_usual_name_instead_of_the_bitrate(self, width: int, *, has_bitrate: bool) -> None:
        screen = Recorded(width=width)
        screen.renditions("clip.mp4", [RENDITION | {"paths": ["/run/clip.mp4.f10.mp4"]}], Path("out"))
        assert screen.lines()[2].endswith("  clip.mp4.f10.mp4")
        assert ("kbit/s" in screen.lines()[2]) is has_bitrate

    def test_an_id_is_shortened(self, screen: Recorded) -> None:
        screen.notification("clip.mp4", EVENT)
        assert screen.lines() == ["   0.0 s notification clip.mp4: mediarelay.task.succeeded (d45369b2…)"]

    @pytest.mark.parametrize(
        ("size", "shown"),
        [(0, "0 B"), (999, "999 B"), (1000, "1 kB"), (291007, "291 kB"), (999_600, "1000 kB"), (5e13, "50 TB")],
    )
    def test_sizes(self, size: int, shown: str) -> None:
        assert console._size(size) == shown


class TestFaults:
    def test_a_failed_task_shows_its_faults_and_the_command_for_more(self, screen: Recorded) -> None:
        screen.faults("clip.mp4", FAILED, "mediarelay task a1")
        text = " ".join(screen.lines())
        assert "✗ clip.mp4: failed   902 the source is not a readable media file" in text
        assert screen.lines()[-2:] == ["  More:", "    mediarelay task a1"]

    @pytest.mark.parametrize(
        ("state", "reason"), [("lost", "not answered in time"), ("superseded", "newer task"), ("failed", "no reason")]
    )
    def test_a_task_without_faults_has_a_reason_too(self, screen: Recorded, state: str, reason: str) -> None:
        screen.faults("clip.mp4", {"state": state}, "mediarelay task a1")
        assert reason in " ".join(screen.lines())

    def test_faults_come_from_outside(self, screen: Recorded) -> None:
        screen.faults("[red]", {"state": "failed", "faults": [{"message": "[bold]x[/bold]"}]}, "more")
        assert "[bold]x[/bold]" in " ".join(screen.lines())


class TestSilence:
    def test_nothing_is_added_while_lines_come(self) -> None:
        screen = Recorded()
        for _ in range(9):
            screen.clock.now += MAX_SILENCE - 0.1
            screen.break_silence()
            screen.line("a line")
        assert screen.lines() == ["a line"] * 9

    def test_a_silent_command_says_what_it_does_and_for_how_long(self) -> None:
        screen = Recorded()
        screen.clock.now = 3.0
        for _ in range(2):
            screen.activity("waiting for [an outcome] of clip.mp4")
            screen.clock.now += MAX_SILENCE
        screen.break_silence()
        screen.break_silence()
        assert screen.lines() == ["   8.0 s … waiting for [an outcome] of clip.mp4"]

    def test_each_open_task_has_a_line_with_its_percentage_and_its_time(self) -> None:
        screen = Recorded()
        for percent in (None, 42):
            screen.open_task("clip.mp4", "transcoding", percent)
            screen.open_task("song.mp3", "pending", None)
            screen.clock.now += MAX_SILENCE
        screen.break_silence()
        assert screen.lines() == ["   8.0 s … clip.mp4: transcoding 42 %", "   8.0 s … song.mp3: pending"]
        screen.close_task("clip.mp4")
        screen.close_task("song.mp3")
        screen.clock.now += MAX_SILENCE
        screen.break_silence()
        assert screen.lines()[2:] == ["  12.0 s … working"]

    @pytest.mark.parametrize("width", [60, 80])
    def test_a_line_of_a_task_with_a_long_name_still_shows_the_percentage(self, width: int) -> None:
        screen = Recorded(width=width)
        screen.open_task("a-long-name-" * 9 + ".mp4", "transcoding", 7)
        screen.clock.now = MAX_SILENCE
        screen.break_silence()
        (line,) = screen.lines()
        assert line.endswith("…: transcoding 7 %")
        assert len(line) == width

    def test_a_terminal_shows_the_lines_live_and_removes_them(self, monkeypatch: pytest.MonkeyPatch) -> None:
        screen = Recorded(terminal=True)
        with screen.progress():
            screen.open_task("clip.mp4", "transcoding", 42)
            screen.clock.now = MAX_SILENCE
            end = time.monotonic() + 10
            while "42 %" not in screen.file.getvalue() and time.monotonic() < end:
                time.sleep(0.01)
            screen.break_silence()
        assert "clip.mp4: transcoding 42 %" in screen.file.getvalue()
        assert screen.file.getvalue().count("\x1b[2K"), "the live lines are erased"

    def test_a_stage_is_named_while_it_runs_and_when_it_ends(self) -> None:
        screen = Recorded()
        with screen.stage("deploy"):
            screen.clock.now = MAX_SILENCE + 1
            screen.break_silence()
        assert screen.lines() == ["   5.0 s … deploy", "✓ deploy 5.0 s"]

    def test_a_thread_watches_the_clock(self, monkeypatch: pytest.MonkeyPatch) -> None:
        screen = Recorded()
        monkeypatch.setattr(console, "CHECK_EVERY", 0.01)
        with screen.progress():
            screen.clock.now = MAX_SILENCE
            end = time.monotonic() + 10
            while not screen.lines() and time.monotonic() < end:
                time.sleep(0.01)
        screen.clock.now += MAX_SILENCE
        time.sleep(0.05)
        assert screen.lines() == ["   4.0 s … working"], "and stops when the command ends"

    def test_the_first_line_comes_before_the_work(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Importing takes seconds on a slow machine, and nothing can be printed meanwhile."""
        printed: list[str] = []
        monkeypatch.setattr(sys, "argv", ["local", "run"])
        monkeypatch.setattr(signal, "signal", lambda *_: None)
        monkeypatch.setattr(commands, "COMMANDS", {"run": lambda *_: printed.append(capsys.readouterr().out)})
        assert commands.main() == 0
        assert printed[0].startswith("make run: ")

    def test_silence_never_lasts_5_seconds(self) -> None:
        assert MAX_SILENCE + console.CHECK_EVERY < 5
