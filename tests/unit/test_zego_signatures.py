"""ZEGO signatures against the vectors, wrong ones included."""

import json
from pathlib import Path
from typing import Any

import pytest

from mediarelay.signing.zego import callback_signature, matches, server_api_signature

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "zego.json").read_text("utf-8"))
CALLBACKS = {vector["id"]: vector for vector in VECTORS["callback_sha1"]}


def signature_of(vector: dict[str, Any]) -> str:
    timestamp = int(vector["timestamp"]) if vector["timestamp_json_type"] == "number" else vector["timestamp"]
    return callback_signature(vector["callbacksecret"], timestamp, vector["nonce"])


@pytest.mark.parametrize("vector", CALLBACKS.values(), ids=lambda vector: vector["id"])
def test_callback(vector: dict[str, Any]) -> None:
    assert signature_of(vector) == vector["signature"]


@pytest.mark.parametrize("vector", CALLBACKS.values(), ids=lambda vector: vector["id"])
def test_callback_numbers_may_be_text_or_integers(vector: dict[str, Any]) -> None:
    secret, nonce = vector["callbacksecret"], vector["nonce"]
    spelled = {callback_signature(secret, stamp, nonce) for stamp in (vector["timestamp"], int(vector["timestamp"]))}
    assert spelled == {vector["signature"]}
    if nonce.isdigit():
        assert callback_signature(secret, vector["timestamp"], int(nonce)) == vector["signature"]


@pytest.mark.parametrize("vector", VECTORS["callback_sha1_negative"], ids=lambda vector: vector["id"])
def test_wrong_callback_signature(vector: dict[str, Any]) -> None:
    assert vector["expect"] == "reject"
    base = CALLBACKS[vector["base"]]
    proof = ["another secret", base["callbacksecret"]], str(base["timestamp"]), base["nonce"]
    assert not matches(vector["bad_signature"], *proof)
    assert matches(base["signature"], *proof)


@pytest.mark.parametrize("vector", VECTORS["server_api_md5"], ids=lambda vector: vector["id"])
@pytest.mark.parametrize("spell", [int, str])
def test_server_api(vector: dict[str, Any], spell: type) -> None:
    signature = server_api_signature(
        spell(vector["AppId"]), vector["SignatureNonce"], vector["ServerSecret"], spell(vector["Timestamp"])
    )
    assert signature == vector["Signature"]


def test_every_group_of_vectors_is_used() -> None:
    assert set(VECTORS) == {"callback_sha1", "callback_sha1_negative", "server_api_md5"}


def test_an_empty_secret_signs_nothing() -> None:
    assert not matches(callback_signature("", "1", "n"), ["", ""], "1", "n")
