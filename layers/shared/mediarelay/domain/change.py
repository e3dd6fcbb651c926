"""Changes of the ledger that need an action at once, as the table's stream reports them.

`log_keys` returns the log keys that name the subject of a change.
"""

from dataclasses import dataclass

from mediarelay.domain.events import Position
from mediarelay.domain.songs.model import SongKey
from mediarelay.domain.tasks.media import Kind


@dataclass(frozen=True, slots=True)
class _TaskChange:
    vid: str

    @property
    def log_keys(self) -> dict[str, str]:
        """The log key of the task."""
        return {"vid": self.vid}


@dataclass(frozen=True, slots=True)
class CallbackStored(_TaskChange):
    """A callback arrived. `is_trusted`: the deployment trusts callbacks, so this one proves that the task exists."""

    kind: Kind
    is_trusted: bool

    @property
    def is_known(self) -> bool:
        """Whether this alone proves that the task exists."""
        return self.is_trusted


@dataclass(frozen=True, slots=True)
class ReplayRequested(_TaskChange):
    """A client asked for a replay of a task."""

    kind: Kind

    @property
    def is_known(self) -> bool:
        """Whether this alone proves that the task exists."""
        return True


@dataclass(frozen=True, slots=True)
class TaskUnpublished(_TaskChange):
    """A task has a state that is not published yet."""


@dataclass(frozen=True, slots=True)
class _IntentChange:
    identity: str

    @property
    def log_keys(self) -> dict[str, str]:
        """The log key of the intent."""
        return {"intent": self.identity}


@dataclass(frozen=True, slots=True)
class IntentQueued(_IntentChange):
    """A batch stored an intent, which the submit queue must send to the provider."""


@dataclass(frozen=True, slots=True)
class IntentRefused(_IntentChange):
    """The provider refused an intent after its client got 202."""


@dataclass(frozen=True, slots=True)
class RelayStored:
    """A game server relayed a result about a song."""

    song: SongKey

    @property
    def log_keys(self) -> dict[str, str]:
        """The log keys of the song."""
        return self.song.log_keys


@dataclass(frozen=True, slots=True)
class EventStored:
    """An event was published that waits for its delivery to endpoints."""

    position: Position

    @property
    def log_keys(self) -> dict[str, str]:
        """The log key of the event."""
        return {"event": self.position.id}


@dataclass(frozen=True, slots=True)
class DeliveryStored:
    """An event waits for its first attempt at an endpoint."""

    endpoint: str
    event_id: str

    @property
    def log_keys(self) -> dict[str, str]:
        """The log keys of the delivery."""
        return {"event": self.event_id, "endpoint": self.endpoint}


Change = (
    CallbackStored
    | ReplayRequested
    | TaskUnpublished
    | IntentQueued
    | IntentRefused
    | RelayStored
    | EventStored
    | DeliveryStored
)
# Changes after which the provider is queried at once.
Prompt = CallbackStored | ReplayRequested
