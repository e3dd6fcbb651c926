"""The quarantine, as the callback endpoints need it."""

from datetime import datetime
from typing import Protocol


class BodyQuarantine(Protocol):
    """Stores bodies that could not be read."""

    def put(self, body: bytes, reason: str, route: str, now: datetime) -> bool:
        """Store a body; return False if it is already there."""
