"""Secrets: cached, rotated without a deployment, served stale while Secrets Manager is down."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from mediarelay.adapters.aws import client
from mediarelay.adapters.secrets import RECHECK_SECONDS, REFUSALS, Secret
from mediarelay.errors import SecretUnavailable
from mediarelay.usecases.secret_entries import callback_tokens
from tests.counts import Counts, counted

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


class SecretStore:
    """One secret, its readers and a clock of monotonic seconds."""

    def __init__(self, name: str) -> None:
        self.seconds, self.reads = 0.0, Reads()
        self.arn = client("secretsmanager").create_secret(Name=name, SecretString='{"tokens": "one"}')["ARN"]
        self.secret = Secret(self.reads, self.arn, KEEP, lambda: self.seconds, "CallbackTokens", callback_tokens)

    def rotate(self, text: str) -> None:
        client("secretsmanager").put_secret_value(SecretId=self.arn, SecretString=text)


@pytest.fixture
def secret_store(request: pytest.FixtureRequest) -> SecretStore:
    return SecretStore(request.node.name)


def test_a_value_is_read_once_while_it_is_kept(secret_store: SecretStore) -> None:
    assert [secret_store.secret.value() for _ in range(3)] == [{"tokens": "one"}] * 3
    secret_store.seconds = KEEP - 0.001
    assert secret_store.secret.value() == {"tokens": "one"}
    assert secret_store.reads.count == 1


def test_a_rotated_value_is_seen_after_a_while(secret_store: SecretStore) -> None:
    secret_store.secret.value()
    secret_store.rotate('{"tokens": "one two"}')
    assert secret_store.secret.value() == {"tokens": "one"}
    secret_store.seconds = KEEP
    assert secret_store.secret.value() == {"tokens": "one two"}


def test_a_recheck_sees_it_at_once_but_is_bounded(secret_store: SecretStore) -> None:
    """Wrong tokens cannot be turned into a flood of reads."""
    secret_store.secret.value()
    secret_store.rotate('{"tokens": "two"}')
    secret_store.seconds = RECHECK_SECONDS
    assert secret_store.secret.recheck() == {"tokens": "two"}
    for _ in range(100):
        secret_store.secret.recheck()
    assert secret_store.reads.count == 2
    secret_store.seconds += RECHECK_SECONDS
    secret_store.secret.recheck()
    assert secret_store.reads.count == 3


@pytest.mark.parametrize("error", DOWN, ids=lambda error: type(error).__name__)
def test_a_stale_value_serves_on_while_the_service_is_down(secret_store: SecretStore, error: Exception) -> None:
    secret_store.secret.value()
    secret_store.reads.error = error
    secret_store.seconds = KEEP
    assert secret_store.secret.value() == {"tokens": "one"}
    assert secret_store.secret.value() == {"tokens": "one"}
    assert secret_store.reads.count == 2, "a service that is down is not asked by every request"


@pytest.mark.parametrize("error", DOWN, ids=lambda error: type(error).__name__)
def test_without_a_value_there_is_no_door_at_all(secret_store: SecretStore, error: Exception) -> None:
    secret_store.reads.error = error
    for _ in range(2):
        with pytest.raises(SecretUnavailable):
            secret_store.secret.value()
    secret_store.reads.error = None
    assert secret_store.secret.value() == {"tokens": "one"}


REFUSED = [ClientError({"Error": {"Code": code}}, "GetSecretValue") for code in sorted(REFUSALS)]


@pytest.mark.parametrize("error", REFUSED, ids=lambda error: error.response["Error"]["Code"])
@pytest.mark.parametrize("before", [True, False])
def test_a_secret_that_is_gone_or_closed_to_us_does_not_live_on(
    secret_store: SecretStore, error: Exception, reported: "Reported", *, before: bool
) -> None:
    if before:
        secret_store.secret.value()
    secret_store.reads.error = error
    secret_store.seconds += KEEP
    for _ in range(3):
        with pytest.raises(SecretUnavailable):
            secret_store.secret.value()
    assert secret_store.reads.count == 1 + before, "not asked by every request"
    assert reported.unusable() == ["CallbackTokens"]
    secret_store.reads.error = None
    secret_store.seconds += RECHECK_SECONDS
    assert secret_store.secret.value() == {"tokens": "one"}


class Reported:
    """What metrics and logs say."""

    def __init__(self, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
        self.capsys, self.caplog = capsys, caplog

    def counts(self) -> Counts:
        return counted(self.capsys)

    def unusable(self) -> list[str]:
        """The secrets that were counted; each by name, and in all: the alarm watches that."""
        counts = self.counts()
        named = list(counts.by("SecretUnusable", "secret").elements())
        assert counts.total("SecretUnusable") == len(named)
        assert [vars(one)["secret"] for one in self.logged("secret unusable")] == named
        self.caplog.clear()
        return named

    def logged(self, message: str) -> list[Any]:
        return [record for record in self.caplog.records if record.message == message]

    def entitlements(self, text: str) -> bool:
        return text in json.dumps([vars(record) for record in self.caplog.records], default=str)


@pytest.fixture
def reported(capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> Reported:
    return Reported(capsys, caplog)


@pytest.mark.parametrize(
    "text", ["canary-5f0c7d", '{"tokens": "canary-5f0c7d"', '["canary-5f0c7d"]', '"canary-5f0c7d"', "7", "null", " "]
)
def test_a_value_that_was_replaced_never_counts_again(secret_store: SecretStore, reported: Reported, text: str) -> None:
    """It may hold the very token that somebody removed; and the new one is reported of loudly."""
    secret_store.secret.value()
    secret_store.rotate(text)
    secret_store.seconds = KEEP
    for read in (secret_store.secret.value, secret_store.secret.recheck, secret_store.secret.value):
        with pytest.raises(SecretUnavailable):
            read()
    assert secret_store.reads.count == 2
    assert not reported.entitlements("canary")
    assert reported.unusable() == ["CallbackTokens"]
    secret_store.rotate('{"tokens": "two"}')
    secret_store.seconds += RECHECK_SECONDS
    assert secret_store.secret.value() == {"tokens": "two"}, "put right, it counts within five seconds"
    assert reported.unusable() == []


@pytest.mark.parametrize("text", ["{}", '{"tokens": ""}', '{"tokens": []}', '{"token": "x"}', '{"tokens": [7]}'])
def test_an_object_in_which_nothing_can_be_used_is_reported(
    secret_store: SecretStore, reported: Reported, text: str
) -> None:
    secret_store.rotate(text)
    assert secret_store.secret.value() == json.loads(text)
    assert reported.unusable() == ["CallbackTokens"]


def test_entries_that_cannot_be_used_are_counted_and_named_by_their_places(
    secret_store: SecretStore, reported: Reported
) -> None:
    secret_store.rotate('{"tokens": ["one", null, {"canary-5f0c7d": 1}]}')
    assert secret_store.secret.value()["tokens"][0] == "one"
    assert reported.counts().by("SecretEntriesUnreadable", "secret") == {"CallbackTokens": 2}
    (logged,) = reported.logged("secret entries unreadable")
    assert logged.fields == ["tokens.1: text was expected", "tokens.2: text was expected"]
    assert not reported.entitlements("canary")


def test_a_name_that_is_stated_twice_is_reported_although_others_can_be_used(
    secret_store: SecretStore, reported: Reported
) -> None:
    """Else a second `callback_secrets` would close that door without a word."""
    secret_store.rotate('{"tokens": "one", "canary-5f0c7d": "a", "canary-5f0c7d": "b"}')
    assert secret_store.secret.value() == {"tokens": "one"}
    assert reported.counts().by("SecretEntriesUnreadable", "secret") == {"CallbackTokens": 1}
    (logged,) = reported.logged("secret entries unreadable")
    assert logged.fields == ["a name is stated twice"]
    assert not reported.entitlements("canary")


@pytest.mark.parametrize("text", ['\ufeff{"tokens": "two"}', '{"tokens": "two",}', '{"tokens": "two", "x": [1,],}\n'])
def test_slips_of_the_hand_are_read(secret_store: SecretStore, reported: Reported, text: str) -> None:
    secret_store.rotate(text)
    assert secret_store.secret.value()["tokens"] == "two"
    assert reported.counts().blobs == []


@pytest.mark.parametrize(("raw", "usable"), [(b'\xef\xbb\xbf{"tokens": "two"}', True), (b"\xff\xfe{", False)])
def test_a_secret_that_was_put_as_bytes(
    secret_store: SecretStore, reported: Reported, raw: bytes, *, usable: bool
) -> None:
    client("secretsmanager").put_secret_value(SecretId=secret_store.arn, SecretBinary=raw)
    if usable:
        assert secret_store.secret.value() == {"tokens": "two"}
        return
    with pytest.raises(SecretUnavailable):
        secret_store.secret.value()
    assert reported.unusable() == ["CallbackTokens"]


def test_a_service_that_is_down_is_no_alarm(secret_store: SecretStore, reported: Reported) -> None:
    secret_store.secret.value()
    for error in DOWN:
        secret_store.reads.error = error
        secret_store.seconds += KEEP
        assert secret_store.secret.value() == {"tokens": "one"}
    assert reported.counts().blobs == []
    assert len(reported.logged("secret not refreshed")) == 2
