"""Settings: typed; a mistake is named and stops no function, but for an address that nobody may call."""

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediarelay.config import ENDPOINTS, LIMITS, PROVIDERS, Settings, unreadable
from mediarelay.providers.registry import NAMES
from tests.hypothesis_profiles import patient


def test_defaults() -> None:
    assert Settings.read({}) == Settings()
    assert Settings().callback_trust == "confirm"


def test_every_field_is_read_from_its_variable() -> None:
    environment = {item.name.upper(): "name-7" for item in fields(Settings)}
    environment |= {name.upper(): str(least + 1) for name, (least, _) in LIMITS.items()}
    environment |= {"PROVIDER_ENDPOINT": "https://cdn.api.qcloud.com/v2/index.php", "CALLBACK_TRUST": "callback"}
    environment |= {"MPS_ENDPOINT": "https://mps.tencentcloudapi.com/", "PROVIDER": "cts", "LOG_LEVEL": "ERROR"}
    environment |= {"WEBHOOK_DELIVERY": "true"}
    settings = Settings.read(environment)
    assert {item.name: str(seconds(getattr(settings, item.name))) for item in fields(Settings)} == {
        item.name: environment[item.name.upper()] for item in fields(Settings)
    }
    assert unreadable(environment) == {}
    assert (settings.first_poll_after, settings.give_up_after) == (timedelta(seconds=2), timedelta(seconds=11))
    spaced = {name: f" {text}\n" for name, text in environment.items()}
    assert Settings.read(spaced) == settings, "blanks around a value mean nothing"


def test_the_process_s_environment_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TABLE_NAME", "ledger")
    assert Settings.read().table_name == "ledger"


NUMBERS = [
    "",
    " ",
    "x",
    "1.5",
    "5.01",
    ".0",
    "-1",
    "++5",
    "1e3",
    "1_000",
    "0x10",
    "9" * 30,
    "None",
    "\u0663",
    "5 5",
    "\x00",
]


@pytest.mark.parametrize("name", LIMITS)
@pytest.mark.parametrize("text", NUMBERS)
def test_a_number_that_cannot_be_read_keeps_its_default(name: str, text: str) -> None:
    """A function that cannot start answers 500 to every callback."""
    environment = {name.upper(): text, "TABLE_NAME": "ledger"}
    assert Settings.read(environment) == replace(Settings(), table_name="ledger")
    least, most = LIMITS[name]
    assert unreadable(environment) == {name: f"a whole number from {least} to {most} was expected"}


@pytest.mark.parametrize("text", ["172800", "172800.0", "172800.", "+172800", "0172800", " 172800.00\n"])
def test_spellings_of_a_whole_number(text: str) -> None:
    """CloudFormation hands on what was written, as long as it is a number; a default instead would lose tasks."""
    assert Settings.read({"GIVE_UP_AFTER": text}).give_up_after == timedelta(days=2)


@pytest.mark.parametrize("name", LIMITS)
def test_the_limits_of_a_number(name: str) -> None:
    least, most = LIMITS[name]
    for number, taken in ((least - 1, False), (least, True), (most, True), (most + 1, False)):
        found = getattr(Settings.read({name.upper(): str(number)}), name)
        assert seconds(found) == (number if taken else seconds(getattr(Settings(), name)))
    assert least <= seconds(getattr(Settings(), name)) <= most


def seconds(value: Any) -> Any:
    """A duration as its number of seconds; anything else as it is."""
    return value // timedelta(seconds=1) if isinstance(value, timedelta) else value


@patient
@given(text=st.text())
def test_no_text_stops_a_function_but_for_the_provider_s_address(text: str) -> None:
    environment = {item.name.upper(): text for item in fields(Settings) if item.name not in ENDPOINTS}
    settings = Settings.read(environment)
    datetime.now(UTC) + settings.give_up_after + timedelta(days=settings.raw_body_days + settings.song_days)
    assert settings.callback_trust in {"confirm", "callback"}


