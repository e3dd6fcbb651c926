"""A stack that stops and starts keeps what a person changed in its secrets, and the engine follows."""

import json
from pathlib import Path
from typing import Any

import pytest

from local import stored_secrets
from local.deploy import Deployment
from local.environment import LocalEnvironment
from local.stored_secrets import put_secrets

NAMES = ("ProviderKeysSecret", "CallbackTokensSecret", "ApiClientsSecret", "MusicSecret")
GENERATED = {"tokens": "generated"}


class SecretsManager:
    """Keeps every version of each secret, as the service does."""

    def __init__(self) -> None:
        self.versions = {name: [json.dumps(GENERATED)] for name in NAMES}

    def get_secret_value(self, *, SecretId: str) -> dict[str, Any]:  # noqa: N803 - boto3's names
        return {"SecretString": self.versions[SecretId][-1]}

    def describe_secret(self, *, SecretId: str) -> dict[str, Any]:  # noqa: N803
        return {"VersionIdsToStages": {str(i): [] for i in range(len(self.versions[SecretId]))}}

    def put_secret_value(self, *, SecretId: str, SecretString: str) -> None:  # noqa: N803
        self.versions[SecretId].append(SecretString)

    def change(self, name: str, text: str) -> None:
        self.versions[name].append(text)

    def value(self, name: str) -> Any:
        return json.loads(self.versions[name][-1])


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> SecretsManager:
    found = SecretsManager()
    monkeypatch.setattr(stored_secrets, "client", lambda *_: found)
    return found


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    return Deployment(LocalEnvironment(tmp_path, 1, 2), {name: name for name in NAMES}, "http://api")


def test_a_first_start_replaces_what_the_template_generated(service: SecretsManager, deployment: Deployment) -> None:
    keys = deployment.env.keys
    assert put_secrets(deployment) == keys
    assert service.value("CallbackTokensSecret") == {"tokens": keys.callback_token, "notify_keys": keys.notify_key}
    assert service.value("ApiClientsSecret") == keys.clients
    assert service.value("ProviderKeysSecret")["mps"]["notify_url"].startswith("http://api/callbacks/mps/")


def test_a_second_start_writes_nothing(service: SecretsManager, deployment: Deployment) -> None:
    put_secrets(deployment)
    put_secrets(deployment)
    assert {len(versions) for versions in service.versions.values()} == {2}


def test_rotated_secrets_stay_and_are_those_in_force(service: SecretsManager, deployment: Deployment) -> None:
    put_secrets(deployment)
    rotated = {
        "CallbackTokensSecret": {"tokens": "new old", "notify_keys": "n"},
        "MusicSecret": {"webhook_secrets": ["fresh", "stale"], "callback_secrets": ""},
        "ProviderKeysSecret": {"cts": {"secret_id": "AKIDnew", "secret_key": "k"}, "mps": {"secret_id": "AKIDnew"}},
    }
    for name, value in rotated.items():
        service.change(name, json.dumps(value))
    keys = put_secrets(deployment)
    assert {name: service.value(name) for name in rotated} == rotated
    assert (keys.callback_token, keys.music, keys.secret_id, keys.secret_key) == ("new", "fresh", "AKIDnew", "k")


def test_added_clients_stay_and_the_own_one_comes_back(service: SecretsManager, deployment: Deployment) -> None:
    put_secrets(deployment)
    own = service.value("ApiClientsSecret")["clients"]
    web = {"name": "web", "sha256": "x", "scopes": ["read"]}
    service.change("ApiClientsSecret", json.dumps({"clients": [web]}))
    put_secrets(deployment)
    assert service.value("ApiClientsSecret")["clients"] == [web, *own]


@pytest.mark.parametrize("text", ["", "no json", '["a"]', "7", "null"])
def test_a_secret_that_cannot_be_read_is_written_anew(
    service: SecretsManager, deployment: Deployment, text: str
) -> None:
    put_secrets(deployment)
    service.change("CallbackTokensSecret", text)
    assert put_secrets(deployment) == deployment.env.keys
    assert service.value("CallbackTokensSecret")["tokens"] == deployment.env.keys.callback_token


def test_a_field_of_a_later_version_is_added(service: SecretsManager, deployment: Deployment) -> None:
    put_secrets(deployment)
    service.change("CallbackTokensSecret", json.dumps({"tokens": "mine"}))
    put_secrets(deployment)
    assert service.value("CallbackTokensSecret") == {"tokens": "mine", "notify_keys": deployment.env.keys.notify_key}
