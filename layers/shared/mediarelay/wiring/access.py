"""Inputs of the access checks: source networks, and a secret that is read before the first request."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from mediarelay.adapters.secrets import Reading, Secret
from mediarelay.errors import SecretUnavailable
from mediarelay.usecases.access import Networks, read_networks
from mediarelay.wiring import base

# Characters of an unreadable entry in the log: enough to find it, and not a whole pasted secret.
MAX_SHOWN = 64


def source_networks(setting: str) -> Networks:
    """Return the networks of a setting. An entry that cannot be read is counted and logged, and admits no sender."""
    found = read_networks(getattr(base.settings(), setting))
    for entry in found.unreadable or ([] if found.networks else ["the list is empty"]):
        base.report_unreadable(setting, ascii(entry)[:MAX_SHOWN])
    return found.networks


def early_secret(name: str, arn: str, entries: Callable[[Mapping[str, Any]], Reading]) -> Secret:
    """Read a secret during init, so that the first request does not wait for it; if that fails, requests try again."""
    found = base.secret(name, arn, entries)
    # Init must not fail for this: while Secrets Manager is down, requests get 503, and the CDN sends them again.
    with suppress(SecretUnavailable):
        found.value()
    return found
