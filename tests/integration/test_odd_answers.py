"""Odd answers on their way through the real use case: the outcome is recorded, and what cannot be judged is kept."""

import json
import logging
from collections.abc import Iterator
from typing import Any
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mediarelay.domain.tasks.item import Publication
from mediarelay.domain.tasks.media import Kind, State
from mediarelay.domain.tasks.origin import Origin
from mediarelay.errors import ProviderUnknown, ProviderUnreadable
from mediarelay.providers.cts import parse as cts
from mediarelay.providers.cts.parse import canonical, parse_reply
from mediarelay.providers.cts.query import query_facts
from mediarelay.usecases.tasks.rebuild import Rebuilder
from tests.contract.odd import ODD, written
from tests.contract.test_side_fields import QUERIES, SIDE, changed, kind_of, load
from tests.counts import counted
from tests.integration.task_harness import VID, TaskHarness, answer, callback

GOOD: dict[str, Any] = {
    "vid": "abc123",
    "app_id": 1250000000,
    "bucket_name": "clips",
    "bucket_region": "sh",
    "url": "http://clips-1250000000.cossh.myqcloud.com/a.mp4",
    "status": 5,
    "deleted": "no",
    "size": 1000,
    "duration": 10,
    "bitrate": 300,
}
ODDITIES = {
    "duration false": ("duration", False),
    "bitrate N/A": ("bitrate", "N/A"),
    "fps as ratio": ("fps", "30000/1001"),
    "size with fraction": ("size", 12345.5),
    "bitrate negative": ("bitrate", -91),
    "create_time epoch": ("create_time", 1482498702),
    "update_time 0": ("update_time", 0),
    "create_time min date": ("create_time", "0001-01-01 00:00:00"),
    "create_time leap second": ("create_time", "2016-12-31 23:59:60"),
    "bitrate 100 levels deep": ("bitrate", json.loads("[" * 100 + "]" * 100)),
    "update_time 100 levels deep": ("update_time", json.loads('{"a":' * 100 + "1" + "}" * 100)),
}
UNJUDGED: dict[str, bytes | ProviderUnreadable] = {
    "no object": ProviderUnreadable("body: not an object", b"[]"),
    "no JSON": ProviderUnreadable("body: not JSON", b"<html>Bad gateway</html>"),
    "no vid": b"{}",
    "status": answer(status=9),
    "deleted": answer(deleted="perhaps"),
    "app_id": answer(app_id=[1]),
    "bucket": answer(bucket_name=False),
    "url": answer(url={"a": 1}),
    "other vid": answer("ffff"),
    "other file": answer(url="http://evil.example.com/w.mp4"),
    "envelope": ProviderUnreadable("data: not an object", b'{"code": 0, "data": [1, 2]}'),
    "deep": ProviderUnreadable("body: nested deeper than 200", b'{"a": ' + b"[" * 5000 + b"]" * 5000 + b"}"),
    "not UTF-8": ProviderUnreadable("body: not UTF-8", b"\xff\xfe"),
}


@pytest.mark.parametrize("name", ODDITIES)
@pytest.mark.parametrize("claimed", [True, False])
def test_an_odd_side_field_does_not_cost_the_outcome(
    harness: TaskHarness, name: str, capsys: pytest.CaptureFixture[str], *, claimed: bool
) -> None:
    field, value = ODDITIES[name]
    if claimed:
        harness.claim(callback("abc123", **{name: GOOD[name] for name in ("app_id", "bucket_name", "url")}))
    else:
        harness.track("abc123", url=str(GOOD["url"]))
    harness.clock.forward(seconds=1)
    harness.provider.answers["abc123"] = json.dumps(GOOD | {field: value}).encode()
    counted(capsys)
    for _ in range(3):
        assert harness.confirm("abc123").outcome is State.SUCCEEDED
        harness.publisher.publish("abc123")
        harness.reader.task("abc123")
    assert counted(capsys).by("FieldsUnreadable", "field") == {field: 1}, "counted once, not at each fold"
    view = harness.reader.task("abc123")
    assert view["state"] == "succeeded"
    assert field not in view["source"]
    line = harness.reader.history("abc123")["observations"][-1]
    assert (line["origin"], line["unreadable"], line["body"][field]) == ("answer", [field], value)
    assert [message["type"] for message in harness.topic.messages] == ["mediarelay.task.succeeded"]


