"""The messages of a dead-letter queue."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """One received message.

    Attributes:
        receipt: Deletes the message.
        body: The body as it was sent. It may hold credentials.
        sent_at: When it was sent to its first queue (UTC).
        received: How often it has been received, by operators, too.
        source: The queue that it comes from, if SQS names one of ours.
        attributes: Its own attributes.
    """

    id: str
    receipt: str = field(repr=False)
    body: str = field(repr=False)
    sent_at: datetime
    received: int
    source: str | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownLetter:
    """A message as an operator sees it: its body without credentials, cut to a bounded length if `truncated`."""

    id: str
    sent_at: datetime
    received: int
    body: str
    truncated: bool
    attributes: Mapping[str, str]
