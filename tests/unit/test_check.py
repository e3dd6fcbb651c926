"""The check of settings and secrets: it finds what would go wrong, says what to do, and shows no secret."""

import base64
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from hypothesis import given
from hypothesis import strategies as st

from mediarelay import check
from mediarelay.check import KINDS, Severity, Unread, findings, main
from mediarelay.providers.registry import NAMES
from mediarelay.signing.tokens import digest
from tests.hypothesis_profiles import patient
from tests.stack import template

CANARY = "canary5f0c7d"
GOOD_ENVIRONMENT = {
    "TABLE_NAME": "ledger",
    "CALLBACK_SOURCE_CIDRS": "192.0.2.0/24",
    "PROVIDER_ENDPOINT": "https://cdn.api.qcloud.com/v2/index.php",
    "VISIBILITY_TIMEOUT": "180",
}
WEBHOOK = "whsec_" + base64.b64encode(b"k" * 24).decode()
GOOD: dict[str, Any] = {
    "callback_tokens_secret": {"tokens": "0123456789abcdef0123 fedcba98765432100123"},
    "music_secret": {"webhook_secrets": WEBHOOK, "callback_secrets": ""},
    "api_clients_secret": {"clients": [{"name": "web", "sha256": digest("t"), "scopes": ["read", "read:tokens"]}]},
    "provider_keys_secret": {"secret_id": "AKIDexample", "secret_key": "example"},
    "webhook_endpoints_secret": {"endpoints": [{"name": "a", "url": "https://a.example.com/", "secrets": WEBHOOK}]},
}


def texts(**changes: Any) -> dict[str, Any]:
    """The secrets as they are stored."""
    return {
        name: value if isinstance(value, str | Unread) else json.dumps(value)
        for name, value in (GOOD | changes).items()
    }


def test_nothing_is_wrong_with_what_is_right() -> None:
    assert findings(GOOD_ENVIRONMENT, texts()) == []


@pytest.mark.parametrize("networks", [{}, {"MUSIC_SOURCE_CIDRS": "0.0.0.0/0"}])
def test_only_functions_that_receive_callbacks_are_warned_that_any_address_decides(networks: dict[str, str]) -> None:
    environment = {name: value for name, value in GOOD_ENVIRONMENT.items() if name != "CALLBACK_SOURCE_CIDRS"}
    assert findings(environment | networks | {"CALLBACK_TRUST": "callback"}, texts()) == []


@pytest.mark.parametrize(
    ("change", "severity", "where", "what"),
    [
        ({"TABLE_NAME": ""}, "error", "TABLE_NAME", "not given"),
        ({"TABLE_NAME": " "}, "error", "TABLE_NAME", "not given"),
        (
            {"CALLBACK_SOURCE_CIDRS": "192.0.2.0/24,nowhere"},
            "error",
            "CALLBACK_SOURCE_CIDRS",
            "'nowhere' is no network",
        ),
        ({"CALLBACK_SOURCE_CIDRS": ", "}, "error", "CALLBACK_SOURCE_CIDRS", "no network in it"),
        ({"MUSIC_SOURCE_CIDRS": "nowhere,::/0"}, "error", "MUSIC_SOURCE_CIDRS", "'nowhere' is no network"),
        ({"MUSIC_SOURCE_CIDRS": ""}, "error", "MUSIC_SOURCE_CIDRS", "no network in it"),
        ({"CALLBACK_TRUST": "maybe"}, "error", "CALLBACK_TRUST", "confirm or callback"),
        (
            {"CALLBACK_TRUST": "callback", "CALLBACK_SOURCE_CIDRS": "::/0"},
            "warning",
            "CALLBACK_SOURCE_CIDRS",
            "from any address",
        ),
        ({"FIRST_POLL_AFTER": "soon"}, "error", "FIRST_POLL_AFTER", "a whole number from 1 to 86400"),
        ({"GIVE_UP_AFTER": "1"}, "error", "GIVE_UP_AFTER", "a whole number from 10 to"),
        ({"VISIBILITY_TIMEOUT": "30"}, "warning", "VISIBILITY_TIMEOUT", "below 180"),
        ({"PROVIDER_ENDPOINT": f"https://u:{CANARY}@h/"}, "error", "PROVIDER_ENDPOINT", "a user"),
        ({"PROVIDER_ENDPOINT": "http://cdn.api.qcloud.com/"}, "error", "PROVIDER_ENDPOINT", "https only"),
        ({"MPS_ENDPOINT": f"https://u:{CANARY}@h/"}, "error", "MPS_ENDPOINT", "a user"),
        ({"MPS_ENDPOINT": "https://mps.tencentcloudapi.com/v2"}, "error", "MPS_ENDPOINT", "a path"),
    ],
)
def test_what_is_wrong_with_a_setting(change: dict[str, str], severity: str, where: str, what: str) -> None:
    (found,) = findings(GOOD_ENVIRONMENT | change, texts())
    assert (found.severity, found.where) == (severity, where)
    assert what in found.what
    assert found.action.endswith(".")
    assert CANARY not in str(found)


