"""HTTP delivery: which endpoint receives what, when it is tried again, and when it is disabled."""

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from standardwebhooks import Webhook

from mediarelay import __version__
from mediarelay.domain.events import LoggedEvent, Position
from mediarelay.domain.webhooks.delivery import (
    MAX_ATTEMPTS,
    RETRY_WAITS,
    Answer,
    Delivery,
    DeliveryState,
    new_delivery,
)
from mediarelay.domain.webhooks.endpoint import EndpointHealth
from mediarelay.errors import Conflict, NotFound, SecretUnavailable
from mediarelay.usecases import sweep as sweep_module
from mediarelay.usecases.webhooks.deliver import UNUSABLE
from tests.counts import counted
from tests.integration.doubles import START
from tests.integration.task_harness import waiting
from tests.integration.webhook_harness import KEYS, SHOP, SONGS, WebhookHarness, event

HOST = "shop.example"
BEGINNING, END = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
DOWN, GONE = Answer(500), Answer(410)


@pytest.fixture
def harness(table: str) -> WebhookHarness:
    return WebhookHarness(table)


def delivery(endpoint: str, number: int, now: datetime) -> Delivery:
    """A delivery that was stored now."""
    return new_delivery(endpoint, LoggedEvent(Position(now, event(number).id), "x", event(number).message), now)


def deliver(harness: WebhookHarness, *numbers: int, kind: str = "mediarelay.task.succeeded") -> None:
    """Publish events and deliver them as the stream does."""
    seen: set[tuple[str, str]] = set()
    harness.stream(seen)
    harness.publish(*(event(number, kind) for number in numbers))
    for _ in range(2):
        for change in harness.stream(seen):
            harness.dispatch(change)
        harness.drain()


def test_an_event_arrives_as_it_was_published(harness: WebhookHarness) -> None:
    harness.secret.content["endpoints"] = [SHOP | {"secrets": " ".join(KEYS)}]
    deliver(harness, 1)
    ((_, headers, body),) = harness.sender.sent
    assert body.decode() == event(1).message
    assert headers["content-type"] == "application/cloudevents+json"
    assert headers["user-agent"] == f"mediarelay/{__version__}"
    assert headers["webhook-id"] == event(1).id
    assert headers["webhook-timestamp"] == str(int(START.timestamp()))
    assert len(headers["webhook-signature"].split()) == len(KEYS)
    (one,) = harness.deliveries()
    assert (one.state, one.attempts, one.last_status) == (DeliveryState.DELIVERED, 1, 200)
    assert (one.type, one.subject) == ("mediarelay.task.succeeded", "vid1")
    assert waiting(harness.stores.due_index) == {}


