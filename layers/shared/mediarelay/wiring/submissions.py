"""Submissions: the use case that follows and cancels them."""

from functools import cache

from mediarelay.adapters.dynamodb.due_index import DueIndex
from mediarelay.adapters.dynamodb.intents import IntentStore
from mediarelay.adapters.dynamodb.submissions import SubmissionIndex
from mediarelay.usecases.tasks.submissions import Submissions
from mediarelay.wiring import base


@cache
def submissions() -> Submissions:
    """Return the use case that follows and cancels submissions."""
    table = base.table()
    return Submissions(intents=IntentStore(table), listing=SubmissionIndex(table, DueIndex(table)), clock=base.now)
