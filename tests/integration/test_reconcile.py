"""Reconciling: a task that only the provider's list names is added once; a run begins where the last one ended."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from mediarelay.adapters.dynamodb.list_cursors import ListCursorStore
from mediarelay.domain.tasks.media import Kind, State
from mediarelay.domain.tasks.origin import Origin
from mediarelay.errors import BudgetSpent, LedgerUnavailable, ProviderBusy, ProviderClosed, SecretUnavailable
from mediarelay.providers.port import Listed
from mediarelay.providers.registry import provider_named
from mediarelay.usecases.tasks.reconcile import HORIZON_MARGIN, OVERLAP, STEP, Reconciler
from tests.counts import counted
from tests.integration.doubles import START
from tests.integration.task_harness import VID, TaskHarness, answer, callback

HORIZON = provider_named("mps").query_horizon


class TaskList:
    """A provider's list: tasks with the times at which they were made. It ends with an error after so many steps."""

    def __init__(self) -> None:
        self.made: dict[str, datetime] = {}
        self.asked: list[tuple[datetime, datetime]] = []
        self.errors: dict[int, Exception] = {}

    def tasks_between(self, since: datetime, until: datetime, _wait: object) -> Iterator[Listed]:
        self.asked.append((since, until))
        rows = [(vid, b'{"TaskId": "%s"}' % vid.encode()) for vid, at in self.made.items() if since <= at < until]
        yield Listed(tuple(rows[:1]), "more")
        if error := self.errors.get(len(self.asked)):
            raise error
        yield Listed(tuple(rows[1:]), None)


class Reconciling:
    """The use case with one list; `run` reconciles with time for so many steps."""

    def __init__(self, harness: TaskHarness, name: str = "mps") -> None:
        self.list, self.cursors = TaskList(), ListCursorStore(harness.stores.table)
        self.reconciler = Reconciler(
            lists={name: self.list},
            tasks=harness.tasks,
            known=harness.stores.tasks,
            cursors=self.cursors,
            adopt=harness.submitter.adopt,
            wait=lambda _time_left: False,
            clock=harness.clock,
        )

    def run(self, steps: int = 10**6) -> int:
        # A step asks for time once, and once for each of its two pages.
        left = iter(range(3 * steps))
        return self.reconciler.reconcile(lambda: next(left, None) is not None)


@pytest.fixture
def reconciling(harness: TaskHarness) -> Reconciling:
    return Reconciling(harness)


def test_a_task_that_only_the_list_names_is_added_once(
    harness: TaskHarness, reconciling: Reconciling, capsys: pytest.CaptureFixture[str]
) -> None:
    reconciling.list.made = {VID: START - timedelta(minutes=1), "v2": START - timedelta(minutes=2)}
    assert [reconciling.run(), reconciling.run()] == [2, 0]
    assert counted(capsys).total("TasksFound") == 2
    for vid in (VID, "v2"):
        (entry,) = harness.stores.tasks.load(vid).observations
        assert (entry.origin, entry.at, entry.body) == (Origin.LISTED, START, b'{"TaskId": "%s"}' % vid.encode())


def test_a_listed_task_is_queried_until_it_has_an_outcome(harness: TaskHarness, reconciling: Reconciling) -> None:
    reconciling.list.made = {VID: START - timedelta(minutes=1)}
    reconciling.run()
    view = harness.reader.task(VID)
    assert view["state"] == "expected"
    assert list(harness.due()) == ["video"]
    harness.clock.forward(minutes=1)
    assert harness.poll() == 1
    assert harness.take() == [(VID, Kind.VIDEO)]
    harness.provider.answers[VID] = answer()
    task = harness.confirm()
    assert task is not None
    assert task.outcome is State.SUCCEEDED
    assert harness.provider.known == {VID: True}, "the list proves that the task exists"
    assert harness.publisher.publish(VID) is State.SUCCEEDED


def test_a_listed_task_without_an_outcome_is_lost_in_the_end(harness: TaskHarness, reconciling: Reconciling) -> None:
    reconciling.list.made = {VID: START - timedelta(minutes=1)}
    reconciling.run()
    harness.clock.forward(days=3)
    assert harness.sweep()["give_up"] == 1
    assert harness.reader.task(VID)["state"] == "lost"


def test_the_list_does_not_prove_the_kind(harness: TaskHarness, reconciling: Reconciling) -> None:
    reconciling.list.made = {VID: START - timedelta(minutes=1)}
    reconciling.run()
    _, task = harness.tasks.load(VID)
    assert task is not None
    assert (task.is_known, task.certain_kind) == (True, None)


def test_a_task_that_a_client_submitted_is_known(harness: TaskHarness, reconciling: Reconciling) -> None:
    harness.track()
    reconciling.list.made = {VID: START - timedelta(minutes=1)}
    before = harness.stores.tasks.load(VID)
    assert reconciling.run() == 0
    assert harness.stores.tasks.load(VID) == before


def test_a_task_that_only_callbacks_name_becomes_known(harness: TaskHarness, reconciling: Reconciling) -> None:
    harness.claim(callback())
    reconciling.list.made = {VID: START - timedelta(minutes=1)}
    assert [reconciling.run(), reconciling.run()] == [1, 0]
    assert [one.origin for one in harness.stores.tasks.load(VID).observations] == [Origin.CLAIM, Origin.LISTED]


