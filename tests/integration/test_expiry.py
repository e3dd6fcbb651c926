"""Bodies of claims are kept for a while; what they claimed, and their digests, stay."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from random import Random
from typing import Any
from unittest import mock

import pytest

from mediarelay.adapters.items import HEARD, WITHOUT_HEARD
from mediarelay.contracts.cts import parse_callback
from mediarelay.contracts.observation import MAX_CLAIM_BYTES
from mediarelay.domain.media import State
from mediarelay.errors import ProviderUnreadable
from mediarelay.http import respond
from mediarelay.usecases.read import MOST_SHOWN
from tests.integration.world import START, VID, World, answer, callback

LARGE = 900_000
MAX_ANSWER = 6 * 10**6
"""Bytes that a Lambda function may answer."""


@contextmanager
def counted(world: World, calls: list[str]) -> Iterator[None]:
    query = world.ledger.client.query
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(world.ledger.client, "query", lambda **request: calls.append("query") or query(**request))
        yield


def claims(world: World) -> list[dict[str, Any]]:
    return [line for line in world.reader.history(VID)["observations"] if line["origin"] == "claim"]


def settled(world: World, body: bytes) -> World:
    world.claim(body)
    world.provider.answers[VID] = answer()
    world.confirm()
    world.publisher.publish(VID)
    return world


def test_a_body_goes_when_its_time_is_over_and_nothing_else_does(world: World) -> None:
    body = callback(result="failure", app_id=666)
    before = settled(world, body).reader.task(VID)
    digest = claims(world)[0]["digest"]
    world.clock.forward(days=90, seconds=-1)
    assert world.sweep()["expire"] == 0
    assert claims(world)[0]["body"] == json.loads(body)
    world.clock.forward(seconds=1)
    assert world.sweep()["expire"] == 1
    assert claims(world) == [claims(world)[0] | {"body": None, "digest": digest}]
    assert world.reader.task(VID) == before
    conflicts = world.reader.history(VID)["conflicts"]
    assert [one["subject"] for one in conflicts] == ["app_id", "outcome"], "what it claimed is still known"
    assert world.sweep()["expire"] == 0
    assert not world.claim(body), "the same body is still a repeat"


def test_a_large_body_lies_aside_and_goes_by_its_time_to_live(world: World) -> None:
    body = callback(v_type="".join(f"{number:x}" for number in range(LARGE // 4)))
    settled(world, body)
    pieces = [item for item in world.items() if item["pk"]["S"] == f"BODY#{VID}"]
    assert len(pieces) > 1
    assert {item["expires_at"]["N"] for item in pieces} == {str(int((START + timedelta(days=91)).timestamp()))}, (
        "a lifetime and 90 days"
    )
    assert world.entries()[-1].body == body
    world.clock.forward(days=90)
    assert world.sweep()["expire"] == 1
    assert claims(world)[0]["body"] is None
    assert not world.claim(body), "the same body is still a repeat"
    assert claims(world)[0]["body"] is None


def test_a_large_body_of_which_a_piece_is_gone_is_gone(world: World) -> None:
    settled(world, callback(v_type="".join(f"{number:x}" for number in range(LARGE // 4))))
    piece = [item for item in world.items() if item["pk"]["S"] == f"BODY#{VID}"][-1]
    world.ledger.client.delete_item(TableName=world.table, Key={"pk": piece["pk"], "sk": piece["sk"]})
    assert claims(world)[0]["body"] is None
    assert world.reader.task(VID)["state"] == "succeeded"


def test_what_strangers_pile_up_makes_no_task_slow_to_read(world: World) -> None:
    world.track()
    for number in range(5):
        world.claim(callback(v_type=Random(number).randbytes(500_000).hex()))  # noqa: S311 - noise
    calls: list[str] = []
    with counted(world, calls):
        world.tasks.load(VID)
    assert calls == ["query"]


def test_a_task_is_read_without_what_strangers_sent(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(MOST_SHOWN + 5):
        world.claim(callback(v_type=f"{number}"))
        world.clock.forward(seconds=1)
    query, read = world.ledger.client.query, list[Any]()

    def noted(**request: Any) -> Any:
        answer = query(**request)
        read.extend(answer["Items"])
        return answer

    monkeypatch.setattr(world.ledger.client, "query", noted)
    world.tasks.load(VID)
    assert len(read) == MOST_SHOWN + 5
    assert not [item for item in read if HEARD in item or "body" in item]
    shown = [line["body"] and line["body"]["vid"] for line in claims(world)]
    assert [bool(one) for one in shown] == [False] * 5 + [True] * MOST_SHOWN


def test_a_history_stays_below_what_lambda_may_answer(world: World) -> None:
    world.track()
    for number in range(MOST_SHOWN):
        world.claim(callback(v_type=f"{number}" + "\1" * 10_000))
        world.claim(callback(v_type=f"{number}").replace(b'"v_type": "', b'"v_type": "' + b"\1" * 60_000))
        world.provider.answers[VID] = ProviderUnreadable("body: not JSON", b"\xff" * (60_000 + number))
        world.confirm()
        world.clock.forward(seconds=1)
    assert len(respond(200, world.reader.history(VID))["body"]) < MAX_ANSWER
    shown = [line["body"] for line in world.reader.history(VID)["observations"] if line["origin"] == "reply"]
    assert shown[-1] == {"omitted": f"{60_000 + number} bytes"}


@pytest.mark.parametrize("size", [MAX_CLAIM_BYTES, MAX_CLAIM_BYTES + 1])
def test_of_a_claim_too_large_to_be_documented_only_the_gist_is_read(world: World, size: int) -> None:
    body = callback(v_type="x", size="N/A")
    body = body.replace(b'"v_type": "x', b'"v_type": "x' + b"x" * (size - len(body)))
    world.claim(body)
    with mock.patch("mediarelay.contracts.observation.parse_callback", side_effect=parse_callback) as full:
        source = world.reader.task(VID)["source"]
        world.reader.history(VID)
    assert (full.call_count, "container" in source) == ((2, True) if size == MAX_CLAIM_BYTES else (0, False))
    assert source["url"] == json.loads(body)["url"]


def test_all_that_is_read_of_a_task_is_asked_for(world: World) -> None:
    settled(world, callback(result="failure", app_id=666))
    world.track(url="http://a/1.mp4")
    world.replayer.replay(VID, "me")
    stored = {name for item in world.items() for name in item}
    assert stored - set(WITHOUT_HEARD) == {HEARD, "by", "list_key", "list_at"}


def test_an_open_claim_is_asked_about_and_not_forgotten(table: str) -> None:
    world = World(table, hours=24 * 200)
    world.claim(callback())
    world.clock.forward(days=91)
    assert world.sweep()["expire"] == 0
    assert claims(world)[0]["body"]
    world.provider.answers[VID] = answer()
    assert world.confirm().outcome is State.SUCCEEDED


def test_a_believed_callback_is_the_result_and_stays(table: str) -> None:
    world = World(table, trusted=True)
    world.claim(callback())
    world.confirm()
    world.clock.forward(days=100)
    assert world.sweep()["expire"] == 0
    assert world.reader.task(VID)["renditions"]


@pytest.mark.parametrize("days", [1, 30])
def test_how_long_is_a_parameter(table: str, days: int) -> None:
    world = World(table, keep=timedelta(days=days))
    settled(world, callback())
    world.clock.forward(days=days, seconds=-1)
    assert world.sweep()["expire"] == 0
    world.clock.forward(seconds=1)
    assert world.sweep()["expire"] == 1
