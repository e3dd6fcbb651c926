"""KMS encrypts the tokens of songs with a key of their own, so that few functions need permission to decrypt."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from mediarelay.adapters.aws_errors import AWS_ERRORS
from mediarelay.errors import DecryptionFailed, KmsUnavailable

BROKEN = "InvalidCiphertextException"
# KMS accepts this many bytes in one call to Encrypt.
MAX_BYTES = 4096
# KMS accepts this many bytes in one call to Decrypt.
MAX_ENCRYPTED_BYTES = 6144
# Concurrent calls to Decrypt. A history may have 1,600 pieces, and API Gateway waits 30 seconds for it.
READERS = 8


@dataclass(frozen=True, slots=True)
class KmsCipher:
    """Encrypts and decrypts with one KMS key. Decryption needs the same context (room, song) as encryption."""

    client: Any
    key: str

    def encrypt(self, plain: bytes, context: Mapping[str, str]) -> tuple[bytes, ...]:
        """Encrypt bytes of any length and return the encrypted pieces in order; raise `KmsUnavailable`."""
        pieces = (plain[start : start + MAX_BYTES] for start in range(0, len(plain), MAX_BYTES))
        return tuple(
            self._call(self.client.encrypt, "CiphertextBlob", Plaintext=piece, EncryptionContext=dict(context))
            for piece in pieces
        )

    def decrypt(self, encrypted: tuple[bytes, ...], context: Mapping[str, str]) -> bytes:
        """Decrypt pieces and return the whole; raise `KmsUnavailable`, or `DecryptionFailed` if no retry can help."""
        # One piece is the usual case, and needs no threads.
        if len(encrypted) == 1:
            return self._decrypt(encrypted[0], context)
        with ThreadPoolExecutor(READERS) as pool:
            return b"".join(pool.map(lambda piece: self._decrypt(piece, context), encrypted))

    def _decrypt(self, piece: bytes, context: Mapping[str, str]) -> bytes:
        # KMS would report a validation error, which looks like an outage and would be retried for ever.
        if not 0 < len(piece) <= MAX_ENCRYPTED_BYTES:
            raise DecryptionFailed("the piece is empty or too long for KMS")
        return self._call(self.client.decrypt, "Plaintext", CiphertextBlob=piece, EncryptionContext=dict(context))

    def _call(self, operation: Any, wanted: str, **request: Any) -> bytes:
        try:
            answer = operation(KeyId=self.key, **request)
        except AWS_ERRORS as error:
            raise (DecryptionFailed if type(error).__name__ == BROKEN else KmsUnavailable)(
                type(error).__name__
            ) from error
        return bytes(answer[wanted])
