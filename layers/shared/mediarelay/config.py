"""The environment of a function as a typed value. No pydantic here: the callback functions import it."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import timedelta
from ipaddress import ip_network
from typing import Any, Self
from urllib.parse import urlsplit

_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


@dataclass(frozen=True, slots=True)
class Settings:
    """Parameters of the deployment; each field is read from the environment variable of its name in capitals."""

    table_name: str = ""
    callback_trust: str = "confirm"
    callback_source_cidrs: str = "0.0.0.0/0,::/0"
    max_callback_bytes: int = 5 * 2**20
    first_poll_after: int = 60
    give_up_after: int = 86_400
    raw_body_days: int = 90
    recovery_seconds: int = 180
    calls_per_minute: int = 100
    unknown_task_share: int = 50
    secret_cache_seconds: int = 60
    provider_endpoint: str = ""
    provider_keys_secret: str = ""
    callback_tokens_secret: str = ""
    api_clients_secret: str = ""
    confirm_queue_url: str = ""
    confirm_unknown_queue_url: str = ""
    submit_queue_url: str = ""
    retry_queue_url: str = ""
    music_secrets: str = ""
    song_key_id: str = ""
    song_safety_seconds: int = 30
    song_notice_seconds: int = 600
    song_days: int = 7
    topic_arn: str = ""
    api_url: str = ""

    @classmethod
    def read(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Read the settings; a malformed one stops the function at its start, with the variable's name."""
        given = {item.name: environment[item.name.upper()] for item in fields(cls) if item.name.upper() in environment}
        return cls(**{name: _typed(name, text, getattr(_DEFAULTS, name)) for name, text in given.items()})

    @property
    def first_look_after(self) -> timedelta:
        """How long to wait before the first question about a task."""
        return timedelta(seconds=self.first_poll_after)

    @property
    def body_life(self) -> timedelta:
        """How long the body of a claim is kept."""
        return timedelta(days=self.raw_body_days)

    @property
    def song_life(self) -> timedelta:
        """How long relays of songs and their leases are kept."""
        return timedelta(days=self.song_days)

    @property
    def lease(self) -> timedelta:
        """How long a due row that somebody works on is left alone."""
        return timedelta(seconds=self.recovery_seconds)

    @property
    def lifetime(self) -> timedelta:
        """How long a task may stay without an answer before it is lost."""
        return timedelta(seconds=self.give_up_after)


def _typed(name: str, text: str, default: Any) -> Any:
    try:
        value = type(default)(text)
        if name in _CHECKS:
            _CHECKS[name](value)
    except ValueError as error:
        raise ValueError(f"{name.upper()}: {error}") from error
    return value


def _check_endpoint(endpoint: str) -> None:
    """The provider is called over HTTPS only (API v2 code 4600); plain HTTP is for this machine."""
    parts = urlsplit(endpoint)
    if endpoint and parts.scheme != "https" and parts.hostname not in _LOOPBACK:
        raise ValueError(f"{endpoint} is not https")


def _check_networks(networks: str) -> None:
    for network in networks.split(","):
        ip_network(network.strip())


def _check_trust(trust: str) -> None:
    if trust not in {"confirm", "callback"}:
        raise ValueError(f"{trust} is neither confirm nor callback")


_DEFAULTS = Settings()
_CHECKS: dict[str, Callable[[str], None]] = {
    "callback_trust": _check_trust,
    "callback_source_cidrs": _check_networks,
    "provider_endpoint": _check_endpoint,
}
