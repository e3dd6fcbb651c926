"""KMS: encrypts the tokens of songs with a key of their own, so that few functions may decrypt them."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from mediarelay.errors import DecryptionFailed, KmsUnavailable

BROKEN = "InvalidCiphertextException"
# Bytes that one call to Encrypt takes.
MAX_BYTES = 4096
# Bytes that one call to Decrypt takes.
MAX_ENCRYPTED_BYTES = 6144
# Calls to Decrypt at the same time: a history may have 1,600 pieces, and is due within the gateway's 30 seconds.
READERS = 8


@dataclass(frozen=True, slots=True)
class KmsCipher:
    """Encrypts and decrypts. Decryption needs the context of the encryption, such as a room and a song."""

    client: Any
    key: str

    def encrypt(self, plain: bytes, context: Mapping[str, str]) -> tuple[bytes, ...]:
        """Encrypt, in as many pieces as it takes; raises `KmsUnavailable`."""
        pieces = (plain[start : start + MAX_BYTES] for start in range(0, len(plain), MAX_BYTES))
        return tuple(
            self._call(self.client.encrypt, "CiphertextBlob", Plaintext=piece, EncryptionContext=dict(context))
            for piece in pieces
        )

    def decrypt(self, encrypted: tuple[bytes, ...], context: Mapping[str, str]) -> bytes:
        """Decrypt, several pieces at a time; raises `KmsUnavailable`, `DecryptionFailed`."""
        if len(encrypted) == 1:
            return self._decrypt(encrypted[0], context)
        with ThreadPoolExecutor(READERS) as pool:
            return b"".join(pool.map(lambda piece: self._decrypt(piece, context), encrypted))

    def _decrypt(self, piece: bytes, context: Mapping[str, str]) -> bytes:
        if not 0 < len(piece) <= MAX_ENCRYPTED_BYTES:
            raise DecryptionFailed("of no length that KMS takes")
        return self._call(self.client.decrypt, "Plaintext", CiphertextBlob=piece, EncryptionContext=dict(context))

    def _call(self, operation: Any, wanted: str, **request: Any) -> bytes:
        try:
            answer = operation(KeyId=self.key, **request)
        except (ClientError, BotoCoreError) as error:
            raise (DecryptionFailed if type(error).__name__ == BROKEN else KmsUnavailable)(
                type(error).__name__
            ) from error
        return bytes(answer[wanted])
