"""Settings: typed, closed to mistakes, and a mistake names its variable."""

from dataclasses import fields
from datetime import timedelta
from pathlib import Path

import pytest

from mediarelay.config import Settings


def test_defaults() -> None:
    assert Settings.read({}) == Settings()
    assert Settings().callback_trust == "confirm"


def test_every_field_is_read_from_its_variable() -> None:
    environment = {item.name.upper(): "7" for item in fields(Settings)} | {
        "PROVIDER_ENDPOINT": "https://cdn.api.qcloud.com/v2/index.php",
        "CALLBACK_SOURCE_CIDRS": "10.0.0.0/8, ::/0",
        "CALLBACK_TRUST": "callback",
    }
    settings = Settings.read(environment)
    assert {item.name: str(getattr(settings, item.name)) for item in fields(Settings)} == {
        item.name: environment[item.name.upper()] for item in fields(Settings)
    }
    assert (settings.first_look_after, settings.lifetime) == (timedelta(seconds=7), timedelta(seconds=7))


def test_the_process_s_environment_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TABLE_NAME", "ledger")
    assert Settings.read().table_name == "ledger"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("MAX_CALLBACK_BYTES", "5 MiB"),
        ("FIRST_POLL_AFTER", ""),
        ("GIVE_UP_AFTER", "1.5"),
        ("CALLS_PER_MINUTE", "many"),
        ("SECRET_CACHE_SECONDS", "None"),
        ("CALLBACK_TRUST", "maybe"),
        ("CALLBACK_SOURCE_CIDRS", ""),
        ("CALLBACK_SOURCE_CIDRS", "10.0.0.0/8,nowhere"),
        ("CALLBACK_SOURCE_CIDRS", "10.0.0.1/8"),
        ("PROVIDER_ENDPOINT", "http://cdn.api.qcloud.com/v2/index.php"),
        ("PROVIDER_ENDPOINT", "http://127.0.0.1.example.com/"),
        ("PROVIDER_ENDPOINT", "http://127.0.0.1@example.com/"),
        ("PROVIDER_ENDPOINT", "cdn.api.qcloud.com"),
        ("PROVIDER_ENDPOINT", "ftp://cdn.api.qcloud.com/"),
    ],
)
def test_a_mistake_names_its_variable(name: str, text: str) -> None:
    with pytest.raises(ValueError, match=f"^{name}: "):
        Settings.read({name: text})


@pytest.mark.parametrize(
    "endpoint",
    ["https://cdn.api.qcloud.com/v2/index.php", "http://127.0.0.1:9/x", "http://localhost:9/x", "http://[::1]:9/x"],
)
def test_endpoints_that_may_be_called(endpoint: str) -> None:
    assert Settings.read({"PROVIDER_ENDPOINT": endpoint}).provider_endpoint == endpoint


def test_no_other_module_reads_the_environment() -> None:
    package = Path(__file__).parents[2] / "layers/shared/mediarelay"
    readers = [path.name for path in package.rglob("*.py") if "os.environ" in path.read_text("utf-8")]
    assert readers == ["config.py"]
