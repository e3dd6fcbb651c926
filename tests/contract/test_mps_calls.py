"""The calls to MPS: queries, lists and their pages, and the request that goes over the wire."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tencentcloud.mps.v20190612 import models

from mediarelay.domain.tasks.media import Kind
from mediarelay.domain.tasks.origin import Origin
from mediarelay.errors import Malformed
from mediarelay.providers.mps.callbacks import MpsCallbacks
from mediarelay.providers.mps.provider import MPS
from mediarelay.providers.port import Account, Call, CallbackFormat, Provider, Signing
from mediarelay.signing.tc3 import verify
from tests.contract.test_mps_payloads import SCHEDULE, VID

NOW = datetime(2026, 1, 2, 3, 4, 5, 600_000, tzinfo=UTC)
ROW = {"TaskId": VID, "TaskType": "WorkflowTask"}
OTHER_ROW = {"TaskId": SCHEDULE, "TaskType": "ScheduleTask"}


def test_it_is_a_provider() -> None:
    provider: Provider = MPS
    callbacks: CallbackFormat = MpsCallbacks()
    assert (provider.name, callbacks.route, callbacks.kind) == ("mps", "callbacks/mps", Kind.VIDEO)
    assert hash(callbacks) == hash(MpsCallbacks())
    assert {provider.submit_origin(kind) for kind in Kind} == {Origin.SUBMIT}
    assert {provider.query_action(kind) for kind in Kind} == {"DescribeTaskDetail"}


def test_its_horizons_are_those_of_the_provider() -> None:
    assert MPS.query_horizon == timedelta(days=7)
    assert MPS.submit_horizon is not None
    assert timedelta(days=2) < MPS.submit_horizon <= timedelta(days=3) - timedelta(hours=1)


@pytest.mark.parametrize(
    ("vid", "own"), [(VID, True), (SCHEDULE, True), ("1-a", True), ("a" * 42, False), ("-a", False), ("", False)]
)
def test_its_ids_have_a_hyphen(vid: str, *, own: bool) -> None:
    assert MPS.owns(vid) is own


def test_a_query_is_the_same_for_both_kinds() -> None:
    assert {kind: MPS.query(kind, VID) for kind in Kind} == dict.fromkeys(
        Kind, Call("DescribeTaskDetail", {"TaskId": VID})
    )


# ── lists ──


def test_a_list_asks_for_each_status() -> None:
    calls = MPS.lists(NOW - timedelta(hours=1), NOW)
    assert [call.action for call in calls] == ["DescribeTasks"] * 3
    assert [call.params["Status"] for call in calls] == ["WAITING", "PROCESSING", "FINISH"]
    window = {"Limit": 100, "StartTime": "2026-01-02T02:04:05Z", "EndTime": "2026-01-02T03:04:06Z"}
    assert all(window.items() <= call.params.items() for call in calls)
    for call in calls:
        models.DescribeTasksRequest()._deserialize(dict(call.params))


def test_a_list_reaches_back_a_week_at_most() -> None:
    for since in (NOW - timedelta(days=30), datetime(1, 1, 1, tzinfo=UTC)):
        assert {call.params["StartTime"] for call in MPS.lists(since, NOW)} == {"2025-12-26T03:04:05Z"}


def test_times_of_another_zone_are_sent_in_utc() -> None:
    since = datetime.fromisoformat("2026-01-02T11:00:00+08:00")
    assert MPS.lists(since, NOW)[0].params["StartTime"] == "2026-01-02T03:00:00Z"


def test_the_next_page_has_the_cursor() -> None:
    first = MPS.lists(NOW, NOW)[0]
    second = MPS.next_page(first, "one")
    assert second == Call("DescribeTasks", {**first.params, "ScrollToken": "one"})
    assert MPS.next_page(second, "two").params["ScrollToken"] == "two"


@pytest.mark.parametrize(
    ("content", "vids", "cursor"),
    [
        ({"TaskSet": [], "ScrollToken": ""}, [], None),
        ({"TaskSet": []}, [], None),
        ({"TaskSet": None, "TotalCount": 0}, [], None),
        ({"TotalCount": "0", "ScrollToken": None}, [], None),
        ({"TaskSet": [], "ScrollToken": 0}, [], None),
        ({"TaskSet": [ROW], "ScrollToken": 7}, [VID], "7"),
        ({"TaskSet": [ROW, OTHER_ROW], "ScrollToken": "x"}, [VID, SCHEDULE], "x"),
        ({"TaskSet": [{"TaskId": VID}]}, [VID], None),
        ({"TaskSet": [{"TaskId": "1-a", "TaskType": "EditMediaTask"}, ROW]}, [VID], None),
        ({"TaskSet": [None, 7, {}, {"TaskId": 7}, {"TaskId": "\ud800"}, {"TaskId": "cts"}, ROW]}, [VID], None),
    ],
)  # fmt: skip
def test_a_page_lists_tasks_only(content: Any, vids: list[str], cursor: str | None) -> None:
    page = MPS.listed(content)
    assert ([vid for vid, _ in page.rows], page.cursor) == (vids, cursor)
    assert all(json.loads(row)["TaskId"] == vid for vid, row in page.rows)


@pytest.mark.parametrize(
    ("content", "field"),
    [
        ({}, "TaskSet"),
        ({"TaskSet": None}, "TaskSet"),
        ({"TaskSet": None, "TotalCount": 3}, "TaskSet"),
        ({"TaskSet": {"TaskId": VID}, "TotalCount": 0}, "TaskSet"),
        ({"TaskSet": None, "TotalCount": False}, "TotalCount"),
        ({"TaskSet": {"TaskId": VID}}, "TaskSet"),
        ({"TaskSet": [ROW], "ScrollToken": {"a": 1}}, "ScrollToken"),
        ({"TaskSet": [ROW], "ScrollToken": "\ud800"}, "ScrollToken"),
    ],
)
def test_a_page_that_cannot_be_read_is_not_the_last_one(content: Any, field: str) -> None:
    with pytest.raises(Malformed, match=field):
        MPS.listed(content)


# ── the wire ──


def test_a_call_is_signed_as_the_provider_verifies_it() -> None:
    signing = Signing(
        url="https://mps.tencentcloudapi.com", region="ap-shanghai", account=Account("id", "key", "t"), now=NOW, nonce=1
    )
    request = MPS.sign(Call("DescribeTaskDetail", {"TaskId": VID, "x": "\u89c6"}), signing)
    assert request.url == "https://mps.tencentcloudapi.com/"
    assert json.loads(request.body) == {"TaskId": VID, "x": "\u89c6"}
    expected = {
        "X-TC-Action": "DescribeTaskDetail",
        "X-TC-Version": "2019-06-12",
        "X-TC-Region": "ap-shanghai",
        "X-TC-Token": "t",
        "X-TC-Timestamp": str(int(NOW.timestamp())),
        "Host": "mps.tencentcloudapi.com",
    }
    assert expected.items() <= request.headers.items()
    keys = {"id": "key"}
    verify(request.headers, request.body, service="mps", secret_key_of=keys.get, now=NOW.timestamp())
