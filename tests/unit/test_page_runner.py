"""The runner of pages: what it takes from a page, what it compares, and when it fails."""

from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.pages import Shell, blocks, differences, run_page, shell, steps


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Shell]:
    with shell(tmp_path / "shell", tmp_path) as started:
        yield started


def page_of(folder: Path, text: str) -> Path:
    page = folder / "page.md"
    page.write_text(text)
    return page


@pytest.mark.parametrize(
    ("shown", "printed"),
    [
        ("task a1 succeeded", "task b2 succeeded\n"),
        ("one\n...\nthree 5 s", "one\ntwo\nthree 12.5 s\n"),
        ("vid    state\n12ab   lost", "vid        state\n━━━━━━\n99ffee12   lost"),
        ("2026-11-21T07:05:36Z  mediarelay.task.lost", "2025-01-01T00:00:00Z  mediarelay.task.lost  x"),
    ],
)
def test_ids_times_and_columns_may_differ(shown: str, printed: str) -> None:
    assert differences(shown, printed) == []


@pytest.mark.parametrize(
    ("shown", "printed"), [("state succeeded", "state failed"), ("first\nsecond", "second\nfirst\n")]
)
def test_words_and_order_may_not(shown: str, printed: str) -> None:
    assert differences(shown, printed)


def test_blocks_of_a_page(tmp_path: Path) -> None:
    page = page_of(
        tmp_path,
        "# Page\n\n```sh\nmake up\n```\n\nText\n\n<!-- exit 1 -->\n```sh\nfalse\n```\n\n```text\nno\n```\n\n"
        "1. Step:\n\n   ```sh\n   true\n   ```\n\n```console\naws x\n```\n",
    )
    assert [(one.commands.text, one.commands.code, one.shown) for one in steps(page)] == [
        ("make up\n", "0", ""),
        ("false\n", "1", "no\n"),
        ("true\n", "0", ""),
    ]
    assert [one.language for one in blocks(page)] == ["sh", "sh", "text", "sh", "console"]


def test_variables_and_functions_last_for_the_next_block(tmp_path: Path, session: Shell) -> None:
    text = '```sh\nNAME=one\nshow() { echo "is $NAME"; }\n```\n\n```sh\nmake up\nshow\n```\n\n```text\nis one\n```\n'
    assert [line for line, _ in run_page(page_of(tmp_path, text), session)] == [1, 6]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("```sh\nfalse\ntrue\n```\n", "ended with 1"),
        ("<!-- exit 3 -->\n```sh\ntrue\n```\n", "ended with 0"),
        ("```sh\necho one\n```\n\n```text\ntwo\n```\n", "printed\none"),
        ("```sh\nexit 4\n```\n", "the shell has ended"),
    ],
)
def test_a_page_fails(text: str, reason: str, tmp_path: Path, session: Shell) -> None:
    with pytest.raises(AssertionError, match=reason):
        run_page(page_of(tmp_path, text), session)


def test_a_code_that_the_page_states_is_no_failure(tmp_path: Path, session: Shell) -> None:
    text = "<!-- exit 3 -->\n```sh\n(exit 3)\n```\n\n<!-- exit any -->\n```sh\nfalse\n```\n"
    run_page(page_of(tmp_path, text), session)


def test_the_command_line_is_this_checkout_s(session: Shell) -> None:
    assert session.run("mediarelay --version")[0] == 0


def test_what_runs_in_the_background_ends_with_the_shell(tmp_path: Path) -> None:
    with shell(tmp_path / "shell", tmp_path) as started:
        code, number = started.run("sleep 100 &\necho $!")
    assert code == 0
    left = [psutil.Process(int(number))] if psutil.pid_exists(int(number)) else []
    assert [one for one in psutil.wait_procs(left, timeout=60)[1] if one.status() != psutil.STATUS_ZOMBIE] == []
