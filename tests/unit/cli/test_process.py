"""The command as a process: imports, pipes, signals, terminals, encodings, completion."""

import fcntl
import json
import os
import pty
import re
import shlex
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.unit.cli.conftest import COMMAND, ROOT
from tests.unit.cli.fake_api import FakeApi, Reply
from tests.unit.cli.samples import EVENT, HEALTHY, LISTED, ROUTES, SONG, UNHEALTHY, URL
from tests.unit.cli.test_submit import batch

SLOW = {"boto3", "botocore", "requests", "urllib3", "pydantic", "aws_lambda_powertools"}


@pytest.fixture(autouse=True)
def routes(api: FakeApi) -> None:
    api.routes |= ROUTES


def start(environment: dict[str, str], *arguments: str, **options) -> "subprocess.Popen[str]":
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL} | options
    return subprocess.Popen([*COMMAND, *arguments], env=environment, cwd=ROOT, text=True, encoding="utf-8", **pipes)


def finish(command: "Sequence[str | bytes]", environment: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)


def wait_until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 90
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def on_terminal(environment: dict[str, str], *arguments: str, columns: int = 80, keys: str = "") -> tuple[int, str]:
    """Run a command on a terminal. Return its exit code and everything that it wrote."""
    screen, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    without = {name: value for name, value in environment.items() if name != "COLUMNS"}
    process = subprocess.Popen(
        [*COMMAND, *arguments], env=without, cwd=ROOT, stdin=terminal, stdout=terminal, stderr=terminal
    )
    os.close(terminal)
    os.write(screen, keys.encode())
    written = b""
    try:
        while block := os.read(screen, 65_536):
            written += block
    except OSError:  # the terminal has closed
        pass
    os.close(screen)
    return process.wait(), written.decode().replace("\r\n", "\n")


def plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)


class TestImports:
    @pytest.mark.parametrize("arguments", [["--help"], ["submit", "--help"], ["--version"]])
    def test_help_imports_nothing_slow(self, environment, arguments):
        code = (
            "import sys; from mediarelay_cli.app import main\n"
            f"sys.argv = ['mediarelay', *{arguments!r}]\n"
            "try: main()\n"
            "finally: print(sorted(sys.modules), file=sys.stderr)"
        )
        done = finish([sys.executable, "-c", code], environment)
        assert done.returncode == 0
        assert "typer" in done.stderr
        imported = re.findall(r"'([^'.]+)", done.stderr)
        assert not SLOW & set(imported)


class TestPipes:
    def test_a_reader_that_closes_the_pipe_ends_the_command_quietly(self, environment, api):
        counter = iter(range(10**9))
        api.routes["GET /tasks"] = lambda _: {"tasks": LISTED * 50, "cursor": f"c{next(counter)}"}
        process = start(environment, "tasks", "-n", "3000")
        assert process.stdout.readline()
        process.stdout.close()
        assert process.wait(90) == 141
        assert process.stderr.read() == ""
        process.stderr.close()

    @pytest.mark.parametrize("flag", [[], ["--json"]])
    def test_a_stream_stops_with_its_reader(self, environment, api, flag):
        counter = iter(range(10**9))
        api.routes["GET /events"] = lambda _: {"events": [EVENT] * 100, "cursor": f"c{next(counter)}", "more": True}
        process = start(environment, "tail", *flag)
        assert process.stdout.readline()
        process.stdout.close()
        assert process.wait(90) == 141
        assert process.stderr.read() == ""
        process.stderr.close()

    @pytest.mark.parametrize("shell", ["{} tasks >&-", "{} tasks --json >&-", "{} tasks 2>&-", "{} --help | true"])
    def test_closed_streams_leave_no_traceback(self, environment, shell):
        line = shell.format(" ".join(COMMAND))
        done = finish(["sh", "-c", line], environment)
        assert "Traceback" not in done.stderr
        assert "Exception" not in done.stderr

    @pytest.mark.parametrize("arguments", ["tasks", "status --json", "profile list"])
    def test_a_full_disk_is_no_traceback_and_no_finding(self, environment, arguments):
        done = finish(["sh", "-c", f"{shlex.join(COMMAND)} {arguments} >/dev/full"], environment)
        assert (done.returncode, "No space left on device" in done.stderr) == (3, True)
        assert len(done.stderr.splitlines()) == 2

    def test_an_argument_of_another_encoding_is_refused(self, environment):
        done = finish([*COMMAND, "task", b"\xe9"], environment)
        assert (done.returncode, len(done.stderr.splitlines())) == (2, 2)

    @pytest.mark.parametrize("change", [{"problems": 7}, {"queues": ["x"]}, {"circuits": [{"failures": []}]}])
    def test_an_answer_of_another_shape_is_no_traceback_and_no_finding(self, environment, api, change):
        api.routes["GET /status"] = HEALTHY | change
        done = finish([*COMMAND, "status"], environment)
        assert (done.returncode, "as new as this command" in done.stderr) in {(3, True), (0, False)}
        assert "Traceback" not in done.stderr


