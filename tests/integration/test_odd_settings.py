"""Functions as deployed, with settings and secrets as people write them: they start, and answer what is right."""

import json
from typing import Any

import pytest

from mediarelay.adapters.aws import client
from tests.counts import Counts, counted
from tests.integration.lambda_sandbox import SECRETS, LambdaSandbox
from tests.stack import ROOT

HERE = "203.0.113.7"
"""Where the events' requests come from."""
DOORS = {"video_callback": "CALLBACK_TOKENS_SECRET", "music_callback": "MUSIC_SECRET"}
NETWORKS = {"video_callback": "CALLBACK_SOURCE_CIDRS", "music_callback": "MUSIC_SOURCE_CIDRS"}
doors = pytest.mark.parametrize("function", DOORS)


def call(lambda_sandbox: LambdaSandbox, event: str, address: str = HERE) -> Any:
    content = json.loads((ROOT / "events" / f"{event}.json").read_text("utf-8"))
    lambda_sandbox.given(content["given"])
    content["event"].get("requestContext", {}).get("http", {})["sourceIp"] = address
    return lambda_sandbox.invoke(content["function"], content["event"])


def put(lambda_sandbox: LambdaSandbox, name: str, text: str) -> None:
    client("secretsmanager").put_secret_value(SecretId=lambda_sandbox.values[name], SecretString=text)


def named(counts: Counts, metric: str, detail: str) -> set[str]:
    """What a metric was counted of; all of it counts for the alarm."""
    found = counts.by(metric, detail)
    assert found.total() == counts.total(metric)
    return set(found)


@doors
@pytest.mark.parametrize(
    ("cidrs", "status", "unreadable"),
    [
        ("203.0.113.9/24", 200, 0),
        ("203.0.113.0/24, ", 200, 0),
        (" ,10.0.0.0/8,, 203.0.113.0/24,", 200, 0),
        ("2001:db8::1/64,203.0.113.7", 200, 0),
        ("nowhere,203.0.113.0/24", 200, 1),
        ("nowhere,192.0.2.0/24,10.0.0.0/99", 403, 2),
        ("2001:db8::1/64", 403, 0),
        ("nowhere", 503, 1),
        ("203.0.113.0-203.0.113.255", 503, 1),
        (" , ", 503, 1),
    ],
)
def test_networks_never_stop_a_function(
    lambda_sandbox: LambdaSandbox,
    capsys: pytest.CaptureFixture[str],
    function: str,
    cidrs: str,
    status: int,
    unreadable: int,
) -> None:
    lambda_sandbox.values[NETWORKS[function]] = cidrs
    answer = call(lambda_sandbox, function)
    assert answer["statusCode"] == status
    assert ("retry-after" in answer["headers"]) == (status == 503)
    counts = counted(capsys)
    assert counts.total("SettingUnreadable") == unreadable, "in all, for the alarm"
    assert counts.by("SettingUnreadable", "setting")[NETWORKS[function]] == unreadable
    assert counts.total("RelayUnavailable") == (function == "music_callback" and status == 503)


@doors
@pytest.mark.parametrize(
    ("address", "cidrs", "status"),
    [
        (f"::ffff:{HERE}", "203.0.113.0/24", 200),
        (f"::ffff:{HERE}", "192.0.2.0/24", 403),
        ("unknown", "0.0.0.0/0,::/0", 403),
        ("", "0.0.0.0/0,::/0", 403),
    ],
)
def test_addresses_never_raise(
    lambda_sandbox: LambdaSandbox, function: str, address: str, cidrs: str, status: int
) -> None:
    lambda_sandbox.values[NETWORKS[function]] = cidrs
    assert call(lambda_sandbox, function, address)["statusCode"] == status


@doors
def test_no_other_setting_stops_a_function(
    lambda_sandbox: LambdaSandbox, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture, function: str
) -> None:
    common = {"FIRST_POLL_AFTER": "soon", "GIVE_UP_AFTER": "1e9", "RAW_BODY_DAYS": "9" * 12, "CALLBACK_TRUST": "yes"}
    lambda_sandbox.values |= common | {"SECRET_CACHE_SECONDS": "-1", "MAX_CALLBACK_BYTES": "5 MiB", "SONG_DAYS": "0"}
    assert call(lambda_sandbox, function)["statusCode"] == 200
    found = named(counted(capsys), "SettingUnreadable", "setting")
    own = "SONG_DAYS" if function == "music_callback" else "MAX_CALLBACK_BYTES"
    assert found >= {*common, "SECRET_CACHE_SECONDS", own}
    logged = {vars(record)["setting"] for record in caplog.records if record.message == "setting unreadable"}
    assert logged == found


