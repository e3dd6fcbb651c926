"""The keys that sign our calls to the provider."""

from mediarelay.signing.qcloud import Credentials
from mediarelay.usecases.secret_entries import Entries, Fields, plain


def provider_keys(secret: Fields) -> Entries[Credentials]:
    """Return the keys that sign calls to the provider: one pair, or none with the faults."""
    token = secret.get("token")
    faults = [f"{name}: text was expected" for name in ("secret_id", "secret_key") if not plain(secret.get(name))]
    faults += [] if isinstance(token, str | None) else ["token: text was expected"]
    # A wrong token is a fault of the whole pair: temporary keys are refused without theirs.
    if faults:
        return Entries((), tuple(faults))
    return Entries((Credentials(plain(secret["secret_id"]), plain(secret["secret_key"]), plain(token) or None),))
