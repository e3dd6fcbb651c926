"""Callbacks that go wrong on purpose: out of order, cut short, untrue."""

import json
from typing import Any

import pytest

from engine.callbacks import Message, deliveries
from engine.config import Faults
from engine.payloads import claim


def sent(faults: Faults, now: float = 7, **body: Any) -> tuple[str, float | None]:
    honest = {"status": "success", "vid": "v"} | body
    message = Message(vid="v", type="trans_result", url="http://x", body=honest, claim=claim)
    (one,) = deliveries(message, faults, now)
    return one.body, one.due


def test_within_a_stretch_what_came_first_is_sent_last() -> None:
    dues = [sent(Faults(callback_reversed=10), now)[1] or 0 for now in (20.5, 23, 29)]
    assert dues == sorted(dues, reverse=True)
    assert all(30 <= due <= 40 for due in dues)


def test_a_body_cut_in_half_is_no_json() -> None:
    body, _ = sent(Faults(callback_corrupt=True))
    with pytest.raises(ValueError, match=r"JSON|Expecting|Unterminated"):
        json.loads(body)


@pytest.mark.parametrize(
    ("lie", "true", "stated"),
    [
        ("fail", "success", {"error_code": [122], "error_msg": ["a lie"]}),
        ("success", "fail", {}),
        ("fail", "fail", {"true": 1}),
    ],
)
def test_a_lie_claims_another_result_and_tells_no_detail(lie: Any, true: str, stated: dict[str, Any]) -> None:
    body, _ = sent(Faults(callback_lie=lie), status=true, detail={"true": 1})
    assert json.loads(body) == {"vid": "v", "status": lie, "detail": stated}


def test_a_basic_callback_lies_without_detail() -> None:
    body, _ = sent(Faults(callback_lie="fail"), size=7)
    assert json.loads(body) == {"vid": "v", "status": "fail", "size": 7}
