"""Whether an answer belongs to the task that was asked about."""

from typing import Any

import pytest

from mediarelay.domain.tasks.answer_binding import mismatches
from mediarelay.domain.tasks.conflict import statements
from mediarelay.domain.tasks.facts import Facts, Place, Source
from mediarelay.domain.tasks.media import Kind, State
from mediarelay.domain.tasks.origin import Origin

URL = "http://cts-7.cossh.myqcloud.com/a/w%20x.mp4"


def facts(vid: str = "a", url: str | None = URL, app_id: int | None = 7, bucket: str | None = "cts") -> Facts:
    source = Source(url=url, place=Place(app_id=app_id, bucket=bucket))
    return Facts(vid=vid, kind=Kind.VIDEO, state=State.SUCCEEDED, source=source)


def bound(known: list[Facts], answer: Facts) -> tuple[str, ...]:
    said = [one for facts in known for one in statements(Origin.TRACK, facts)]
    return mismatches("a", said, answer)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({}, ()),
        ({"vid": "b"}, ("vid",)),
        ({"app_id": 8}, ("app_id",)),
        ({"bucket": "other"}, ("bucket",)),
        ({"url": "http://cts-7.cossh.myqcloud.com/a/other.mp4"}, ("url",)),
        ({"url": "http://cts-8.cossh.myqcloud.com/a/w%20x.mp4"}, ("url",)),
        ({"url": URL + "?versionId=2"}, ("url",)),
        ({"url": "http://[broken"}, ("url",)),
        ({"vid": "b", "app_id": 8, "bucket": "x", "url": "y"}, ("vid", "app_id", "bucket", "url")),
        ({"app_id": None, "bucket": None, "url": None}, ()),
        ({"url": "https://CTS-7.cossh.myqcloud.com/a/w x.mp4"}, ()),
    ],
)
def test_what_both_state_and_differs_is_named(change: dict[str, Any], named: tuple[str, ...]) -> None:
    assert bound([facts()], facts(**change)) == named
    assert bound([facts(**change)], facts()) == named[bool(named[:1] == ("vid",)) :]


def test_the_same_text_is_the_same_even_if_it_is_no_url() -> None:
    assert bound([facts(url="http://[broken")], facts(url="http://[broken")) == ()


def test_an_answer_settles_what_those_who_know_contradict() -> None:
    other = facts(url="http://media.example.com/w.mp4", bucket="other")
    assert bound([facts(), other], facts()) == bound([facts(), other], other) == ()
    assert bound([facts(), other], facts(url="http://third.example.com/w.mp4")) == ("url",)