@pytest.mark.parametrize("spelling", ["192.0.2.1/24", "192.0.2.0/24, ", "2001:db8::1/64"])
def test_spellings_that_are_read_are_no_findings(spelling: str) -> None:
    assert findings(GOOD_ENVIRONMENT | {"CALLBACK_SOURCE_CIDRS": spelling}, texts()) == []


@pytest.mark.parametrize(
    ("change", "severity", "where", "what"),
    [
        ({"callback_tokens_secret": Unread("AccessDeniedException")}, "error", "CallbackTokens", "AccessDenied"),
        ({"callback_tokens_secret": CANARY}, "error", "CallbackTokens", "not JSON"),
        ({"callback_tokens_secret": f'["{CANARY}"]'}, "error", "CallbackTokens", "a JSON object was expected"),
        ({"callback_tokens_secret": {"tokens": ""}}, "error", "CallbackTokens", "no entry that can be used"),
        (
            {"callback_tokens_secret": f'{{"tokens": "{CANARY * 2}",}}'},
            "warning",
            "CallbackTokens",
            "not strictly JSON",
        ),
        ({"callback_tokens_secret": {"tokens": [CANARY * 2, None]}}, "error", "CallbackTokens", "tokens.1: text"),
        ({"callback_tokens_secret": {"tokens": CANARY}}, "warning", "CallbackTokens", "token 0: shorter than 16"),
        (
            {"callback_tokens_secret": {"tokens": [f"{CANARY * 2}%2F/"]}},
            "warning",
            "CallbackTokens",
            "characters other than letters",
        ),
        (
            {"music_secret": {"webhook_secrets": [WEBHOOK, f"!{CANARY}!"]}},
            "error",
            "MusicSecret",
            "webhook_secrets.1: not base64",
        ),
        ({"music_secret": {"webhook_secrets": f"{CANARY}AAAA"}}, "warning", "MusicSecret", "shorter than 24 bytes"),
        ({"music_secret": {"callback_secrets": CANARY}}, "warning", "MusicSecret", "callback secret 0: shorter"),
        ({"api_clients_secret": {"clients": []}}, "error", "ApiClients", "no entry that can be used"),
        (
            {"webhook_endpoints_secret": {"endpoints": [{"name": CANARY, "url": "https://a.example.com/"}]}},
            "error",
            "WebhookEndpoints",
            "endpoints.0: secrets: at least one",
        ),
        (
            {"api_clients_secret": {"clients": [*GOOD["api_clients_secret"]["clients"], None]}},
            "error",
            "ApiClients",
            "clients.1: an object was expected",
        ),
        (
            {"api_clients_secret": {"clients": [{"name": CANARY, "sha256": digest("t"), "scopes": [CANARY]}]}},
            "warning",
            "ApiClients",
            "client 0: it has no known scope",
        ),
        (
            {"api_clients_secret": {"clients": [{"name": CANARY, "sha256": digest("t"), "scopes": ["read", CANARY]}]}},
            "warning",
            "ApiClients",
            "client 0: it has an unknown scope",
        ),
        (
            {"api_clients_secret": {"clients": [{"name": CANARY, "sha256": digest(""), "scopes": ["read"]}]}},
            "error",
            "ApiClients",
            "the digest of an empty token",
        ),
        (
            {"provider_keys_secret": {"secret_id": "unset", "secret_key": CANARY}},
            "error",
            "ProviderKeys",
            "the placeholder",
        ),
        (
            {"provider_keys_secret": {"secret_id": "AKID", "secret_key": f"{CANARY} {CANARY}"}},
            "warning",
            "ProviderKeys",
            "cts: white space",
        ),
        (
            {"provider_keys_secret": {name: {"secret_id": "unset", "secret_key": CANARY} for name in NAMES}},
            "error",
            "ProviderKeys",
            "the placeholder",
        ),
        (
            {"provider_keys_secret": {"mps": {"secret_id": "AKID", "secret_key": "k", "notify_key": CANARY}}},
            "warning",
            "ProviderKeys",
            "mps: notify_key without notify_url",
        ),
    ],
)
def test_what_is_wrong_with_a_secret(change: dict[str, Any], severity: str, where: str, what: str) -> None:
    (found,) = findings(GOOD_ENVIRONMENT, texts(**change))
    assert (found.severity, found.where) == (severity, where)
    assert what in found.what
    assert found.action.endswith(".")
    assert CANARY not in str(found)


