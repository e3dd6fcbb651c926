"""API v2 signatures: the published and SDK vectors, round trips, and everything a verifier must refuse."""

import base64
import hmac
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mediarelay.errors import Unauthenticated
from mediarelay.signing.qcloud import (
    RESERVED,
    BadParameter,
    Credentials,
    Endpoint,
    NonceReused,
    OutsideWindow,
    UnknownKey,
    VerificationFailed,
    WrongSignature,
    flatten,
    sign,
    signed_params,
    string_to_sign,
    verify,
)
from tests.hypothesis_profiles import patient

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "qcloud_v2.json").read_text("utf-8"))
KEY = Credentials("AKIDEXAMPLE", "a secret key")
GET = Endpoint("GET", "cdn.example.com", "/v2/index.php")
POST = Endpoint("POST", "cdn.example.com", "/v2/index.php")
NOW = 1_480_384_094


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["id"])
def test_vector(vector: dict[str, Any]) -> None:
    request = (vector["method"], vector["host"], vector["path"])
    assert string_to_sign(*request, vector["params"]) == vector["string_to_sign"]
    assert sign(vector["secret_key"], *request, vector["params"]) == vector["signature"]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["id"])
def test_vector_is_accepted_and_its_variations_are_not(vector: dict[str, Any]) -> None:
    endpoint = Endpoint(vector["method"], vector["host"], vector["path"])
    received = {**vector["params"], "Signature": vector["signature"]}
    now = int(received["Timestamp"])
    check(received, endpoint=endpoint, secret=vector["secret_key"], now=now)
    other_method = Endpoint("GET" if vector["method"] == "POST" else "POST", vector["host"], vector["path"])
    for wrong in (other_method, Endpoint(endpoint.method, "x", endpoint.path), Endpoint(endpoint.method, "x", "/x")):
        with pytest.raises(WrongSignature):
            check(received, endpoint=wrong, secret=vector["secret_key"], now=now)


def check(
    received: Mapping[str, object],
    endpoint: Endpoint = GET,
    *,
    secret: str = KEY.secret_key,
    now: float = NOW,
    seen: Callable[[str], bool] = lambda _: False,
    window: int = 300,
) -> None:
    verify(endpoint, received, secret_of=lambda _: secret, seen=seen, now=now, window=window)


def request(params: Mapping[str, object] | None = None, endpoint: Endpoint = GET, **more: Any) -> dict[str, str]:
    return signed_params(KEY, endpoint, params or {"Action": "GetCtsInfo"}, nonce=7, timestamp=NOW, **more)


def test_rules_of_the_string_to_sign() -> None:
    params = {"b_c": "x_y", "b.b": 1, "b-z": None, "B": "", "Signature": "old", "Token": "t", "RequestClient": "me"}
    expected = "GEThost/p?B=&RequestClient=me&Token=t&b-z=&b.b=1&b.c=x_y"
    assert string_to_sign("get", "host", "/p", params) == expected
    assert "f=@file" in string_to_sign("GET", "h", "/", {"f": "@file"})
    assert string_to_sign("POST", "h", "/", {"f": "@file", "g": ["@x", "y@"], "h": 1}) == "POSTh/?g.1=y@&h=1"


def signed_like(spelling: str, params: Mapping[str, str], endpoint: Endpoint = GET) -> dict[str, str]:
    """Sign as the SDK of a language does; they differ in names with underscores only."""
    full = {"SecretId": KEY.secret_id, "Nonce": "7", "Timestamp": str(NOW), **params}

    def dotted(name: str) -> str:
        keeps = spelling == "php" and name.startswith("_")
        return name if keeps else name.replace("_", ".")

    names = sorted(full, key=dotted) if spelling == "python" else sorted(full)
    text = f"{endpoint.method}{endpoint.host}{endpoint.path}?" + "&".join(
        f"{dotted(name)}={full[name]}" for name in names
    )
    return {**full, "Signature": base64.b64encode(hmac.digest(KEY.secret_key.encode(), text.encode(), "sha1")).decode()}