@doors
@pytest.mark.parametrize("text", ["", "canary-5f0c7d", "[]", "{", "null"])
def test_a_secret_that_is_no_json_is_503_and_never_500(
    lambda_sandbox: LambdaSandbox, capsys: pytest.CaptureFixture[str], function: str, text: str
) -> None:
    """The sender should try again: nobody can say that its token is wrong."""
    put(lambda_sandbox, DOORS[function], text or " ")
    answer = call(lambda_sandbox, function)
    assert (answer["statusCode"], answer["body"]["title"]) == (503, "Not ready")
    assert "retry-after" in answer["headers"]
    own = {"video_callback": "CallbackTokens"}.get(function, "MusicSecret")
    assert own in named(counted(capsys), "SecretUnusable", "secret")


@doors
@pytest.mark.parametrize(
    "text", ["{}", '{"other": "x"}', '{"tokens": 7, "webhook_secrets": "secret", "callback_secrets": 7}']
)
def test_a_secret_without_an_entry_lets_nobody_in(
    lambda_sandbox: LambdaSandbox, capsys: pytest.CaptureFixture[str], function: str, text: str
) -> None:
    put(lambda_sandbox, DOORS[function], text)
    assert call(lambda_sandbox, function)["statusCode"] == 401
    assert named(counted(capsys), "SecretUnusable", "secret")


@doors
def test_a_secret_that_cannot_be_read_is_503_and_never_500(lambda_sandbox: LambdaSandbox, function: str) -> None:
    lambda_sandbox.values[DOORS[function]] += "-gone"
    assert call(lambda_sandbox, function)["statusCode"] == 503


@doors
@pytest.mark.parametrize("form", ["\ufeff{}", "{}\n", " {} "])
@pytest.mark.parametrize("comma", [True, False])
def test_slips_of_the_hand_let_everybody_in(
    lambda_sandbox: LambdaSandbox, function: str, form: str, *, comma: bool
) -> None:
    text = json.dumps(SECRETS[DOORS[function]])
    put(lambda_sandbox, DOORS[function], form.replace("{}", text[:-1] + ",}" if comma else text))
    assert call(lambda_sandbox, function)["statusCode"] == 200


@pytest.mark.parametrize(
    "spelling",
    ['["x", null, "example-callback-token"]', '"x,example-callback-token"', '"x\\nexample-callback-token\\n"'],
)
def test_callback_tokens_in_other_spellings(lambda_sandbox: LambdaSandbox, spelling: str) -> None:
    put(lambda_sandbox, "CALLBACK_TOKENS_SECRET", f'{{"tokens": {spelling}}}')
    assert call(lambda_sandbox, "video_callback")["statusCode"] == 200


@pytest.mark.parametrize("bad", ["null", '"web"', "[]", "{}", '{"name": null, "sha256": null, "scopes": null}'])
@pytest.mark.parametrize("first", [True, False])
def test_one_bad_client_locks_out_nobody(
    lambda_sandbox: LambdaSandbox, capsys: pytest.CaptureFixture[str], bad: str, *, first: bool
) -> None:
    good = json.dumps(SECRETS["API_CLIENTS_SECRET"]["clients"])[1:-1]
    put(lambda_sandbox, "API_CLIENTS_SECRET", f'{{"clients": [{", ".join([bad, good] if first else [good, bad])}]}}')
    assert call(lambda_sandbox, "authorizer_allow")["isAuthorized"]
    assert named(counted(capsys), "SecretEntriesUnreadable", "secret") == {"ApiClients"}


def test_keys_that_cannot_sign_leave_everything_due(
    lambda_sandbox: LambdaSandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    put(lambda_sandbox, "PROVIDER_KEYS_SECRET", '{"secret_id": null, "secret_key": ""}')
    assert call(lambda_sandbox, "confirm")["batchItemFailures"]
    assert lambda_sandbox.site.requests == [], "nothing is sent unsigned"
    assert "ProviderKeys" in named(counted(capsys), "SecretUnusable", "secret")
