"""The judge of the chaos suite: what it accepts as the end of a task of MPS, and what breaks the promise of a row."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from local.deploy import Deployment
from local.environment import LocalEnvironment
from tests.chaos.chaos_run import Row
from tests.chaos.clients import CLIENTS, MpsClients
from tests.chaos.faults import FAULTS
from tests.chaos.proxy import Answer, Call, cut

FILE = {"paths": ["/in/a_transcode_10.mp4"], "size": 18, "md5": "48b374da"}
FAULT = {"code": "InternalError", "message": "on purpose"}
SHOWN = {
    "state": "succeeded",
    "source": {"path": "/in/a.mp4"},
    "renditions": [FILE],
    "faults": [FAULT],
    "partial": True,
    "reference": "7",
}
TRUE = {
    "status": 5,
    "path": "/in/a.mp4",
    "outputs": [FILE],
    "failed_outputs": [FAULT],
    "flaw": None,
    "request": {"SessionContext": "7"},
}
ROW = Row("x", tasks=1, right=1, wrong=0, without_outcome=0, without_notification=0, notifications=1, repeated_ids=0)
CALL = Call("mps", "ProcessMedia", "/", {}, b"", 1, 2)


@pytest.fixture
def clients(tmp_path) -> MpsClients:
    return MpsClients(Deployment(LocalEnvironment(tmp_path, 1, 2), {}, ""))


def test_a_task_that_the_engine_has_too_is_right(clients: MpsClients) -> None:
    assert clients.is_right(SHOWN, TRUE)


@pytest.mark.parametrize(
    "change",
    [
        {"state": "failed"},
        {"source": {"path": "/in/b.mp4"}},
        {"renditions": []},
        {"renditions": [FILE, FILE]},
        {"renditions": [FILE | {"size": 19}]},
        {"faults": []},
        {"partial": False},
        {"reference": "8"},
    ],
)
def test_any_difference_is_wrong(clients: MpsClients, change: dict[str, Any]) -> None:
    assert not clients.is_right(SHOWN | change, TRUE)


def test_a_task_that_the_engine_has_not_ended_is_wrong(clients: MpsClients) -> None:
    assert not clients.is_right(SHOWN, TRUE | {"status": 3})


def test_a_second_task_of_a_file_was_billed_twice(clients: MpsClients) -> None:
    assert [clients.billed_twice([{"url": url} for url in urls]) for urls in ("ab", "aba", "aaa")] == [0, 1, 2]


@pytest.mark.parametrize(
    "change",
    [
        {"right": 0},
        {"wrong": 1},
        {"without_outcome": 1},
        {"without_notification": 1},
        {"billed_twice": 1},
        {"callbacks": Counter({401: 3, 200: 1}), "callback_status": 401},
        {"callbacks": Counter(), "callback_status": 401},
        {"undisturbed": 1.0, "seconds": 2.1},
    ],
)
def test_what_breaks_the_promise(change: dict[str, Any]) -> None:
    assert ROW.kept
    assert not replace(ROW, **change).kept


def test_a_row_says_what_was_counted() -> None:
    row = replace(ROW, billed_twice=0, partial=3, callbacks=Counter({401: 9}), callback_status=401)
    assert row.remark == ", billed twice 0, 3 partial, callbacks by status of their answer: {401: 9}"
    assert ROW.remark == ""


def test_a_cut_call_takes_effect_and_has_no_answer() -> None:
    carried_out: list[str] = []

    def forward(call: Call) -> Answer:
        carried_out.append(call.operation)
        return Answer(200, {}, b"{}")

    trouble: Callable[[Call, Any], Answer] = cut("ProcessMedia")
    assert trouble(replace(CALL, operation="DescribeTasks"), forward).status == 200
    with pytest.raises(ConnectionError):
        trouble(CALL, forward)
    assert carried_out == ["DescribeTasks", "ProcessMedia"]


def test_every_fault_has_clients() -> None:
    assert {fault.clients for fault in FAULTS} == CLIENTS.keys()
