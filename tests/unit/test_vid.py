"""Task ids: their form, and the one that is known before any callback."""

import json
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediarelay.domain.tasks.vid import is_vid, video_vid
from mediarelay.errors import Malformed
from tests.hypothesis_profiles import patient

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "tencent_other.json").read_text("utf-8"))
VID = next(vector for vector in VECTORS if vector["name"] == "cts-vid-cos-v5")
ID, DATE = VID["x_cos_request_id"], VID["date"]


def test_vector() -> None:
    assert video_vid(ID, DATE) == VID["vid"]


@pytest.mark.parametrize(
    "text",
    [
        "a",
        "0",
        VID["vid"],
        "7d70b89fdf72ee6b98dcc0b0211",
        "Z" * 128,
        "1250000000-WorkflowTask-0a" + "0" * 30 + "t0",
        "a-b",
        "a_b",
        "0-",
        "0_",
    ],
)
def test_vids(text: str) -> None:
    assert is_vid(text)


@pytest.mark.parametrize(
    "text",
    [
        *("", "a" * 129, "-a", "_a", "-", "a.b", "a/b", "a b", "a\n", " a", "\u0663", "\u00e9", "\uff11", "a\u2010b"),
        *(None, 12, b"a"),
    ],
)
def test_no_vids(text: object) -> None:
    assert not is_vid(text)


@pytest.mark.parametrize(
    "date",
    [
        "",
        "now",
        "2018-02-26T08:25:37Z",
        "Tue, 26 Feb 2018 08:25:37 GMT",
        "Mon, 26 Feb 2018 08:25:37",
        "Mon, 26 Feb 2018 08:25:37 CST",
        "Mon, 26 Feb 2018 08:25:37 GMT ",
        "Mon, 26 feb 2018 08:25:37 GMT",
        "Mon, 30 Feb 2018 08:25:37 GMT",
        "Mon, 26 Feb 2018 24:25:37 GMT",
        "Mon, 26 Feb 2018 08:25:60 GMT",
        "Mon, 26 Feb 0000 08:25:37 GMT",
        "Wed, 31 Dec 1969 23:59:59 GMT",
        "Mon, \u0662\u0666 Feb 2018 08:25:37 GMT",
    ],
)
def test_bad_dates(date: str) -> None:
    with pytest.raises(Malformed) as caught:
        video_vid(ID, date)
    assert caught.value.field == "date"


@pytest.mark.parametrize("text", ["", " ", " a", "a\n", "\u00e9", "a" * 513])
def test_bad_request_ids(text: str) -> None:
    with pytest.raises(Malformed) as caught:
        video_vid(text, DATE)
    assert caught.value.field == "cos_request_id"


HEADER_TEXT = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=64)


@given(st.integers(min_value=0, max_value=2**33), HEADER_TEXT)
@patient
def test_every_upload_has_a_vid(seconds: int, request_id: str) -> None:
    date = format_datetime(datetime.fromtimestamp(seconds, UTC), usegmt=True)
    vid = video_vid(request_id, date)
    assert is_vid(vid)
    assert vid[32:] == str(seconds)
