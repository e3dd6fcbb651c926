"""Queries: never behind the log; pages over kinds and states; every bad parameter named."""

import base64
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mediarelay.contracts.api.base import validate
from mediarelay.contracts.api.tasks import TaskQuery
from mediarelay.domain.tasks.media import Kind
from mediarelay.errors import Malformed, NotFound
from tests.hypothesis_profiles import patient
from tests.integration.task_harness import VID, TaskHarness, answer, callback

fuzzed = settings(patient, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


def cursor(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode()


def listed(harness: TaskHarness, **query: str) -> dict[str, Any]:
    """A page, asked for as a client does."""
    return harness.reader.page(validate(TaskQuery, query))


def walk(harness: TaskHarness, **query: str) -> list[list[str]]:
    """All pages of a list."""
    pages = [listed(harness, **query)]
    while "cursor" in pages[-1]:
        pages.append(listed(harness, **query, cursor=pages[-1]["cursor"]))
    return [[row["vid"] for row in page["tasks"]] for page in pages]


def test_a_claim_is_seen_before_anything_folded_it(harness: TaskHarness) -> None:
    harness.track()
    harness.claim(callback())
    view = harness.reader.task(VID)
    assert (view["state"], view["claimed"], view["source"]["size"]) == ("expected", "succeeded", 322960391)


@pytest.mark.parametrize("vid", ["nothing", "0" * 64])
def test_what_is_not_there(harness: TaskHarness, vid: str) -> None:
    for look in (harness.reader.task, harness.reader.history):
        with pytest.raises(NotFound):
            look(vid)


@pytest.mark.parametrize("vid", ["", "a b", "../x", "0" * 129, "caf\u00e9", "\ud800"])
def test_what_is_no_vid(harness: TaskHarness, vid: str) -> None:
    for look in (harness.reader.task, harness.reader.history):
        with pytest.raises(Malformed, match=r"^vid: "):
            look(vid)


def test_history_is_the_log_oldest_first(harness: TaskHarness) -> None:
    harness.claim(callback())
    harness.clock.forward(seconds=1)
    harness.track(bucketName="cts")
    harness.clock.forward(seconds=1)
    harness.provider.answers[VID] = answer()
    harness.confirm()
    lines = harness.reader.history(VID)["observations"]
    assert [line["origin"] for line in lines] == ["claim", "track", "answer"]
    assert [line["at"][-3:] for line in lines] == ["05Z", "06Z", "07Z"]
    assert lines[1]["body"] == {"bucketName": "cts"}


def test_conflicting_claims_are_all_shown(harness: TaskHarness) -> None:
    harness.claim(callback())
    harness.claim(callback(result="failure"))
    assert [line["body"]["status"] for line in harness.reader.history(VID)["observations"]] in (
        ["success", "fail"],
        ["fail", "success"],
    )


def test_a_large_result(harness: TaskHarness) -> None:
    covers = [f"/test/w.mp4.0_0.p{number}.png" for number in range(2_000)]
    result = {"cover": {"info": [{"name": "0_0", "count": 2_000, "path": covers}]}}
    harness.track()
    harness.provider.answers[VID] = answer(result=result)
    harness.confirm()
    assert harness.reader.task(VID)["renditions"][0]["paths"] == covers


@pytest.fixture
def stocked(harness: TaskHarness) -> TaskHarness:
    """Nine tasks, a minute apart: three videos expected, three done, three songs pending."""
    for number in range(9):
        vid = f"v{number}"
        harness.track(vid, Kind.AUDIO if number % 3 == 2 else Kind.VIDEO)
        if number % 3 == 1:
            harness.provider.answers[vid] = answer(vid, create_time=None)
            harness.confirm(vid)
        harness.clock.forward(minutes=1)
    return harness


@pytest.mark.parametrize(
    ("query", "vids"),
    [
        ({}, "876543210"),
        ({"kind": "audio"}, "852"),
        ({"kind": "video"}, "764310"),
        ({"state": "succeeded"}, "741"),
        ({"state": "pending"}, "852"),
        ({"kind": "audio", "state": "succeeded"}, ""),
        ({"since": "2026-01-02T03:09:05Z"}, "8765"),
        ({"since": "2026-01-02T11:09:05+08:00"}, "8765"),
        ({"since": "2026-01-02T03:09:05"}, "8765"),
        ({"since": "2026-01-03"}, ""),
        ({"kind": "video", "state": "expected", "since": "2026-01-02T03:05:00Z"}, "63"),
        ({"state": "succeeded,pending"}, "875421"),
        ({"state": "pending,pending"}, "852"),
        ({"until": "2026-01-02T03:07:05Z"}, "3210"),
        ({"until": "2026-01-02T03:07:04Z"}, "210"),
        ({"since": "2026-01-02T03:05:05Z", "until": "2026-01-02T03:07:05Z"}, "321"),
        ({"order": "asc"}, "012345678"),
        ({"order": "asc", "since": "2026-01-02T03:09:05Z"}, "5678"),
        ({"order": "asc", "state": "succeeded,pending", "until": "2026-01-02T03:09:05Z"}, "1245"),
        ({"time": "outcome"}, "741"),
        ({"time": "outcome", "order": "asc", "since": "2026-01-02T03:08:05Z"}, "47"),
    ],
)
@pytest.mark.parametrize("limit", ["1", "2", "3", "100", None])
def test_pages(stocked: TaskHarness, query: dict[str, str], vids: str, limit: str | None) -> None:
    pages = walk(stocked, **query, **({"limit": limit} if limit else {}))
    assert "".join(vid[1] for page in pages for vid in page) == vids
    assert all(len(page) == int(limit or 20) for page in pages[:-1])


def test_a_row(stocked: TaskHarness) -> None:
    assert listed(stocked, state="succeeded", limit="1")["tasks"] == [
        {
            "vid": "v7",
            "kind": "video",
            "state": "succeeded",
            "url": "http://cts-1233444.cossh.myqcloud.com/test/w.mp4",
            "created_at": "2026-01-02T03:11:05Z",
            "updated_at": "2026-01-02T03:11:05Z",
        }
    ]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        *(("limit", text) for text in ("", "0", "101", "-1", "1.0", "01", "ten", "\u0661", " 1")),
        *(("kind", text) for text in ("", "image", "VIDEO", "video,audio")),
        *(("state", text) for text in ("", "done", "succeeded,", "succeeded failed", "SUCCEEDED")),
        *(("time", text) for text in ("", "updated")),
        *(("order", text) for text in ("", "ASC")),
        *((name, "x") for name in ("buckets", "reference", "url", "changed_since", "Limit")),
        *(("until", text) for text in ("", "0", "2026-13-01", "9999-12-31T23:59:59-14:00")),
        *(("since", text) for text in ("", "yesterday", "1", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00")),
        *(("cursor", text) for text in ("", "x", "====", "\u00e9", "\ud800", cursor(""), cursor("!"), cursor("~~"))),
        *(("cursor", cursor(text)) for text in ("2026-01-02#v1", "2026-01-02T03:04:05+00:00", "#v1", "x" * 3_000)),
    ],
)
def test_a_bad_parameter_is_named(harness: TaskHarness, name: str, text: str) -> None:
    with pytest.raises(Malformed) as caught:
        listed(harness, **{name: text})
    assert caught.value.field == name


@pytest.mark.parametrize("after", range(8))
@pytest.mark.parametrize("order", ["asc", "desc"])
def test_a_task_that_moves_while_a_page_is_read_is_on_it_once(
    stocked: TaskHarness, monkeypatch: pytest.MonkeyPatch, after: int, order: str
) -> None:
    """A page takes a query for each state; an outcome may come between any two of them."""
    plain, queries = type(stocked.stores.tasks).page, count()

    def page(ledger: Any, chosen: Any, **more: Any) -> Any:
        found = plain(ledger, chosen, **more)
        if next(queries) == after:
            for vid in ("v0", "v6"):
                stocked.provider.answers[vid] = answer(vid, create_time=None)
                stocked.confirm(vid)
        return found

    monkeypatch.setattr(type(stocked.stores.tasks), "page", page)
    rows = listed(stocked, kind="video", order=order)["tasks"]
    assert [row["vid"] for row in rows] == ["v0", "v1", "v3", "v4", "v6", "v7"][:: 1 if order == "asc" else -1]


def test_a_cursor_from_before_the_time_asked_for(stocked: TaskHarness) -> None:
    first = listed(stocked, limit="8")
    assert listed(stocked, since="2026-01-02T04:00:00Z", cursor=first["cursor"]) == {"tasks": []}


@given(
    st.dictionaries(
        st.sampled_from(["limit", "kind", "state", "since", "until", "order", "time", "cursor", "x"]), st.text()
    )
)
@fuzzed
def test_no_query_makes_a_server_error(harness: TaskHarness, query: dict[str, Any]) -> None:
    try:
        assert listed(harness, **query) == {"tasks": []}
    except Malformed as error:
        assert error.field in query  # noqa: PT017 - which of the two it is follows from the query


SOURCE = "http://music-1250000000.cossh.myqcloud.com/a%20b.mp3"


def vids(harness: TaskHarness, **query: str) -> list[str]:
    """All tasks of a list, on however many pages."""
    return [vid for page in walk(harness, **query) for vid in page]


def submitted(harness: TaskHarness, names: list[str], url: str) -> None:
    for name in names:
        harness.clock.now += timedelta(seconds=1)
        harness.submitter.track(name, {"vid": name, "url": url})


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"bucket": "music"}, ["1-d", "1-c", "1-b"]),
        ({"bucket": "music-1250000000"}, ["1-d", "1-c", "1-b"]),
        ({"bucket": "music-1"}, []),
        ({"bucket": "Music"}, []),
        ({"url": SOURCE}, ["1-d", "1-b"]),
        ({"url": "http://music-1250000000.cos.ap-shanghai.myqcloud.com/a b.mp3"}, ["1-d", "1-b"]),
        ({"url": SOURCE, "order": "asc"}, ["1-b", "1-d"]),
        ({"url": "https://example.com/a.mp3"}, []),
    ],
)
def test_what_no_index_selects_is_filtered(harness: TaskHarness, query: dict[str, str], expected: list[str]) -> None:
    submitted(harness, ["1-a"], "http://clips-1250000000.cossh.myqcloud.com/x.mp4")
    submitted(harness, ["1-b"], SOURCE)
    submitted(harness, ["1-c"], "http://music-1250000000.cossh.myqcloud.com/c.mp3")
    submitted(harness, ["1-d"], SOURCE)
    assert vids(harness, **query) == expected
    assert vids(harness, **query, limit="1") == expected


def test_only_what_changed_since(harness: TaskHarness) -> None:
    submitted(harness, ["1-a", "1-b"], SOURCE)
    later = harness.clock.now.isoformat().replace("+00:00", "Z")
    assert vids(harness, changed_since=later) == ["1-b"]
    assert vids(harness, changed_since="2026-01-01") == ["1-b", "1-a"]
    assert vids(harness, changed_since="2999-01-01") == []


def test_a_filter_reads_a_bounded_number_of_rows_and_goes_on(
    harness: TaskHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mediarelay.usecases.tasks.read.FILTERED_ROWS", 2)
    monkeypatch.setattr("mediarelay.usecases.tasks.read.MAX_READS", 2)
    names = [f"1-{number}" for number in range(9)]
    submitted(harness, names, "http://clips-1250000000.cossh.myqcloud.com/x.mp4")
    submitted(harness, ["1-first"], SOURCE)
    assert walk(harness, bucket="music", order="asc") == [[], [], ["1-first"]]
    assert walk(harness, bucket="clips", limit="3", order="asc") == [names[:3], names[3:6], names[6:]]