@pytest.mark.parametrize("spelling", ["python", "java", "php"])
@given(params=st.dictionaries(st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,5}", fullmatch=True), st.text(max_size=5)))
def test_every_official_order_of_underscores_is_accepted(spelling: str, params: dict[str, str]) -> None:
    assume(not RESERVED.intersection(params))
    received = signed_like(spelling, params)
    check(received)
    with pytest.raises(WrongSignature):
        check({**received, "Nonce": "8"})


def test_the_orders_of_underscores_really_differ() -> None:
    params = {"a_b": "1", "aZ": "2", "_c": "3", "a.a": "4"}
    signatures = {signed_like(spelling, params)["Signature"] for spelling in ("python", "java", "php")}
    assert len(signatures) == 3


def test_only_the_exact_name_means_sha256() -> None:
    sha1, sha256 = 20, 32
    lengths = {
        name: len(base64.b64decode(sign("k", "GET", "h", "/", {"SignatureMethod": name})))
        for name in ("HmacSHA256", "HmacSHA1", "hmacsha256", "HmacSHA512", "")
    }
    assert lengths == {"HmacSHA256": sha256, "HmacSHA1": sha1, "hmacsha256": sha1, "HmacSHA512": sha1, "": sha1}
    assert len(base64.b64decode(sign("k", "GET", "h", "/", {}))) == sha1


def test_flatten() -> None:
    nested: dict[str, object] = {
        "Filters": [{"Name": "zone", "Values": ("a", "b")}, 3],
        "None": None,
        "No": [],
        "On": True,
        "My_Key": {},
    }
    assert flatten(nested) == {
        "Filters.0.Name": "zone",
        "Filters.0.Values.0": "a",
        "Filters.0.Values.1": "b",
        "Filters.1": "3",
        "None": "",
        "No": "",
        "On": "true",
        "My_Key": "",
    }


@pytest.mark.parametrize("params", [{"a": {"0": 1}, "a.0": 2}, {"a": {1: "x", "1": "y"}}])
def test_flatten_never_loses_a_parameter(params: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="two parameters are named"):
        flatten(params)


@pytest.mark.parametrize("value", [1.5, b"x", {1}, object()])
def test_flatten_refuses_what_has_no_spelling(value: object) -> None:
    with pytest.raises(TypeError):
        flatten({"a": [value]})


def test_signed_params() -> None:
    full = signed_params(
        Credentials("id", "key", "temporary"), POST, {"Action": "A", "n": [1]}, nonce=2**63 - 1, timestamp=NOW
    )
    assert full == {
        "Action": "A",
        "n.0": "1",
        "SecretId": "id",
        "Nonce": str(2**63 - 1),
        "Timestamp": str(NOW),
        "SignatureMethod": "HmacSHA256",
        "Token": "temporary",
        "Signature": sign("key", "POST", POST.host, POST.path, {**full, "Signature": "ignored"}),
    }
    assert request(sha256=False)["SignatureMethod"] == "HmacSHA1"
    assert "Token" not in request()


@pytest.mark.parametrize("name", sorted(RESERVED))
def test_signed_params_keeps_its_names(name: str) -> None:
    with pytest.raises(ValueError, match=f"reserved parameter: {name}"):
        request({name: "x"})


@pytest.mark.parametrize(("nonce", "timestamp"), [(0, 1), (1, 0), (-1, 1)])
def test_signed_params_needs_positive_numbers(nonce: int, timestamp: int) -> None:
    with pytest.raises(ValueError, match="positive"):
        signed_params(KEY, GET, {}, nonce=nonce, timestamp=timestamp)


def test_secrets_stay_out_of_repr_and_errors() -> None:
    shown = repr(Credentials("id", "the key", "the token"))
    assert "id" in shown
    assert "the key" not in shown
    assert "the token" not in shown
    received = request() | {"Signature": "x"}
    with pytest.raises(WrongSignature) as caught:
        check(received)
    right = sign(KEY.secret_key, GET.method, GET.host, GET.path, received)
    assert KEY.secret_key not in str(caught.value)
    assert right not in str(caught.value)


NAMES = st.text(st.sampled_from("ABab01._"), min_size=1, max_size=6).filter(lambda name: name not in RESERVED)
LEAVES = st.none() | st.integers() | st.booleans() | st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3), max_leaves=6
)
PARAMS = st.dictionaries(NAMES, VALUES, max_size=5)
ENDPOINTS = st.sampled_from([GET, POST])


def ambiguous(params: Mapping[str, object]) -> bool:
    try:
        flat = flatten(params)
    except ValueError:
        return True
    return len({name.replace("_", ".") for name in flat}) < len(flat)


@given(PARAMS, ENDPOINTS, st.booleans())
@patient
def test_what_is_signed_is_accepted(params: dict[str, Any], endpoint: Endpoint, sha256: bool) -> None:
    assume(not ambiguous(params))
    full = request(params, endpoint, sha256=sha256)
    check(full, endpoint)
    check(dict(sorted(full.items(), reverse=True)), endpoint)
    assert all(isinstance(value, str) for value in full.values())


@given(PARAMS, ENDPOINTS, st.data())
@patient
def test_any_single_change_is_refused(params: dict[str, Any], endpoint: Endpoint, data: st.DataObject) -> None:
    assume(not ambiguous(params))
    full = request(params, endpoint)
    name = data.draw(st.sampled_from([name for name in sorted(full) if is_signed(endpoint, full[name])]))
    value = data.draw(st.text(max_size=12).filter(lambda text: text != full[name]))
    with pytest.raises(VerificationFailed):
        check(full | {name: value}, endpoint)
    with pytest.raises(VerificationFailed):
        check({key: text for key, text in full.items() if key != name}, endpoint)


def is_signed(endpoint: Endpoint, value: str) -> bool:
    return endpoint.method != "POST" or not value.startswith("@")


