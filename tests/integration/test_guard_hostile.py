"""Guards beside version 1.0.0, and while the provider or the queue of unknown tasks is not available."""

from collections.abc import Iterable
from datetime import timedelta

import pytest

from mediarelay.adapters.dynamodb.keys import Key
from mediarelay.domain.circuit_breaker import Cause
from mediarelay.domain.tasks.log import PendingCheck
from mediarelay.errors import Undelivered
from mediarelay.providers.registry import query_circuits
from tests.integration.task_harness import VID, Kind, TaskHarness, answer, callback
from tests.integration.test_guard import published, recover


def test_a_slow_writer_of_version_1_0(harness: TaskHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has saved its item, and takes the row of the callback out of its duty only after the confirmation."""
    table, store, slow = harness.stores.table, type(harness.stores.tasks), list[PendingCheck]()

    def begin(_store: object, checks: Iterable[PendingCheck], *_: object) -> list[object]:
        slow.extend(checks)
        return []

    harness.claim(callback())
    harness.clock.forward(seconds=1)
    with monkeypatch.context() as patch:
        patch.setattr(store, "settle", begin)
        harness.track()
    # Version 1.0.0 stores no `settled_until`.
    for item in harness.items():
        if item.pop("settled_until", None):
            table.client.put_item(TableName=harness.table, Item=item)
    harness.provider.answers[VID] = answer()
    harness.confirm()
    for check in slow:
        values = {":shard": "delete_body#1", ":at": 2_000_000_000}
        table.update(Key(*check.handle), "SET due_shard = :shard, due_at = :at", values)
    assert slow
    recover(harness)
    assert published(harness) == ["succeeded"]


@pytest.mark.parametrize("cause", [*Cause, None])
def test_an_outcome_that_sns_refused_does_not_wait_for_the_provider(harness: TaskHarness, cause: Cause | None) -> None:
    harness.track()
    harness.clock.forward(seconds=1)
    harness.claim(callback())
    harness.provider.answers[VID] = answer()
    harness.confirm()
    harness.topic.down = True
    for _ in range(3):  # the attempts of the stream
        with pytest.raises(Undelivered):
            harness.publisher.publish(VID)
    harness.topic.down = False
    if cause is None:  # invented callbacks fill the queue
        harness.unknown_queue.waiting = 10_000
    for circuit in query_circuits(Kind.VIDEO) if cause else ():
        for _ in range(20):
            harness.breaker.circuits.record_failure(circuit, cause)
        harness.breaker.circuits.open_until(circuit, None, harness.clock() + timedelta(minutes=29))
    recover(harness)
    assert published(harness) == ["succeeded"]


def test_a_callback_after_the_attempts_of_the_stream_gives_the_outcome_its_duty(harness: TaskHarness) -> None:
    harness.claim(callback())
    harness.provider.answers[VID] = answer()
    harness.confirm()
    harness.unknown_queue.waiting = 10_000
    harness.clock.forward(minutes=1)
    harness.claim(callback(v_type="x"))
    harness.confirmer.confirm(VID, Kind.VIDEO, prompt=True)
    harness.clock.forward(minutes=1)
    harness.sweep()
    assert published(harness) == ["succeeded"]
