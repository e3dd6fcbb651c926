"""Work on several subjects of which one that fails does not stop the others."""

from collections.abc import Collection, Hashable, Iterator
from contextlib import contextmanager
from typing import TypeVar

Subject = TypeVar("Subject", bound=Hashable)


@contextmanager
def noting(failures: dict[Subject, Exception], subject: Subject) -> Iterator[None]:
    """Note any failure about one subject, also one of our own mistakes: it must not stop the others."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - the caller logs it
        failures[subject] = error


@contextmanager
def noting_all(failures: dict[Subject, Exception], subjects: Collection[Subject]) -> Iterator[None]:
    """Note any failure of work that several subjects share about all of them."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - the caller logs it
        failures.update(dict.fromkeys(subjects, error))
