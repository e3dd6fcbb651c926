"""Parts of every function: settings, a clock, randomness, AWS clients, the table and secrets.

The other wiring modules take all of these from here, and only while they build, so a test replaces them in one place.
"""

import logging
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from random import SystemRandom
from typing import Any

from mediarelay import __version__
from mediarelay.adapters import aws
from mediarelay.adapters.dynamodb.table import Table
from mediarelay.adapters.secrets import Reading, Secret
from mediarelay.config import Settings, unreadable
from mediarelay.errors import SecretUnavailable
from mediarelay.observability import count, flush, set_log_level

# What providers and webhook receivers see of the caller.
USER_AGENT = f"mediarelay/{__version__}"
# Without a seed, so no two execution environments ever draw the same ids or the same jitter.
random = SystemRandom()
client = aws.client
log = logging.getLogger(__name__)


def now() -> datetime:
    """Return the present time (UTC)."""
    return datetime.now(UTC)


@cache
def settings() -> Settings:
    """Read the environment. Count and log each setting that cannot be read; its default applies."""
    for name, why in unreadable().items():
        report_unreadable(name, why)
    try:
        found = Settings.read()
    except ValueError:
        # Init fails, so no invocation will publish the metrics.
        flush()
        raise
    set_log_level(found.log_level)
    return found


def report_unreadable(setting: str, why: str) -> None:
    """Count and log a setting, or an entry of one, that cannot be read."""
    count("SettingUnreadable", setting=setting.upper())
    log.error("setting unreadable", extra={"setting": setting.upper(), "error": why})


@cache
def table() -> Table:
    """Return the table."""
    return Table(client("dynamodb"), settings().table_name)


def secret(name: str, arn: str, entries: Callable[[Mapping[str, Any]], Reading]) -> Secret:
    """Return a secret, cached for `SecretCacheSeconds`; `entries` parses it."""
    return Secret(client("secretsmanager"), arn, settings().secret_cache_seconds, time.monotonic, name, entries)


def early_secret(name: str, arn: str, entries: Callable[[Mapping[str, Any]], Reading]) -> Secret:
    """Read a secret during init, so that the first request does not wait for it; if that fails, requests try again."""
    found = secret(name, arn, entries)
    # Init must not fail for this: while Secrets Manager is down, requests get 503, and the CDN sends them again.
    with suppress(SecretUnavailable):
        found.value()
    return found
