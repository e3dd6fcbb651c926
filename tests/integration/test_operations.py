"""The operations API on AWS (moto): counts, what is stuck, dead letters that stay, secrets that are not shown."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from mediarelay.adapters.aws import client
from mediarelay.adapters.dynamodb.deliveries import DeliveryStore
from mediarelay.adapters.dynamodb.events import EventStore
from mediarelay.adapters.sqs_operations import OperatedQueues
from mediarelay.config import Settings
from mediarelay.contracts.api.dead_letters import dead_letter_list
from mediarelay.contracts.api.status import status_response
from mediarelay.contracts.backlog import pack
from mediarelay.domain.circuit_breaker import THRESHOLD
from mediarelay.domain.due import DELIVERIES, Duty
from mediarelay.domain.events import LoggedEvent, Position
from mediarelay.domain.operations.facts import LastRun
from mediarelay.domain.operations.overdue import OVERDUE_AFTER
from mediarelay.domain.operations.queues import DEAD_LETTERS
from mediarelay.domain.operations.stuck import StuckItem
from mediarelay.domain.tasks.media import Kind
from mediarelay.domain.tasks.origin import Origin
from mediarelay.domain.webhooks.delivery import new_delivery
from mediarelay.errors import Malformed, NotFound, NotRedrivable, OnlyCopy, Undelivered
from mediarelay.providers.port import Account
from mediarelay.providers.registry import PROVIDERS, circuits
from mediarelay.usecases.operations import dead_letters as dead_letter_module
from mediarelay.usecases.operations import status as status_module
from mediarelay.usecases.operations.dead_letters import DeadLetters
from mediarelay.usecases.operations.status import StatusReader
from mediarelay.usecases.operations.stuck import StuckReader
from mediarelay.wiring import operations
from mediarelay.wiring.circuit import circuit_breaker
from mediarelay.wiring.operations import QUEUE_URLS
from tests.integration.doubles import START
from tests.integration.lambda_sandbox import LambdaSandbox
from tests.integration.task_harness import VID, TaskHarness, callback
from tests.stack import functions, variables

ALWAYS: Callable[[], bool] = lambda: True  # noqa: E731
DAY = timedelta(days=1)


@pytest.fixture
def sandbox(lambda_sandbox: LambdaSandbox) -> LambdaSandbox:
    """The function's environment."""
    lambda_sandbox.settings("operations")
    return lambda_sandbox


@pytest.fixture
def letters(sandbox: LambdaSandbox) -> DeadLetters:
    """The dead letters."""
    assert sandbox
    return operations.dead_letters()


def status() -> StatusReader:
    return operations.status_reader()


def stuck() -> StuckReader:
    return operations.stuck_reader()


def track(sandbox: LambdaSandbox, number: int, seconds: int = 0) -> str:
    """Log a task that was tracked a day ago, or some seconds later; return its vid."""
    vid, at = f"v{number}", sandbox.clock() - DAY + timedelta(seconds=seconds)
    sandbox.given(
        {
            "now": sandbox.clock().isoformat(),
            "log": [{"origin": "track", "vid": vid, "kind": "video", "at": at.isoformat(), "body": {"vid": vid}}],
        }
    )
    sandbox.settings("operations")
    return vid


def fill(sandbox: LambdaSandbox, queue: str, bodies: list[str]) -> None:
    for body in bodies:
        client("sqs").send_message(QueueUrl=sandbox.dead_letters[queue], MessageBody=body)


def total(queues: OperatedQueues, name: str) -> int:
    found = queues.count(name)
    return found.messages + found.in_flight


# ── the status ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_counts_stop_at_a_limit_and_the_oldest_row_is_found_in_any_shard(
    sandbox: LambdaSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status_module, "MAX_COUNT", 5)
    for number in range(9):
        track(sandbox, number, seconds=10 - number)
    (video,) = (one for one in status().facts().duties if one.duty is Duty.VIDEO)
    assert (video.due, video.more) == (5, True)
    rows = [row.due_at for row in sandbox.stores.due_index.waiting(Duty.VIDEO, sandbox.clock())]
    assert (len(rows), video.oldest_due_at) == (9, min(rows))


