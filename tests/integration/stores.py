"""All stores on one table, for tests."""

from typing import Any

from mediarelay.adapters.aws import client
from mediarelay.adapters.dynamodb.budget import BudgetStore
from mediarelay.adapters.dynamodb.circuits import CircuitStore
from mediarelay.adapters.dynamodb.due_index import DueIndex
from mediarelay.adapters.dynamodb.intents import IntentStore
from mediarelay.adapters.dynamodb.quarantine import QuarantineStore
from mediarelay.adapters.dynamodb.replays import ReplayStore
from mediarelay.adapters.dynamodb.songs import SongStore
from mediarelay.adapters.dynamodb.table import Table
from mediarelay.adapters.dynamodb.task_store import TaskStore


class Stores:
    """One store per thing, as the composition root builds them; `dynamodb` may be a client that fails."""

    def __init__(self, name: str, *, raw_body_days: int = 90, dynamodb: Any = None) -> None:
        self.table = Table(dynamodb or client("dynamodb"), name)
        self.tasks = TaskStore(self.table, raw_body_days)
        self.due_index = DueIndex(self.table)
        self.intents = IntentStore(self.table)
        self.replays = ReplayStore(self.table)
        self.circuits = CircuitStore(self.table)
        self.budget = BudgetStore(self.table)
        self.quarantine = QuarantineStore(self.table)
        self.songs = SongStore(self.table)
