"""Inputs of the access checks: source networks."""

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
