"""The endpoints of the secret `WebhookEndpoints`, entry by entry."""

import re
from collections.abc import Mapping
from typing import Any

from mediarelay.domain.events import is_pattern
from mediarelay.domain.webhooks.egress import read_webhook_url
from mediarelay.domain.webhooks.endpoint import Endpoint
from mediarelay.usecases.relay_secrets import webhook_secrets
from mediarelay.usecases.secret_entries import Entries, Fields, plain, unpacked, words

# A name is part of a path.
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


def webhook_endpoints(secret: Fields) -> Entries[Endpoint]:
    """Return the usable endpoints. Of two entries with one name, the first counts."""
    value = unpacked(secret.get("endpoints"))
    if not isinstance(value, list):
        return Entries((), ("endpoints: a list was expected",))
    found: dict[str, Endpoint] = {}
    faults: list[str] = []
    for place, entry in enumerate(value):
        faults += [f"endpoints.{place}: {why}" for why in _add(entry, found)]
    return Entries(tuple(found.values()), tuple(faults))


def endpoint_lists(secret: Fields) -> Entries[tuple[Endpoint, ...]]:
    """Return the list of endpoints as one entry, so that an empty list is usable: a new stack has no endpoint."""
    read = webhook_endpoints(secret)
    is_list = isinstance(unpacked(secret.get("endpoints")), list)
    return Entries((read.usable,) if is_list else (), read.faults)


def subscribed_types(secret: Fields) -> dict[str, tuple[str, ...]]:
    """Return the types that each named entry receives (none: all), also of entries that cannot be used otherwise.

    An entry whose types cannot be read receives all types, because a missing event costs more than one too many.
    """
    value = unpacked(secret.get("endpoints"))
    entries = [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []
    named = {name: _readable_types(entry) for entry in entries if _NAME.fullmatch(name := plain(entry.get("name")))}
    return named | {one.name: one.types for one in webhook_endpoints(secret).usable}


def _readable_types(entry: Mapping[str, Any]) -> tuple[str, ...]:
    types = words(entry, "types")
    return () if _type_faults(entry, types) else types.usable


def _add(entry: object, found: dict[str, Endpoint]) -> tuple[str, ...]:
    """Add the endpoint of an entry if it is usable; return what is wrong with the entry."""
    if not isinstance(entry, dict):
        return ("an object was expected",)
    name, secrets, types = plain(entry.get("name")), webhook_secrets(entry, "secrets"), words(entry, "types")
    faults = [*_name_faults(name, found), *_url_faults(entry), *secrets.faults, *_type_faults(entry, types)]
    if not secrets.usable and not secrets.faults:
        faults.append("secrets: at least one was expected")
    if not faults:
        found[name] = Endpoint(name, plain(entry.get("url")), secrets.usable, types.usable)
    return tuple(faults)


def _name_faults(name: str, found: Mapping[str, Endpoint]) -> list[str]:
    if not _NAME.fullmatch(name):
        return ["name: 1 to 64 letters, digits, - and _ were expected"]
    return ["name: the same as that of an entry before it"] if name in found else []


def _url_faults(entry: Mapping[str, Any]) -> list[str]:
    try:
        read_webhook_url(plain(entry.get("url")))
    except ValueError as error:
        return [f"url: {error}"]
    return []


def _type_faults(entry: Mapping[str, Any], types: Entries[str]) -> list[str]:
    # An empty list would mean every type, which the operator hardly wants.
    if "types" in entry and not types.usable and not types.faults:
        return ["types: at least one was expected; leave it out for all types"]
    wrong = [place for place, one in enumerate(types.usable) if not is_pattern(one)]
    return [*types.faults, *(f"types.{place}: a type such as mediarelay.task.* was expected" for place in wrong)]
