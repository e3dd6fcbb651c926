"""What the ledger holds about one task, as values: log entries and the bookkeeping of the task item."""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from mediarelay.domain.media import Kind, State
from mediarelay.domain.origin import Origin
from mediarelay.domain.schedule import Due


@dataclass(frozen=True, slots=True, kw_only=True)
class Gist:
    """What a callback claims, in short: enough to see a contradiction without reading its body."""

    state: State | None = None
    app_id: int | None = None
    bucket: str | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the log: who said it, when we heard it (UTC), and the body exactly as received.

    Attributes:
        body: None where only the gist was read, or is left.
        digest: SHA-256 of the body in hex: an entry's identity within its task, origin and kind.
        gist: Of a callback, what it claims.
    """

    vid: str
    kind: Kind
    origin: Origin
    at: datetime
    body: bytes | None
    digest: str = ""
    gist: Gist | None = None

    def __post_init__(self) -> None:
        """Derive the digest where it is not given."""
        if not self.digest:
            object.__setattr__(self, "digest", hashlib.sha256(self.body or b"").hexdigest())


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """The bookkeeping of a task item: everything that is not said by observations.

    Attributes:
        version: Raised by each write; a writer that saw another version starts over.
        attempts: Questions to the provider so far that brought no outcome.
        give_up_at: When the task counts as lost, unless it has an outcome by then.
        published: States that were announced on the topic.
        conflicts: Subjects of contradiction that were counted.
    """

    version: int = 0
    attempts: int = 0
    give_up_at: datetime
    published: frozenset[State] = frozenset()
    conflicts: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """All the ledger has under one vid. `open_claims` are claims that still wait for a confirmation."""

    entries: tuple[Entry, ...]
    books: Books | None
    open_claims: tuple["OpenClaim", ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenClaim:
    """A callback in the due index: its key, whether it is believed, of which kind it speaks, and when it came."""

    sk: str
    origin: Origin
    kind: Kind
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What the task item shows of the fold, and what must happen next."""

    vid: str
    kind: Kind
    state: State
    url: str | None
    created_at: datetime
    updated_at: datetime
    due: Due | None
    unpublished: State | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """One row of the `due` index. `at` is when a claim or an intent came, `give_up_at` the deadline of a task."""

    pk: str
    sk: str
    vid: str
    kind: Kind
    due_at: int
    at: datetime | None = None
    give_up_at: datetime | None = None