@pytest.mark.parametrize(
    ("secret", "changed", "known"),
    [
        ("callback_tokens_secret", {"token": CANARY}, "notify_keys, tokens"),
        ("music_secret", {"callback_secret": CANARY}, "callback_secrets, webhook_secrets"),
        ("provider_keys_secret", {"Token": CANARY}, "cts, mps, secret_id, secret_key, token, unused"),
        ("api_clients_secret", {CANARY: []}, "clients, unused"),
    ],
)
def test_a_name_that_nobody_reads(secret: str, changed: dict[str, Any], known: str) -> None:
    """Beside others that can be used nothing else tells of it."""
    (found,) = findings(GOOD_ENVIRONMENT, texts(**{secret: GOOD[secret] | changed}))
    assert (found.severity, found.what) == ("warning", "unknown names: 1")
    assert found.action.endswith(f"known are {known}.")
    assert CANARY not in str(found)


ENDPOINT = {"name": "shop", "url": "https://shop.example/", "secrets": WEBHOOK}


@pytest.mark.parametrize(
    ("endpoints", "networks", "expected"),
    [
        ([], "", ""),
        ([ENDPOINT], "", ""),
        ([ENDPOINT | {"url": "https://192.0.2.1/"}], "", "shop: url: the address is not public"),
        ([ENDPOINT | {"url": "https://[::1]/"}], "127.0.0.0/8", "shop: url: the address is not public"),
        ([ENDPOINT | {"url": "http://127.0.0.1:9/"}], "127.0.0.0/8", ""),
        ([ENDPOINT | {"url": "http://shop.example/"}], "", "shop: url: only https to the ports 443 and 8443"),
        ([ENDPOINT | {"url": "https://shop.example:22/"}], "", "shop: url: only https"),
        ([ENDPOINT | {"url": f"https://{CANARY}@shop.example/"}], "", "endpoints.0: url: must not name a user"),
        ([ENDPOINT | {"secrets": "AAAAAAAAAAAAAAAA"}], "", "shop: a key is shorter than 24 bytes"),
        ([ENDPOINT], "nowhere", "'nowhere' is no network"),
        ("none", "", "endpoints: a list was expected"),
    ],
)
def test_endpoints(endpoints: object, networks: str, expected: str) -> None:
    secrets = texts(webhook_endpoints_secret={"endpoints": endpoints})
    found = findings(GOOD_ENVIRONMENT | {"WEBHOOK_NETWORKS": networks}, secrets)
    assert bool(found) == bool(expected)
    assert not found or expected in found[0].what
    assert CANARY not in str(found)


MPS_KEYS = {
    "secret_id": "AKID",
    "secret_key": "k",
    "notify_url": "https://a.example/callbacks/mps/0123456789abcdef0123",
}
SIGNED = {"tokens": "0123456789abcdef0123", "notify_keys": "key1 key2"}


@pytest.mark.parametrize(
    ("environment", "keys", "tokens", "expected"),
    [
        ({"PROVIDER": "mps"}, {"mps": MPS_KEYS}, {}, ""),
        ({}, {"cts": MPS_KEYS}, {}, ""),
        ({"PROVIDER": "mps"}, {"cts": MPS_KEYS}, {}, "error: PROVIDER: ProviderKeys has no keys for mps"),
        ({"PROVIDER": "cts"}, {"mps": MPS_KEYS}, {}, "error: PROVIDER: ProviderKeys has no keys for cts"),
        ({}, {"mps": MPS_KEYS | {"notify_key": "key2"}}, SIGNED, ""),
        ({}, {"mps": MPS_KEYS}, SIGNED, "error: ProviderKeys: mps: notify_key is not among notify_keys"),
        ({}, {"mps": MPS_KEYS | {"notify_key": CANARY}}, SIGNED, "error: ProviderKeys: mps: notify_key is not among"),
        ({}, {"mps": MPS_KEYS | {"notify_key": CANARY}}, {}, "warning: CallbackTokens: notify_keys: missing"),
        (
            {},
            {"mps": MPS_KEYS | {"notify_url": f"https://a.example/callbacks/mps/{CANARY}"}},
            {},
            "error: ProviderKeys: mps: notify_url does not end with a token of CallbackTokens",
        ),
    ],
)
def test_what_does_not_fit_together(
    environment: dict[str, str], keys: dict[str, Any], tokens: dict[str, str], expected: str
) -> None:
    stored = texts(provider_keys_secret=keys, **({"callback_tokens_secret": tokens} if tokens else {}))
    found = [str(one) for one in findings(GOOD_ENVIRONMENT | environment, stored)]
    assert len(found) == bool(expected)
    assert all(one.startswith(expected) for one in found)
    assert CANARY not in str(found)


