"""What operators use: the status, what is stuck, the circuits and the dead letters."""

from collections.abc import Callable
from functools import cache
from typing import Any

from mediarelay.adapters.dynamodb.budget import BudgetStore
from mediarelay.adapters.dynamodb.circuits import CircuitStore
from mediarelay.adapters.dynamodb.due_index import DueIndex
from mediarelay.adapters.dynamodb.intents import IntentStore
from mediarelay.adapters.dynamodb.quarantine import QuarantineStore
from mediarelay.adapters.dynamodb.runs import RunStore
from mediarelay.adapters.sqs_operations import OperatedQueues
from mediarelay.domain.due import DELIVERIES, Duty
from mediarelay.usecases.operations.circuits import Circuits
from mediarelay.usecases.operations.dead_letters import DeadLetters
from mediarelay.usecases.operations.status import StatusReader, WatchedSecret
from mediarelay.usecases.operations.stuck import StuckReader
from mediarelay.usecases.provider_keys import provider_keys
from mediarelay.usecases.relay_secrets import music_secrets
from mediarelay.usecases.secret_entries import Entries, Fields, callback_tokens, clients
from mediarelay.usecases.webhooks.endpoints import endpoint_lists
from mediarelay.wiring import base
from mediarelay.wiring.circuit import budget
from mediarelay.wiring.tasks import task_store
from mediarelay.wiring.webhooks import webhook_manager

# The setting with the URL of each queue, by the queue's name in the template.
QUEUE_URLS = {
    "ConfirmQueue": "confirm_queue_url",
    "ConfirmUnknownQueue": "confirm_unknown_queue_url",
    "SubmitQueue": "submit_queue_url",
    "CallbackBacklog": "callback_backlog_url",
    "ConfirmDeadLetters": "confirm_dead_letters_url",
    "SubmitDeadLetters": "submit_dead_letters_url",
    "CallbackBacklogDeadLetters": "callback_backlog_dead_letters_url",
    "DeliveryQueue": "delivery_queue_url",
    "DeliveryDeadLetters": "delivery_dead_letters_url",
    "DispatchDeadLetters": "dispatch_dead_letters_url",
    "ScheduleDeadLetters": "schedule_dead_letters_url",
}
# The setting with the ARN of each secret, and the reader that the functions use.
SECRETS: dict[str, tuple[str, Callable[[Fields], Entries[Any]]]] = {
    "ProviderKeys": ("provider_keys_secret", provider_keys),
    "CallbackTokens": ("callback_tokens_secret", callback_tokens),
    "MusicSecret": ("music_secret", music_secrets),
    "ApiClients": ("api_clients_secret", clients),
    "WebhookEndpoints": ("webhook_endpoints_secret", endpoint_lists),
}


@cache
def operated_queues() -> OperatedQueues:
    """Return the queues, as an operator sees them."""
    settings = base.settings()
    return OperatedQueues(
        base.client("sqs"), {name: url for name, setting in QUEUE_URLS.items() if (url := getattr(settings, setting))}
    )


@cache
def circuits() -> Circuits:
    """Return the use case that lists and closes circuits."""
    return Circuits(CircuitStore(base.table()), base.now)


@cache
def dead_letters() -> DeadLetters:
    """Return the use case that looks after the dead letters."""
    return DeadLetters(operated_queues())


@cache
def status_reader() -> StatusReader:
    """Return the use case that collects the facts about the deployment."""
    settings = base.settings()
    return StatusReader(
        watched=tuple(duty for duty in Duty if settings.delivery_queue_url or duty not in DELIVERIES),
        due=DueIndex(base.table()),
        runs=RunStore(base.table()),
        circuits=circuits(),
        calls=BudgetStore(base.table()),
        budget=budget(),
        queues=operated_queues(),
        quarantine=QuarantineStore(base.table()),
        secrets={
            name: WatchedSecret(base.secret(name, getattr(settings, setting), entries), entries)
            for name, (setting, entries) in SECRETS.items()
            if getattr(settings, setting)
        },
        endpoints=webhook_manager().all if settings.webhook_endpoints_secret else tuple,
        clock=base.now,
    )


@cache
def stuck_reader() -> StuckReader:
    """Return the use case that lists what is overdue."""
    return StuckReader(
        rows=DueIndex(base.table()),
        tasks=task_store(),
        intents=IntentStore(base.table()),
        facts=status_reader().facts,
    )
