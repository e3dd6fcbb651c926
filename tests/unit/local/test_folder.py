"""The folder that commands use, and what one command may read while another one writes."""

import os
import subprocess
import sys
import threading
from argparse import Namespace
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import pytest

from local import __main__ as commands
from local.background import in_background
from local.console import Screen
from local.deploy import Deployment
from local.environment import ROOT, LocalEnvironment, LocalError
from local.lock import only_one
from local.stack import Stack
from mediarelay_cli.profiles import choose, local_file, read_profiles, save_profile

SHOW = """
import importlib, os, sys
from local import __main__ as commands
for os.environ["LOCAL_DIR"] in sys.argv[1:]:
    print(importlib.reload(commands).HOME)
"""


def test_the_folder_is_absolute_and_never_the_current_one(tmp_path: Path) -> None:
    """Programs of the stack run in folders of their own, and `make run` empties a folder below it."""
    expected = {"here": f"{tmp_path}/here", "": f"{ROOT}/.local", "/a/b": "/a/b"}
    environment = os.environ | {"PYTHONPATH": f"{ROOT}/layers/shared:{ROOT}"}
    command = [sys.executable, "-c", SHOW, *expected]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == list(expected.values())


@pytest.mark.parametrize("is_up", [True, False])
def test_a_second_run_in_one_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_up: bool) -> None:
    """Both would read one queue of notifications, and each would miss what the other one took."""
    monkeypatch.setattr(commands, "samples", lambda _: [])
    for step in ("run", "_run_fresh"):
        monkeypatch.setattr(commands, step, lambda *_: pytest.fail("it began"))
    monkeypatch.setattr(Stack, "deployment", lambda _: None)
    monkeypatch.setattr(commands, "LOCK", tmp_path / "lock")
    monkeypatch.setattr(Stack, "running", lambda _: is_up)
    with only_one(tmp_path / "lock"), pytest.raises(LocalError, match=f"process {os.getpid()} is"):
        commands.run_once(Namespace(file=None), Screen())


@pytest.mark.parametrize("text", ["x", "0", "-1", "65536", "1e3", " 1", "٤", "9" * 5000])
@pytest.mark.parametrize("variable", ["EMULATOR_PORT", "ENGINE_PORT"])
def test_a_port_that_is_none_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str, text: str
) -> None:
    monkeypatch.setenv(variable, text)
    with pytest.raises(LocalError, match=f"^{variable}="):
        LocalEnvironment(tmp_path)


def test_ports_are_those_of_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("EMULATOR_PORT", "65535")
    monkeypatch.setenv("ENGINE_PORT", "")
    assert LocalEnvironment(tmp_path) == LocalEnvironment(tmp_path, 65535, 4580)


def test_ports_are_replaced_in_one_step(tmp_path: Path) -> None:
    LocalEnvironment(tmp_path, 1, 2).save_ports()
    with (tmp_path / "ports.json").open() as before:
        LocalEnvironment(tmp_path, 3, 4).save_ports()
        assert before.read() == '{"emulator_port": 1, "engine_port": 2}'
    assert LocalEnvironment.saved(tmp_path) == LocalEnvironment(tmp_path, 3, 4)


def test_a_stack_that_was_stopped_while_it_started_is_not_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for step in ("_require_ports", "_start_emulator", "_start_engine"):
        monkeypatch.setattr(Stack, step, lambda *_: None)
    for step in ("build", "deploy", "put_secrets"):
        monkeypatch.setattr(f"local.stack.{step}", lambda *_: None)
    with pytest.raises(LocalError, match="the emulator has ended"):
        Stack(LocalEnvironment(tmp_path)).up(lambda _name: nullcontext())


@pytest.mark.parametrize("asked", [{"EMULATOR_PORT": "4666"}, {"ENGINE_PORT": "4680"}])
def test_a_saved_stack_keeps_its_ports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: dict[str, str]) -> None:
    """The addresses of its queues have the emulator's port in them: on another one nothing would be confirmed."""
    monkeypatch.setattr(commands, "KEPT", tmp_path)
    for name in commands.PORTS:
        monkeypatch.delenv(name, raising=False)
    LocalEnvironment(tmp_path, 5566, 5580).save_ports()
    assert commands._kept().env == LocalEnvironment(tmp_path, 5566, 5580)
    for name, port in asked.items():
        monkeypatch.setenv(name, port)
    with pytest.raises(LocalError, match="has the ports 5566 and 5580"):
        commands._kept()


