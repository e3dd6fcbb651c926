"""Adoption: however an answer about a task is accepted, the intent whose submit made the task gets its vid."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from mediarelay.domain.due import Due, Duty
from mediarelay.domain.tasks.intent import ClientKey, Intent
from mediarelay.domain.tasks.log import LoggedObservation
from mediarelay.domain.tasks.media import Kind
from mediarelay.domain.tasks.origin import Origin
from mediarelay.errors import LedgerUnavailable
from mediarelay.providers.mps.callbacks import MPS_CALLBACKS
from mediarelay.usecases.tasks.rebuild import Rebuilder
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
    body: dict[str, Any] = event(result("SUCCESS")) | {"SessionId": intent.submission}
    endpoint.receive(TOKEN, "192.0.2.1", lambda: json.dumps(body).encode())
    harness.confirm(VID)
    assert vid_of(harness, intent) == (VID if trust == "callback" else None)
    assert bool(harness.provider.asked) == (trust == "confirm")
