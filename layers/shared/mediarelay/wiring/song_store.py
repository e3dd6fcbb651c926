"""Where songs are kept, and what encrypts their tokens."""

from functools import cache

from mediarelay.adapters.aws import client
from mediarelay.adapters.dynamodb.songs import SongStore
from mediarelay.adapters.kms import KmsCipher
from mediarelay.wiring import base


@cache
def song_store() -> SongStore:
    """Keeps songs in the table."""
    return SongStore(base.table(), base.settings().song_days)


def kms_cipher() -> KmsCipher:
    """Encrypts and decrypts tokens."""
    return KmsCipher(client("kms"), base.settings().song_token_key_id)
