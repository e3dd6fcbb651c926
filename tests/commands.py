"""The commands of a page: fenced blocks with the info string `sh` are commands, those with `console` are only shown."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from mediarelay_cli.app import app, load

_PART = re.compile(r"^\*\*(Meaning|Look|Do|Prove it is over)\.\*\*", re.MULTILINE)
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`(mediarelay [^`]+)`")
PARTS = ("Meaning", "Look", "Do", "Prove it is over")


@dataclass(frozen=True)
class Section:
    """A section of a page: its heading, and its text up to the next heading."""

    heading: str
    text: str

    @property
    def parts(self) -> dict[str, str]:
        """The text of each of the four parts that a section about an alarm has."""
        split = _PART.split(self.text)
        return dict(zip(split[1::2], split[2::2], strict=True))

    def commands(self, part: str) -> list[str]:
        """Return the commands of a part, one of each line."""
        return commands(self.parts[part])


def sections(page: Path) -> dict[str, Section]:
    """The sections of a page by their headings."""
    split = re.split(r"^#+ (.+)$", _without_comments(page.read_text("utf-8")), flags=re.MULTILINE)
    return {heading: Section(heading, text) for heading, text in zip(split[1::2], split[2::2], strict=True)}


def _without_comments(text: str) -> str:
    """Remove comments of shell blocks, which look like headings."""
    return _BLOCK.sub(lambda block: re.sub(r"^# .*\n", "", block[0], flags=re.MULTILINE), text)


def commands(text: str) -> list[str]:
    """The commands of the blocks that a test may run."""
    return [line for kind, block in _BLOCK.findall(text) if kind == "sh" for line in block.splitlines() if line]


def mentioned(text: str) -> list[str]:
    """The commands of the command line within sentences. They may lack an argument."""
    return list(_INLINE.findall(_BLOCK.sub("", text)))


def table_rows(page: Path, heading: str) -> list[list[str]]:
    """The cells of the table whose head begins with a text, row by row."""
    (table,) = re.findall(rf"^\| {heading} \|.*\n\|[ -].*\n((?:\|.*\n)*)", page.read_text("utf-8"), re.MULTILINE)
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in table.splitlines()]


def parse(command: str) -> None:
    """Parse a command of the command line as it would be run; raises an error of typer if it is wrong."""
    program, *arguments = shlex.split(command)
    assert program == "mediarelay", command
    load()
    found: Any = typer.main.get_command(app)
    context = found.context_class(found, info_name=program)
    while arguments and hasattr(found, "get_command"):
        name = arguments.pop(0)
        found = found.get_command(context, name)
        assert found is not None, f"there is no command {name}: {command}"
        context = found.context_class(found, info_name=name, parent=context)
    if not hasattr(found, "get_command"):
        found.make_context(found.name, arguments, parent=context.parent)
