"""The sections of a page, the parts of a section about an alarm, and the commands in them."""

import re
from dataclasses import dataclass
from pathlib import Path

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
    split = re.split(r"^#+ (.+)$", page.read_text("utf-8"), flags=re.MULTILINE)
    return {heading: Section(heading, text) for heading, text in zip(split[1::2], split[2::2], strict=True)}


def commands(text: str) -> list[str]:
    """The commands of the blocks that a test may run, line by line."""
    return [line for kind, block in _BLOCK.findall(text) if kind == "sh" for line in block.splitlines() if line]


def mentioned(text: str) -> list[str]:
    """The commands of the command line within sentences. They may lack an argument."""
    return list(_INLINE.findall(_BLOCK.sub("", text)))


def table_rows(page: Path, heading: str) -> list[list[str]]:
    """The cells of the table whose head begins with a text, row by row."""
    (table,) = re.findall(rf"^\| {heading} \|.*\n\|[ -].*\n((?:\|.*\n)*)", page.read_text("utf-8"), re.MULTILINE)
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in table.splitlines()]
