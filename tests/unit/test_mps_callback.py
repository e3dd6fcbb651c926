"""The signature of MPS callbacks: the vector, several keys, the window, and hostile values."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediarelay.signing.mps_callback import callback_sign, is_signed
from tests.hypothesis_profiles import patient

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "mps_callback.json").read_text("utf-8"))
NOW = datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
EXPIRES = int(NOW.timestamp()) + 600
KEY = "NotifyKeyExample01"
SIGN = callback_sign(EXPIRES, KEY)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["text"])
def test_vector(vector: dict[str, Any]) -> None:
    expires, key = int(vector["text"][:10]), vector["text"][10:]
    assert callback_sign(expires, key) == vector["md5"]
    assert is_signed(expires, vector["md5"], [key], datetime.fromtimestamp(expires, UTC))


@pytest.mark.parametrize("keys", [[KEY], ["old", KEY], [KEY, "new"], ["old", KEY, "new"]])
def test_each_live_key_signs(keys: list[str]) -> None:
    assert is_signed(EXPIRES, SIGN, keys, NOW)
    assert is_signed(EXPIRES, SIGN.upper(), tuple(keys), NOW)


@pytest.mark.parametrize("keys", [[], [""], ["old"], ["old", "new"], [f"{KEY} "], [KEY[:-1]]])
def test_no_other_key_signs(keys: list[str]) -> None:
    assert not is_signed(EXPIRES, SIGN, keys, NOW)


def test_an_empty_key_signs_nothing() -> None:
    assert not is_signed(EXPIRES, callback_sign(EXPIRES, ""), ["", KEY], NOW)


@pytest.mark.parametrize(
    ("ahead", "inside"),
    [(-61, False), (-60, True), (0, True), (600, True), (660, True), (661, False), (86_400, False), (-86_400, False)],
)
def test_window_edges(ahead: int, *, inside: bool) -> None:
    expires = int(NOW.timestamp()) + ahead
    assert is_signed(expires, callback_sign(expires, KEY), [KEY], NOW) is inside


def test_the_window_is_exact_and_independent_of_the_time_zone() -> None:
    expires = int(NOW.timestamp()) - 60
    sign = callback_sign(expires, KEY)
    assert is_signed(expires, sign, [KEY], NOW.astimezone(datetime.now().astimezone().tzinfo))
    assert not is_signed(expires, sign, [KEY], NOW + timedelta(microseconds=1000))


@pytest.mark.parametrize(("expires", "digest"), [(None, SIGN), (EXPIRES, None), (None, None)])
def test_a_callback_without_a_signature(expires: int | None, digest: str | None) -> None:
    assert not is_signed(expires, digest, [KEY], NOW)


@given(key=st.text(min_size=1, max_size=20), ahead=st.integers(-60, 660), data=st.data())
@patient
def test_any_single_change_is_refused(key: str, ahead: int, data: st.DataObject) -> None:
    expires = int(NOW.timestamp()) + ahead
    sign = callback_sign(expires, key)
    assert is_signed(expires, sign, [key], NOW)
    position = data.draw(st.integers(0, 31))
    other = data.draw(st.characters(exclude_characters=sign[position] + sign[position].upper()))
    assert not is_signed(expires, sign[:position] + other + sign[position + 1 :], [key], NOW)
    assert not is_signed(expires, sign[:position] + sign[position + 1 :], [key], NOW)
    assert not is_signed(expires + data.draw(st.sampled_from([-1, 1])), sign, [key], NOW)


@given(
    expires=st.integers() | st.integers(EXPIRES - 700, EXPIRES + 100), digest=st.text(st.characters()), key=st.text()
)
@patient
def test_hostile_values_are_refused(expires: int, digest: str, key: str) -> None:
    assert not is_signed(expires, digest, [key, "\ud800"], NOW)


def test_numbers_without_end_are_refused() -> None:
    assert not is_signed(10**5000, SIGN, [KEY], NOW)
    assert not is_signed(-(10**5000), SIGN, [KEY], NOW)


def test_it_loads_nothing_but_the_standard_library() -> None:
    code = "import sys, mediarelay.signing.mps_callback; print(*sorted(n for n in sys.modules if 'mediarelay' in n))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert loaded.stdout.split() == ["mediarelay", "mediarelay.signing", "mediarelay.signing.mps_callback"]
