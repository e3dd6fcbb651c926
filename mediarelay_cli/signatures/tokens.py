"""Bearer tokens: a stack stores the SHA-256 of each, as 64 lower-case hex digits."""

from collections.abc import Iterator
from dataclasses import dataclass

from mediarelay_cli.signatures.common import (
    SECRET_SPELLED,
    Write,
    hexadecimal,
    other_algorithm,
    spellings,
    with_changes,
)
from mediarelay_cli.signatures.recipe import ALGORITHMS, Mistake


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRecipe:
    """The choices of a stored hash. `secret` is the token."""

    secret: str
    algorithm: str = "SHA256"
    rounds: int = 1
    write: Write = hexadecimal

    @property
    def text(self) -> bytes:
        """The text that is hashed."""
        return self.secret.encode("utf-8", "surrogatepass")

    @property
    def signature(self) -> str:
        """The hash."""
        text = self.text
        for _ in range(self.rounds - 1):
            text = ALGORITHMS[self.algorithm](b"", text).hex().encode()
        return self.write(ALGORITHMS[self.algorithm](b"", text))


def _schemes(found: TokenRecipe) -> Iterator[tuple[str, TokenRecipe]]:
    for scheme in ("Bearer ", "bearer ", "Authorization: Bearer "):
        yield f"`{scheme}`", with_changes(found, secret=f"{scheme}{found.secret}")


def _twice(found: TokenRecipe) -> Iterator[tuple[str, TokenRecipe]]:
    yield "", with_changes(found, rounds=2)


MISTAKES: tuple[Mistake[TokenRecipe], ...] = (
    SECRET_SPELLED,
    other_algorithm("SHA256", "MD5", "SHA1", "SHA512"),
    Mistake("scheme_included", "The hash covers {} before the token.", "Hash the token alone.", _schemes),
    Mistake("hashed_twice", "The token is hashed twice.", "Hash the token once.", _twice),
    *spellings("upper_case_hex", accepted=("upper_case_hex",)),
    *spellings("base64", "base64_of_hex"),
)
