"""Claims that are settled expire after some time. Claims that wait, and all other observations, stay."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from random import Random
from typing import Any
from unittest import mock

import pytest

from mediarelay.adapters.dynamodb.keys import task_partition
from mediarelay.adapters.dynamodb.parts import LAZY_BODY
from mediarelay.adapters.dynamodb.task_store import LOADED
from mediarelay.aws_lambda.raw_http import respond
from mediarelay.domain.tasks.lifecycle import MAX_CLAIMS
from mediarelay.domain.tasks.media import State
from mediarelay.domain.tasks.next_step import next_step
from mediarelay.errors import ProviderUnreadable
from mediarelay.providers.cts.parse import parse_callback
from mediarelay.providers.observation import MAX_CLAIM_BYTES
from mediarelay.usecases.tasks.read import MAX_SHOWN
from tests.counts import counted
from tests.integration.doubles import START
from tests.integration.task_harness import VID, TaskHarness, answer, callback

LARGE = 900_000
MAX_ANSWER = 6 * 10**6
"""Bytes that a Lambda function may answer."""


@contextmanager
def queries_noted(harness: TaskHarness, calls: list[str]) -> Iterator[None]:
    query = harness.stores.table.client.query

    def noted(**request: Any) -> Any:
        calls.append("query")
        return query(**request)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(harness.stores.table.client, "query", noted)
        yield


def claims(harness: TaskHarness) -> list[dict[str, Any]]:
    return [line for line in harness.reader.history(VID)["observations"] if line["origin"] == "claim"]


def expire(harness: TaskHarness) -> int:
    """Delete the items whose time to live is over, as DynamoDB does; returns how many rows of the task went."""
    now = harness.clock().timestamp()
    over = [item for item in harness.items() if "expires_at" in item and int(item["expires_at"]["N"]) <= now]
    for item in over:
        harness.stores.table.client.delete_item(
            TableName=harness.table, Key={name: item[name] for name in ("pk", "sk")}
        )
    return sum(item["pk"]["S"] == task_partition(VID) for item in over)


def types(harness: TaskHarness) -> list[str]:
    return [message["type"].rpartition(".")[2] for message in harness.topic.messages]


def settled(harness: TaskHarness, body: bytes) -> TaskHarness:
    harness.claim(body)
    harness.provider.answers[VID] = answer()
    harness.confirm()
    harness.publisher.publish(VID)
    return harness


def test_a_claim_goes_when_its_time_is_over_and_nothing_else_does(harness: TaskHarness) -> None:
    body = callback(result="failure", app_id=666)
    before = settled(harness, body).reader.task(VID)
    harness.clock.forward(days=91, seconds=-1)
    assert expire(harness) == 0
    assert claims(harness)[0]["body"] == json.loads(body)
    conflicts = harness.reader.history(VID)["conflicts"]
    assert [one["subject"] for one in conflicts] == ["app_id", "outcome"]
    harness.clock.forward(seconds=1)
    assert expire(harness) == 1
    assert claims(harness) == []
    changed = {name for name, value in harness.reader.task(VID).items() if before[name] != value}
    assert changed <= {"conflicts"}
    assert harness.publisher.publish(VID) is None, "the outcome counts as published"


def test_the_same_body_after_its_time_changes_nothing(harness: TaskHarness) -> None:
    settled(harness, callback())
    harness.clock.forward(days=91)
    expire(harness)
    harness.configure()  # another execution environment, which has not just stored the callback
    assert harness.claim(callback())
    harness.confirm()
    assert harness.publisher.publish(VID) is None
    assert (len(harness.topic.messages), harness.due()) == (1, {})


def test_a_large_body_lies_apart_and_goes_by_its_time_to_live(harness: TaskHarness) -> None:
    body = callback(v_type="".join(f"{number:x}" for number in range(LARGE // 4)))
    settled(harness, body)
    pieces = [item for item in harness.items() if item["pk"]["S"] == f"BODY#{VID}"]
    assert len(pieces) > 1
    assert {item["expires_at"]["N"] for item in pieces} == {str(int((START + timedelta(days=91)).timestamp()))}, (
        "a lifetime and 90 days"
    )
    assert harness.entries()[-1].body == body
    harness.clock.forward(days=91)
    expire(harness)
    assert [item["pk"]["S"] for item in harness.items() if item["pk"]["S"] == f"BODY#{VID}"] == []
    assert claims(harness) == []


def test_a_large_body_of_which_a_piece_is_gone_is_gone(harness: TaskHarness) -> None:
    settled(harness, callback(v_type="".join(f"{number:x}" for number in range(LARGE // 4))))
    piece = [item for item in harness.items() if item["pk"]["S"] == f"BODY#{VID}"][-1]
    harness.stores.table.client.delete_item(TableName=harness.table, Key={"pk": piece["pk"], "sk": piece["sk"]})
    assert claims(harness)[0]["body"] is None
    assert harness.reader.task(VID)["state"] == "succeeded"


def test_what_strangers_pile_up_makes_no_task_slow_to_read(harness: TaskHarness) -> None:
    harness.track()
    for number in range(5):
        harness.claim(callback(v_type=Random(number).randbytes(500_000).hex()))  # noqa: S311 - noise
    calls: list[str] = []
    with queries_noted(harness, calls):
        harness.tasks.load(VID)
    assert calls == ["query"]


def test_a_task_is_read_without_what_strangers_sent(harness: TaskHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(MAX_SHOWN + 5):
        harness.claim(callback(v_type=f"{number}"))
        harness.clock.forward(seconds=1)
    query, read = harness.stores.table.client.query, list[Any]()

    def noted(**request: Any) -> Any:
        answer = query(**request)
        read.extend(answer["Items"])
        return answer

    monkeypatch.setattr(harness.stores.table.client, "query", noted)
    harness.tasks.load(VID)
    assert len(read) == MAX_SHOWN + 5
    assert not [item for item in read if LAZY_BODY in item or "body" in item]
    shown = [line["body"] and line["body"]["vid"] for line in claims(harness)]
    assert [bool(one) for one in shown] == [False] * 5 + [True] * MAX_SHOWN


def test_a_history_stays_below_what_lambda_may_answer(harness: TaskHarness) -> None:
    harness.track()
    for number in range(MAX_SHOWN):
        harness.claim(callback(v_type=f"{number}" + "\1" * 10_000))
        harness.claim(callback(v_type=f"{number}").replace(b'"v_type": "', b'"v_type": "' + b"\1" * 60_000))
        harness.provider.answers[VID] = ProviderUnreadable("body: not JSON", b"\xff" * (60_000 + number))
        harness.confirm()
        harness.clock.forward(seconds=1)
    assert len(respond(200, harness.reader.history(VID))["body"]) < MAX_ANSWER
    shown = [line["body"] for line in harness.reader.history(VID)["observations"] if line["origin"] == "reply"]
    assert shown[-1] == {"omitted": f"{60_000 + number} bytes"}


@pytest.mark.parametrize("size", [MAX_CLAIM_BYTES, MAX_CLAIM_BYTES + 1])
def test_of_a_claim_too_large_to_be_documented_only_the_claim_summary_is_read(harness: TaskHarness, size: int) -> None:
    body = callback(v_type="x", size="N/A")
    body = body.replace(b'"v_type": "x', b'"v_type": "x' + b"x" * (size - len(body)))
    harness.claim(body)
    with mock.patch("mediarelay.providers.cts.provider.parse_callback", side_effect=parse_callback) as full:
        source = harness.reader.task(VID)["source"]
        harness.reader.history(VID)
    assert (full.call_count, "container" in source) == ((2, True) if size == MAX_CLAIM_BYTES else (0, False))
    assert source["url"] == json.loads(body)["url"]


def test_all_that_is_read_of_a_task_is_asked_for(harness: TaskHarness) -> None:
    settled(harness, callback(result="failure", app_id=666))
    harness.track(url="http://a/1.mp4")
    harness.replayer.replay(VID, "me")
    # `load` reads the partition of the task; the event log has rows of its own.
    stored = {name for item in harness.items() if item["pk"]["S"] == task_partition(VID) for name in item}
    assert stored - set(LOADED) == {LAZY_BODY, "by", "list_key", "list_at", "expires_at"}


def test_an_open_claim_is_asked_about_and_not_forgotten(table: str) -> None:
    harness = TaskHarness(table, raw_body_days=3, give_up_after=6 * 24 * 3600)
    harness.claim(callback())
    harness.clock.forward(days=5)
    assert expire(harness) == 0
    assert claims(harness)[0]["body"]
    harness.provider.answers[VID] = answer()
    assert harness.confirm().outcome is State.SUCCEEDED


def test_a_claim_that_version_1_0_settled_is_settled_again_once_its_task_is_queried(
    harness: TaskHarness, capsys: pytest.CaptureFixture[str]
) -> None:
    """It waited in the due index for the deletion of its body."""
    put = harness.stores.table.client.put_item
    for item in settled(harness, callback()).items():
        if item["item"]["S"] == "claim":
            del item["expires_at"]
            put(TableName=harness.table, Item=item | {"due_shard": {"S": "delete_body#1"}, "due_at": {"N": "1"}})
        if item["item"]["S"] == "task":
            earlier = {name: value for name, value in item.items() if name not in {"guarded", "unpublished"}}
            put(TableName=harness.table, Item=earlier | {"published": {"SS": ["succeeded"]}})
    assert not any(harness.sweep().values())
    assert harness.publisher.publish(VID) is None
    assert next_step(harness.tasks.load(VID)[0]).duty is None
    assert expire(harness) == 0
    harness.confirm()
    harness.clock.forward(days=91)
    assert expire(harness) == 1
    assert types(harness) == ["succeeded"]
    assert counted(capsys).total("RowsUnreadable") == 0


def test_a_settled_claim_of_an_open_task_stays_until_its_deadline(table: str) -> None:
    """It may be all that the log has."""
    harness = TaskHarness(table, raw_body_days=1, give_up_after=6 * 24 * 3600)
    harness.claim(callback())
    harness.confirm()
    harness.clock.forward(days=6)
    assert expire(harness) == 0
    assert harness.confirm() is not None


def test_a_believed_callback_is_the_result_and_stays(table: str) -> None:
    harness = TaskHarness(table, callback_trust="callback")
    harness.claim(callback())
    harness.confirm()
    harness.publisher.publish(VID)
    harness.clock.forward(days=100)
    assert expire(harness) == 0
    assert harness.reader.task(VID)["renditions"]


@pytest.mark.parametrize("days", [1, 30])
def test_how_long_is_a_parameter(table: str, days: int) -> None:
    harness = TaskHarness(table, raw_body_days=days)
    settled(harness, callback())
    harness.clock.forward(days=days + 1, seconds=-1)  # it counts from the deadline
    assert expire(harness) == 0
    harness.clock.forward(seconds=1)
    assert expire(harness) == 1


def test_a_task_with_many_claims_is_read_without_most_of_them(harness: TaskHarness) -> None:
    for number in range(MAX_CLAIMS + 20):
        harness.claim(callback(v_type=f"{number}"))
        harness.clock.forward(seconds=1)
    settled(harness, callback())
    kept = claims(harness)
    assert len(kept) == MAX_CLAIMS
    assert [line["body"]["v_type"] for line in kept if line["body"]][-1] == f"{MAX_CLAIMS - 1}", "the first ones stay"
    for number in range(3):
        harness.clock.forward(seconds=1)
        harness.claim(callback(v_type=f"late {number}"))
        harness.confirm()
    assert len(claims(harness)) == MAX_CLAIMS
    assert (harness.due(), types(harness)) == ({}, ["succeeded"])
    assert expire(harness) == 24, "the surplus goes at once"


def test_claims_that_wait_are_all_read(harness: TaskHarness) -> None:
    for number in range(MAX_CLAIMS + 5):
        harness.claim(callback(v_type=f"{number}"))
    log, _ = harness.tasks.load(VID)
    assert (len(log.pending), len(log.observations)) == (MAX_CLAIMS + 5, MAX_CLAIMS + 5)
    assert expire(harness) == 0
