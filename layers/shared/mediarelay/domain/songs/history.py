"""The history of a song: the relays about it, as an operator may see them."""

from dataclasses import dataclass

from mediarelay.domain.songs.model import Relay


@dataclass(frozen=True, slots=True)
class LoggedRelay:
    """One relay. `body` is its JSON without tokens; `resource_ids` is empty if the relay cannot be decrypted."""

    relay: Relay
    body: bytes
    resource_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RelayHistory:
    """The latest relays about a song in a room, oldest first, and the request ids with contradicting results."""

    room: str
    song: str
    relays: tuple[LoggedRelay, ...]
    conflicts: tuple[str, ...]
