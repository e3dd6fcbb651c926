"""The recipes of `sign` agree with the signing layer, and `verify` names each mistake that a client may make."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from mediarelay.signing import mps_callback, qcloud, standard_webhooks, tc3, tokens, zego
from mediarelay_cli.signatures import joined, webhooks
from mediarelay_cli.signatures import qcloud as v2
from mediarelay_cli.signatures import tc3 as v3
from mediarelay_cli.signatures import tokens as token_recipes
from mediarelay_cli.signatures.common import standard_base64
from mediarelay_cli.signatures.recipe import SECRET, Mistake, explain, first_difference
from tests.hypothesis_profiles import patient

few = settings(patient, max_examples=25, suppress_health_check=list(HealthCheck))
VECTORS = Path(__file__).parents[2] / "vectors"
DIGITS = st.integers(1, 2**63).map(str)
SECONDS = st.integers(1_000_000_000, 9_999_999_999).map(str)
SECRETS = st.text("abcXYZ019+/-_ ", min_size=1, max_size=12)
NAMES = st.one_of(
    st.sampled_from(["_b", "b_", "b.1", "b_1", "b1", "B", "bA", "a_b_c"]),
    st.from_regex("[A-Za-z_][A-Za-z0-9._]{0,5}", fullmatch=True),
)
PAIRS = st.lists(
    st.tuples(NAMES, st.one_of(st.sampled_from(["@file", "a b", "/x?y=1"]), st.text(max_size=6))), max_size=6
)
BODIES = st.one_of(
    st.binary(max_size=20), st.dictionaries(st.text(max_size=3), st.integers()).map(json.dumps).map(str.encode)
)


def vectors(name: str) -> Any:
    return json.loads((VECTORS / f"{name}.json").read_text("utf-8"))


# ── the vectors ──


@pytest.mark.parametrize("vector", vectors("qcloud_v2"), ids=lambda vector: vector["id"])
def test_qcloud_vectors(vector: dict[str, Any]) -> None:
    pairs = tuple((name, str(value)) for name, value in vector["params"].items())
    found = v2.recipe(vector["secret_key"], vector["method"], vector["host"], vector["path"], pairs)
    assert (found.text.decode(), found.signature) == (vector["string_to_sign"], vector["signature"])


@pytest.mark.parametrize("vector", vectors("tc3"), ids=lambda vector: vector["source"])
def test_tc3_vectors(vector: dict[str, Any]) -> None:
    given, expected = vector["input"], vector["expect"]
    headers = {"content-type": given["content_type"], "host": given["host"]} | given.get("extra_headers", {})
    names = expected["authorization"].partition("SignedHeaders=")[2].partition(",")[0].split(";")
    if "x-tc-action" in names:
        headers["x-tc-action"] = expected["canonical_request"].partition("x-tc-action:")[2].partition("\n")[0]
    found = tc3_recipe(given["secret_key"], given["service"], headers, given["payload"].encode(), given["timestamp"])
    assert found.canonical_request == expected["canonical_request"]
    assert found.signature == expected["signature"]


@pytest.mark.parametrize("vector", vectors("zego")["callback_sha1"], ids=lambda vector: vector["id"])
def test_zego_vectors(vector: dict[str, Any]) -> None:
    found = joined.zego_callback(vector["callbacksecret"], str(vector["timestamp"]), str(vector["nonce"]))
    assert (found.text.decode(), found.signature) == (vector["sorted_concat"], vector["signature"])
    assert found.shown.replace(SECRET, vector["callbacksecret"]) == vector["sorted_concat"]


@pytest.mark.parametrize("vector", vectors("zego")["callback_sha1_negative"], ids=lambda vector: vector["id"])
def test_wrong_zego_signatures_are_explained(vector: dict[str, Any]) -> None:
    base = next(one for one in vectors("zego")["callback_sha1"] if one["id"] == vector["base"])
    right = joined.zego_callback(base["callbacksecret"], str(base["timestamp"]), str(base["nonce"]))
    causes = explain(right, vector["bad_signature"], joined.ZEGO_MISTAKES)
    assert causes is None or not all(one.accepted for one in causes)


@pytest.mark.parametrize("vector", vectors("zego")["server_api_md5"], ids=lambda vector: vector["id"])
def test_zego_server_api_vectors(vector: dict[str, Any]) -> None:
    values = (str(vector[name]) for name in ("ServerSecret", "AppId", "SignatureNonce", "Timestamp"))
    assert joined.zego_server_api(*values).signature == vector["Signature"]


@pytest.mark.parametrize("vector", vectors("mps_callback"))
def test_mps_vectors(vector: dict[str, Any]) -> None:
    found = joined.mps_callback("NotifyKeyExample01", "1700000600")
    assert (found.text.decode(), found.signature) == (vector["text"], vector["md5"])


# ── the same signatures as the signing layer's ──


def tc3_recipe(secret: str, service: str, headers: dict[str, str], payload: bytes, timestamp: object) -> v3.Tc3Recipe:
    return v3.Tc3Recipe(
        secret=secret,
        service=service,
        date=v3.date_of(str(timestamp)),
        timestamp=str(timestamp),
        method="POST",
        path="/",
        query="",
        headers=tuple(sorted(headers.items())),
        payload=payload,
    )


@st.composite
def v2_recipes(draw: st.DrawFn) -> v2.V2Recipe:
    common = {"SecretId": "AKID", "Timestamp": draw(SECONDS), "Nonce": draw(DIGITS), "Action": "GetCtsInfo"}
    common |= draw(st.sampled_from([{}, {"SignatureMethod": "HmacSHA256"}, {"SignatureMethod": "HmacSHA1"}]))
    pairs = tuple((dict(draw(PAIRS)) | common).items())
    host = draw(st.sampled_from(["cdn.api.qcloud.com", "127.0.0.1:8080"]))
    path = draw(st.sampled_from(["/v2/index.php", "/"]))
    return v2.recipe(draw(SECRETS), draw(st.sampled_from(["GET", "POST"])), host, path, pairs)


@st.composite
def v3_recipes(draw: st.DrawFn) -> v3.Tc3Recipe:
    headers = {
        "content-type": draw(st.sampled_from(["application/json", "application/json; charset=UTF-8"])),
        "host": draw(st.sampled_from(["mps.tencentcloudapi.com", "mps.ap-guangzhou.tencentcloudapi.com", "h:8080"])),
    }
    return tc3_recipe(draw(SECRETS), "mps", headers, draw(BODIES), draw(SECONDS))


@st.composite
def webhook_recipes(draw: st.DrawFn) -> webhooks.WebhookRecipe:
    key = draw(st.binary(min_size=9, max_size=30))
    secret = draw(st.sampled_from(["", "whsec_"])) + standard_base64(key)
    return webhooks.recipe(secret, draw(st.text("abc_09", min_size=1)), draw(SECONDS), draw(BODIES))


ZEGO = st.builds(joined.zego_callback, SECRETS, SECONDS, DIGITS)
SERVER_API = st.builds(joined.zego_server_api, SECRETS, DIGITS, DIGITS, SECONDS)
MPS = st.builds(joined.mps_callback, SECRETS, SECONDS)
TOKENS = st.builds(lambda secret: token_recipes.TokenRecipe(secret=secret), SECRETS)


@patient
@given(v2_recipes())
def test_qcloud_signs_as_the_signing_layer(found: v2.V2Recipe) -> None:
    params = dict(found.pairs)
    assert found.signature == qcloud.sign(found.secret, found.method, found.host, found.path, params)


@patient
@given(v3_recipes())
def test_tc3_signs_as_the_signing_layer(found: v3.Tc3Recipe) -> None:
    request = tc3.Request("mps", int(found.timestamp), dict(found.headers), found.payload)
    assert (found.canonical_request, found.text.decode()) == (request.canonical_request, request.string_to_sign)
    assert (found.scope, found.signature) == (request.scope, request.signature(found.secret))


@patient
@given(webhook_recipes())
def test_webhooks_sign_as_the_signing_layer(found: webhooks.WebhookRecipe) -> None:
    assert found.signature == standard_webhooks.sign(
        found.secret, found.message_id.decode(), found.timestamp.decode(), found.body
    )


@patient
@given(ZEGO, SERVER_API, MPS, TOKENS)
def test_hashes_agree_with_the_signing_layer(
    relay: joined.JoinedRecipe,
    call: joined.JoinedRecipe,
    callback: joined.JoinedRecipe,
    token: token_recipes.TokenRecipe,
) -> None:
    at, nonce = (dict(relay.stated)[name] for name in ("timestamp", "nonce"))
    assert relay.signature == zego.callback_signature(relay.secret, at, nonce)
    app, once, sent = (dict(call.stated)[name] for name in ("app_id", "nonce", "timestamp"))
    assert call.signature == zego.server_api_signature(app, once, call.secret, sent)
    assert callback.signature == mps_callback.callback_sign(int(dict(callback.stated)["timestamp"]), callback.secret)
    assert token.signature == tokens.digest(token.secret)


# ── every mistake is named ──

SCHEMES: dict[str, tuple[st.SearchStrategy[Any], tuple[Mistake[Any], ...]]] = {
    "qcloud": (v2_recipes(), v2.MISTAKES),
    "tc3": (v3_recipes(), v3.MISTAKES),
    "webhook": (webhook_recipes(), webhooks.MISTAKES),
    "zego": (ZEGO, joined.ZEGO_MISTAKES),
    "zego-api": (SERVER_API, joined.SERVER_API_MISTAKES),
    "mps": (MPS, joined.MPS_MISTAKES),
    "token": (TOKENS, token_recipes.MISTAKES),
}
CASES = [(scheme, mistake.rule) for scheme, (_, mistakes) in SCHEMES.items() for mistake in mistakes]


def reproduces(mistake: Mistake[Any], right: Any, foreign: str) -> bool:
    return any(changed.signature == foreign for _, changed in mistake.changes(right))


@pytest.mark.parametrize(("scheme", "rule"), CASES)
@few
@given(data=st.data())
def test_each_mistake_is_named(scheme: str, rule: str, data: st.DataObject) -> None:
    """Two mistakes may make the same signature of one request; then the one that stands first in the list is named."""
    recipes, mistakes = SCHEMES[scheme]
    right = data.draw(recipes)
    made = next(one for one in mistakes if one.rule == rule)
    wrong = {changed.signature for _, changed in made.changes(right)} - {right.signature}
    assume(wrong)
    foreign = data.draw(st.sampled_from(sorted(wrong)))
    (cause,) = explain(right, foreign, mistakes) or ()
    expected = next(one for one in mistakes if reproduces(one, right, foreign))
    assert cause.rule == expected.rule
    assert "{}" not in cause.finding
    assert cause.rule == rule or mistakes.index(expected) < mistakes.index(made)


@pytest.mark.parametrize("scheme", SCHEMES)
@few
@given(data=st.data())
def test_a_right_signature_has_no_cause_and_an_invented_one_no_explanation(scheme: str, data: st.DataObject) -> None:
    recipes, mistakes = SCHEMES[scheme]
    right = data.draw(recipes)
    assert explain(right, right.signature, mistakes) == ()
    assert explain(right, "invented", mistakes) is None


PUBLISHED = {one["id"]: one for one in vectors("qcloud_v2")}["getctsinfo-url-unicode"]


def test_two_mistakes_at_once_are_named_together() -> None:
    pairs = tuple((name, str(value)) for name, value in PUBLISHED["params"].items())
    right = v2.recipe(PUBLISHED["secret_key"], PUBLISHED["method"], PUBLISHED["host"], PUBLISHED["path"], pairs)
    encoding = next(one for one in v2.MISTAKES if one.rule == "url_encoded_values")
    spelling = next(one for one in v2.MISTAKES if one.rule == "base64_of_hex")
    wrong = next(iter(spelling.changes(next(iter(encoding.changes(right)))[1])))[1]
    causes = explain(right, wrong.signature, v2.MISTAKES)
    assert [one.rule for one in causes or ()] == ["url_encoded_values", "base64_of_hex"]


def accepted(scheme: str) -> list[str]:
    return [one.rule for one in SCHEMES[scheme][1] if one.accepted]


@patient
@given(data=st.data())
def test_what_verify_accepts_is_what_mediarelay_accepts(data: st.DataObject) -> None:
    """An accepted spelling passes the receiver's own check, and another one does not."""
    right = data.draw(v2_recipes())
    mistake = data.draw(st.sampled_from(v2.MISTAKES))
    names = [name for name, _ in right.pairs]
    assume(len({v2.dotted(name) for name in names}) == len(names))
    for _, changed in mistake.changes(right):
        params = dict(right.pairs) | {"Signature": changed.signature}
        causes = explain(right, changed.signature, v2.MISTAKES)
        assume(causes is not None)
        assert v2_accepts(right, params) == all(one.accepted for one in causes or ())


def v2_accepts(right: v2.V2Recipe, params: dict[str, str]) -> bool:
    endpoint = qcloud.Endpoint(right.method, right.host, right.path)
    now = int(params["Timestamp"])
    try:
        qcloud.verify(endpoint, params, secret_of=lambda _id: right.secret, seen=lambda _nonce: False, now=now)
    except qcloud.WrongSignature:
        return False
    except qcloud.BadParameter:
        assume(condition=False)
    return True


def test_texts_are_compared_from_the_start() -> None:
    assert first_difference("abc", "abc") == ""
    assert first_difference("GETa?b=1", "GETa?b=%31").startswith("character 8: '1'")
    assert first_difference("abc", "ab").startswith("character 3: 'c' was expected, '' was signed")
