"""The composition root: builds each use case from the environment and the AWS clients, once per process.

Imports stand inside the functions on purpose: a callback function must not load what only others need.
"""
# ruff: noqa: PLC0415

import logging
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import cache
from random import SystemRandom
from typing import TYPE_CHECKING, Any

from mediarelay import metrics
from mediarelay.adapters.aws import client
from mediarelay.adapters.dynamodb.observations import ObservationStore
from mediarelay.adapters.dynamodb.quarantine import QuarantineStore
from mediarelay.adapters.dynamodb.table import Table
from mediarelay.adapters.secrets import Secret
from mediarelay.config import Settings, unreadable
from mediarelay.domain.circuit_breaker import QUERY_ACTIONS
from mediarelay.domain.tasks.lifecycle import Rules
from mediarelay.domain.tasks.media import Kind
from mediarelay.domain.tasks.origin import Origin
from mediarelay.errors import SecretUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from mediarelay.adapters.cts_api import CtsApi
    from mediarelay.adapters.dynamodb.intents import IntentStore
    from mediarelay.adapters.dynamodb.songs import SongStore
    from mediarelay.adapters.dynamodb.task_store import TaskStore
    from mediarelay.adapters.kms import KmsCipher
    from mediarelay.adapters.sqs import ConfirmQueue, SubmitQueue
    from mediarelay.domain.budget import Budget
    from mediarelay.domain.change import Change
    from mediarelay.domain.songs.events import Margins
    from mediarelay.usecases.access import Networks
    from mediarelay.usecases.authorize import Authorizer
    from mediarelay.usecases.circuit_breaker import CircuitBreaker
    from mediarelay.usecases.poll import QueryQueue, Tick
    from mediarelay.usecases.secret_entries import Entries
    from mediarelay.usecases.songs.leases import SongPublisher, SongReader
    from mediarelay.usecases.songs.receive import RelayEndpoint
    from mediarelay.usecases.sweep import Sweeper
    from mediarelay.usecases.tasks.confirm import Confirmer
    from mediarelay.usecases.tasks.publish import TaskPublisher
    from mediarelay.usecases.tasks.quarantine import Quarantine
    from mediarelay.usecases.tasks.read import TaskReader
    from mediarelay.usecases.tasks.rebuild import Rebuilder
    from mediarelay.usecases.tasks.receive import CallbackEndpoint, CallbackStore
    from mediarelay.usecases.tasks.replay import Replayer
    from mediarelay.usecases.tasks.repository import TaskRepository
    from mediarelay.usecases.tasks.request_confirm import ConfirmRequester
    from mediarelay.usecases.tasks.submit import Submitter
    from mediarelay.usecases.tasks.submit_batch import BatchSubmitter

NONCE_BITS = 63
MAX_SHOWN = 64
"""Characters of what could not be read."""
RESERVE_MS = 20_000
"""What a tick keeps of its time for the row it is at: a call to the provider may take most of it."""

_random = SystemRandom()
log = logging.getLogger(__name__)


def now() -> datetime:
    """The present (UTC)."""
    return datetime.now(UTC)


@cache
def settings() -> Settings:
    """The environment. What of it cannot be read is counted and logged, and has its default."""
    for name, why in unreadable().items():
        _unreadable(name, why)
    return Settings.read()


def _unreadable(setting: str, why: str) -> None:
    metrics.count_alarmed("SettingUnreadable", setting=setting.upper())
    log.error("setting unreadable", extra={"setting": setting.upper(), "error": why})


@cache
def table() -> Table:
    """The table."""
    return Table(client("dynamodb"), settings().table_name)


def observations() -> ObservationStore:
    """The log of tasks."""
    return ObservationStore(table(), settings().raw_body_days)


def quarantine_store() -> QuarantineStore:
    """Bodies that could not be read."""
    return QuarantineStore(table())


