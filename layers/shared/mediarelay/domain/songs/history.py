"""The history of a song: the relays about it, as an operator may see them."""

from dataclasses import dataclass

from mediarelay.domain.songs.model import Relay


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One relay. `body` is its JSON without tokens; `resource_ids` is empty if the relay cannot be decrypted."""

    relay: Relay
    body: bytes
    resource_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class History:
    """The latest relays about a song in a room, oldest first, and the request ids with contradicting results."""

    room: str
    song: str
    entries: tuple[HistoryEntry, ...]
    conflicts: tuple[str, ...]
