"""Run the commands of a page on a local stack, as a reader would: block after block, in one shell.

| in the page | what it means here |
| --- | --- |
| a block `sh` | runs; every command of it must succeed |
| the comment `exit 1` before it | its last command that fails ends with this code; `exit any`: with any code |
| a block `text` after it | what it prints, in this order; `...` stands for anything |
| a block `console` | is not run, because it needs AWS or a person: `tests/command_lines.py` checks it |
| a line that begins with `make` | is left out: the fixture has started the stack |

Ids, times and numbers differ from run to run, so the comparison ignores them.
"""

import os
import re
import select
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from local.environment import ROOT

TIMEOUT = 60.0
ANYTHING = "..."
_FENCE = re.compile(r"^(?:<!-- exit (\w+) -->\n)?( *)```(\w*)[^\n]*\n(.*?)^\2```$", re.DOTALL | re.MULTILINE)
# Ids, times with their unit, sizes, and what else has a digit.
_VARIABLE = re.compile(r"[\w.:+/-]*\d[\w.:+/-]*(?: (?:s|ms|min|h|d|B|kB|MB)\b)?")
_BETWEEN = re.compile(r"[\s─━│┃┏┓┗┛┌┐└┘├┤┡┩╇┼-]+")


@dataclass(frozen=True)
class Block:
    """A fenced block of a page: its language, its text, the line where it begins, and the code that it ends with."""

    language: str
    text: str
    line: int
    code: str = "0"


@dataclass(frozen=True)
class Step:
    """Commands to run, and what they print, if the page shows it."""

    commands: Block
    shown: str = ""


def blocks(page: Path) -> list[Block]:
    """Return all fenced blocks of a page."""
    text = page.read_text("utf-8")
    return [_block(text, found) for found in _FENCE.finditer(text)]


def _block(text: str, found: re.Match[str]) -> Block:
    indented = re.compile(f"^{found[2]}", re.MULTILINE)
    line = text.count("\n", 0, found.start()) + 1
    return Block(found[3], indented.sub("", found[4]), line, found[1] or "0")


def steps(page: Path) -> list[Step]:
    """Return what a reader types, each with the output that follows it."""
    found = blocks(page)
    following = [*found[1:], Block("", "", 0)]
    return [
        Step(block, after.text if after.language == "text" else "")
        for block, after in zip(found, following, strict=True)
        if block.language == "sh"
    ]


def differences(shown: str, printed: str) -> list[str]:
    """Return the lines of a page that a command did not print, in their order."""
    lines = [_comparable(line) for line in printed.splitlines()]
    missing, place = list[str](), 0
    for line in filter(None, map(str.strip, shown.splitlines())):
        if line == ANYTHING:
            continue
        wanted = re.compile(".*".join(re.escape(_comparable(part)) for part in line.split(ANYTHING)))
        found = next((number for number, one in enumerate(lines[place:], place) if wanted.search(one)), None)
        if found is None:
            missing.append(line)
        else:
            place = found + 1
    return missing


def _comparable(line: str) -> str:
    return _BETWEEN.sub(" ", _VARIABLE.sub("#", line)).strip()


class Shell:
    """One bash, in which variables and functions of a block last for the next one."""

    def __init__(self, process: "subprocess.Popen[str]", folder: Path) -> None:
        self.process, self.folder, self.number = process, folder, 0

    def run(self, commands: str) -> tuple[int, str]:
        """Run commands; return the code of the last one that failed, or 0, and what all of them printed."""
        self.number += 1
        script, output = self.folder / f"{self.number}.sh", self.folder / f"{self.number}.txt"
        script.write_text(commands)
        self._send(f"code=0; trap 'code=$?' ERR; source '{script}' >'{output}' 2>&1 </dev/null; trap - ERR; echo $code")
        return self._code(output), output.read_text(errors="replace")

    def _send(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def _code(self, output: Path) -> int:
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], TIMEOUT)
        assert ready, f"no end within {TIMEOUT:.0f} s; so far: {output.read_text(errors='replace')}"
        line = self.process.stdout.readline()
        assert line, f"the shell has ended: {output.read_text(errors='replace')}"
        return int(line)


@contextmanager
def shell(folder: Path, local_dir: Path, extra: Mapping[str, str] | None = None) -> Iterator[Shell]:
    """Start a shell in the checkout, with `mediarelay` on its path and the profile of a local stack.

    At the end, everything that its blocks have started ends with it.
    """
    environment = os.environ | _environment(folder, local_dir) | dict(extra or {})
    with subprocess.Popen(
        ["bash"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env=environment,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            yield Shell(process, folder)
        finally:
            os.killpg(process.pid, 9)


def _environment(folder: Path, local_dir: Path) -> dict[str, str]:
    command = folder / "bin" / "mediarelay"
    command.parent.mkdir(parents=True)
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m mediarelay_cli "$@"\n')
    command.chmod(0o755)
    # A reader's variables must not choose another stack.
    unset = {"MEDIARELAY_API_URL": "", "MEDIARELAY_TOKEN": "", "MEDIARELAY_STACK": ""}
    return unset | {
        "PATH": f"{command.parent}:{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": f"{ROOT}/layers/shared:{ROOT}",
        "LOCAL_DIR": str(local_dir),
        "MEDIARELAY_PROFILE": "local",
        "MEDIARELAY_CONFIG": str(folder / "profiles.ini"),
        "NO_COLOR": "1",
        "HOME": str(folder),
        "TMPDIR": str(folder),
    }


def run_page(page: Path, session: Shell) -> list[tuple[int, float]]:
    """Run all steps of a page. Return the line of each, and its seconds. Fails at the first that differs."""
    taken = list[tuple[int, float]]()
    for step in steps(page):
        begun = time.monotonic()
        code, printed = session.run(_runnable(step.commands.text))
        where = f"{page.name}:{step.commands.line}"
        assert step.commands.code in {str(code), "any"}, f"{where} ended with {code}\n{step.commands.text}\n{printed}"
        missing = differences(step.shown, printed)
        assert not missing, f"{where} printed\n{printed}\nand not\n" + "\n".join(missing)
        taken.append((step.commands.line, time.monotonic() - begun))
    return taken


def _runnable(commands: str) -> str:
    return "".join(line for line in commands.splitlines(keepends=True) if not line.startswith("make "))