def task_store() -> "TaskStore":
    """The log and the item of tasks."""
    from mediarelay.adapters.dynamodb.task_store import TaskStore

    return TaskStore(table(), settings().raw_body_days)


def intent_store() -> "IntentStore":
    """Intents."""
    from mediarelay.adapters.dynamodb.intents import IntentStore

    return IntentStore(table())


def secret(name: str, arn: str, entries: "Callable[[Mapping[str, Any]], Entries[Any]]") -> Secret:
    """A secret, cached as long as configured; `entries` reads what it holds."""
    return Secret(client("secretsmanager"), arn, settings().secret_cache_seconds, time.monotonic, name, entries)


def _early(wanted: Secret) -> Secret:
    """Read a secret now, so that the first request does not wait for it; if it cannot be read, requests try again."""
    with suppress(SecretUnavailable):
        wanted.value()
    return wanted


@cache
def intake(kind: Kind) -> "CallbackStore":
    """Stores callbacks."""
    from mediarelay.usecases.tasks.receive import CallbackStore

    return CallbackStore(
        kind=kind,
        observations=observations(),
        quarantine=quarantine_store(),
        limit=settings().max_callback_bytes,
        first_poll_after=settings().first_poll_after,
        give_up_after=settings().give_up_after,
        clock=now,
    )


@cache
def receiver(kind: Kind) -> "CallbackEndpoint":
    """Takes callbacks."""
    from mediarelay.adapters.sqs import CallbackBacklog
    from mediarelay.usecases.secret_entries import callback_tokens
    from mediarelay.usecases.tasks.receive import CallbackEndpoint

    return CallbackEndpoint(
        intake=intake(kind),
        retry=CallbackBacklog(lambda: client("sqs"), settings().callback_backlog_url),
        tokens=_early(secret("CallbackTokens", settings().callback_tokens_secret, callback_tokens)),
        networks=_networks(),
        origin=Origin.TRUSTED if settings().callback_trust == "callback" else Origin.CLAIM,
        clock=now,
    )


def _networks() -> "Networks":
    """The networks that may call. An entry that cannot be read is counted and logged, and admits nobody."""
    from mediarelay.usecases.access import read_networks

    found = read_networks(settings().callback_source_cidrs)
    for entry in found.unreadable or ([] if found.networks else ["the list is empty"]):
        _unreadable("callback_source_cidrs", ascii(entry)[:MAX_SHOWN])
    return found.networks


@cache
def doorkeeper() -> "Authorizer":
    """Admits API clients."""
    from mediarelay.usecases.authorize import Authorizer
    from mediarelay.usecases.secret_entries import clients

    return Authorizer(secret("ApiClients", settings().api_clients_secret, clients))


@cache
def tasks() -> "TaskRepository":
    """Adds observations to tasks."""
    from mediarelay.usecases.tasks.repository import TaskRepository

    return TaskRepository(
        store=task_store(),
        rules=Rules(first_poll_after=settings().first_poll_after, give_up_after=settings().give_up_after),
        clock=now,
        jitter=_random.random,
    )


@cache
def breaker() -> "CircuitBreaker":
    """Guards the calls to the provider."""
    from mediarelay.adapters.dynamodb.circuits import CircuitStore
    from mediarelay.usecases.circuit_breaker import CircuitBreaker

    return CircuitBreaker(CircuitStore(table()), now)


def circuit_open(kind: Kind) -> "Callable[[], bool]":
    """Say whether questions about a kind are pointless now."""
    return lambda: breaker().is_open(QUERY_ACTIONS[kind])


def budget() -> "Budget":
    """The calls per minute, by class of call."""
    from mediarelay.domain.budget import Budget

    return Budget(settings().calls_per_minute, settings().unknown_task_share)


