"""Where songs are kept, and what encrypts their tokens."""

from functools import cache

from mediarelay.adapters.aws import client
from mediarelay.adapters.dynamodb.songs import Songs
from mediarelay.adapters.kms import KmsCipher
from mediarelay.wiring import base


@cache
def song_store() -> Songs:
    """Keeps songs in the table."""
    return Songs(client("dynamodb"), base.settings().table_name, base.settings().song_days)


def kms_cipher() -> KmsCipher:
    """Encrypts and decrypts tokens."""
    return KmsCipher(client("kms"), base.settings().song_token_key_id)
