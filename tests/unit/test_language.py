"""One word for one thing: words that this project has replaced stay out of code, template, documents, events and tests.

`WORDS` are found wherever they stand, in sentences and as parts of names: `refused_wish`, `SealedRelay`. `NAMES` are
exact: they look like ordinary English, or were the names of one thing.
"""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WORDS = {
    "wish wishes wished": "intent (stored), request (as it comes in)",
    "books": "bookkeeping",
    "card": "summary",
    "gist": "claim summary",
    "luck": "jitter",
    "heard aside asides": "body, body parts",
    "told": "answered, reported, published",
    "shelf": "store",
    "seal seals sealed sealing unseal unseals unsealed unsealing": "encrypt, decrypt",
    "vault": "cipher",
    "doorkeeper doorkeepers": "authorizer",
    "losses forgiven untaken": "failure budget, tolerate, incomplete",
    "mend mends mended": "reset, repair",
    "announce announces announced announcing announcement announcements": "publish",
    "question questions": "query, pending check",
    "patience": "max wait",
    "park parks parked parking": "mark as unreadable",
    "vouch vouches vouched": "known",
    "studio storm": "song harness, chaos run",
}
WORDS_OUTSIDE_TESTS = {"somebody nobody": "the actor"}
"""The name of a test may state that nobody does something."""
NAMES = {
    r"\bMOST_|\bLONGEST_": "MAX_*",
    r"\bKept\b": "QuarantinedBody, StoredRelay",
    r"\bleased_until\b": "hide_until",
    r"\b_look\b|\blooked_for\b|\bfirst_look_after\b": "check, scan_guard, first_poll_after",
    r"\bin_hand\b|\bIN_HAND\b": "locked_until",
    r"\b(?:name|begin|promise|drop|close)_intent\b": "assign_vid, lock, mark_accepted, delete, complete",
    r"\bPROOF\b|\buse_once\b|\bclaim_(nonce|callback)\b": "NONCE#, take_nonce, take_callback",
    r"\bNews\b|\bNotice[(:]|-> Notice\b|\bOpenQuestion\b": "SongEventType, SongEvent, PendingCheck",
    r"\bIntake\b|\bReceiver\b": "CallbackStore, CallbackEndpoint",
    r"class (?:Moment|Hold)\b": "Trigger, Entitlement",
    r"\bbody_left\b|\blaid_aside\b": "body_parts",
    r"\bRetryQueue\b|\bTickDeadLetters\b|\bMusicSecretsSecret\b": "CallbackBacklog, ScheduleDeadLetters, MusicSecret",
    r"\bretry queue\b": "callback backlog",
    r"\bSONG_KEY_ID\b|\bSongKey\.Arn\b|^  SongKey:$": "SongTokenKey",
    r"\bBreaker\b": "CircuitBreaker",
    r"\bgate\.py\b|\broot\.py\b|\bmediarelay\.root\b": "access.py, wiring",
    r"\b_say\b|\b_?tell\(": "publish_due, raise_if_incomplete",
}


def by_word(table: dict[str, str]) -> dict[str, str]:
    return {word: instead for words, instead in table.items() for word in words.split()}


PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
"""A word of a sentence, or a part of a name: `SealedRelay` and `SEALED_RELAY` are two parts each."""
CODE = (
    "layers/shared",
    "functions",
    "mediarelay_cli",
    "engine",
    "local",
    "requirements",
    "docs",
    "benchmarks",
    "tests",
)
TEXTS = (
    "*.md",
    "docs/*.md",
    "docs/*.json",
    "events/*",
    "template.yaml",
    "Makefile",
    "samconfig.toml",
    "pyproject.toml",
)


def files() -> Iterator[Path]:
    yield from (path for folder in CODE for path in (ROOT / folder).rglob("*.py") if path != Path(__file__).resolve())
    yield from (path for pattern in TEXTS for path in ROOT.glob(pattern))
    yield ROOT / "tests" / "mutations" / "mutations.json"


@cache
def offences(path: Path) -> list[str]:
    """Where a file has a replaced word, and which word to use."""
    name, text = path.relative_to(ROOT), path.read_text("utf-8")
    words = WORDS if name.parts[0] == "tests" else WORDS | WORDS_OUTSIDE_TESTS
    return [f"{name}:{number}: {found}" for number, found in replaced(text, words)]


def replaced(text: str, table: dict[str, str]) -> Iterator[tuple[int, str]]:
    words = by_word(table)
    for number, line in enumerate(text.splitlines(), 1):
        for part in PART.findall(line):
            if instead := words.get(part.lower()):
                yield number, f"`{part}`: say {instead}"
        for name, instead in NAMES.items():
            if found := re.search(name, line):
                yield number, f"`{found[0]}`: say {instead}"


@pytest.mark.parametrize("path", sorted(set(files())), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_replaced_word_is_left(path: Path) -> None:
    assert offences(path) == []


@pytest.mark.parametrize(
    ("line", "count"),
    [
        ("A refused wish is kept.", 1),
        ("class SealedRelay: ...", 1),
        ("SEALED_RELAY = unseal(gist)", 3),
        ("MOST_RELAYS = 3", 1),
        ("The wildcard of a credit cardholder, bookshelf.", 0),
        ("Bookkeeping holds what was published; a claim's summary is kept.", 0),
        ("hold = threshold; at_most = 3; the moment, a notice", 0),
    ],
)
def test_words_are_found_in_sentences_and_names(line: str, count: int) -> None:
    assert len(list(replaced(line, WORDS))) == count
