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
from local import console, run
from local.console import MAX_SILENCE, Screen, short
from local.run import Watch
from local.stack import Stack

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
TASK: dict[str, Any] = {"vid": "a1", "state": "succeeded", "claimed": "succeeded", "renditions": [RENDITION]}
EVENT = {"subject": "a1", "type": "mediarelay.task.succeeded", "id": "d45369b2-58e6-5af6-8a16-7db46a4fecbe"}


class Clock:
    """A clock that only the test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Recorded(Screen):
    """A screen of 80 columns whose lines a test can read."""

    def __init__(self, *, terminal: bool = False) -> None:
        self.file, self.clock = io.StringIO(), Clock()
        recording = Console(file=self.file, width=80, force_terminal=terminal, highlight=False)
        super().__init__(recording, self.clock)

    def lines(self) -> list[str]:
        return re.sub(r"\x1b\[[0-9;]*m", "", self.file.getvalue()).splitlines()


@pytest.fixture(params=[True, False], ids=["terminal", "pipe"])
def screen(request: pytest.FixtureRequest) -> Recorded:
    return Recorded(terminal=request.param)


class TestPaths:
    def test_a_long_path_of_a_rendition_is_whole_and_alone_on_its_line(self, screen: Recorded) -> None:
        screen.renditions("clip.mp4", TASK)
        assert f"    clips{LONG} (and 1 more)" in screen.lines()

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

    def test_everything_of_the_usual_run_fits_80_columns(self, screen: Recorded) -> None:
        with screen.stage("sam deploy"):
            pass
        screen.state("clip.mp4 (video)", TASK)
        screen.notification("clip.mp4 (video)", EVENT)
        why = "Whoever got the resource may use it; others may share it."
        screen.song("room-0bcafbcc", {"next": "acquire", "why": why, "share_ms_left": 13600})
        screen.renditions("clip.mp4", TASK | {"renditions": [RENDITION | {"paths": ["/run/clip.mp4.f10.mp4"]}]})
        screen.path(URL)
        assert max(map(len, screen.lines())) <= 80


class TestSilence:
    def test_nothing_is_added_while_lines_come(self, screen: Recorded) -> None:
        for _ in range(9):
            screen.clock.now += MAX_SILENCE - 0.1
            screen.break_silence()
            screen.line("a line")
        assert screen.lines() == ["a line"] * 9

    def test_a_silent_command_says_what_it_does(self, screen: Recorded) -> None:
        screen.activity("waiting for [an outcome] of clip.mp4")
        screen.clock.now = MAX_SILENCE
        screen.break_silence()
        screen.break_silence()
        assert screen.lines() == ["   4.0 s … waiting for [an outcome] of clip.mp4"]

    def test_a_stage_is_named_while_it_runs_and_when_it_ends(self, screen: Recorded) -> None:
        with screen.stage("sam deploy"):
            screen.clock.now = MAX_SILENCE + 1
            screen.break_silence()
        assert screen.lines() == ["   5.0 s … sam deploy", "✓ sam deploy 5.0 s"]

    def test_a_thread_watches_the_clock(self, screen: Recorded, monkeypatch: pytest.MonkeyPatch) -> None:
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

    def test_following_a_task_never_falls_silent(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A provider that takes 30 s: the clock moves while the command sleeps, and its thread looks."""
        screen = Recorded()
        deployment = type("Deployment", (), {"env": None})()

        class Client:
            def __init__(self) -> None:
                self.deployment = deployment

            def task(self, _vid: str) -> dict[str, Any]:
                return TASK if screen.clock.now > 30 else {"state": "pending", "vid": "a1"}

        class Topic:
            def events(self) -> list[dict[str, Any]]:
                return [EVENT] if screen.clock.now > 30 else []

        def sleep(seconds: float) -> None:
            screen.clock.now += seconds
            screen.break_silence()

        monkeypatch.setattr(run, "time", type("Time", (), {"monotonic": screen.clock, "sleep": staticmethod(sleep)}))
        monkeypatch.setattr(Stack, "require_running", lambda _self: None)
        watch = Watch(Client(), Topic(), screen)  # type: ignore[arg-type]
        watch.expect({"vid": "a1"}, "clip.mp4")
        watch.follow(60)
        beats = [line for line in screen.lines() if "…" in line]
        assert len(beats) >= 6
        assert beats[0].endswith("… waiting for an outcome of clip.mp4")
        times = [float(found[1]) for line in screen.lines() if (found := re.match(r" *(\d+\.\d) s ", line))]
        assert max(after - before for before, after in zip([0.0, *times], times, strict=False)) < 5
