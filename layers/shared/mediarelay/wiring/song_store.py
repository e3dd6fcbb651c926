"""The store of songs, and the cipher that encrypts their tokens."""

from functools import cache

from mediarelay.adapters.dynamodb.songs import SongStore
from mediarelay.adapters.kms import KmsCipher
from mediarelay.wiring import base


@cache
def song_store() -> SongStore:
    """Return the store of songs."""
    return SongStore(base.table(), base.settings().song_days)


def kms_cipher() -> KmsCipher:
    """Return the cipher that encrypts and decrypts tokens."""
    return KmsCipher(base.client("kms"), base.settings().song_token_key_id)
