"""The event log, and the publisher that all publications go through."""

from functools import cache

from mediarelay.adapters.dynamodb.events import EventStore
from mediarelay.adapters.sns import Topic
from mediarelay.usecases.event_publisher import EventPublisher
from mediarelay.usecases.read_events import EventReader
from mediarelay.wiring import base


def event_store() -> EventStore:
    """Return the store of the event log."""
    settings = base.settings()
    return EventStore(base.table(), settings.event_days, deliver=settings.webhook_delivery == "true")


@cache
def event_publisher() -> EventPublisher:
    """Return the use case that stores and publishes events."""
    return EventPublisher(event_store(), Topic(base.client("sns"), base.settings().topic_arn), base.now)


@cache
def event_reader() -> EventReader:
    """Return the use case that reads the event log and publishes test events."""
    return EventReader(log=event_store(), publisher=event_publisher(), clock=base.now, days=base.settings().event_days)
