"""The commands of the pages exist: their names, their options, and the syntax of the shell."""

from pathlib import Path

import pytest

from tests.command_lines import wrong
from tests.pages import blocks
from tests.stack import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
# The reference of the command line shows the form of each command, and a test generates it.
TYPED = [page for page in PAGES if page.name != "cli.md"]


@pytest.mark.parametrize("page", TYPED, ids=lambda page: page.name)
def test_every_command_of_a_page_exists(page: Path) -> None:
    typed = [one for one in blocks(page) if one.language in {"sh", "console", ""}]
    commands = [one for one in typed if one.language or "aws " in one.text or one.text.startswith("mediarelay ")]
    assert [f"line {one.line}: {problem}" for one in commands for problem in wrong(one.text)] == []


@pytest.mark.parametrize(
    ("commands", "problem"),
    [
        ("aws dynamodb delete-table --table-name x --nam y", "aws dynamodb delete-table --nam: no such option"),
        ("aws dynamodb delete-tables", "aws dynamodb delete-tables: no such operation"),
        ("x=$(aws sqsx purge-queue)", "aws sqsx: no such service"),
        ("aws sqs purge-queue", "aws sqs purge-queue --queue-url: missing"),
        ("aws dynamodb wait table-exist --table-name x", "aws dynamodb wait table-exist: no such state"),
        (
            "aws dynamodb update-table --table-name x --stream-specification StreamEnabled=true,View=NEW_IMAGE",
            "aws dynamodb update-table --stream-specification: View: no such name",
        ),
        ("mediarelay statu", "mediarelay statu: no such command"),
        ("mediarelay dlq show ConfirmDeadLetters --limits 3", "mediarelay show --limits: no such option"),
        ("VALUE=1 mediarelay tasks --states lost | head", "mediarelay tasks --states: no such option"),
    ],
)
def test_a_typo_is_found(commands: str, problem: str) -> None:
    assert wrong(commands) == [problem]


def test_lines_without_a_prompt_are_output() -> None:
    assert wrong("$ aws sqs list-queues \\\n  --queue-name-prefix x\n(output\n$ mediarelay status\n") == []
    assert wrong("$ aws sqs list-queue\nok\n") == ["aws sqs list-queue: no such operation"]


def test_a_syntax_error_is_found() -> None:
    assert "unexpected" in wrong("if true; then")[0]


@pytest.mark.parametrize(
    "commands",
    [
        'aws sqs purge-queue --queue-url "$(resource DispatchDeadLetters)"',
        "aws dynamodb update-table --table-name x --no-deletion-protection-enabled && echo done",
        "aws dynamodb wait table-exists --table-name x",
        "aws logs tail /mediarelay/mediarelay --since 1d",
        "mediarelay --profile local secrets list ApiClients --json | head -3",
        'for one in $(mediarelay tasks --json); do mediarelay task "$one"; done',
    ],
)
def test_a_right_command_is_accepted(commands: str) -> None:
    assert wrong(commands) == []
