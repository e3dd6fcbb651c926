"""The engine's game server: what it relays is read as the variant that it says, and its faults are what they say."""

import json
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pytest

from engine.music import VARIANTS, WRONG, Order, Variant, Wrong, messages
from mediarelay.contracts.zego.checks import inconsistencies
from mediarelay.contracts.zego.message import read_message
from mediarelay.contracts.zego.relay import read_relay
from mediarelay.domain.songs.lease import advice, lease
from mediarelay.domain.songs.model import Relay
from mediarelay.signing.standard_webhooks import verifies
from mediarelay.signing.zego import matches

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SECRET = "YSBzZWNyZXQ="


def read(**order: Any) -> list[Relay]:
    """What the relays of an order say, each received a second after the one before."""
    return [
        read_relay(message.fields, NOW - timedelta(seconds=message.age), NOW + timedelta(seconds=place))
        for place, message in enumerate(messages(Order(room_id="r", **order)))
    ]


def next_step(relays: list[Relay]) -> str:
    return advice(lease(relays), NOW + timedelta(seconds=5), timedelta()).next.value


def test_every_name_is_known() -> None:
    assert set(get_args(Variant)) == set(VARIANTS)
    assert set(get_args(Wrong)) == set(WRONG)


@pytest.mark.parametrize("variant", VARIANTS)
def test_each_variant_is_read_as_itself(variant: str) -> None:
    (relay,) = read(variant=variant, ttl=60_000)
    kinds = {"song": "song", "accompaniment": "accompaniment", "clip": "clip", "segment": "segment"}
    assert relay.key.type == kinds[variant.rpartition("_")[2]]
    assert relay.grant
    assert relay.grant.shared == variant.startswith("shared")
    assert inconsistencies(relay.grant) == []
    assert next_step([relay]) == "use"


@pytest.mark.parametrize(
    ("fault", "after"),
    [
        ("nothing", "use"),
        ("empty", "give_up"),
        ("expired", "acquire"),
        ("duplicates", "use"),
        ("out_of_order", "use"),
        ("error", "give_up"),
    ],
)
def test_each_fault_has_its_effect(fault: str, after: str) -> None:
    assert next_step(read(fault=fault)) == after


def test_an_error_code_alone_is_an_error() -> None:
    (relay,) = read(error_code=1017034)
    assert relay.error
    assert relay.error.code == 1017034


def test_a_late_older_acquisition_would_end_earlier() -> None:
    newer, older = read(fault="out_of_order", ttl=60_000)
    (share, *_) = lease([newer, older]).entitlements(timedelta())
    assert older.sent < newer.sent
    assert share.until == newer.at + timedelta(seconds=60)


def test_duplicates_are_one_result() -> None:
    assert len(lease(read(fault="duplicates")).relays) == 1


@pytest.mark.parametrize("scheme", ["webhooks", "zego"])
@pytest.mark.parametrize("fault", ["nothing", "wrong_signature"])
def test_what_is_sent_is_signed(stub: Any, receiver: Any, scheme: str, fault: str) -> None:
    shown = stub.console("config", {"music": {"url": f"{receiver.url}/music", "secret": SECRET}})
    assert shown["music"]["secret"] == "********"
    order = json.dumps({"room_id": "r", "scheme": scheme, "fault": fault})
    status, _, answer = stub.request("POST", "/_engine/music", order)
    assert (status, json.loads(answer)) == (200, {"statuses": [200]})
    body, sent = next(
        (json.dumps(body).encode(), headers) for path, body, headers in receiver.got[::-1] if path == "/music"
    )
    signed = read_message(body).signed
    if scheme == "webhooks":
        proof, number, at = (sent[f"webhook-{name}"] for name in ("signature", "id", "timestamp"))
        proved = verifies(proof, [SECRET], number, at, body)
    else:
        assert signed
        proved = matches(signed.signature, [SECRET], signed.timestamp, signed.nonce)
    assert proved is (fault == "nothing")


@pytest.mark.parametrize(
    "order", [{}, {"room_id": "r", "variant": "opera"}, {"room_id": "r", "ttl": -1}, {"room_id": "r"}]
)
def test_an_order_that_cannot_be_carried_out_is_a_problem(stub: Any, order: dict[str, Any]) -> None:
    stub.console("config", {"music": {"url": "http://127.0.0.1:1", "secret": SECRET}})
    status, headers, _ = stub.request("POST", "/_engine/music", json.dumps(order))
    assert (status, headers["Content-Type"]) == (400, "application/problem+json")


def test_orders_have_defaults() -> None:
    assert asdict(Order(room_id="r"))["variant"] == "accompaniment"
