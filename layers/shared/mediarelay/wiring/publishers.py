"""The publisher of outcomes. Functions that only read or submit do not load it."""

from functools import cache

from mediarelay.adapters.aws import client
from mediarelay.adapters.dynamodb.intents import IntentStore
from mediarelay.adapters.sns import Topic
from mediarelay.usecases.tasks.publish import TaskPublisher
from mediarelay.wiring import base
from mediarelay.wiring.tasks import task_repository, task_store


@cache
def task_publisher() -> TaskPublisher:
    """Return the use case that publishes outcomes and refusals."""
    topic = Topic(client("sns"), base.settings().topic_arn)
    return TaskPublisher(
        tasks=task_repository(),
        publications=task_store(),
        intents=IntentStore(base.table()),
        topic=topic,
        api_url=base.settings().api_url,
    )
