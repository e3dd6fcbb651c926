"""What publishes the outcomes of tasks. Functions that only read or submit do not load the notifications."""

from functools import cache

from mediarelay.adapters.aws import client
from mediarelay.adapters.sns import Topic
from mediarelay.usecases.tasks.publish import TaskPublisher
from mediarelay.wiring import base
from mediarelay.wiring.tasks import task_repository


@cache
def task_publisher() -> TaskPublisher:
    """Publishes outcomes."""
    topic = Topic(client("sns"), base.settings().topic_arn)
    return TaskPublisher(tasks=task_repository(), ledger=base.ledger(), topic=topic, api_url=base.settings().api_url)
