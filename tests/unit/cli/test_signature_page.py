"""docs/signatures.md: its commands print what it shows, and it lists every rule that `verify` knows."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from mediarelay_cli.signatures import joined, qcloud, tc3, tokens, webhooks
from mediarelay_cli.signatures.recipe import Mistake
from tests.unit.cli.running import run

PAGE = Path(__file__).parents[3] / "docs" / "signatures.md"
BLOCKS = re.findall(r"^```\n(.*?)^```$", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE)
COMMANDS = [place for place, block in enumerate(BLOCKS) if block.startswith("mediarelay ")]
FILES = {"key.txt": "example-key\n", "whsec.txt": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n"}
SCHEMES: dict[str, tuple[Mistake[Any], ...]] = {
    "qcloud": qcloud.MISTAKES,
    "tc3": tc3.MISTAKES,
    "webhook": webhooks.MISTAKES,
    "zego": joined.ZEGO_MISTAKES,
    "zego-api": joined.SERVER_API_MISTAKES,
    "mps": joined.MPS_MISTAKES,
    "token": tokens.MISTAKES,
}


def rules_page() -> str:
    """The section of the page with all rules; run this to write it again."""
    parts = []
    for scheme, mistakes in SCHEMES.items():
        rows = [f"| `{one.rule}` | {one.finding.replace('{}', '…')} | {one.advice} |" for one in mistakes]
        parts.append("\n".join([f"### {scheme}", "", "| rule | finding | advice |", "| --- | --- | --- |", *rows]))
    return "\n\n".join(parts)


@pytest.mark.parametrize("place", COMMANDS)
def test_each_command_prints_what_the_page_shows(place: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    request = next(block for block in BLOCKS if block.startswith("POST "))
    for name, text in {**FILES, "relay.http": request.removesuffix("\n")}.items():
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    code, out, err = run(*shlex.split(BLOCKS[place])[1:])
    assert out.startswith(BLOCKS[place + 1]), err
    assert code == (0 if "mediarelay sign" in BLOCKS[place] else 1)


def test_the_page_lists_every_rule() -> None:
    assert PAGE.read_text("utf-8").partition("## The rules\n\n")[2] == rules_page() + "\n"
    assert len(COMMANDS) >= 3
