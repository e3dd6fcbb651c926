"""Bodies of claims are kept for a while; what they claimed, and their digests, stay."""

import json
from datetime import timedelta
from typing import Any

import pytest

from mediarelay.domain.media import State
from tests.integration.world import VID, World, answer, callback

LARGE = 900_000


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


def test_a_large_body_goes_with_its_parts(world: World) -> None:
    noise = "".join(f"{number:x}" for number in range(LARGE // 4))
    settled(world, callback(v_type=noise))
    items = len(world.items())
    world.clock.forward(days=90)
    assert world.sweep()["expire"] == 1
    assert len(world.items()) < items
    assert not [item for item in world.items() if item["item"]["S"] == "part"]
    assert not [item for item in world.items() if item["item"]["S"] == "claim" and "body" in item]
    assert claims(world)[0]["body"] is None


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
