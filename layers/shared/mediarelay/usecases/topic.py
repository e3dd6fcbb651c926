"""The topic of the notifications, as the publishers of both halves use it."""

from typing import Protocol


class Topic(Protocol):
    """The topic of the subscribers."""

    def publish(self, message: str, attributes: dict[str, str]) -> None:
        """Publish one message; raises `Undelivered`."""
