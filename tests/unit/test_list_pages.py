"""The pages of a provider's list: all of them, also if the call budget ends in between, and none for ever."""

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, cast

import pytest
import requests

from mediarelay.adapters.provider_api import Guard, ProviderApi
from mediarelay.domain.budget import Allowance, Budget
from mediarelay.errors import BudgetSpent, ProviderBusy
from mediarelay.providers.mps.provider import MPS
from mediarelay.providers.port import Account, Call
from mediarelay.wiring import base, ticks

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ACCOUNT = Account("id", "key")


class Api(ProviderApi):
    """A client whose calls get these answers, one after the other."""

    answers: Iterator[Mapping[str, Any] | Exception] = iter(())

    def _call(self, build: Callable[[Account], Call], allowance: Allowance) -> Mapping[str, Any]:
        assert (build(ACCOUNT).action, allowance) == ("DescribeTasks", Budget(100).background)
        answer = next(self.answers)
        if isinstance(answer, Exception):
            raise answer
        return answer


def listed(answers: Iterator[Mapping[str, Any] | Exception], wait: Callable[[], bool]) -> Iterator[str]:
    Api.answers = answers
    api = Api(
        provider=MPS,
        url="https://mps.tencentcloudapi.com",
        region="ap-guangzhou",
        account=lambda: ACCOUNT,
        spend=lambda _now, _allowance: True,
        budget=Budget(100),
        guard=cast("Guard", None),
        clock=lambda: NOW,
        nonce=lambda: 1,
        session=requests.Session(),
    )
    return (vid for page in api.tasks_between(NOW, NOW, wait) for vid, _ in page.rows)


def page(number: int, cursor: str) -> dict[str, Any]:
    row = {"TaskId": f"1-WorkflowTask-{number}"} if number else {"TaskId": "1-other", "TaskType": "EditMediaTask"}
    return {"TaskSet": [row], "ScrollToken": cursor}


def test_a_list_goes_on_with_the_next_minute_s_budget() -> None:
    waits = iter([True, True])
    answers: list[Mapping[str, Any] | Exception] = [
        page(1, "a"),
        BudgetSpent("x"),
        BudgetSpent("x"),
        page(2, ""),
        page(3, ""),
        page(4, ""),
    ]
    found = list(listed(iter(answers), lambda: next(waits)))
    assert found == [f"1-WorkflowTask-{number}" for number in (1, 2, 3, 4)]


def test_without_time_for_the_next_budget_the_list_ends() -> None:
    with pytest.raises(BudgetSpent):
        list(listed(iter([page(1, "a"), BudgetSpent("x")]), lambda: False))


@pytest.mark.parametrize("cycle", [[1], [1, 2, 3]])
def test_a_cursor_that_leads_back_ends_its_list(cycle: list[int]) -> None:
    endless = [page(number, f"to {number}") for number in cycle]
    answers, found = [*endless, endless[0], page(8, ""), page(9, "")], list[str]()
    # The other lists are read, and then the next run lists this time again.
    with pytest.raises(ProviderBusy, match="repeats a page"):
        found.extend(islice(listed(iter(answers), lambda: False), 99))
    assert found == [f"1-WorkflowTask-{number}" for number in (*cycle, 8, 9)]


def test_pages_with_nothing_of_ours_do_not_end_a_list() -> None:
    answers = [page(0, "same"), page(0, "same"), page(1, ""), page(2, ""), page(3, "")]
    assert len(list(listed(iter(answers), lambda: False))) == 3


@pytest.mark.parametrize(("seconds_left", "waited", "is_left"), [(300, 55, True), (55, 55, False), (3, 3, False)])
def test_a_wait_ends_with_the_minute_or_with_the_time(
    seconds_left: int, waited: int, *, is_left: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    monkeypatch.setattr(base, "now", lambda: NOW + timedelta(seconds=sum(slept)))
    monkeypatch.setattr(time, "sleep", slept.append)
    assert ticks.wait_for_minute(lambda: sum(slept) < seconds_left) is is_left
    assert sum(slept) == waited