def test_a_new_stack_takes_the_ports_that_are_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "KEPT", tmp_path)
    monkeypatch.setenv("EMULATOR_PORT", "4666")
    assert commands._kept().env.emulator_port == 4666


def test_a_stack_that_did_not_come_up_keeps_its_ports_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its state is saved as well, and an emulator on other ports would go on with it."""

    def fail(_: LocalEnvironment) -> None:
        raise LocalError("no network")

    for step in ("_require_ports", "_start_emulator"):
        monkeypatch.setattr(Stack, step, lambda *_: None)
    monkeypatch.setattr("local.stack.build", fail)
    with pytest.raises(LocalError, match="no network"):
        Stack(LocalEnvironment(tmp_path, 5566, 5580)).up(lambda _name: nullcontext())
    assert LocalEnvironment.saved(tmp_path) == LocalEnvironment(tmp_path, 5566, 5580)


def test_the_command_line_finds_the_stack_that_is_up(tmp_path: Path) -> None:
    deployment = Deployment(LocalEnvironment(tmp_path / "up", 1, 2), {}, "http://api/$default")
    file = local_file({"LOCAL_DIR": str(tmp_path)})
    save_profile(file, commands.profile(deployment))
    assert read_profiles(file) == {"local": commands.profile(deployment)}
    profile = choose({}, {"LOCAL_DIR": str(tmp_path), "MEDIARELAY_CONFIG": str(tmp_path / "none")})
    assert (profile.api_url, profile.token) == ("http://api/$default", deployment.env.keys.bearer)
    assert (profile.endpoint_url, profile.stack) == ("http://127.0.0.1:1", "mediarelay")
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_stopped_stack_has_no_profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its commands would look for an address on which nothing listens."""
    monkeypatch.setattr(commands, "LOCAL_FILE", tmp_path / "profile.ini")
    monkeypatch.setattr(Stack, "down", lambda _: None)
    (tmp_path / "profile.ini").touch()
    for _ in range(2):
        commands.down(Namespace(), Screen())
    assert not (tmp_path / "profile.ini").exists()


@pytest.mark.parametrize("is_up", [True, False])
@pytest.mark.parametrize("file", ["my.mp4", None])
def test_only_the_plain_run_plays_a_song(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str | None, *, is_up: bool
) -> None:
    played = list[tuple[bool, bool]]()
    monkeypatch.setattr(commands, "own_media", lambda _: None)
    monkeypatch.setattr(commands, "samples", lambda _: [])
    monkeypatch.setattr(commands, "LOCK", tmp_path / "lock")
    monkeypatch.setattr(commands, "FRESH", tmp_path / "run")
    monkeypatch.setattr(commands, "OLD", tmp_path / "old")
    monkeypatch.setattr(commands, "run", lambda *_, song, stays: played.append((song, stays)))
    for step, answer in (
        ("running", is_up),
        ("deployment", None),
        ("require_unused", None),
        ("up", None),
        ("down", None),
    ):
        monkeypatch.setattr(Stack, step, lambda *_, answer=answer: answer)
    commands.run_once(Namespace(file=file), Screen())
    assert played == [(file is None, is_up)]


def test_the_previous_run_is_away_at_once_and_removed_beside_the_next_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    removals: list[Callable[[], None]] = []
    monkeypatch.setattr(commands, "OLD", tmp_path / "old")
    monkeypatch.setattr(commands, "in_background", removals.append)
    for _ in range(2):
        (tmp_path / "run").mkdir()
        (tmp_path / "run" / "log").touch()
        commands._remove(tmp_path / "run")
        assert not (tmp_path / "run").exists()
    commands._remove(tmp_path / "run")
    removals[-1]()
    assert list(tmp_path.iterdir()) == []


def test_a_command_ends_only_after_what_it_started_in_the_background() -> None:
    may_end = threading.Event()
    work = in_background(lambda: may_end.wait(10))
    with commands._finished(work):
        threading.Timer(0.1, may_end.set).start()
    assert work.done()


def test_the_error_of_a_background_call_is_that_of_its_result() -> None:
    def fail() -> None:
        raise LocalError("no ffmpeg")

    with pytest.raises(LocalError, match="no ffmpeg"):
        in_background(fail).result(10)
