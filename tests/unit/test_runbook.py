"""The runbook and the page of what operators want to know: complete, in one form, and with commands that exist."""

import re
from pathlib import Path

import pytest

from mediarelay.domain.operations.queues import DEAD_LETTERS
from tests.command_lines import wrong
from tests.page_sections import PARTS, Section, commands, mentioned, sections, table_rows
from tests.pages import blocks
from tests.stack import ROOT, resources

RUNBOOK, OPERATIONS = ROOT / "docs" / "runbook.md", ROOT / "docs" / "operations.md"
SECTIONS = sections(RUNBOOK)
ALARMS = sorted(resources("AWS::CloudWatch::Alarm"))
CONSOLE = ROOT / "functions" / "console" / "static"
PAGES = [RUNBOOK, OPERATIONS]
HARMLESS = ("status", "stuck", "doctor", "task", "tasks", "events")
"""Commands that change nothing. Groups such as `dlq` are judged by their second word."""
LOOKING = ("list", "show", "deliveries")


@pytest.mark.parametrize("alarm", ALARMS)
class TestAlarm:
    def test_its_section_has_the_four_parts_in_order(self, alarm: str) -> None:
        assert tuple(SECTIONS[alarm].parts) == PARTS

    def test_there_is_a_command_to_look_and_one_to_prove(self, alarm: str) -> None:
        assert "```" in SECTIONS[alarm].parts["Look"]
        assert SECTIONS[alarm].commands("Prove it is over")

    def test_looking_and_proving_change_nothing(self, alarm: str) -> None:
        """Whoever wakes up at night runs these without thinking."""
        for part in ("Look", "Prove it is over"):
            assert [one for one in SECTIONS[alarm].commands(part) if not is_harmless(one)] == []

    def test_no_command_asks(self, alarm: str) -> None:
        asking = re.compile(r"mediarelay (?:dlq purge|replay|webhooks replay) (?!.*(?:--yes|--dry-run))")
        assert [one for one in SECTIONS[alarm].commands("Do") if asking.match(one)] == []


def is_harmless(command: str) -> bool:
    _, name, *rest = command.split()
    return name in HARMLESS or rest[0] in LOOKING


@pytest.mark.parametrize(("command", "harmless"), [("mediarelay stuck", True), ("mediarelay dlq purge X --yes", False)])
def test_what_is_harmless(command: str, harmless: bool) -> None:
    assert is_harmless(command) is harmless


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_command_exists(page: Path) -> None:
    text = page.read_text("utf-8")
    found = [block.text for block in blocks(page) if block.language in {"sh", "console"}]
    assert [(one, problem) for one in [*found, *mentioned(text)] for problem in wrong(one)] == []


def test_every_block_says_what_it_is() -> None:
    """A block without an info string would be run by no test."""
    for page in PAGES:
        found = re.findall(r"^```(.*)$", page.read_text("utf-8"), re.MULTILINE)[::2]
        assert set(found) <= {"sh", "console", "text"}


def test_blocks_that_are_run_hold_commands_of_the_command_line_only() -> None:
    for page in PAGES:
        assert [one for one in commands(page.read_text("utf-8")) if not one.startswith("mediarelay ")] == []


def test_no_alias_is_left() -> None:
    text = RUNBOOK.read_text("utf-8")
    assert re.findall(r"\$\((?:out|resource|queue_arn) ", text) == []


@pytest.mark.parametrize("queue", DEAD_LETTERS.values(), ids=lambda queue: queue.name)
def test_a_queue_is_emptied_as_its_messages_allow(queue: object) -> None:
    name, sources, only = (getattr(queue, field) for field in ("name", "sources", "is_only_copy"))
    done = " ".join(section_of(name).commands("Do"))
    assert ("redrive" in done, "purge" in done) != (False, False)
    assert not ("redrive" in done and not sources)
    assert not ("purge" in done and only)


def section_of(queue: str) -> Section:
    return SECTIONS[f"{queue}Alarm"]


def test_the_views_of_the_console_exist() -> None:
    views = set(re.findall(r"^  '?([\w-]*)'?: \[\w+", (CONSOLE / "app.js").read_text("utf-8"), re.MULTILINE))
    named = {
        name for row in table_rows(OPERATIONS, "you want to know") for name in re.findall(r"/console#/([\w-]+)", row[2])
    }
    assert len(named) > 5
    assert named <= views


def test_every_line_has_one_command_and_one_click() -> None:
    for wanted, command, click in table_rows(OPERATIONS, "you want to know"):
        assert re.fullmatch("`mediarelay [^`]+`", command), wanted
        assert is_harmless(command.strip("`")) or "--dry-run" in command, wanted
        assert len(re.findall("/console", click)) == 1, wanted
