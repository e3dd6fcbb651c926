"""What API clients ask for, without a call to the provider: tasks, batches of submits, replays, the quarantine."""

from functools import cache

from mediarelay.adapters.dynamodb.quarantine import QuarantineStore
from mediarelay.domain.tasks.media import Kind
from mediarelay.usecases.tasks.quarantine import Quarantine, claiming
from mediarelay.usecases.tasks.read import TaskReader
from mediarelay.usecases.tasks.submit_batch import BatchSubmitter
from mediarelay.wiring import base
from mediarelay.wiring.callbacks import callback_store
from mediarelay.wiring.intents import intent_registry
from mediarelay.wiring.tasks import replayer, task_repository, task_store

__all__ = ["batch_submitter", "quarantine", "replayer", "task_reader"]


@cache
def task_reader() -> TaskReader:
    """Answers queries."""
    return TaskReader(tasks=task_repository(), listing=task_store(), bodies=task_store())


@cache
def batch_submitter() -> BatchSubmitter:
    """Stores batches of requests, which a queue hands to the provider."""
    return BatchSubmitter(intent_registry())


@cache
def quarantine() -> Quarantine:
    """Lists and reads again what could not be read."""
    intakes = {f"callbacks/{kind}": claiming(callback_store(kind).take) for kind in Kind}
    return Quarantine(store=QuarantineStore(base.table()), intakes=intakes)