@pytest.mark.parametrize("trust", ["", "maybe", "Callback", "callback,confirm", "true"])
def test_an_unknown_trust_is_none(trust: str) -> None:
    assert Settings.read({"CALLBACK_TRUST": trust}).callback_trust == "confirm"
    assert unreadable({"CALLBACK_TRUST": trust}) == {"callback_trust": "confirm or callback was expected"}


@pytest.mark.parametrize("level", ["", "info", "WARN", "DEBUG", "20"])
def test_an_unknown_log_level_is_info(level: str) -> None:
    assert Settings.read({"LOG_LEVEL": level}).log_level == "INFO"
    assert unreadable({"LOG_LEVEL": level}) == {"log_level": "INFO or WARNING or ERROR or CRITICAL was expected"}


@pytest.mark.parametrize(
    "endpoint",
    [
        "",
        "http://cdn.api.qcloud.com/v2/index.php",
        "http://127.0.0.1.example.com/",
        "http://127.0.0.1@example.com/",
        "cdn.api.qcloud.com",
        "ftp://cdn.api.qcloud.com/",
        "https://user:canary@cdn.api.qcloud.com/v2/index.php",
    ],
)
def test_an_address_of_the_provider_that_cannot_be_read_stops_a_function(endpoint: str) -> None:
    with pytest.raises(ValueError, match=r"^PROVIDER_ENDPOINT: .*write it like https://") as stopped:
        Settings.read({"PROVIDER_ENDPOINT": endpoint})
    assert "canary" not in str(stopped.value)


def test_an_address_is_read_into_the_form_that_is_signed() -> None:
    settings = Settings.read({"PROVIDER_ENDPOINT": "HTTPS://CDN.api.qcloud.com:443 "})
    assert settings.provider_endpoint == "https://cdn.api.qcloud.com/v2/index.php"


@pytest.mark.parametrize(
    "endpoint",
    ["https://cdn.api.qcloud.com/v2/index.php", "http://127.0.0.1:9/x", "http://localhost:9/x", "http://[::1]:9/x"],
)
def test_endpoints_that_may_be_called(endpoint: str) -> None:
    assert Settings.read({"PROVIDER_ENDPOINT": endpoint}).provider_endpoint == endpoint


@pytest.mark.parametrize(
    "endpoint",
    [
        "",
        "http://mps.tencentcloudapi.com",
        "mps.tencentcloudapi.com",
        "https://user:canary@h/",
        "https://a.b/v2/index.php",
    ],
)
def test_an_address_of_mps_that_cannot_be_read_stops_a_function(endpoint: str) -> None:
    with pytest.raises(ValueError, match=r"^MPS_ENDPOINT: .*write it like https://mps") as stopped:
        Settings.read({"MPS_ENDPOINT": endpoint})
    assert "canary" not in str(stopped.value)


@pytest.mark.parametrize("spelling", ["HTTPS://MPS.tencentcloudapi.com:443 ", "https://mps.tencentcloudapi.com/"])
def test_an_address_of_mps_has_no_path(spelling: str) -> None:
    assert Settings.read({"MPS_ENDPOINT": spelling}).mps_endpoint == "https://mps.tencentcloudapi.com/"


@pytest.mark.parametrize("provider", ["", "MPS", "cts,mps", "other"])
def test_an_unknown_provider_is_the_default(provider: str) -> None:
    assert Settings.read({"PROVIDER": provider}).provider == "mps"
    assert unreadable({"PROVIDER": provider}) == {"provider": "mps or cts was expected"}


def test_the_providers_of_the_setting_are_those_of_the_registry() -> None:
    assert set(PROVIDERS) == set(NAMES)


def test_no_other_module_reads_the_environment() -> None:
    """But `put_client` must trust the authorities that botocore trusts, and one variable of theirs is no setting."""
    package = Path(__file__).parents[2] / "layers/shared/mediarelay"
    readers = [path.name for path in package.rglob("*.py") if "os.environ" in path.read_text("utf-8")]
    assert sorted(readers) == ["config.py", "put_client.py"]
