"""What proves a secret leaves no more than its table says: the bodies go through the real endpoints."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from typing import Any

import pytest

from mediarelay.domain.tasks.origin import Origin
from mediarelay.errors import Malformed, TooLarge, Unauthenticated
from mediarelay.providers.routes import CALLBACKS
from mediarelay.signing.standard_webhooks import headers
from mediarelay.signing.zego import callback_signature
from mediarelay.usecases.songs.receive import RelayEndpoint
from mediarelay.usecases.tasks.receive import CallbackStore
from mediarelay.wiring.provider import ENDPOINTS
from mediarelay_cli import probes
from tests.unit.cli.stack import WEBHOOK


class Recorder:
    """Stores, quarantine, cipher and secret at once. It records every write."""

    def __init__(self) -> None:
        self.writes: list[str] = []

    def append(self, *_: Any) -> bool:
        self.writes.append("append")
        return True

    def take_nonce(self, *_: Any) -> bool:
        self.writes.append("nonce")
        return True

    def put(self, *_: Any) -> bool:
        self.writes.append("quarantine")
        return True

    def encrypt(self, *_: Any) -> tuple[bytes, ...]:
        self.writes.append("encrypt")
        return (b"",)

    def value(self) -> Mapping[str, Any]:
        return {"webhook_secrets": WEBHOOK, "callback_secrets": "zego"}

    recheck = value


def now() -> datetime:
    return datetime.now(UTC)


def endpoint(recorder: Any) -> RelayEndpoint:
    networks = (ip_network("0.0.0.0/0"),)
    parts = {"songs": recorder, "quarantine": recorder, "cipher": recorder, "secrets": recorder}
    return RelayEndpoint(networks=networks, clock=now, **parts)


def test_a_signed_relay_leaves_nothing() -> None:
    recorder, body = Recorder(), probes._relay({})
    signed = headers(WEBHOOK, "msg_1", int(time.time()), body)
    with pytest.raises(TooLarge):
        endpoint(recorder).receive(signed, "192.0.2.1", lambda: body)
    assert recorder.writes == []
    with pytest.raises(Unauthenticated):
        endpoint(recorder).receive(signed | {"webhook-id": "msg_2"}, "192.0.2.1", lambda: body)


def test_a_relay_with_zego_s_fields_leaves_its_nonce() -> None:
    recorder, at = Recorder(), str(int(time.time()))
    body = probes._relay({"signature": callback_signature("zego", at, "7"), "timestamp": at, "nonce": "7"})
    with pytest.raises(TooLarge):
        endpoint(recorder).receive({}, "192.0.2.1", lambda: body)
    assert recorder.writes == ["nonce"]


@pytest.mark.parametrize("callbacks", CALLBACKS, ids=lambda callbacks: callbacks.route)
def test_the_callback_is_no_task_of_any_route(callbacks: Any) -> None:
    recorder: Any = Recorder()
    hour = timedelta(hours=1)
    parts = {"callbacks": callbacks, "observations": recorder, "quarantine": recorder, "clock": now, "limit": 10**6}
    store = CallbackStore(**parts, first_poll_after=hour, give_up_after=hour)
    with pytest.raises(Malformed):
        store.put(probes.NO_TASK, Origin.CLAIM, now())
    assert recorder.writes == ["quarantine"]


def test_the_endpoints_are_those_of_the_functions() -> None:
    assert {name: setting.upper() for name, setting in ENDPOINTS.items()} == probes.ENDPOINTS
