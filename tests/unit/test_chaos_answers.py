"""Odd answers of the chaos suite: one side field differs, nothing that says which task it is or what became of it."""

import json
from typing import Any

from tests.chaos.proxy import IDENTITY, Answer, Call, odd_side_fields
from tests.integration.task_harness import payload

CALL = Call("", "", "/v2/index.php", {}, b"", 0, 0)


def through(body: Any) -> Any:
    answer = odd_side_fields()(CALL, lambda _call: Answer(200, {}, json.dumps(body).encode()))
    return json.loads(answer.body)


def test_each_answer_has_one_odd_side_field() -> None:
    query = payload("video_query.json")
    seen = [through(query) for _ in range(50)]
    assert all(one != query for one in seen)
    assert len({json.dumps(one) for one in seen}) > 20
    for name in IDENTITY & query["data"].keys():
        assert {json.dumps(one["data"].get(name)) for one in seen} == {json.dumps(query["data"][name])}


def test_an_answer_without_data_stays_as_it_is() -> None:
    refusal = {"code": 5000, "message": "no such task", "data": {}}
    assert through(refusal) == refusal
