"""The publishers of outcomes and of songs' events. Functions that only read or submit do not load them."""

from functools import cache

from mediarelay.adapters.dynamodb.intents import IntentStore
from mediarelay.adapters.sns import Topic
from mediarelay.usecases.songs.publish import SongPublisher
from mediarelay.usecases.tasks.publish import TaskPublisher
from mediarelay.wiring import base
from mediarelay.wiring.song_store import song_store
from mediarelay.wiring.songs import margins
from mediarelay.wiring.tasks import task_repository, task_store


@cache
def topic() -> Topic:
    """Return the topic of the notifications."""
    return Topic(base.client("sns"), base.settings().topic_arn)


@cache
def task_publisher() -> TaskPublisher:
    """Return the use case that publishes outcomes and refusals."""
    return TaskPublisher(
        tasks=task_repository(),
        publications=task_store(),
        intents=IntentStore(base.table()),
        topic=topic(),
        api_url=base.settings().api_url,
    )


@cache
def song_publisher() -> SongPublisher:
    """Return the use case that publishes the events of songs."""
    return SongPublisher(
        songs=song_store(), topic=topic(), api_url=base.settings().api_url, margins=margins(), clock=base.now
    )
