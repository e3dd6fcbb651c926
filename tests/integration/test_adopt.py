"""Adoption: however an answer about a task is accepted, the intent whose submit made the task gets its vid."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

import pytest

from mediarelay.adapters.dynamodb.list_cursors import ListCursorStore
from mediarelay.domain.due import Due, Duty
from mediarelay.domain.tasks.intent import ClientKey, Intent
from mediarelay.domain.tasks.log import LoggedObservation
from mediarelay.domain.tasks.media import Kind
from mediarelay.domain.tasks.origin import Origin
from mediarelay.errors import LedgerUnavailable
from mediarelay.providers.mps.callbacks import MPS_CALLBACKS
from mediarelay.providers.port import Listed
from mediarelay.usecases.tasks.rebuild import Rebuilder
from mediarelay.usecases.tasks.reconcile import Reconciler
from mediarelay.wiring.callbacks import callback_endpoint
from tests.contract.mps_bodies import detail, event, result
from tests.contract.test_mps_payloads import VID
from tests.integration.task_harness import TOKEN, TaskHarness

KEY = ClientKey("client", "key")
REQUEST = {"source": {"bucket": "clips-1250000000", "region": "ap-shanghai", "object": "/in/a.mp4"}, "provider": "mps"}


@pytest.fixture
def intent(harness: TaskHarness) -> Intent:
    """An intent whose submit the provider has not answered."""
    made = harness.registry.intent(Kind.VIDEO, REQUEST, KEY)
    assert harness.stores.intents.create(made, Due(Duty.SUBMIT, harness.clock() + timedelta(minutes=1)))
    return made


def vid_of(harness: TaskHarness, intent: Intent) -> str | None:
    found = harness.stores.intents.find(intent.identity)
    assert found is not None
    return found.vid


def reply(harness: TaskHarness, intent: Intent) -> None:
    """An answer that an earlier edition could not read."""
    body = json.dumps({"Response": detail(result("SUCCESS")) | {"SessionId": intent.submission}}).encode()
    one = LoggedObservation(vid=VID, kind=Kind.VIDEO, origin=Origin.REPLY, at=harness.clock(), body=body, reason="x")
    harness.tasks.append(replace(one, origin=Origin.LISTED, body=b"{}", digest=""))
    harness.tasks.add(one)


def ended(intent: Intent) -> bytes:
    """A callback: the task of the intent has ended."""
    return json.dumps(event(result("SUCCESS")) | {"SessionId": intent.submission}).encode()


@dataclass(frozen=True)
class OnePage:
    """A list of one page."""

    page: Listed

    def tasks_between(self, _since: datetime, _until: datetime, _wait: object) -> Iterator[Listed]:
        yield self.page


def unreliable_adopt(_submission: str, _vid: str) -> None:
    raise LedgerUnavailable("down")


def test_an_old_reply_that_can_be_read_by_now(harness: TaskHarness, intent: Intent) -> None:
    reply(harness, intent)
    with pytest.raises(LedgerUnavailable):
        replace(harness.confirmer, adopt=unreliable_adopt).confirm(VID, Kind.VIDEO)
    harness.confirm(VID)
    assert harness.provider.asked == []
    assert vid_of(harness, intent) == VID


def test_an_old_reply_that_a_rebuild_accepts(harness: TaskHarness, intent: Intent) -> None:
    reply(harness, intent)
    rebuilder = Rebuilder(tasks=harness.tasks, store=harness.stores.tasks, adopt=unreliable_adopt)
    with pytest.raises(LedgerUnavailable):
        rebuilder.repair(VID)
    replace(rebuilder, adopt=harness.submitter.adopt).repair(VID)
    assert vid_of(harness, intent) == VID


@pytest.mark.parametrize("trust", ["callback", "confirm"])
def test_only_a_trusted_callback_leads_to_the_intent_without_an_answer(
    harness: TaskHarness, intent: Intent, trust: str
) -> None:
    harness.configure(callback_trust=trust)
    with harness.building():
        endpoint = callback_endpoint(MPS_CALLBACKS)
    endpoint.receive(TOKEN, "192.0.2.1", partial(ended, intent))
    harness.confirm(VID)
    assert vid_of(harness, intent) == (VID if trust == "callback" else None)
    assert bool(harness.provider.asked) == (trust == "confirm")


def test_a_listed_task_with_a_trusted_outcome_leads_to_the_intent(harness: TaskHarness, intent: Intent) -> None:
    """Its item is written with the outcome, so no query follows that could lead there."""
    harness.configure(callback_trust="callback")
    with harness.building():
        endpoint = callback_endpoint(MPS_CALLBACKS)
    endpoint.receive(TOKEN, "192.0.2.1", partial(ended, intent))
    page = Listed(((VID, b"{}"),), None)
    reconciler = Reconciler(
        lists={"mps": OnePage(page)},
        tasks=harness.tasks,
        known=harness.stores.tasks,
        cursors=ListCursorStore(harness.stores.table),
        adopt=harness.submitter.adopt,
        wait=lambda _time_left: False,
        clock=harness.clock,
    )
    assert reconciler.reconcile(lambda: True) == 1
    assert vid_of(harness, intent) == VID
    assert harness.provider.asked == []
