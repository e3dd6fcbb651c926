"""Token checks: rotation, closed doors, and input that nobody sends by accident."""

import hmac
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediarelay.signing import tokens as callback_token
from mediarelay.signing.tokens import accepts, digest, matching
from tests.hypothesis_profiles import patient

ANY = st.none() | st.text(st.characters(exclude_categories=[]), max_size=20)
TOKENS = st.lists(st.text(st.characters(exclude_categories=[]), max_size=20), max_size=4)


@pytest.mark.parametrize("live", [("a",), ("old", "a"), ("a", "new"), ["a", "a"]])
def test_any_live_token_opens(live: Any) -> None:
    assert accepts("a", live)
    assert matching("a", [digest(token) for token in live]) == digest("a")


@pytest.mark.parametrize("presented", [None, "", "b", "A", "a ", " a", "aa", "\ud800", "\x00", "x" * 1_000_000])
@pytest.mark.parametrize("live", [(), ("a",), ("a", ""), ("",), (chr(0xDFFF),), ("?",), ("\ufffd",)])
def test_anything_else_does_not(presented: str | None, live: tuple[str, ...]) -> None:
    assert not accepts(presented, live)
    assert matching(presented, [digest(token) for token in live]) is None


def test_without_live_tokens_the_door_is_closed() -> None:
    assert not accepts("", ())
    assert not accepts("a", ())
    assert matching("a", ()) is None


def test_non_ascii_tokens() -> None:
    assert accepts("caf\u00e9", ("caf\u00e9",))
    assert not accepts("cafe\u0301", ("caf\u00e9",))


@given(ANY, TOKENS)
@patient
def test_same_text_and_nothing_else(presented: str | None, live: list[str]) -> None:
    wanted = bool(presented) and presented in live
    assert accepts(presented, live) is wanted
    assert matching(presented, [digest(token) for token in live]) == (digest(presented or "") if wanted else None)


@given(ANY, TOKENS)
@patient
def test_stored_hashes_may_be_anything(presented: str | None, stored: list[str]) -> None:
    assert matching(presented, stored) is None


def test_digest_is_sha256_in_hex() -> None:
    assert digest("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_every_token_is_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[bytes, bytes]] = []

    def record(left: bytes, right: bytes) -> bool:
        compared.append((left, right))
        return hmac.compare_digest(left, right)

    monkeypatch.setattr(callback_token, "hmac", type("Recorder", (), {"compare_digest": staticmethod(record)}))
    assert accepts("a", ("a", "b", "c"))
    assert not accepts(None, ("a", "b"))
    assert matching("a", (digest("a"), digest("b")))
    assert compared == [
        *((b"a", token) for token in (b"a", b"b", b"c")),
        *((b"", token) for token in (b"a", b"b")),
        *((digest("a").encode(), digest(token).encode()) for token in "ab"),
    ]
