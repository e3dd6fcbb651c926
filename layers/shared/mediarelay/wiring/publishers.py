"""The publishers of outcomes and of songs' events. Functions that only read or submit do not load them."""

from functools import cache

from mediarelay.adapters.dynamodb.intents import IntentStore
from mediarelay.usecases.songs.publish import SongPublisher
from mediarelay.usecases.tasks.publish import TaskPublisher
from mediarelay.wiring import base
from mediarelay.wiring.events import event_publisher
from mediarelay.wiring.song_store import song_store
from mediarelay.wiring.songs import margins
from mediarelay.wiring.tasks import task_repository, task_store


@cache
def task_publisher() -> TaskPublisher:
    """Return the use case that publishes outcomes and refusals."""
    return TaskPublisher(
        tasks=task_repository(),
        publications=task_store(),
        intents=IntentStore(base.table()),
        api_url=base.settings().api_url,
    )


@cache
def song_publisher() -> SongPublisher:
    """Return the use case that publishes the events of songs."""
    return SongPublisher(
        songs=song_store(), events=event_publisher(), api_url=base.settings().api_url, margins=margins(), clock=base.now
    )