def test_open_submits_are_counted_before_they_are_due(sandbox: LambdaSandbox) -> None:
    request = {"key": "k", "client": "c", "kind": "audio", "at": sandbox.clock().isoformat(), "request": {"url": "u"}}
    sandbox.given({"now": sandbox.clock().isoformat(), "intents": [request]})
    sandbox.settings("operations")
    found = status().facts()
    assert (found.submissions.open, found.submissions.oldest_at) == (1, sandbox.clock())
    assert sum(one.due for one in found.duties) == 0


def test_the_budget_of_this_and_the_previous_minute(sandbox: LambdaSandbox) -> None:
    budget = status().budget
    assert sandbox.stores.budget.spend("mps", sandbox.clock(), budget.unknown)
    sandbox.clock.forward(minutes=1)
    assert sandbox.stores.budget.spend("mps", sandbox.clock(), budget.submit)
    spent = {(one.provider, one.minute): (one.calls, one.unknown_calls) for one in status().facts().budget}
    assert sorted(spent.values()) == [(0, 0), (0, 0), (1, 0), (1, 1)]
    assert spent[("mps", "2026-01-02T03:05")] == (1, 0)


SECRET_TEXTS: list[tuple[str, str | None, tuple[int, bool, bool]]] = [
    (
        "ApiClients",
        '{"clients": [{"name": "hidden-name", "sha256": "hidden-value", "scopes": ["read"]}]}',
        (0, True, True),
    ),
    ("CallbackTokens", '{"tokens": ["hidden-value", 7]}', (1, True, True)),
    ("MusicSecret", '{"webhook_secrets": "hidden-value!"}', (0, True, True)),
    ("ProviderKeys", '{"mps": {"secret_id": "unset", "secret_key": "hidden-value"}}', (0, False, True)),
    ("ProviderKeys", "hidden-value", (0, False, False)),
    ("ApiClients", None, (0, False, False)),
]


@pytest.mark.parametrize(("name", "text", "expected"), SECRET_TEXTS)
def test_a_secret_that_yields_nothing_is_a_problem_and_none_of_it_is_shown(
    sandbox: LambdaSandbox, name: str, text: str | None, expected: tuple[int, bool, bool]
) -> None:
    setting, _ = operations.SECRETS[name]
    if text is None:
        client("secretsmanager").delete_secret(
            SecretId=sandbox.values[setting.upper()], ForceDeleteWithoutRecovery=True
        )
    else:
        client("secretsmanager").put_secret_value(SecretId=sandbox.values[setting.upper()], SecretString=text)
    answer = status_response(status().facts())
    (shown,) = (one for one in answer["secrets"] if one["secret"] == name)
    assert (shown["usable"], bool(shown["unusable"]), shown["readable"]) == expected
    assert [one["subject"] for one in answer["problems"] if one["code"].startswith("secret")] == [name]
    assert "hidden" not in json.dumps(answer)