@cache
def provider() -> "CtsApi":
    """The provider's API."""
    import requests

    from mediarelay.adapters.cts_api import CtsApi
    from mediarelay.adapters.dynamodb.budget import BudgetStore
    from mediarelay.signing.qcloud import Credentials
    from mediarelay.usecases.provider_keys import provider_keys

    keys = secret("ProviderKeys", settings().provider_keys_secret, provider_keys)
    session = requests.Session()
    session.trust_env = False

    def credentials() -> Credentials:
        found = provider_keys(keys.value())
        if not found.usable:
            raise SecretUnavailable(f"the provider's keys: {', '.join(found.faults)}")
        return found.usable[0]

    return CtsApi(
        url=settings().provider_endpoint,
        credentials=credentials,
        spend=BudgetStore(table()).spend,
        budget=budget(),
        guard=breaker(),
        clock=now,
        nonce=lambda: _random.getrandbits(NONCE_BITS) | 1,
        session=session,
    )


@cache
def confirmer() -> "Confirmer":
    """Asks the provider about tasks."""
    from mediarelay.usecases.tasks.confirm import Confirmer

    return Confirmer(tasks=tasks(), provider=provider(), clock=now)


@cache
def submitter() -> "Submitter":
    """Sends wishes to the provider."""
    from mediarelay.usecases.tasks.submit import Submitter

    send = {Kind.AUDIO: provider().add_audio, Kind.VIDEO: provider().find_video}
    hours = settings().default_key_hours
    return Submitter(intents=intent_store(), tasks=tasks(), send=send, clock=now, default_key_hours=hours)


@cache
def batcher() -> "BatchSubmitter":
    """Takes batches of wishes, which a queue hands to the provider."""
    from mediarelay.usecases.tasks.submit import Submitter
    from mediarelay.usecases.tasks.submit_batch import BatchSubmitter

    hours = settings().default_key_hours
    return BatchSubmitter(Submitter(intents=intent_store(), tasks=tasks(), send={}, clock=now, default_key_hours=hours))


@cache
def replayer() -> "Replayer":
    """Takes wishes for replays."""
    from mediarelay.adapters.dynamodb.replays import ReplayStore
    from mediarelay.usecases.tasks.replay import Replayer

    return Replayer(
        tasks=tasks(),
        listing=task_store(),
        replays=ReplayStore(table()),
        clock=now,
        identity=lambda: f"{_random.getrandbits(128):032x}",
    )


@cache
def quarantine() -> "Quarantine":
    """Lists and re-runs what could not be read."""
    from mediarelay.usecases.tasks.quarantine import Quarantine, claiming

    intakes = {f"callbacks/{kind}": claiming(intake(kind).take) for kind in Kind}
    return Quarantine(store=quarantine_store(), intakes=intakes)


@cache
def publisher() -> "TaskPublisher":
    """Announces outcomes."""
    from mediarelay.adapters.sns import Topic
    from mediarelay.usecases.tasks.publish import TaskPublisher

    topic = Topic(client("sns"), settings().topic_arn)
    return TaskPublisher(
        tasks=tasks(), publications=task_store(), intents=intent_store(), topic=topic, api_url=settings().api_url
    )


@cache
def confirm_queue() -> "ConfirmQueue":
    """Where confirmations are asked for."""
    from mediarelay.adapters.sqs import ConfirmQueue

    return ConfirmQueue(client("sqs"), settings().confirm_queue_url)


@cache
def confirm_unknown_queue() -> "ConfirmQueue":
    """Where confirmations of tasks are asked for that only callbacks name."""
    from mediarelay.adapters.sqs import ConfirmQueue

    return ConfirmQueue(client("sqs"), settings().confirm_unknown_queue_url)


@cache
def asker() -> "ConfirmRequester":
    """Sends for queries after callbacks and replays."""
    from mediarelay.usecases.tasks.request_confirm import ConfirmRequester

    return ConfirmRequester(task_store(), confirm_queue(), confirm_unknown_queue())


