"""All stores on one table, for tests that read or write the table itself."""

from mediarelay.adapters.dynamodb.budget import BudgetStore
from mediarelay.adapters.dynamodb.circuits import CircuitStore
from mediarelay.adapters.dynamodb.due_index import DueIndex
from mediarelay.adapters.dynamodb.endpoints import EndpointStore
from mediarelay.adapters.dynamodb.intents import IntentStore
from mediarelay.adapters.dynamodb.quarantine import QuarantineStore
from mediarelay.adapters.dynamodb.replays import ReplayJobIndex, ReplayStore
from mediarelay.adapters.dynamodb.runs import RunStore
from mediarelay.adapters.dynamodb.submissions import SubmissionIndex
from mediarelay.wiring import base
from mediarelay.wiring.events import event_store
from mediarelay.wiring.song_store import song_store
from mediarelay.wiring.tasks import task_store
from mediarelay.wiring.webhooks import delivery_store


class Stores:
    """One store per thing, on the table and with the settings of the environment."""

    def __init__(self) -> None:
        self.table = base.table()
        self.tasks = task_store()
        self.due_index = DueIndex(self.table)
        self.intents = IntentStore(self.table)
        self.replays = ReplayStore(self.table)
        self.job_index = ReplayJobIndex(self.table, self.due_index)
        self.submission_index = SubmissionIndex(self.table, self.due_index)
        self.circuits = CircuitStore(self.table)
        self.budget = BudgetStore(self.table)
        self.runs = RunStore(self.table)
        self.quarantine = QuarantineStore(self.table)
        self.songs = song_store()
        self.events = event_store()
        self.deliveries = delivery_store()
        self.endpoints = EndpointStore(self.table)