@pytest.mark.parametrize("key", KEYS)
def test_the_official_package_verifies_with_each_live_secret(
    harness: WebhookHarness, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    harness.secret.content["endpoints"] = [SHOP | {"secrets": list(KEYS)}]
    deliver(harness, 1)
    ((_, headers, body),) = harness.sender.sent
    monkeypatch.setattr(Webhook, "_Webhook__verify_timestamp", lambda _self, _text: harness.clock())
    assert Webhook(key).verify(body, headers)["id"] == event(1).id


def test_an_endpoint_receives_its_types_only(table: str) -> None:
    harness = WebhookHarness(table, SHOP, SONGS)
    deliver(harness, 1)
    deliver(harness, 2, kind="mediarelay.song.ready")
    assert harness.sender.ids(HOST) == [event(1).id, event(2).id]
    assert harness.sender.ids("songs.example") == [event(2).id]


def test_a_repeated_notification_is_delivered_once(harness: WebhookHarness) -> None:
    deliver(harness, 1)
    harness.clock.forward(seconds=1)
    deliver(harness, 1)
    harness.minutes(10)
    assert harness.sender.ids(HOST) == [event(1).id]


def test_the_sweep_delivers_what_the_stream_did_not(harness: WebhookHarness) -> None:
    harness.publish(event(1))
    harness.sweep()
    assert harness.messages.take() == [], "the stream comes first"
    harness.minutes(3)
    assert harness.sender.ids(HOST) == [event(1).id]


def test_the_schedule_of_retries(harness: WebhookHarness) -> None:
    harness.sender.answers[HOST] = Answer(400)
    deliver(harness, 1)
    waits = list[float]()
    while (one := harness.deliveries()[0]).next_attempt_at:
        waits.append((one.next_attempt_at - harness.clock()).total_seconds())
        harness.clock.now = one.next_attempt_at
        # Else the endpoint would be disabled after a day.
        harness.health.enable("shop")
        harness.deliverer.attempt("shop", event(1).id)
    assert waits == [wait.total_seconds() * 1.05 for wait in RETRY_WAITS]
    assert len(harness.sender.sent) == MAX_ATTEMPTS
    assert (one.state, one.last_error, one.attempts) == (DeliveryState.FAILED, "status 400", MAX_ATTEMPTS)


def test_no_attempt_is_made_after_the_event_has_expired(table: str) -> None:
    harness = WebhookHarness(table, event_days=4)
    harness.sender.answers[HOST] = DOWN
    deliver(harness, 1)
    harness.health.enable("shop")
    harness.clock.forward(days=4)
    harness.deliverer.attempt("shop", event(1).id)
    (one,) = harness.deliveries()
    assert (one.state, one.attempts) == (DeliveryState.FAILED, 2)


def test_a_delivered_event_is_not_sent_again(harness: WebhookHarness) -> None:
    harness.sender.answers[HOST] = DOWN
    deliver(harness, 1)
    harness.sender.answers[HOST] = Answer(204)
    harness.minutes(600, every=5)
    assert harness.sender.ids(HOST) == [event(1).id] * 2
    assert harness.manager.all()[0].health.state == "enabled"


@pytest.mark.parametrize(
    ("asked", "wait"),
    [(timedelta(seconds=1), 5.25), (timedelta(minutes=10), 600), (timedelta(days=3), 3600), (timedelta(-1), 5.25)],
)
def test_retry_after_is_honoured_within_bounds(harness: WebhookHarness, asked: timedelta, wait: float) -> None:
    harness.sender.answers[HOST] = Answer(503, retry_after=asked)
    deliver(harness, 1)
    (one,) = harness.deliveries()
    assert one.next_attempt_at == START + timedelta(seconds=wait)


def test_an_endpoint_that_is_gone_is_disabled_at_once(
    harness: WebhookHarness, capsys: pytest.CaptureFixture[str]
) -> None:
    harness.sender.answers[HOST] = GONE
    deliver(harness, 1, 2)
    assert len(harness.sender.sent) == 1
    assert {one.state for one in harness.deliveries()} == {DeliveryState.FAILED}
    health = harness.manager.all()[0].health
    assert (health.state, health.disabled_reason) == ("disabled", "status 410")
    assert counted(capsys).total("WebhookDisabled") == 1
    deliver(harness, 3)
    assert len(harness.sender.sent) == 1
    assert [one.last_error for one in harness.deliveries()][:1] == ["the endpoint is disabled"]


def test_an_endpoint_that_fails_for_a_day_is_disabled_and_a_replay_sends_everything(harness: WebhookHarness) -> None:
    harness.sender.answers[HOST] = DOWN
    for number in range(30):
        deliver(harness, number)
        harness.minutes(60, every=30)
    status = harness.manager.all()[0]
    assert status.health.disabled_reason == "status 500"
    assert status.health.disabled_at
    assert status.health.disabled_at - START >= timedelta(days=1)
    assert len(harness.sender.sent) < 100, "while it is down, it is tried alone and rarely"
    harness.minutes(120, every=30)
    assert {one.state for one in harness.deliveries()} == {DeliveryState.FAILED}
    harness.sender.answers[HOST] = Answer(200)
    assert harness.manager.enable("shop").health.state == "enabled"
    done = harness.manager.replay("shop", START, harness.clock(), failed_only=True)
    assert (done.queued, done.next_since) == (30, None)
    harness.minutes(3)
    assert {one.state for one in harness.deliveries()} == {DeliveryState.DELIVERED}


def test_a_failing_endpoint_is_paused_and_tried_by_one_worker(harness: WebhookHarness) -> None:
    harness.sender.answers[HOST] = DOWN
    deliver(harness, *range(50))
    assert len(harness.sender.sent) == 5
    assert harness.manager.all()[0].health.state == "failing"
    harness.minutes(3)
    assert len(harness.sender.sent) <= 8
    harness.sender.answers[HOST] = Answer(200)
    harness.minutes(60)
    assert set(harness.sender.ids(HOST)) == {event(number).id for number in range(50)}
    assert harness.manager.all()[0].health.state == "enabled"


def test_two_workers_make_one_attempt(harness: WebhookHarness) -> None:
    harness.sender.meanwhile = lambda: harness.deliverer.attempt("shop", event(1).id)
    deliver(harness, 1)
    assert harness.sender.ids(HOST) == [event(1).id]


def test_two_workers_that_read_the_same_delivery_make_one_attempt(
    harness: WebhookHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness.publish(event(1))
    harness.deliverer.fan_out(Position(START, event(1).id))
    find = harness.deliverer.health.find

    def other_worker_first(name: str) -> EndpointHealth:
        monkeypatch.undo()
        harness.deliverer.attempt("shop", event(1).id)
        return find(name)

    monkeypatch.setattr(type(harness.deliverer.health), "find", lambda _self, name: other_worker_first(name))
    harness.deliverer.attempt("shop", event(1).id)
    assert harness.sender.ids(HOST) == [event(1).id]


def test_one_worker_alone_tries_an_endpoint_after_its_pause(harness: WebhookHarness) -> None:
    harness.sender.answers[HOST] = DOWN
    deliver(harness, *range(8))
    harness.clock.forward(minutes=4)
    due = [
        one.event.id for one in harness.deliveries() if one.next_attempt_at and one.next_attempt_at <= harness.clock()
    ]
    assert len(due) > 1
    before = len(harness.sender.sent)
    harness.sender.meanwhile = lambda: harness.deliverer.attempt("shop", due[1])
    harness.deliverer.attempt("shop", due[0])
    assert harness.sender.ids(HOST)[before:] == [due[0]]


def test_the_others_do_not_wait_for_a_failing_endpoint(table: str) -> None:
    other = SHOP | {"name": "other", "url": "https://other.example/"}
    harness = WebhookHarness(table, SHOP, other)
    harness.sender.answers[HOST] = DOWN
    deliver(harness, *range(20))
    assert len(set(harness.sender.ids("other.example"))) == 20


def test_the_oldest_deliveries_of_one_endpoint_do_not_fill_a_sweep(
    harness: WebhookHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep_module, "MAX_DELIVERIES", 10)
    monkeypatch.setattr(sweep_module, "MAX_OF_ENDPOINT", 8)
    for number in range(15):
        harness.stores.deliveries.create(delivery("shop", number, harness.clock()))
    harness.clock.forward(minutes=1)
    harness.stores.deliveries.create(delivery("songs", 99, harness.clock()))
    harness.clock.forward(minutes=1)
    harness.whole_sweep()
    assert Counter(one["endpoint"] for one in harness.messages.take()) == {"shop": 8, "songs": 1}
    monkeypatch.setattr(sweep_module, "MAX_OF_ENDPOINT", 2)
    monkeypatch.setattr(sweep_module, "MAX_LOOKED_AT", 3)
    harness.stores.deliveries.create(delivery("songs", 98, harness.clock() - timedelta(minutes=5)))
    harness.whole_sweep()
    assert len(harness.messages.take()) == 8, "a sweep looks at few rows that it does not take"


def test_an_endpoint_that_is_taken_out_of_the_secret(harness: WebhookHarness) -> None:
    harness.sender.answers[HOST] = DOWN
    deliver(harness, 1)
    harness.secret.content["endpoints"] = []
    harness.minutes(5)
    (one,) = harness.deliveries()
    assert (one.state, one.last_error) == (DeliveryState.FAILED, "the endpoint is not configured")
    with pytest.raises(NotFound):
        harness.manager.enable("shop")


@pytest.mark.parametrize("mistake", [{"url": "shop.example"}, {"secrets": "whsec_?"}, {"types": ["Task"]}])
def test_a_mistake_in_an_entry_loses_nothing(harness: WebhookHarness, mistake: dict[str, object]) -> None:
    harness.sender.answers[HOST] = DOWN
    deliver(harness, 1)
    harness.secret.content["endpoints"] = [SHOP | mistake]
    harness.sender.answers[HOST] = Answer(200)
    deliver(harness, 2)
    harness.minutes(30)
    assert {one.last_error for one in harness.deliveries(state=DeliveryState.PENDING)} == {UNUSABLE}
    assert harness.sender.ids(HOST) == [event(1).id]
    harness.secret.content["endpoints"] = [SHOP]
    harness.minutes(10)
    assert {one.event.id: one.state for one in harness.deliveries()} == {
        event(1).id: DeliveryState.DELIVERED,
        event(2).id: DeliveryState.DELIVERED,
    }


@pytest.mark.parametrize("content", [{}, {"endpoints": None}, {"endpoints": SHOP}, {"endpoints": "[{"}, {"hooks": []}])
def test_a_secret_without_a_list_ends_no_delivery(harness: WebhookHarness, content: dict[str, object]) -> None:
    harness.sender.answers[HOST] = DOWN
    deliver(harness, 1)
    harness.sender.answers[HOST] = Answer(200)
    harness.secret.content.clear()
    harness.secret.content.update(content)
    harness.publish(event(2))
    harness.clock.forward(minutes=2)
    harness.sweep()
    for message in harness.messages.take():
        with pytest.raises(SecretUnavailable):
            harness.work(message)
    harness.secret.content["endpoints"] = [SHOP]
    harness.minutes(30)
    assert {one.event.id: one.state for one in harness.deliveries()} == {
        event(1).id: DeliveryState.DELIVERED,
        event(2).id: DeliveryState.DELIVERED,
    }


def test_an_endpoint_that_comes_back_is_not_disabled_for_its_old_failures(harness: WebhookHarness) -> None:
    harness.sender.answers[HOST] = DOWN
    deliver(harness, 1)
    harness.secret.content["endpoints"] = []
    harness.minutes(5)
    harness.clock.forward(days=3)
    harness.secret.content["endpoints"] = [SHOP]
    deliver(harness, 2)
    assert harness.manager.all()[0].health.state == "failing"
    harness.sender.answers[HOST] = Answer(200)
    harness.minutes(10)
    assert harness.sender.succeeded[HOST, event(2).id] == 1


@pytest.mark.parametrize("failed_only", [True, False])
def test_a_replay_to_a_disabled_endpoint_is_refused(harness: WebhookHarness, failed_only: bool) -> None:
    harness.sender.answers[HOST] = GONE
    deliver(harness, 1)
    before = harness.items()
    with pytest.raises(Conflict, match="disabled"):
        harness.manager.replay("shop", START, harness.clock(), failed_only=failed_only)
    assert harness.items() == before


def test_a_replay_of_all_events_includes_those_without_a_delivery(harness: WebhookHarness) -> None:
    harness.secret.content["endpoints"] = []
    deliver(harness, 1)
    harness.secret.content["endpoints"] = [SHOP]
    deliver(harness, 2)
    until = harness.clock() + timedelta(seconds=1)
    assert harness.manager.replay("shop", START, until, failed_only=True).queued == 0
    assert harness.manager.replay("shop", START, until, failed_only=False).queued == 2
    harness.minutes(3)
    assert Counter(harness.sender.ids(HOST)) == {event(2).id: 2, event(1).id: 1}


@pytest.mark.parametrize("failed_only", [True, False])
def test_a_replay_of_any_period_ends(harness: WebhookHarness, failed_only: bool) -> None:
    harness.sender.answers[HOST] = GONE
    deliver(harness, 1)
    harness.health.enable("shop")
    harness.clock.forward(seconds=1)
    done = harness.manager.replay("shop", BEGINNING, END, failed_only=failed_only)
    assert (done.queued, done.next_since) == (1, None)
    assert harness.manager.replay("shop", END, END, failed_only=failed_only).queued == 0
    assert harness.manager.replay("shop", BEGINNING, BEGINNING, failed_only=failed_only).queued == 0


def test_a_test_goes_to_one_endpoint_whatever_its_types(table: str) -> None:
    harness = WebhookHarness(table, SHOP, SONGS)
    identity = harness.manager.test("songs", "hello", "operator", "https://api.example")
    harness.minutes(3)
    assert [(host, headers["webhook-id"]) for host, headers, _ in harness.sender.sent] == [("songs.example", identity)]
    assert harness.topic.messages == []
    harness.manager.disable("songs", "operator")
    assert harness.manager.all()[1].health.disabled_reason == "disabled by operator"
    with pytest.raises(Conflict):
        harness.manager.test("songs", "hello", "operator", "https://api.example")


def test_damaged_rows_stop_nothing(harness: WebhookHarness) -> None:
    harness.sender.answers[HOST] = DOWN
    deliver(harness, 1, 2)
    table = harness.stores.table
    for one in harness.items():
        if one["pk"]["S"].startswith("ENDPOINT") or (one["item"]["S"] == "delivery" and one["sk"]["S"] == event(1).id):
            table.client.put_item(
                TableName=table.name, Item=one | {"attempts": {"S": "x"}, "failing_since": {"N": "1"}}
            )
    assert harness.manager.all()[0].health.state == "enabled"
    harness.sender.answers[HOST] = Answer(200)
    harness.minutes(10)
    assert harness.sender.succeeded[HOST, event(2).id] == 1
    assert [one.event.id for one in harness.deliveries()] == [event(2).id]


def test_pages_of_deliveries(harness: WebhookHarness) -> None:
    for number in range(5):
        deliver(harness, number)
        harness.clock.forward(seconds=1)
    seen, before = [], None
    while True:
        page = harness.stores.deliveries.page("shop", None, before, 2)
        if not page:
            break
        seen += [one.event.id for one in page]
        before = type(page[-1].event)(page[-1].created_at, page[-1].event.id)
    assert seen == [event(number).id for number in reversed(range(5))]
    assert harness.manager.page("shop", DeliveryState.DELIVERED, None, 5).cursor is None
    assert harness.manager.page("shop", DeliveryState.PENDING, None, 5).items == ()


class Run:
    """A run of random steps. `succeeded` of the sender counts the answers that a worker lived to record."""

    def __init__(self, table: str, seed: int) -> None:
        self.random = Random(seed)  # noqa: S311 - the same each time
        self.harness = WebhookHarness(table, SHOP, SONGS, random=self.random)
        self.seen: set[tuple[str, str]] = set()
        self.published: list[str] = []
        self.messages = self.harness.messages
        self.answers = self.harness.sender.answers
        self.steps: dict[str, Callable[[], object]] = {
            "publish": self.publish,
            "stream": self.stream,
            "lose stream": lambda: self.harness.stream(self.seen),
            "work": self.work,
            "kill": lambda: self.work(killed=True),
            "duplicate": lambda: self.messages.messages.extend(map(dict, self.messages.messages[:20])),
            "lose": self.messages.take,
            "down": lambda: self.answers.update({HOST: DOWN}),
            "up": lambda: self.answers.update({HOST: Answer(200)}),
            "sweep": self.harness.sweep,
            "minute": lambda: self.harness.clock.forward(minutes=1),
            "hour": lambda: self.harness.clock.forward(hours=1),
        }

    def publish(self) -> None:
        one = event(len(self.published))
        self.harness.publish(one)
        self.published.append(one.id)

    def stream(self) -> None:
        for change in self.harness.stream(self.seen):
            self.harness.dispatch(change)

    def work(self, *, killed: bool = False) -> None:
        """Carry out any of the messages; with `killed`, the worker ends after the send."""
        if not self.messages.messages:
            return
        message = self.messages.messages.pop(self.random.randrange(len(self.messages.messages)))
        self.harness.sender.killed = killed
        with suppress(KeyboardInterrupt):
            self.harness.work(message)
        self.harness.sender.killed = False


STEPS = ["publish", "stream", "lose stream", "work", "kill", "duplicate", "lose", "down", "up", "sweep", "minute"]


@settings(max_examples=40, deadline=None)
@given(steps=st.lists(st.sampled_from([*STEPS, "publish", "work", "work", "hour"]), max_size=40), seed=st.integers(0))
def test_every_event_arrives_and_a_delivered_one_is_not_sent_again(
    make_table: Callable[[], str], steps: list[str], seed: int
) -> None:
    """Streams and messages that are lost or come twice, workers that end after the send, endpoints that are down."""
    run = Run(make_table(), seed)
    for step in steps:
        run.steps[step]()
    run.answers[HOST] = Answer(200)
    run.harness.minutes(26 * 60, every=45)
    states = {one.event.id: one.state for one in run.harness.deliveries()}
    assert states == dict.fromkeys(run.published, DeliveryState.DELIVERED)
    succeeded = {key: times for key, times in run.harness.sender.succeeded.items() if times}
    assert succeeded == {(HOST, one): 1 for one in run.published}
