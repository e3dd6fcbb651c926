"""What the composition root builds for a test stays in its own deployment, also beside another one."""

import os

import pytest

from mediarelay.domain.tasks.media import State
from mediarelay.errors import LedgerUnavailable, Undelivered
from mediarelay.providers.cts.callbacks import VIDEO_CALLBACKS
from mediarelay.wiring import base, provider
from mediarelay.wiring.callbacks import callback_endpoint
from mediarelay.wiring.tasks import task_repository
from tests.integration.deployment import CACHES, Deployment, environment
from tests.integration.doubles import START, Clock
from tests.integration.song_harness import SongHarness
from tests.integration.task_harness import TOKEN, VID, TaskHarness, answer, callback
from tests.stack import functions, variables

VIDEO_QUERIES = "cts:GetCtsInfo"


@pytest.fixture
def other(make_table: object) -> TaskHarness:
    """A second deployment, which was built last."""
    assert callable(make_table)
    return TaskHarness(make_table())


def test_two_deployments_share_no_table_clock_queue_or_provider(harness: TaskHarness, other: TaskHarness) -> None:
    SongHarness(other.table)
    harness.clock.forward(hours=1)
    harness.track()
    harness.claim(callback("claimed"))
    harness.clock.forward(minutes=2)
    assert harness.poll() == 2
    harness.provider.answers[VID] = answer()
    task = harness.confirm()
    assert task is not None
    assert task.outcome is State.SUCCEEDED
    assert harness.publisher.publish(VID) is State.SUCCEEDED
    assert (other.items(), other.take(), other.provider.asked, other.topic.messages) == ([], [], [], [])
    assert len(harness.topic.messages) == 1


def test_each_deployment_keeps_its_settings(harness: TaskHarness, other: TaskHarness) -> None:
    other.configure(give_up_after=3600, callback_trust="callback")
    for one in (harness, other):
        one.claim(callback())
    assert [one.tasks.give_up_after.total_seconds() for one in (harness, other)] == [86_400, 3600]
    assert [entry.origin for one in (harness, other) for entry in one.entries()] == ["claim", "trusted"]


def test_jobs_are_counted_by_deployment(harness: TaskHarness, other: TaskHarness) -> None:
    assert [one.replayer.identity() for one in (harness, other, harness)] == [f"{number:032x}" for number in (1, 1, 2)]


def test_the_sweep_and_the_backlog_stay_in_their_deployment(harness: TaskHarness, other: TaskHarness) -> None:
    """Both reach what they need only once they run."""
    harness.stores.table.client.delete_table(TableName=harness.table)
    with pytest.raises(LedgerUnavailable):
        harness.sweeper.is_refused(VIDEO_QUERIES)
    assert not other.sweeper.is_refused(VIDEO_QUERIES)
    assert harness.claim(callback())
    assert (len(harness.backlog.messages), other.backlog.messages) == (1, [])


def test_a_queue_that_is_down_is_down_for_the_adapter(harness: TaskHarness) -> None:
    harness.queue.down = True
    with pytest.raises(Undelivered, match="ClientError"):
        harness.request(VID, known=True)


def test_nothing_of_a_deployment_is_left_in_the_process(harness: TaskHarness) -> None:
    before = (base.now, base.random, base.client, base.secret, provider.provider_apis)
    with harness.building():
        assert base.settings().table_name == harness.table
        task_repository()
        callback_endpoint(VIDEO_CALLBACKS)
        assert base.now() == START
    assert (base.now, base.random, base.client, base.secret, provider.provider_apis) == before
    assert "TABLE_NAME" not in os.environ
    assert {item.cache_info().currsize for item in CACHES} == {0}


def test_a_deployment_that_cannot_be_built_leaves_nothing_either() -> None:
    with pytest.raises(KeyError), Deployment(Clock()).building():
        callback_endpoint(VIDEO_CALLBACKS)
    assert "TABLE_NAME" not in os.environ
    assert {item.cache_info().currsize for item in CACHES} == {0}


def test_a_setting_that_no_function_has_is_a_mistake(table: str) -> None:
    with pytest.raises(AssertionError, match="no function such a setting"):
        TaskHarness(table, give_up_afterwards=1)


def test_the_environment_has_the_variables_of_every_function() -> None:
    assert environment().keys() == {name for function in functions() for name in variables(function)}
    assert (environment()["GIVE_UP_AFTER"], environment()["CONFIRM_QUEUE_URL"]) == ("86400", "ConfirmQueue")
    assert TOKEN not in environment().values()
