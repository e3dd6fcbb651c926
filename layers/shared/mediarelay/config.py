"""Reads the environment variables of a function into typed settings, without pydantic, for fast cold starts.

A function that cannot start answers 500 to every callback. A variable that cannot be read therefore keeps its default,
and `unreadable` reports it. The exceptions are the providers' URLs: without them a function does not start, because
calling another server would send it signed requests.
"""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import timedelta
from typing import Any, Self

Environment = Mapping[str, str]

# Smallest and largest values. The template has the same ones, except for `VisibilityTimeout` (see there). They are
# checked again because an operator can also edit the variables of a function.
LIMITS: Mapping[str, tuple[int, int]] = {
    "max_callback_bytes": (1024, 5_767_168),
    "first_poll_after": (1, 86_400),
    # MPS knows a task for 7 days. The last query must come before that.
    "give_up_after": (10, 601_200),
    "raw_body_days": (1, 3650),
    "visibility_timeout": (30, 900),
    "calls_per_minute": (2, 10_000),
    "unknown_task_share": (1, 100),
    "default_key_hours": (1, 87_600),
    "secret_cache_seconds": (1, 3600),
    "song_safety_seconds": (0, 600),
    "song_notice_seconds": (0, 43_200),
    "song_days": (2, 365),
    # Shorter than the retries of a delivery last, an event would expire before its last attempt.
    "event_days": (4, 90),
}
# These durations have no unit in their name, so they become `timedelta`. All others name their unit.
SECONDS = frozenset({"first_poll_after", "give_up_after", "visibility_timeout"})
TRUSTS = ("confirm", "callback")
PROVIDERS = ("mps", "cts")
# Without these, a function would send signed requests to another server than the operator named.
ENDPOINTS = ("provider_endpoint", "mps_endpoint")
FLAGS = ("false", "true")
LOG_LEVELS = ("INFO", "WARNING", "ERROR", "CRITICAL")

# CloudFormation accepts `5.0` and `+5` for a parameter of type Number, and passes it on as it was written.
_NUMBER = re.compile(r"\+?([0-9]{1,9})(?:\.0{0,9})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of a deployment. Each field is read from the environment variable with its name in capitals."""

    table_name: str = ""
    callback_trust: str = "confirm"
    callback_source_cidrs: str = "0.0.0.0/0,::/0"
    music_source_cidrs: str = "0.0.0.0/0,::/0"
    max_callback_bytes: int = 5 * 2**20
    first_poll_after: timedelta = timedelta(minutes=1)
    give_up_after: timedelta = timedelta(days=1)
    raw_body_days: int = 90
    visibility_timeout: timedelta = timedelta(minutes=3)
    default_key_hours: int = 24
    calls_per_minute: int = 100
    unknown_task_share: int = 50
    secret_cache_seconds: int = 60
    provider: str = "mps"
    provider_region: str = "ap-guangzhou"
    provider_endpoint: str = ""
    mps_endpoint: str = ""
    provider_keys_secret: str = ""
    callback_tokens_secret: str = ""
    api_clients_secret: str = ""
    confirm_queue_url: str = ""
    confirm_unknown_queue_url: str = ""
    submit_queue_url: str = ""
    callback_backlog_url: str = ""
    confirm_dead_letters_url: str = ""
    submit_dead_letters_url: str = ""
    callback_backlog_dead_letters_url: str = ""
    dispatch_dead_letters_url: str = ""
    delivery_dead_letters_url: str = ""
    schedule_dead_letters_url: str = ""
    music_secret: str = ""
    song_token_key_id: str = ""
    song_safety_seconds: int = 30
    song_notice_seconds: int = 600
    song_days: int = 7
    event_days: int = 7
    webhook_delivery: str = "false"
    webhook_endpoints_secret: str = ""
    webhook_networks: str = ""
    delivery_queue_url: str = ""
    log_level: str = "INFO"
    topic_arn: str = ""
    api_url: str = ""

    @classmethod
    def read(cls, environment: Environment = os.environ) -> Self:
        """Read the settings; one that cannot be read keeps its default.

        Raises ValueError, with the variable's name, if a provider's URL cannot be read.
        """
        given, wrong = given_settings(environment), unreadable(environment)
        if name := next((name for name in ENDPOINTS if name in wrong), None):
            raise ValueError(f"{name.upper()}: {wrong[name]}")
        return cls(**{name: _read(name, text) for name, text in given.items() if name not in wrong})


def given_settings(environment: Environment = os.environ) -> dict[str, str]:
    """Return the environment variables that are settings, by the name of the setting."""
    return {item.name: environment[item.name.upper()] for item in fields(Settings) if item.name.upper() in environment}


def unreadable(environment: Environment = os.environ) -> dict[str, str]:
    """Return what is wrong with each setting that cannot be read, by the name of the setting."""
    return {name: why for name, text in given_settings(environment).items() if (why := _fault(name, text))}


def _fault(name: str, text: str) -> str:
    try:
        _read(name, text)
    except ValueError as error:
        return str(error)
    return ""


def _read(name: str, text: str) -> Any:
    """Read one setting; raise ValueError with the expected form."""
    if name in LIMITS:
        number = _number(text.strip(), *LIMITS[name])
        return timedelta(seconds=number) if name in SECONDS else number
    return _READERS.get(name, str)(text.strip())


def _number(text: str, least: int, most: int) -> int:
    found = _NUMBER.fullmatch(text)
    if not found or not least <= int(found[1]) <= most:
        raise ValueError(f"a whole number from {least} to {most} was expected")
    return int(found[1])


def _v2_endpoint(text: str) -> str:
    """Read the URL of an API v2; raise ValueError with the reason."""
    # Callback functions lack these settings, so the late imports keep their reader out of their cold start.
    from mediarelay.signing.service_url import read_service_url  # noqa: PLC0415

    return read_service_url(text).url


def _v3_endpoint(text: str) -> str:
    """Read the URL of an API 3.0; raise ValueError with the reason."""
    from mediarelay.signing.service_url import read_v3_url  # noqa: PLC0415

    return read_v3_url(text).url


def _one_of(*values: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in values:
            raise ValueError(f"{' or '.join(values)} was expected")
        return text

    return read


_READERS: dict[str, Callable[[str], str]] = {
    "callback_trust": _one_of(*TRUSTS),
    "log_level": _one_of(*LOG_LEVELS),
    "provider": _one_of(*PROVIDERS),
    "webhook_delivery": _one_of(*FLAGS),
    "provider_endpoint": _v2_endpoint,
    "mps_endpoint": _v3_endpoint,
}