def test_a_secret_of_a_new_stack_has_no_other_names() -> None:
    for name, kind in KINDS.items():
        made = template()["Resources"][kind.name]["Properties"]["GenerateSecretString"]
        fields = json.loads(made["SecretStringTemplate"]).keys() | {made["GenerateStringKey"]}
        assert fields <= kind.fields, name


def test_a_name_that_is_stated_twice() -> None:
    text = f'{{"tokens": "{CANARY}", "tokens": "{CANARY}2"}}'
    found = findings(GOOD_ENVIRONMENT, texts(callback_tokens_secret=text))
    assert [one.what for one in found] == ["a name is stated twice", "no entry that can be used"]
    assert CANARY not in str(found)


@patient
@given(
    value=st.recursive(
        st.none() | st.booleans() | st.integers() | st.just(CANARY) | st.just(f"{CANARY} {CANARY},"),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "tokens",
                        "clients",
                        "name",
                        "sha256",
                        "scopes",
                        "webhook_secrets",
                        "secret_id",
                        "secret_key",
                        CANARY,
                    ]
                ),
                inner,
                max_size=4,
            )
        ),
    )
)
def test_whatever_a_secret_holds_none_of_it_is_shown(value: Any) -> None:
    for text in (json.dumps(value), json.dumps(value)[:-1], f"{CANARY}{json.dumps(value)}"):
        found = findings(GOOD_ENVIRONMENT, dict.fromkeys(KINDS, text))
        assert CANARY not in "".join(map(str, found))
        assert found, "such a secret lets nobody in"


class Store:
    """Secrets Manager, as far as it is asked; a secret may be an error."""

    def __init__(self, secrets: dict[str, Any]) -> None:
        self.secrets = secrets

    def get_secret_value(self, SecretId: str) -> dict[str, str]:  # noqa: N803 - the name that AWS gave it
        found = self.secrets[SecretId]
        if isinstance(found, Exception):
            raise found
        return {"SecretString": found}


def environment(monkeypatch: pytest.MonkeyPatch, secrets: dict[str, Any]) -> None:
    for name, text in (GOOD_ENVIRONMENT | {name.upper(): name for name in secrets}).items():
        monkeypatch.setenv(name, text)
    monkeypatch.setattr(check, "client", lambda _service: Store(secrets))


def test_the_command_is_content_with_what_is_right(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    environment(monkeypatch, texts())
    assert main() == 0
    assert capsys.readouterr().out == "nothing is wrong with these settings and 5 secrets\n"


def test_the_command_only_warns_of_what_is_weak(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    environment(monkeypatch, texts(callback_tokens_secret={"tokens": CANARY}))
    assert main() == 0
    out = capsys.readouterr().out
    assert out.startswith("warning: CallbackTokens: token 0: ")
    assert CANARY not in out


@pytest.mark.parametrize(
    ("stored", "said"),
    [
        (CANARY, "error: CallbackTokens: not JSON."),
        (ClientError({"Error": {"Code": "AccessDeniedException", "Message": CANARY}}, "x"), "(AccessDeniedException)"),
        (EndpointConnectionError(endpoint_url=CANARY), "(EndpointConnectionError)"),
        (ValueError(f"Invalid endpoint: {CANARY}"), "(ValueError)"),
    ],
)
def test_the_command_fails_if_something_is_wrong(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], stored: Any, said: str
) -> None:
    environment(monkeypatch, texts() | {"callback_tokens_secret": stored})
    assert main() == 1
    out = capsys.readouterr().out
    assert said in out
    assert CANARY not in out


def test_a_secret_without_a_name_is_no_success(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The functions cannot read it, whatever there is to be read."""
    environment(monkeypatch, texts())
    monkeypatch.setenv("CALLBACK_TOKENS_SECRET", " ")
    assert main() == 1
    assert "error: CallbackTokens: cannot be read (its name is empty)." in capsys.readouterr().out


def test_an_environment_without_settings_is_no_success() -> None:
    """As somebody runs it who has set none of them."""
    root = Path(__file__).parents[2]
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    command = [sys.executable, "-m", "mediarelay.check"]
    ran = subprocess.run(
        command, env=kept | {"PYTHONPATH": str(root / "layers/shared")}, capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stderr) == (1, "")
    assert ran.stdout.startswith("error: TABLE_NAME: not given. ")
    assert {one.severity for one in findings({}, {})} == {Severity.ERROR}