class TestSignals:
    def test_ctrl_c_ends_tail(self, environment, api):
        process = start(environment, "tail")
        wait_until(lambda: api.calls)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=90)
        assert (process.returncode, "Traceback" in out + err) == (130, False)

    @pytest.mark.parametrize("command", ["status --watch --every 1", "songs room-1 --watch"])
    def test_ctrl_c_ends_a_watch(self, environment, api, command):
        process = start(environment, *command.split())
        assert process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=90)
        assert (process.returncode, err) == (130, "")

    def test_ctrl_c_ends_a_list_of_changes(self, environment, api):
        process = start(environment, "tasks", "--follow", "--json", "--state", "failed")
        wait_until(lambda: api.calls)
        first = json.loads(process.stdout.readline())
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=90)
        assert (process.returncode, err) == (130, "")
        assert first in LISTED
        assert {"since", "changed_since", "state"} <= api.calls[0].query.keys()

    def test_ctrl_c_keeps_the_results_of_calls_that_were_sent(self, environment, api, tmp_path):
        file = tmp_path / "list.jsonl"
        file.write_text(
            "".join(json.dumps({"url": f"{URL}{n}", "idempotency_key": f"k{n}"}) + "\n" for n in range(5_000))
        )

        def slow(call) -> Reply:
            time.sleep(0.2)
            return batch(call)

        api.routes["POST /tasks/audio/batch"] = slow
        process = start(environment, "submit", "--from", str(file))
        wait_until(lambda: len(api.calls) > 5)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=90)
        sent = sum(len(call.body["tasks"]) for call in api.calls)
        recorded = len((tmp_path / "list.jsonl.results.jsonl").read_text().splitlines())
        assert process.returncode == 130
        assert "run the same command again" in err
        assert "Traceback" not in err
        assert recorded == sent < 5_000

    def test_a_second_ctrl_c_ends_at_once(self, environment, api, tmp_path):
        file = tmp_path / "list.jsonl"
        file.write_text(json.dumps({"url": URL}))

        def stuck(call) -> Reply:
            time.sleep(15)
            return batch(call)

        api.routes["POST /tasks/audio/batch"] = stuck
        process = start(environment, "submit", "--from", str(file))
        wait_until(lambda: api.calls)
        process.send_signal(signal.SIGINT)
        assert "Ctrl-C again" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=90)
        assert (process.returncode, "Traceback" in err, "Exception" in err) == (130, False, False)