@cache
def query_queues() -> "list[QueryQueue]":
    """The queues of queries, in the order in which a poll fills them."""
    from mediarelay.usecases.poll import QueryQueue

    queues = {True: confirm_queue(), False: confirm_unknown_queue()}
    return [QueryQueue(known, queue, budget().queries(known=known)) for known, queue in queues.items()]


@cache
def rebuilder() -> "Rebuilder":
    """Holds task items against their logs."""
    from mediarelay.usecases.tasks.rebuild import Rebuilder

    return Rebuilder(tasks=tasks(), store=task_store())


@cache
def submit_queue() -> "SubmitQueue":
    """Where wishes wait for the provider."""
    from mediarelay.adapters.sqs import SubmitQueue

    return SubmitQueue(client("sqs"), settings().submit_queue_url)


@cache
def song_store() -> "SongStore":
    """Relays and leases."""
    from mediarelay.adapters.dynamodb.songs import SongStore

    return SongStore(table(), settings().song_days)


def cipher() -> "KmsCipher":
    """Encrypts and decrypts tokens."""
    from mediarelay.adapters.kms import KmsCipher

    return KmsCipher(client("kms"), settings().song_token_key_id)


def margins() -> "Margins":
    """How much earlier songs count as over, and are said to be about to."""
    from mediarelay.domain.songs.events import Margins

    safety, notice = settings().song_safety_seconds, settings().song_notice_seconds
    return Margins(safety=timedelta(seconds=safety), notice=timedelta(seconds=notice))


@cache
def music_receiver() -> "RelayEndpoint":
    """Takes relays of game servers."""
    from mediarelay.usecases.relay_secrets import music_secrets
    from mediarelay.usecases.songs.receive import RelayEndpoint

    return RelayEndpoint(
        songs=song_store(),
        quarantine=quarantine_store(),
        cipher=cipher(),
        secrets=_early(secret("MusicSecret", settings().music_secret, music_secrets)),
        networks=_networks(),
        clock=now,
    )


@cache
def song_publisher() -> "SongPublisher":
    """Publishes what becomes of songs."""
    from mediarelay.adapters.sns import Topic
    from mediarelay.usecases.songs.leases import SongPublisher

    topic = Topic(client("sns"), settings().topic_arn)
    return SongPublisher(songs=song_store(), topic=topic, api_url=settings().api_url, margins=margins(), clock=now)


@cache
def room_reader() -> "SongReader":
    """Answers what rooms may use."""
    from mediarelay.usecases.songs.leases import SongReader

    return SongReader(songs=song_store(), cipher=cipher(), margins=margins(), clock=now)


@cache
def reader() -> "TaskReader":
    """Answers queries."""
    from mediarelay.usecases.tasks.read import TaskReader

    return TaskReader(tasks=tasks(), listing=task_store(), bodies=task_store())


@cache
def sweeper() -> "Sweeper":
    """Does what was left undone."""
    from mediarelay.domain.budget import Budget
    from mediarelay.usecases.sweep import Sweeper

    return Sweeper(
        tasks=tasks(),
        bodies=observations(),
        publisher=publisher(),
        submits=submit_queue(),
        max_submits=Budget(settings().calls_per_minute).background.limit,
        replayer=replayer(),
        songs=song_publisher(),
        refuses_us=lambda kind: circuit_open(kind)(),
        clock=now,
    )


def changes(record: "Mapping[str, Any]") -> "Iterator[Change]":
    """Yield the change that a record of the table's stream reports."""
    from mediarelay.adapters.dynamodb.stream import changes

    return changes(record)


def tick(context: Any) -> "Tick":
    """One run of a schedule, bounded by what is left of the function's time."""
    from mediarelay.adapters.dynamodb.due_index import DueIndex
    from mediarelay.usecases.poll import Tick

    return Tick(
        rows=DueIndex(table()),
        clock=now,
        time_left=lambda: context.get_remaining_time_in_millis() > RESERVE_MS,
        visibility_timeout=settings().visibility_timeout,
        jitter=_random.random,
    )
