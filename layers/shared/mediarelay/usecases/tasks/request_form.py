"""Requests as their provider reads them: one form for all spellings, so that a repeat is never made a second task."""

from collections.abc import Mapping
from typing import Any

from mediarelay.domain.tasks.facts import Place
from mediarelay.domain.tasks.intent import Intent, file_identity
from mediarelay.domain.tasks.media import Kind
from mediarelay.errors import Malformed
from mediarelay.providers.port import Provider
from mediarelay.providers.registry import provider_named


def request_form(provider: Provider, kind: Kind, request: Mapping[str, Any]) -> dict[str, Any]:
    """Return a request with the fields that tell it from others; raises `Malformed` if its provider cannot serve it."""
    # Some providers take no reference, but two clients may tell their tasks of one file by it.
    reference = {"reference": request["reference"]} if "reference" in request else {}
    return {**provider.request(kind, request), **reference}


def repeats(stored: Intent, new: Intent) -> bool:
    """Return whether a new intent makes the request of a stored one again, in any spelling.

    A request that states no provider repeats one of any provider: the default may have changed in between.
    """
    if new.request.get("provider") not in {None, stored.provider}:
        return False
    # The second comparison fails for a stored request that this version would refuse.
    return stored.same_request(new) or _same_form(stored, new)


def describe_conflict(stored: Intent, new: Intent) -> str:
    """Return why a key cannot serve a new intent: when it was used, and which fields of the request differ."""
    names = [*stored.request, *(name for name in new.request if name not in stored.request)]
    differ = [name for name in names if stored.request.get(name) != new.request.get(name)]
    used = f"was used at {stored.at:%Y-%m-%dT%H:%M:%SZ} for a request that differs in {', '.join(differ)}"
    return f"Idempotency-Key: {used}; send a new key"


def stated_place(intent: Intent) -> Place:
    """Return the bucket of the source that an intent names, as far as the intent tells."""
    try:
        return provider_named(intent.provider).request_facts("", intent.kind, intent.request).source.place
    # An earlier version stored a request that this one would refuse.
    except Malformed:
        return Place()


def _same_form(stored: Intent, new: Intent) -> bool:
    provider = provider_named(stored.provider)
    try:
        first, second = (file_identity(request_form(provider, one.kind, one.request)) for one in (stored, new))
    except Malformed:
        return False
    return first == second
