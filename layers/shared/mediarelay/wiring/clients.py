"""Use cases of API clients that need no call to the provider: reads, batches of submits, replays, the quarantine."""

from functools import cache

from mediarelay.adapters.dynamodb.quarantine import QuarantineStore
from mediarelay.usecases.tasks.quarantine import Quarantine
from mediarelay.usecases.tasks.read import TaskReader
from mediarelay.usecases.tasks.submit_batch import BatchSubmitter
from mediarelay.wiring import base
from mediarelay.wiring.callback_routes import callback_stores
from mediarelay.wiring.intents import intent_registry
from mediarelay.wiring.tasks import replay_jobs, replayer, task_repository, task_store

__all__ = ["batch_submitter", "quarantine", "replay_jobs", "replayer", "task_reader"]


@cache
def task_reader() -> TaskReader:
    """Return the use case that reads tasks."""
    return TaskReader(tasks=task_repository(), listing=task_store())


@cache
def batch_submitter() -> BatchSubmitter:
    """Return the use case that stores batches of submits."""
    return BatchSubmitter(intent_registry())


@cache
def quarantine() -> Quarantine:
    """Return the use case that lists bodies in quarantine and reads them again."""
    return Quarantine(store=QuarantineStore(base.table()), callbacks=callback_stores())