@pytest.mark.parametrize("name", UNJUDGED)
def test_what_cannot_be_judged_is_kept_and_asked_about_again(
    harness: TaskHarness, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    harness.track(url="http://cts-1233444.cossh.myqcloud.com/test/w.mp4")
    harness.claim(callback())
    said = UNJUDGED[name]
    harness.provider.answers[VID] = said
    counted(capsys)
    for asked in (1, 2):
        assert harness.confirm().outcome is None
        assert len(harness.provider.asked) == asked
        harness.clock.forward(minutes=1)
    kind = "mismatched" if name.startswith("other") else "unreadable"
    assert counted(capsys).by("AnswersRejected", "reason") == {kind: 2}
    (reply,) = [entry for entry in harness.stores.tasks.load(VID).observations if entry.origin is Origin.REPLY]
    assert harness.stores.tasks.read_body(reply) == (
        said.body if isinstance(said, ProviderUnreadable) else canonical(parse_reply(said))
    )
    (line,) = [line for line in harness.reader.history(VID)["observations"] if line["origin"] == "reply"]
    assert line["reason"] == reply.reason
    assert line["reason"]
    assert (line["unreadable"], line["body"] is None) == ([], False)
    assert list(harness.due()) == ["video"]
    assert harness.reader.task(VID)["state"] == "expected"
    harness.provider.answers[VID] = answer()
    assert harness.confirm().outcome is State.SUCCEEDED


def test_a_reply_states_nothing(harness: TaskHarness) -> None:
    harness.claim(callback())
    harness.provider.answers[VID] = answer(status=9, state="failed", url="http://evil.example.com/")
    before = harness.confirm()
    assert (before.state, before.certain_kind, before.conflicts) == (State.EXPECTED, None, ())
    assert set(before.best) == {Origin.CLAIM}


def test_a_reply_counts_as_a_query(harness: TaskHarness) -> None:
    harness.track()
    harness.provider.answers[VID] = b"{}"
    harness.confirm()
    harness.provider.answers[VID] = ProviderUnknown("provider code 5000", 5000)
    harness.confirm()
    bookkeeping = harness.stores.tasks.load(VID).item.bookkeeping
    assert bookkeeping is not None
    assert (bookkeeping.attempts, bookkeeping.queried_at) == (2, harness.clock())


@pytest.fixture
def old_reader() -> Iterator[mock.Mock]:
    """A reader that does not know yet what the provider says."""
    plain = query_facts

    def read(kind: Kind, data: Any) -> Any:
        return plain(kind, data | {"status": "?"} if data["name"] == "/new" else data)

    with mock.patch.object(cts, "query_facts", side_effect=read) as patched:
        yield patched
        patched.side_effect = plain


def lost(harness: TaskHarness, old_reader: mock.Mock) -> None:
    """A task that was given up although the provider reported its outcome, in words that nobody could read."""
    harness.track()
    harness.provider.answers[VID] = answer(name="/new", size="N/A")
    harness.confirm()
    harness.clock.forward(days=2)
    harness.confirm()
    harness.clock.forward(minutes=5)
    harness.sweep()
    assert harness.reader.task(VID)["state"] == "lost"
    assert vars(cts)["query_facts"] is old_reader


def test_a_better_reader_applies_before_the_provider_is_asked(
    harness: TaskHarness, old_reader: mock.Mock, capsys: pytest.CaptureFixture[str]
) -> None:
    lost(harness, old_reader)
    asked = len(harness.provider.asked)
    old_reader.side_effect = None
    old_reader.side_effect = _new_reader
    counted(capsys)
    assert harness.confirm().outcome is State.SUCCEEDED
    assert len(harness.provider.asked) == asked, "nobody had to be asked"
    harness.publisher.publish(VID)
    assert harness.topic.messages[-1]["type"] == "mediarelay.task.succeeded"
    assert counted(capsys).by("FieldsUnreadable", "field") == {"size": 1}
    (line,) = [line for line in harness.reader.history(VID)["observations"] if line["origin"] == "answer"]
    assert line["body"]["name"] == "/new"
    version = harness.stores.tasks.load(VID).item.bookkeeping
    harness.confirm()
    assert harness.stores.tasks.load(VID).item.bookkeeping == version, "judged once"


def _new_reader(kind: Kind, data: Any) -> Any:
    from mediarelay.providers.cts.query import query_facts  # noqa: PLC0415 - the one that is not replaced

    return query_facts(kind, data)


def test_a_rebuild_and_a_replay_judge_replies_anew(harness: TaskHarness, old_reader: mock.Mock) -> None:
    lost(harness, old_reader)
    harness.publisher.publish(VID)
    rebuilder = Rebuilder(tasks=harness.tasks, store=harness.stores.tasks, adopt=harness.submitter.adopt)
    assert list(rebuilder.differences()) == []
    old_reader.side_effect = _new_reader
    (found,) = rebuilder.differences()
    assert (found.field, found.folded) == ("answer", State.SUCCEEDED)
    rebuilder.repair(VID)
    assert list(rebuilder.differences()) == []
    summary = harness.stores.tasks.load(VID).item.summary
    assert summary is not None
    assert (summary.state, summary.unpublished) == (State.SUCCEEDED, Publication(State.SUCCEEDED))


def test_a_replay_judges_replies_anew_and_asks(harness: TaskHarness, old_reader: mock.Mock) -> None:
    lost(harness, old_reader)
    old_reader.side_effect = _new_reader
    harness.provider.answers[VID] = ProviderUnknown("provider code 5000", 5000)
    harness.replayer.replay(VID, "me")
    asked = len(harness.provider.asked)
    assert harness.confirm().outcome is State.SUCCEEDED
    assert len(harness.provider.asked) == asked + 1


def test_a_reply_of_an_unreadable_envelope_can_be_judged_later(harness: TaskHarness) -> None:
    harness.track()
    body = b'{"code": 0, "message": "", "data": ' + answer() + b"}"
    harness.provider.answers[VID] = ProviderUnreadable("body: KeyError", body)
    with mock.patch("mediarelay.providers.cts.provider.parse_reply", side_effect=KeyError("oops")):
        assert harness.confirm().outcome is None
    harness.provider.answers[VID] = ProviderUnknown("provider code 5000", 5000)
    assert harness.confirm().outcome is State.SUCCEEDED


def test_a_reply_about_another_file_is_bound_once_somebody_says_that_file(harness: TaskHarness) -> None:
    harness.track(url="http://cts-1233444.cossh.myqcloud.com/test/typo.mp4")
    harness.provider.answers[VID] = answer()
    assert harness.confirm().outcome is None
    (reply,) = [entry for entry in harness.stores.tasks.load(VID).observations if entry.origin is Origin.REPLY]
    assert reply.reason == "about something else: url"
    harness.track(url="http://cts-1233444.cossh.myqcloud.com/test/w.mp4")
    harness.provider.answers[VID] = ProviderUnknown("provider code 5000", 5000)
    assert harness.confirm().outcome is State.SUCCEEDED


@pytest.mark.parametrize("where", ["providers.cts.provider.parse_query", "usecases.tasks.answers.mismatches"])
def test_a_mistake_of_ours_does_not_lose_an_answer(
    harness: TaskHarness, where: str, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    harness.track()
    harness.provider.answers[VID] = answer()
    with (
        mock.patch(f"mediarelay.{where}", side_effect=KeyError("oops")),
        caplog.at_level(logging.ERROR),
    ):
        assert harness.confirm().outcome is None
    assert "oops" in str([record.exc_info for record in caplog.records])
    assert counted(capsys).by("AnswersRejected", "reason") == {"failed": 1}
    harness.provider.answers[VID] = ProviderUnknown("provider code 5000", 5000)
    assert harness.confirm().outcome is State.SUCCEEDED


def test_a_mistake_of_ours_in_reading_a_reply_again_does_not_stop_the_query(harness: TaskHarness) -> None:
    harness.track()
    harness.provider.answers[VID] = answer(status=9)
    assert harness.confirm().outcome is None
    harness.provider.answers[VID] = answer()
    harness.clock.forward(minutes=1)
    with mock.patch("mediarelay.providers.cts.provider.parse_reply", side_effect=KeyError("oops")):
        assert harness.confirm().outcome is State.SUCCEEDED


def test_a_mistake_of_ours_in_reading_the_log_stops_nothing(harness: TaskHarness) -> None:
    harness.track()
    harness.provider.answers[VID] = answer(state="pending")
    harness.confirm()
    with mock.patch("mediarelay.providers.cts.provider.parse_query", side_effect=KeyError("oops")):
        assert harness.reader.task(VID)["state"] == "expected"
        assert harness.reader.history(VID)["observations"][-1]["unreadable"] == ["body"]
    assert harness.reader.task(VID)["state"] == "pending"


def test_many_and_large_replies_cost_no_fold(harness: TaskHarness) -> None:
    harness.track()
    for number in range(30):
        harness.provider.answers[VID] = answer(
            status=9, name=f"/{number}", junk=[f"{number * n:x}" for n in range(9000)]
        )
        harness.confirm()
        harness.clock.forward(seconds=1)
    record = harness.stores.tasks.load(VID)
    assert [entry.body for entry in record.observations if entry.origin is Origin.REPLY] == [None] * 30
    with mock.patch.object(
        type(harness.stores.tasks), "read_body", autospec=True, side_effect=type(harness.stores.tasks).read_body
    ) as read_body:
        harness.confirm()
    assert read_body.call_count == 5
    lines = [line for line in harness.reader.history(VID)["observations"] if line["origin"] == "reply"]
    assert [line["body"] is not None for line in lines] == [False] * 10 + [True] * 20
    assert len(json.dumps(lines)) < 6 * 10**6


TOP = sorted({(name, path) for name, path in SIDE if name in QUERIES}, key=str)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(place=st.sampled_from(TOP), value=st.sampled_from(ODD), number=st.integers(0, 2**40))
def test_any_odd_value_on_the_whole_way(
    harness: TaskHarness, place: tuple[str, Any], value: object, number: int
) -> None:
    name, path = place
    vid, kind = f"{name[0]}{number:x}", kind_of(name)
    body = written(changed(name, path, value) | {"vid": vid})
    harness.provider.answers[vid] = cts.canonical(cts.parse_reply(body))
    harness.track(vid, kind, url=load(name)["url"])
    assert harness.confirm(vid, kind).outcome is State.SUCCEEDED
    history = harness.reader.history(vid)
    json.dumps(history, allow_nan=False).encode()
    assert [line["origin"] for line in history["observations"] if line["origin"] == "reply"] == []
    assert harness.reader.task(vid)["state"] == "succeeded"