def test_a_queue_that_does_not_answer_is_a_problem_and_the_rest_is_shown(
    sandbox: LambdaSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = OperatedQueues.count

    def count(queues: OperatedQueues, queue: str) -> Any:
        if queue == "SubmitQueue":
            raise Undelivered("down")
        return real(queues, queue)

    monkeypatch.setattr(OperatedQueues, "count", count)
    assert sandbox
    answer = status_response(status().facts())
    assert [one["queue"] for one in answer["queues"]] == [
        "ConfirmQueue",
        "ConfirmUnknownQueue",
        "CallbackBacklog",
        "DeliveryQueue",
    ]
    assert ("queue_unavailable", "SubmitQueue") in [(one["code"], one["subject"]) for one in answer["problems"]]


def test_quarantined_bodies_are_counted_without_their_parts(sandbox: LambdaSandbox) -> None:
    for body in (b"junk", b"not a callback %d" % 7):
        sandbox.stores.quarantine.put(body, "body: not JSON", "callbacks/video", sandbox.clock())
    quarantine = status().facts().quarantine
    assert (quarantine.day, quarantine.bodies, quarantine.more) == ("2026-01-02", 2, False)
    assert sandbox.stores.quarantine.count("2026-01-02", 1) == (1, True)


# ── schedules ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_each_run_is_recorded_with_the_rows_that_failed(harness: TaskHarness) -> None:
    harness.sweep()
    for kind in Kind:
        harness.poll(kind)
    found = {name: harness.stores.runs.find(name) for name in ("sweep", "poll_video", "poll_audio", "reconcile")}
    assert found == dict.fromkeys(("sweep", "poll_video", "poll_audio"), LastRun(at=harness.clock())) | {
        "reconcile": None
    }
    harness.track()
    harness.clock.forward(minutes=5)
    harness.queue.down = True
    harness.clock.forward(minutes=1)
    with pytest.raises(Undelivered):
        harness.poll()
    last = harness.stores.runs.find("poll_video")
    assert last == LastRun(at=harness.clock() - timedelta(minutes=6)), "a failed run is no run"


def test_a_run_that_could_not_take_its_rows_is_not_recorded(harness: TaskHarness) -> None:
    harness.sweep()
    recorded = harness.stores.runs.find("sweep")
    harness.clock.forward(minutes=1)
    harness.submits.down = True
    with pytest.raises(Undelivered):
        harness.sweep()
    assert harness.stores.runs.find("sweep") == recorded


def test_a_publish_that_fails_in_each_run_is_seen_although_its_row_is_never_old(harness: TaskHarness) -> None:
    harness.claim(callback())
    harness.provider.answers[VID] = b'{"status": 4}'
    harness.track()
    harness.clock.forward(days=2)
    harness.confirm()
    harness.topic.down = True
    for _ in range(5):
        harness.clock.forward(minutes=1)
        harness.sweep()
    last = harness.stores.runs.find("sweep")
    assert last is not None
    assert dict(last.failed) == {"publish": 1}
    (row,) = harness.due()["publish"]
    assert row.due_at + OVERDUE_AFTER[Duty.PUBLISH] > harness.clock()
    harness.topic.down = False
    harness.clock.forward(minutes=1)
    harness.sweep()
    assert harness.stores.runs.find("sweep") == LastRun(at=harness.clock())


@pytest.mark.parametrize("at", [{"N": "1"}, {"S": "never"}, {"S": "2026-01-02"}])
def test_a_damaged_run_counts_as_none_and_is_overwritten(harness: TaskHarness, at: dict[str, str]) -> None:
    key = {"pk": {"S": "TICK#sweep"}, "sk": {"S": "TICK"}}
    client("dynamodb").put_item(TableName=harness.table, Item=key | {"at": at, "item": {"S": "run"}})
    assert harness.stores.runs.find("sweep") is None
    harness.sweep()
    assert harness.stores.runs.find("sweep") == LastRun(at=harness.clock())


# ── what is stuck ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_overdue_row_is_listed_once_oldest_first(sandbox: LambdaSandbox) -> None:
    tracked = [track(sandbox, number, seconds=number // 4) for number in range(12)]
    request = {"key": "k", "client": "c", "kind": "audio", "at": (sandbox.clock() - DAY).isoformat(), "request": {}}
    sandbox.given({"now": sandbox.clock().isoformat(), "intents": [request]})
    sandbox.settings("operations")
    pages: list[tuple[StuckItem, ...]] = []
    cursor: str | None = None
    while not pages or cursor:
        page = stuck().page(tuple(Duty), 5, cursor)
        cursor = page.cursor
        pages.append(page.items)
    items = [item for page in pages for item in page]
    assert [len(page) for page in pages] == [5, 5, 3]
    assert sorted(item.row.id for item in items if item.row.type == "task") == sorted(tracked)
    assert [item.row.type for item in items].count("submission") == 1
    assert [item.row.due_at for item in items] == sorted(item.row.due_at for item in items)


def test_what_is_due_but_not_overdue_is_not_stuck(sandbox: LambdaSandbox) -> None:
    track(sandbox, 1, seconds=int(DAY.total_seconds()) - 300)
    assert stuck().page(tuple(Duty), 5, None).items == ()


@pytest.mark.parametrize("delivers", [True, False])
def test_rows_of_a_delivery_that_was_turned_off_are_neither_overdue_nor_stuck(
    sandbox: LambdaSandbox, delivers: bool
) -> None:
    event = LoggedEvent(Position(sandbox.clock() - DAY, str(UUID(int=1))), "mediarelay.test", '{"subject": "x"}')
    EventStore(sandbox.stores.table, 7, deliver=True).append(event)
    DeliveryStore(sandbox.stores.table, 7).create(new_delivery("shop", event, event.position.at))
    if not delivers:
        sandbox.patch.setenv("DELIVERY_QUEUE_URL", "")
    found = {one["subject"] for one in status_response(status().facts())["problems"] if one["code"] == "duty_overdue"}
    rows = {item.row.duty for item in stuck().page(tuple(Duty), 5, None).items}
    assert found == rows == (set(DELIVERIES) if delivers else set())


def test_an_open_circuit_is_the_reason(sandbox: LambdaSandbox) -> None:
    vid = track(sandbox, 1)
    for name in ("poll_video", "poll_audio", "sweep", "reconcile"):
        sandbox.stores.runs.record(name, sandbox.clock(), {})
    for _ in range(THRESHOLD):
        circuit_breaker().record_refusal("cts:GetCtsInfo")
    (item,) = stuck().page((Duty.VIDEO,), 5, None).items
    assert (item.row.id, item.row.attempts) == (vid, 0)
    assert item.explanation.why == "5 calls of GetCtsInfo of cts failed in a row"
    assert item.explanation.action == "mediarelay circuits close cts:GetCtsInfo"


def test_a_row_that_cannot_be_read_is_listed_and_not_changed(sandbox: LambdaSandbox) -> None:
    track(sandbox, 1)
    row = {"pk": {"S": "TASK#v1"}, "sk": {"S": "TASK"}}
    table = sandbox.stores.table.name
    client("dynamodb").update_item(TableName=table, Key=row, UpdateExpression="REMOVE vid")
    before = sandbox.items()
    (item,) = stuck().page((Duty.VIDEO,), 5, None).items
    assert (item.row.type, item.row.id) == ("row", "TASK#v1 TASK")
    assert sandbox.items() == before, "a read of an operator repairs nothing"


@pytest.mark.parametrize("cursor", ["", "x", "e30=", "WzFd", "WyJhIiwgImIiXQ==", "WzFlOTk5LCAiYiJd", "W251bGwsMV0="])
def test_a_cursor_of_no_earlier_page_is_refused(sandbox: LambdaSandbox, cursor: str) -> None:
    assert sandbox
    with pytest.raises(Malformed, match="cursor"):
        stuck().page(tuple(Duty), 5, cursor)


# ── circuits ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_call_of_a_provider_has_a_listed_circuit(harness: TaskHarness) -> None:
    account, now = Account("id", "key"), harness.clock()
    for provider in PROVIDERS:
        made = [provider.query(kind, "a-b").action for kind in Kind] + [one.action for one in provider.lists(now, now)]
        made += [provider.submit_action(kind) for kind in Kind]
        assert set(made) == set(provider.actions), provider.name
        assert {circuits()[f"{provider.name}:{action}"] for action in made} == {
            (provider.name, action) for action in made
        }
        assert account


def test_an_operator_closes_a_circuit_and_is_logged(sandbox: LambdaSandbox, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    for _ in range(THRESHOLD):
        circuit_breaker().record_refusal("mps:ProcessMedia")
    assert circuit_breaker().is_refused("mps:ProcessMedia")
    closed = operations.circuits().close("mps:ProcessMedia", "operator")
    assert (closed.failures, closed.open_until, circuit_breaker().is_refused("mps:ProcessMedia")) == (0, None, False)
    assert any(vars(one).get("client") == "operator" for one in caplog.records)
    with pytest.raises(NotFound):
        operations.circuits().close("mps:Nothing", "operator")
    assert sandbox


# ── dead letters ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_look_removes_nothing_and_shows_each_message_once(sandbox: LambdaSandbox, letters: DeadLetters) -> None:
    fill(sandbox, "ConfirmDeadLetters", [json.dumps({"vid": f"v{number}"}) for number in range(13)])
    shown = letters.messages("ConfirmDeadLetters", 100)
    assert sorted(json.loads(one.body)["vid"] for one in shown) == sorted(f"v{number}" for number in range(13))
    assert len(letters.messages("ConfirmDeadLetters", 3)) <= 3
    assert total(operations.operated_queues(), "ConfirmDeadLetters") == 13


@pytest.mark.parametrize(
    ("message", "body", "route"),
    [
        ("no json", "no json", None),
        ("[]", "[]", None),
        ('{"body": "x"}', '{"body": "x"}', None),
        ('{"NotifyKey": "hidden"}', '{"NotifyKey": null}', None),
        (
            json.dumps(pack("callbacks/mps", Origin.CLAIM, START, b'{"S3SecretKey": "hidden", "a": 1}')),
            '{"S3SecretKey": null, "a": 1}',
            "callbacks/mps",
        ),
    ],
)
def test_a_body_is_decoded_and_shown_without_credentials(
    sandbox: LambdaSandbox, letters: DeadLetters, message: str, body: str, route: str | None
) -> None:
    fill(sandbox, "CallbackBacklogDeadLetters", [message])
    (shown,) = letters.messages("CallbackBacklogDeadLetters", 1)
    assert (shown.body, shown.truncated, shown.attributes.get("route")) == (body, False, route)


def test_messages_that_are_hidden_by_a_look_are_counted(sandbox: LambdaSandbox, letters: DeadLetters) -> None:
    """Else the list right after a look would say that the queue is empty."""
    fill(sandbox, "ConfirmDeadLetters", ["{}"])
    assert len(letters.messages("ConfirmDeadLetters", 1)) == 1
    listed = dead_letter_list(letters.counts())["dead_letters"]
    assert listed[0] == {"queue": "ConfirmDeadLetters", "messages": 1}
    assert status_response(status().facts())["dead_letters"] == listed


def test_a_long_body_is_cut(sandbox: LambdaSandbox, letters: DeadLetters) -> None:
    fill(sandbox, "ScheduleDeadLetters", ["x" * 5000])
    (shown,) = letters.messages("ScheduleDeadLetters", 1)
    assert (len(shown.body), shown.truncated) == (4096, True)


def test_a_redrive_moves_everything_and_says_what_is_left(
    sandbox: LambdaSandbox, letters: DeadLetters, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(sandbox, "ConfirmDeadLetters", [str(number) for number in range(23)])
    monkeypatch.setattr(dead_letter_module, "MAX_MOVED", 10)
    assert letters.redrive("ConfirmDeadLetters", "operator", ALWAYS) == (10, 13)
    monkeypatch.undo()
    assert letters.redrive("ConfirmDeadLetters", "operator", ALWAYS) == (13, 0)
    assert operations.operated_queues().count("ConfirmQueue").messages == 23
    assert letters.redrive("ConfirmDeadLetters", "operator", ALWAYS) == (0, 0)


def test_a_redrive_without_time_moves_nothing(sandbox: LambdaSandbox, letters: DeadLetters) -> None:
    fill(sandbox, "SubmitDeadLetters", ["x"])
    assert letters.redrive("SubmitDeadLetters", "operator", lambda: False) == (0, 1)


@pytest.mark.parametrize("broken", ["send", "delete"])
@pytest.mark.parametrize("after", [0, 3])
def test_a_redrive_that_breaks_off_loses_no_message(
    sandbox: LambdaSandbox, letters: DeadLetters, monkeypatch: pytest.MonkeyPatch, broken: str, after: int
) -> None:
    bodies = {str(number) for number in range(7)}
    fill(sandbox, "ConfirmDeadLetters", sorted(bodies))
    real, done = getattr(OperatedQueues, broken), [0]

    def breaks(*arguments: Any) -> None:
        done[0] += 1
        if done[0] > after:
            raise Undelivered("down")
        real(*arguments)

    monkeypatch.setattr(OperatedQueues, broken, breaks)
    with pytest.raises(Undelivered):
        letters.redrive("ConfirmDeadLetters", "operator", ALWAYS)
    queues = operations.operated_queues()
    moved = total(queues, "ConfirmQueue")
    assert (moved, total(queues, "ConfirmDeadLetters")) == (after + (broken == "delete"), 7 - after)


@pytest.mark.parametrize("name", sorted(DEAD_LETTERS))
def test_each_queue_does_what_its_table_says(sandbox: LambdaSandbox, letters: DeadLetters, name: str) -> None:
    queue = DEAD_LETTERS[name]
    assert letters.purge(name, name, "operator") == 0, "an empty queue may always be purged"
    fill(sandbox, name, ["x"])
    if not queue.sources:
        with pytest.raises(NotRedrivable):
            letters.redrive(name, "operator", ALWAYS)
    with pytest.raises(Malformed, match="confirm"):
        letters.purge(name, "another name", "operator")
    if queue.is_only_copy:
        with pytest.raises(OnlyCopy):
            letters.purge(name, name, "operator")
    assert total(operations.operated_queues(), name) == 1


def test_a_purge_deletes_all_and_says_how_many(sandbox: LambdaSandbox, letters: DeadLetters) -> None:
    fill(sandbox, "DispatchDeadLetters", ["x", "y"])
    assert letters.purge("DispatchDeadLetters", "DispatchDeadLetters", "operator") == 2
    assert letters.counts()[4].messages == 0


@pytest.mark.parametrize("name", ["ConfirmQueue", "", "confirmdeadletters", "../x"])
def test_another_name_is_no_dead_letter_queue(letters: DeadLetters, name: str) -> None:
    for call in (
        lambda: letters.messages(name, 1),
        lambda: letters.redrive(name, "operator", ALWAYS),
        lambda: letters.purge(name, name, "operator"),
    ):
        with pytest.raises(NotFound):
            call()


def test_a_message_goes_back_to_the_queue_that_sqs_names(
    sandbox: LambdaSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(sandbox, "ConfirmDeadLetters", ["x"])
    queues = operations.operated_queues()
    real = queues.client.receive_message
    arn = "arn:aws:sqs:eu-west-1:123456789012:" + sandbox.unknown.rpartition("/")[2]

    def named(**request: Any) -> Any:
        answer = real(**request)
        for message in answer.get("Messages", ()):
            message["Attributes"]["DeadLetterQueueSourceArn"] = arn
        return answer

    monkeypatch.setattr(queues.client, "receive_message", named)
    assert operations.dead_letters().redrive("ConfirmDeadLetters", "operator", ALWAYS) == (1, 0)
    assert (queues.count("ConfirmUnknownQueue").messages, queues.count("ConfirmQueue").messages) == (1, 0)


# ── the function ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_queue_has_a_setting_and_the_environment_stays_below_lambda_s_limit() -> None:
    assert set(QUEUE_URLS) == {
        *DEAD_LETTERS,
        "ConfirmQueue",
        "ConfirmUnknownQueue",
        "SubmitQueue",
        "CallbackBacklog",
        "DeliveryQueue",
    }
    assert all(hasattr(Settings(), name) for name in QUEUE_URLS.values())
    # The longest names: an SQS queue has 80 characters, a secret's name in its ARN up to 100.
    longest = {"URL": len("https://sqs.ap-northeast-1.amazonaws.com/123456789012/") + 80, "SECRET": 180}
    for name in functions():
        size = sum(
            len(variable) + next((length for end, length in longest.items() if variable.endswith(end)), 64)
            for variable in variables(name)
        )
        assert size < 4096, name
