"""Secrets: cached, rotated without a deployment, served stale while Secrets Manager is down."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from mediarelay.adapters.aws import client
from mediarelay.adapters.secrets import RECHECK_SECONDS, Secret
from mediarelay.errors import SecretUnavailable

KEEP = 60.0
DOWN = (
    ClientError({"Error": {"Code": "InternalServiceError"}}, "GetSecretValue"),
    EndpointConnectionError(endpoint_url="https://secretsmanager"),
)


class Reads:
    """Passes reads on and counts them; may be down."""

    def __init__(self) -> None:
        self.count = 0
        self.error: Exception | None = None

    def get_secret_value(self, **request: Any) -> Any:
        self.count += 1
        if self.error:
            raise self.error
        return client("secretsmanager").get_secret_value(**request)


class Vault:
    """One secret, its readers and a clock of monotonic seconds."""

    def __init__(self, name: str) -> None:
        self.seconds, self.reads = 0.0, Reads()
        self.arn = client("secretsmanager").create_secret(Name=name, SecretString='{"tokens": "one"}')["ARN"]
        self.secret = Secret(self.reads, self.arn, KEEP, lambda: self.seconds)

    def rotate(self, text: str) -> None:
        client("secretsmanager").put_secret_value(SecretId=self.arn, SecretString=text)


@pytest.fixture
def vault(request: pytest.FixtureRequest) -> Vault:
    return Vault(request.node.name)


def test_a_value_is_read_once_while_it_is_kept(vault: Vault) -> None:
    assert [vault.secret.value() for _ in range(3)] == [{"tokens": "one"}] * 3
    vault.seconds = KEEP - 0.001
    assert vault.secret.value() == {"tokens": "one"}
    assert vault.reads.count == 1


def test_a_rotated_value_is_seen_after_a_while(vault: Vault) -> None:
    vault.secret.value()
    vault.rotate('{"tokens": "one two"}')
    assert vault.secret.value() == {"tokens": "one"}
    vault.seconds = KEEP
    assert vault.secret.value() == {"tokens": "one two"}


def test_a_recheck_sees_it_at_once_but_is_bounded(vault: Vault) -> None:
    """Wrong tokens cannot be turned into a flood of reads."""
    vault.secret.value()
    vault.rotate('{"tokens": "two"}')
    vault.seconds = RECHECK_SECONDS
    assert vault.secret.recheck() == {"tokens": "two"}
    for _ in range(100):
        vault.secret.recheck()
    assert vault.reads.count == 2
    vault.seconds += RECHECK_SECONDS
    vault.secret.recheck()
    assert vault.reads.count == 3


@pytest.mark.parametrize("error", DOWN, ids=lambda error: type(error).__name__)
def test_a_stale_value_serves_on_while_the_service_is_down(vault: Vault, error: Exception) -> None:
    vault.secret.value()
    vault.reads.error = error
    vault.seconds = KEEP
    assert vault.secret.value() == {"tokens": "one"}
    assert vault.secret.value() == {"tokens": "one"}
    assert vault.reads.count == 2, "a service that is down is not asked by every request"


@pytest.mark.parametrize("error", DOWN, ids=lambda error: type(error).__name__)
def test_without_a_value_there_is_no_door_at_all(vault: Vault, error: Exception) -> None:
    vault.reads.error = error
    for _ in range(2):
        with pytest.raises(SecretUnavailable):
            vault.secret.value()
    vault.reads.error = None
    assert vault.secret.value() == {"tokens": "one"}


def test_a_value_that_is_no_json_does_not_replace_one_that_was(vault: Vault, caplog: pytest.LogCaptureFixture) -> None:
    vault.secret.value()
    vault.rotate("canary-5f0c7d")
    vault.seconds = KEEP
    assert vault.secret.value() == {"tokens": "one"}
    assert [record.message for record in caplog.records] == ["secret not refreshed"]
    assert "canary" not in json.dumps([vars(record) for record in caplog.records], default=str)
