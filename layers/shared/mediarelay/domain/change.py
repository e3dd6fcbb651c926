"""Changes of the ledger that need an action at once, as the table's stream reports them."""

from dataclasses import dataclass

from mediarelay.domain.songs.model import SongKey
from mediarelay.domain.tasks.media import Kind


@dataclass(frozen=True, slots=True)
class CallbackStored:
    """A callback arrived. `is_trusted`: the deployment trusts callbacks, so more than a claim names the task."""

    vid: str
    kind: Kind
    is_trusted: bool


@dataclass(frozen=True, slots=True)
class ReplayRequested:
    """A client asked for a replay of a task."""

    vid: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class IntentQueued:
    """A batch stored an intent, which the submit queue must hand to the provider."""

    identity: str


@dataclass(frozen=True, slots=True)
class IntentRefused:
    """The provider refused an intent that the client had been told is accepted."""

    identity: str


@dataclass(frozen=True, slots=True)
class TaskUnpublished:
    """A task has a state that is not published yet."""

    vid: str


@dataclass(frozen=True, slots=True)
class RelayStored:
    """A game server relayed a result about a song."""

    song: SongKey


Change = CallbackStored | ReplayRequested | IntentQueued | IntentRefused | TaskUnpublished | RelayStored
