"""The keys that sign our calls to the providers."""

from mediarelay.providers.port import Account
from mediarelay.providers.registry import NAMES
from mediarelay.usecases.secret_entries import Entries, Fields, plain, unpacked

# The template creates the secret with this id, for the operator to replace.
PLACEHOLDER = "unset"
OPTIONAL = ("token", "notify_url", "notify_key", "storage_id", "storage_key")


def provider_keys(secret: Fields) -> Entries[tuple[str, Account]]:
    """Return the account of each provider, by the provider's name.

    A pair at the top of the secret, without a provider's name, is that of the first provider.
    """
    stated = {name: secret[name] for name in NAMES if name in secret}
    if "secret_id" in secret or "secret_key" in secret:
        stated = {NAMES[0]: secret} | stated
    read = {name: _account(value, f"{name}." if name in secret else "") for name, value in stated.items()}
    usable = tuple((name, one) for name, found in read.items() for one in found.usable)
    faults = tuple(fault for found in read.values() for fault in found.faults)
    if not stated:
        faults = (f"one of {', '.join(NAMES)} was expected",)
    return Entries(usable, faults)


def _account(stated: object, path: str) -> Entries[Account]:
    value = unpacked(stated)
    if not isinstance(value, dict):
        return Entries((), (f"{path.removesuffix('.')}: an object was expected",))
    faults = [f"{path}{name}: text was expected" for name in ("secret_id", "secret_key") if not plain(value.get(name))]
    # A wrong optional field is a fault of the whole account: temporary keys, for example, are refused without theirs.
    faults += [f"{path}{name}: text was expected" for name in OPTIONAL if not isinstance(value.get(name), str | None)]
    if faults or plain(value["secret_id"]) == PLACEHOLDER:
        return Entries((), tuple(faults))
    found = {name: plain(value.get(name)) or None for name in OPTIONAL}
    return Entries((Account(plain(value["secret_id"]), plain(value["secret_key"]), **found),))