class TestTerminal:
    @pytest.mark.parametrize("status", [HEALTHY, UNHEALTHY])
    def test_the_status_fits_on_80_by_24(self, environment, api, status):
        api.routes["GET /status"] = status
        _, shown = on_terminal(environment, "status")
        lines = plain(shown).rstrip("\n").split("\n")
        assert len(lines) <= 23
        assert max(map(len, lines)) <= 80

    @pytest.mark.parametrize("command", ["status", "tasks", "songs room-1"])
    def test_40_columns_are_enough(self, environment, command):
        code, shown = on_terminal(environment, *command.split(), columns=40)
        assert code in {0, 1}
        assert "Traceback" not in shown

    def test_no_color_is_respected(self, environment, api):
        api.routes["GET /status"] = UNHEALTHY
        colored = re.compile(r"\x1b\[[0-9;]*3[0-7]m")
        assert colored.search(on_terminal(environment, "status")[1])
        assert not colored.search(on_terminal(environment | {"NO_COLOR": "1"}, "status")[1])

    @pytest.mark.parametrize(("key", "code", "calls"), [("y", 0, 2), ("n", 2, 1), ("", 2, 1)])
    def test_a_person_confirms(self, environment, api, key, code, calls):
        found, shown = on_terminal(environment, "replay", "--state", "lost", keys=f"{key}\n")
        assert found == code, shown
        assert "Replay 123 tasks in 3 minutes or less?" in shown.replace("\n", " ")
        assert len(api.of("POST /tasks/replay")) == calls

    def test_a_list_shows_its_progress(self, environment, api, tmp_path):
        file = tmp_path / "list.jsonl"
        file.write_text("".join(json.dumps({"url": f"{URL}{n}"}) + "\n" for n in range(250)))
        api.routes["POST /tasks/audio/batch"] = batch
        code, shown = on_terminal(environment, "submit", "--from", str(file))
        assert code == 0
        assert "250/250" in plain(shown)
        assert "/s" in plain(shown)

    def test_json_on_a_terminal_is_indented_and_harmless(self, environment, api):
        api.routes["GET /songs"] = {"songs": [SONG | {"name": "a\x9b2J\u202e"}]}
        _, shown = on_terminal(environment, "songs", "room-1", "--json")
        assert '\n    "name": "a\\u009b2J\\u202e"' in shown


ENCODINGS = {
    "gbk": {"PYTHONIOENCODING": "gbk"},
    "ascii": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
}


class TestEncodings:
    @pytest.mark.parametrize("encoding", ENCODINGS)
    @pytest.mark.parametrize("arguments", [["songs", "room-1"], ["tasks", "--json"], ["--help"]])
    def test_no_terminal_is_too_poor(self, environment, encoding, arguments):
        variables = environment | ENCODINGS[encoding]
        done = subprocess.run([*COMMAND, *arguments], env=variables, cwd=ROOT, capture_output=True, check=False)
        assert (done.returncode, done.stderr) == (0, b"")
        text = done.stdout.decode(encoding)
        assert "--json" not in arguments or json.loads(text) == LISTED


class TestCompletion:
    @pytest.mark.parametrize(
        ("words", "expected"),
        [
            ("mediarelay sta", "status"),
            ("mediarelay tasks --st", "--state"),
            ("mediarelay tasks --state su", "superseded"),
        ],
    )
    def test_commands_options_and_values_complete(self, environment, words, expected):
        count = len(words.split()) - 1
        asked = {"_MEDIARELAY_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(count)}
        done = finish(COMMAND, environment | asked)
        assert expected in done.stdout.split()
        assert done.stderr == ""


class TestLayers:
    def test_nothing_in_a_layer_or_function_needs_the_command_line(self):
        files = [file for folder in ("layers", "functions") for file in (ROOT / folder).rglob("*.py")]
        assert files
        assert [file for file in files if "mediarelay_cli" in file.read_text("utf-8")] == []

    def test_the_command_line_needs_only_the_pure_modules(self):
        """`mediarelay.check` is the one exception: `doctor` and `secrets` show what it finds."""
        found: set[tuple[str, str]] = set()
        for file in (ROOT / "mediarelay_cli").rglob("*.py"):
            imported = re.findall(r"^\s*(?:from|import) (mediarelay[\w.]*)", file.read_text("utf-8"), re.MULTILINE)
            found |= {(Path(file).name, name) for name in imported if not name.startswith("mediarelay_cli")}
        layers = ("domain", "signing", "errors", "contracts", "providers", "usecases")
        pure = tuple(f"mediarelay.{layer}" for layer in layers)
        assert [each for each in found if each[1] != "mediarelay" and not each[1].startswith(pure)] == []
