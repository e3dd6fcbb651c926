"""A recipe computes one signature. A mistake changes a recipe as a wrong client would. `explain` searches for it."""

import hashlib
import hmac
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Generic, Protocol, TypeVar

# Returns the digest of a text (second) with a key (first). Plain hashes ignore the key.
Digest = Callable[[bytes, bytes], bytes]

HASHES = {"MD5": hashlib.md5, "SHA1": hashlib.sha1, "SHA256": hashlib.sha256, "SHA512": hashlib.sha512}


def _hmac(name: str) -> Digest:
    return lambda key, text: hmac.digest(key, text, HASHES[name])


def _plain(name: str) -> Digest:
    return lambda _key, text: HASHES[name](text, usedforsecurity=False).digest()


ALGORITHMS: Mapping[str, Digest] = {f"HMAC-{name}": _hmac(name) for name in HASHES} | {
    name: _plain(name) for name in HASHES
}
MAX_MISTAKES = 2
SECRET = "<secret>"  # noqa: S105 - what is shown instead of one


class Recipe(Protocol):
    """Every choice that a signature depends on."""

    @property
    @abstractmethod
    def text(self) -> bytes:
        """The text that is signed."""

    @property
    @abstractmethod
    def signature(self) -> str:
        """The signature, as a client sends it."""


R = TypeVar("R", bound=Recipe)


@dataclass(frozen=True, slots=True)
class Mistake(Generic[R]):
    """A way in which clients sign wrongly.

    Attributes:
        rule: A stable name, such as `url_encoded_values`.
        finding: What the client does; `{}` stands for the detail.
        advice: What it should do instead.
        changes: Yields a detail and the changed recipe, for each form that the mistake may take.
        accepted: Whether Mediarelay accepts such a signature although the documents describe another form.
    """

    rule: str
    finding: str
    advice: str
    changes: Callable[[R], Iterable[tuple[str, R]]]
    accepted: bool = False


@dataclass(frozen=True, slots=True)
class Cause:
    """A mistake that was found, with its detail filled in."""

    rule: str
    finding: str
    advice: str
    accepted: bool


def explain(right: R, foreign: str, mistakes: Sequence[Mistake[R]]) -> tuple[Cause, ...] | None:
    """Return the mistakes that turn a right recipe into one with the foreign signature.

    The result is empty if the signature is right, and None if no mistake and no pair of mistakes reproduces it. The
    first mistake in the list wins, and one mistake wins over two.
    """
    if right.signature == foreign:
        return ()
    for count in range(1, MAX_MISTAKES + 1):
        for chosen in combinations(mistakes, count):
            for causes, changed in _changed(right, chosen):
                if changed.signature == foreign:
                    return causes
    return None


def _changed(recipe: R, chosen: Sequence[Mistake[R]]) -> Iterator[tuple[tuple[Cause, ...], R]]:
    """Yield every recipe that all chosen mistakes together can make, with its causes."""
    if not chosen:
        yield (), recipe
        return
    first, *others = chosen
    for detail, changed in first.changes(recipe):
        for causes, last in _changed(changed, others):
            yield (_cause(first, detail), *causes), last


def _cause(mistake: Mistake[R], detail: str) -> Cause:
    return Cause(mistake.rule, mistake.finding.replace("{}", detail), mistake.advice, mistake.accepted)


def first_difference(ours: str, theirs: str) -> str:
    """Return where two texts begin to differ, or an empty text if they are equal."""
    if ours == theirs:
        return ""
    place = next(
        (at for at, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b), min(map(len, (ours, theirs)))
    )
    return (
        f"character {place + 1}: {ours[place : place + 24]!r} was expected, {theirs[place : place + 24]!r} was signed"
    )
