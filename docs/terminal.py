"""`python -m docs.terminal`: record commands of the command line against the running local stack, for docs/cli.md.

Each command runs in a terminal of its own. What it prints becomes a picture (SVG). A submit of 200 files also becomes a
recording that `asciinema play` shows.
"""

import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator, Sequence
from fcntl import ioctl
from pathlib import Path

from rich.console import Console
from rich.text import Text

from local.client import ApiClient
from local.environment import ROOT, LocalEnvironment
from local.samples import samples
from local.stack import APP_ID, MUSIC, Stack

IMAGES = ROOT / "docs" / "images"
FOLDER = ROOT / ".local" / "up"
COLUMNS, ROWS = 100, 32
FILES = 200
COMMAND = (sys.executable, "-m", "mediarelay_cli", "--profile", "local")
# One picture each: its name, and the arguments of the command.
PICTURES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("cli-status", ("status",)),
    ("cli-tasks", ("tasks", "--limit", "8")),
    ("cli-doctor", ("doctor",)),
)
SUBMIT = "cli-submit-200"
_CONTROL = re.compile(r"\x1b\[(?P<number>\d*)(?P<what>[AK])|\x1b\[\?\d+[hl]|(?P<move>[\r\n])")
Chunk = tuple[float, str]


def run(arguments: Sequence[str]) -> Iterator[Chunk]:
    """Run a command in a terminal; yield what it prints, each part with the seconds since its start."""
    begun, (ours, theirs) = time.monotonic(), pty.openpty()
    ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    environment = os.environ | {"TERM": "xterm-256color", "COLUMNS": str(COLUMNS), "LINES": str(ROWS)}
    with subprocess.Popen([*COMMAND, *arguments], stdin=theirs, stdout=theirs, stderr=theirs, env=environment):  # noqa: S603
        os.close(theirs)
        while part := _read(ours):
            yield time.monotonic() - begun, part
    os.close(ours)


def _read(terminal: int) -> str:
    # Linux reports the end of the program as an error.
    try:
        return os.read(terminal, 65_536).decode("utf-8", "replace")
    except OSError:
        return ""


def screen(text: str) -> list[str]:
    """Return the lines that a terminal shows after a text: the moves of progress bars are carried out, colours stay."""
    lines, row, place = [""], 0, 0
    for found in _CONTROL.finditer(text + "\n"):
        lines[row] += text[place : found.start()]
        place = found.end()
        if found["what"] == "A":
            row = max(0, row - int(found["number"] or 1))
        elif found["what"] == "K" or found["move"] == "\r":
            lines[row] = "" if found["what"] == "K" or text[place : place + 1] != "\n" else lines[row]
        elif found["move"] == "\n":
            row += 1
            lines += [""] * (row + 1 - len(lines))
    return lines


def picture(name: str, arguments: Sequence[str], text: str) -> None:
    """Write what a terminal shows as a picture."""
    console = Console(record=True, width=COLUMNS, file=Path(os.devnull).open("w"), force_terminal=True)  # noqa: SIM115
    console.print(Text(f"$ mediarelay {' '.join(arguments)}", style="bold"))
    console.print(Text.from_ansi("\n".join(screen(text)).rstrip()))
    # The fonts of the picture are on another host; the reader's own monospaced font does.
    svg = re.sub(r"@font-face \{.*?\}", "", console.export_svg(title="mediarelay"), flags=re.DOTALL)
    (IMAGES / f"{name}.svg").write_text(re.sub(r"[ \t]+\n", "\n", svg), "utf-8")


def recording(name: str, chunks: Sequence[Chunk]) -> None:
    """Write an asciicast: a line of JSON for the terminal, and one for each part of the output."""
    head = {"version": 2, "width": COLUMNS, "height": ROWS, "title": "mediarelay submit --from list.jsonl"}
    lines = [json.dumps(head), *(json.dumps([round(at, 3), "o", part]) for at, part in _thinned(chunks))]
    (IMAGES / f"{name}.cast").write_text("\n".join(lines) + "\n", "utf-8")


def _thinned(chunks: Sequence[Chunk]) -> Iterator[Chunk]:
    """Yield at most one part per second, besides those that end a line: a progress bar draws itself ten times."""
    last = -1.0
    for at, part in chunks:
        if at - last >= 1 or "\n" in part:
            last = at
            yield at, part


def submit_many() -> None:
    """Upload one song under many names, submit all of them from a list, and record it."""
    stack = Stack(LocalEnvironment.saved(FOLDER))
    api_client, song = ApiClient(stack.deployment()), samples(ROOT / ".local" / "media")[1].file
    items = []
    for number in range(FILES):
        name = f"recorded/{number:03}.mp3"
        api_client.upload(MUSIC, name, song)
        source = {"bucket": f"{MUSIC}-{APP_ID}", "region": "ap-shanghai", "object": f"/{name}"}
        items.append({"source": source, "outputs": [1010], "idempotency_key": f"recorded-{number}"})
    file = FOLDER / "list.jsonl"
    file.write_text("".join(f"{json.dumps(one)}\n" for one in items))
    arguments = ("submit", "--from", os.path.relpath(file), "--wait")
    chunks = list(run(arguments))
    recording(SUBMIT, chunks)
    half = chunks[: max(1, len(chunks) * 6 // 10)]
    picture(SUBMIT, arguments, "".join(part for _, part in half))


def main() -> int:
    """Record everything. Return the exit code: 1 without a running stack."""
    if not Stack(LocalEnvironment.saved(FOLDER)).running():
        sys.stderr.write("start a stack with `make up`, and send media with `make run`\n")
        return 1
    submit_many()
    for name, arguments in PICTURES:
        picture(name, arguments, "".join(part for _, part in run(arguments)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