def test_each_run_lists_what_is_new_with_an_overlap(harness: TaskHarness, reconciling: Reconciling) -> None:
    for _ in range(3):
        reconciling.run()
        harness.clock.forward(minutes=5)
    assert reconciling.list.asked == [
        (START - OVERLAP, START),
        (START - OVERLAP, START + timedelta(minutes=5)),
        (START + timedelta(minutes=5) - OVERLAP, START + timedelta(minutes=10)),
    ]


def test_a_run_without_time_keeps_the_steps_that_it_has_finished(
    harness: TaskHarness, reconciling: Reconciling
) -> None:
    reconciling.run()
    harness.clock.forward(hours=5)
    reconciling.run(steps=2)
    assert reconciling.cursors.find("mps") == START - OVERLAP + 2 * STEP
    reconciling.run()
    assert reconciling.cursors.find("mps") == harness.clock()
    assert reconciling.list.asked[-1][1] == harness.clock()


@pytest.mark.parametrize(
    "error",
    [
        BudgetSpent("none left"),
        ProviderBusy("down"),
        ProviderClosed("the secret has no keys for mps"),
        SecretUnavailable("ProviderKeys"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_list_that_ends_early_is_read_again_from_the_step_that_failed(
    harness: TaskHarness, reconciling: Reconciling, error: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    reconciling.run()
    harness.clock.forward(hours=5)
    made = START + timedelta(hours=1, minutes=30)
    reconciling.list.made = {VID: made, "v2": made}
    reconciling.list.errors = {3: error}
    assert reconciling.run() == 1, "the page before the error counts"
    assert counted(capsys).by("ListIncomplete", "provider") == {"mps": 1}
    assert reconciling.cursors.find("mps") == START - OVERLAP + STEP
    assert reconciling.run() == 1
    assert reconciling.cursors.find("mps") == harness.clock()


def test_a_ledger_that_is_down_fails_the_run(harness: TaskHarness, reconciling: Reconciling) -> None:
    harness.stores.table.client.delete_table(TableName=harness.table)
    with pytest.raises(LedgerUnavailable):
        reconciling.run()


def test_a_provider_that_is_down_keeps_no_other_one_waiting(harness: TaskHarness) -> None:
    down, up = Reconciling(harness, "cts"), Reconciling(harness, "mps")
    down.list.errors, up.list.made = {1: ProviderBusy("down")}, {VID: START - timedelta(minutes=1)}
    both = Reconciler(
        lists={"cts": down.list, "mps": up.list},
        tasks=harness.tasks,
        known=harness.stores.tasks,
        cursors=up.cursors,
        adopt=harness.submitter.adopt,
        wait=lambda _time_left: False,
        clock=harness.clock,
    )
    assert both.reconcile(lambda: True) == 1
    assert (up.cursors.find("cts"), up.cursors.find("mps")) == (None, START)


def test_the_cursor_never_moves_backwards(harness: TaskHarness, reconciling: Reconciling) -> None:
    for at, expected in ((START, START), (START - STEP, START), (START + STEP, START + STEP)):
        reconciling.cursors.save("mps", at)
        assert reconciling.cursors.find("mps") == expected
    assert reconciling.cursors.find("cts") is None, "each provider has its own"
    assert len(harness.items()) == 1


@pytest.mark.parametrize("spoilt", [{"at": {"S": "x"}}, {"at": {"N": "7"}}, {"at": {"S": "9999-12-31T23:59:59+00:00"}}])
def test_an_unreadable_cursor_lists_everything_again_and_is_replaced(
    harness: TaskHarness,
    reconciling: Reconciling,
    spoilt: dict[str, dict[str, str]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    reconciling.run()
    (item,) = harness.items()
    harness.stores.table.client.put_item(TableName=harness.table, Item=item | spoilt)
    reconciling.list.asked.clear()
    reconciling.run()
    assert counted(capsys).by("RowsUnreadable", "item") == {"list_cursor": 1}
    assert HORIZON is not None
    assert reconciling.list.asked[0][0] == START - HORIZON + HORIZON_MARGIN
    assert reconciling.list.asked[-1][1] == START
    assert reconciling.cursors.find("mps") == START


def test_an_unreadable_cursor_counts_until_the_list_has_answered(
    harness: TaskHarness, reconciling: Reconciling
) -> None:
    reconciling.run()
    (item,) = harness.items()
    harness.stores.table.client.put_item(TableName=harness.table, Item=item | {"at": {"S": "x"}})
    reconciling.list.errors = {2: ProviderBusy("down")}
    reconciling.run()
    reconciling.run()
    assert HORIZON is not None
    assert [since for since, _ in reconciling.list.asked[1:3]] == [START - HORIZON + HORIZON_MARGIN] * 2


def test_a_page_for_which_no_time_is_left_is_listed_by_the_next_run(
    harness: TaskHarness, reconciling: Reconciling
) -> None:
    reconciling.run()
    harness.clock.forward(minutes=5)
    reconciling.list.made = dict.fromkeys(("v1", "v2"), START)
    left = iter([True, True, False])
    assert reconciling.reconciler.reconcile(lambda: next(left)) == 1
    assert reconciling.cursors.find("mps") == START
    assert reconciling.run() == 1