@given(PARAMS, ENDPOINTS, NAMES, st.data())
@patient
def test_any_renamed_parameter_is_refused(
    params: dict[str, Any], endpoint: Endpoint, new: str, data: st.DataObject
) -> None:
    assume(not ambiguous(params))
    full = request(params, endpoint)
    old = data.draw(st.sampled_from(sorted(full)))
    same = {name.replace("_", ".") for name in full}
    assume(new.replace("_", ".") not in same and is_signed(endpoint, full[old]))
    renamed = {new if name == old else name: value for name, value in full.items()}
    with pytest.raises(VerificationFailed):
        check(renamed, endpoint)


def test_underscore_and_dot_sign_alike_so_both_at_once_are_refused() -> None:
    full = request({"a_b": "1"})
    check({name.replace("_", "."): value for name, value in full.items()})
    with pytest.raises(BadParameter, match="sign alike"):
        check(full | {"a.b": "1"})


@pytest.mark.parametrize(("offset", "inside"), [(0, True), (300, True), (-300, True), (301, False), (-301, False)])
def test_window_edges(offset: int, *, inside: bool) -> None:
    full = request()
    if inside:
        check(full, now=NOW + offset)
        return
    with pytest.raises(OutsideWindow) as caught:
        check(full, now=NOW + offset)
    assert caught.value.code == 4500


def test_window_is_a_parameter() -> None:
    check(request(), now=NOW + 7200, window=7200)
    with pytest.raises(OutsideWindow):
        check(request(), now=NOW + 1.5, window=1)


def test_a_nonce_is_good_once() -> None:
    used: set[str] = set()

    def seen(nonce: str) -> bool:
        known = nonce in used
        used.add(nonce)
        return known

    full = request()
    check(full, seen=seen)
    with pytest.raises(NonceReused) as caught:
        check(full, seen=seen)
    assert caught.value.code == 4500
    check(signed_params(KEY, GET, {"Action": "GetCtsInfo"}, nonce=8, timestamp=NOW), seen=seen)
    assert used == {"7", "8"}


def test_only_a_good_request_uses_up_its_nonce() -> None:
    asked: list[str] = []

    def seen(nonce: str) -> bool:
        asked.append(nonce)
        return False

    forged = request() | {"Signature": "x"}
    for received, now in ((forged, NOW), (request(), NOW + 999)):
        with pytest.raises(VerificationFailed):
            check(received, now=now, seen=seen)
    assert asked == []


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"Signature": None}, "Signature"),
        ({"Signature": ""}, "Signature"),
        ({"SecretId": ""}, "SecretId"),
        ({"Nonce": ""}, "Nonce"),
        ({"Nonce": "0"}, "Nonce"),
        ({"Nonce": "007"}, "Nonce"),
        ({"Nonce": "-7"}, "Nonce"),
        ({"Nonce": "7.0"}, "Nonce"),
        ({"Nonce": " 7"}, "Nonce"),
        ({"Nonce": "7\n"}, "Nonce"),
        ({"Nonce": "\u0667"}, "Nonce"),
        ({"Nonce": "9" * 21}, "Nonce"),
        ({"Timestamp": "now"}, "Timestamp"),
        ({"Timestamp": "1480384094.5"}, "Timestamp"),
        ({"Timestamp": "9" * 13}, "Timestamp"),
        ({"a=b": "1"}, "parameters"),
        ({"a&b": "1"}, "parameters"),
        ({"": "1"}, "parameters"),
        ({"\u540d": "1"}, "parameters"),
        ({"a": "\ud800"}, "parameters"),
        ({"a": 1.5}, "parameters"),
        ({"a": [1], "a.0": "1"}, "parameters"),
    ],
)
def test_bad_parameters(change: dict[str, object], name: str) -> None:
    with pytest.raises(BadParameter) as caught:
        check(request() | change)
    assert (caught.value.code, caught.value.name) == (4000, name)


@pytest.mark.parametrize("name", ["SecretId", "Nonce", "Timestamp", "Signature"])
def test_missing_parameters(name: str) -> None:
    full = request()
    del full[name]
    with pytest.raises(BadParameter, match="missing"):
        check(full)


def test_unknown_key() -> None:
    with pytest.raises(UnknownKey) as caught:
        verify(GET, request(), secret_of={"other": "key"}.get, seen=lambda _: False, now=NOW)
    assert caught.value.code == 4104


@pytest.mark.parametrize("signature", ["x", "\u4e2d", "=" * 44, "b/HlnO7vWEtR/kf21BvF0fX4vGmIThwWxlaD5GQtlSM="])
def test_wrong_signatures(signature: str) -> None:
    with pytest.raises(WrongSignature) as caught:
        check(request() | {"Signature": signature})
    assert caught.value.code == 4100
    assert isinstance(caught.value, Unauthenticated)


@given(st.dictionaries(st.text(max_size=9) | st.sampled_from(sorted(RESERVED)), st.text(max_size=20) | st.integers()))
@patient
def test_anything_received_is_answered_with_a_code(received: dict[str, object]) -> None:
    with pytest.raises(VerificationFailed) as caught:
        check(received)
    assert caught.value.code in {4000, 4100}
