"""The ledger on a table made from the template: conditional writes, no read before a write, races decided once."""

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from mediarelay.adapters.aws import client
from mediarelay.adapters.dynamodb.ledger import QUARANTINE_DAYS
from mediarelay.adapters.dynamodb.table import Table
from mediarelay.domain.budget import Allowance
from mediarelay.domain.due import Due, DueItem, Duty
from mediarelay.domain.quarantine import QuarantinedBody
from mediarelay.domain.tasks.intent import Intent
from mediarelay.domain.tasks.item import Bookkeeping, Order, Publication, Selection, TaskItem, TaskSummary, TimeOf
from mediarelay.domain.tasks.log import LoggedObservation, PendingCheck, TaskLog
from mediarelay.domain.tasks.media import Kind, State
from mediarelay.domain.tasks.origin import Origin
from mediarelay.domain.tasks.replay_job import ReplayJob
from mediarelay.errors import LedgerUnavailable
from tests.integration.task_harness import START, VID, TaskHarness, answer, together
from tests.stack import resources

pytestmark = pytest.mark.over_http
WISH = {"url": "http://a/1.mp3", "bucketName": "music", "bucketRegion": "gz"}
LARGE = b"vid=x&title=" + Random(1).randbytes(10**6).hex().encode()  # noqa: S311 - the same each time
LOST = Publication(State.LOST)
ANNOUNCED = frozenset({Publication(State.PROBED), Publication(State.FAILED, 2)})
PENDING = Selection(kind=Kind.VIDEO, state=State.PENDING)
BOOKS = Bookkeeping(kind=Kind.VIDEO, version=1, give_up_at=START + timedelta(days=1))


def entry(body: bytes = b'{"vid": "x"}', **changes: Any) -> LoggedObservation:
    return replace(LoggedObservation(vid=VID, kind=Kind.VIDEO, origin=Origin.CLAIM, at=START, body=body), **changes)


def card(**changes: Any) -> TaskSummary:
    plain = TaskSummary(
        vid=VID,
        kind=Kind.VIDEO,
        state=State.PENDING,
        url="http://a/1.mp4",
        created_at=START,
        updated_at=START,
        due=Due(Duty.VIDEO, START),
        unpublished=None,
    )
    return replace(plain, **changes)


def intent(**changes: Any) -> Intent:
    return replace(Intent(key="k", kind=Kind.AUDIO, request=WISH, at=START), **changes)


@contextmanager
def calls(names: list[str]) -> Iterator[None]:
    """Note the calls to DynamoDB."""

    def note(model: Any, **_: Any) -> None:
        names.append(model.name)

    events = client("dynamodb").meta.events
    events.register("before-call.dynamodb", note)
    try:
        yield
    finally:
        events.unregister("before-call.dynamodb", note)


# ── the log ──


def test_a_repeated_entry_is_one_call_and_no_write(harness: TaskHarness) -> None:
    names: list[str] = []
    with calls(names):
        assert harness.ledger.append(entry(), Due(Duty.VIDEO, START))
        before = harness.items()
        assert not harness.ledger.append(
            entry(at=START + timedelta(hours=1)), Due(Duty.VIDEO, START + timedelta(hours=1))
        )
    assert names == ["PutItem", "Scan", "PutItem"]
    assert harness.items() == before


def test_entries_that_differ_are_all_kept(harness: TaskHarness) -> None:
    """Two events of one task, in one second, with one character of difference; and one body under two origins."""
    entries = [entry(), entry(b"{}"), entry(origin=Origin.ANSWER), entry(kind=Kind.AUDIO)]
    assert all(map(harness.ledger.append, entries))
    assert sorted(harness.entries(), key=repr) == sorted(entries, key=repr)
    assert harness.ledger.load(VID).item is None


def test_one_of_many_racing_writers_stores(harness: TaskHarness) -> None:
    won = together([lambda: harness.ledger.append(entry())] * 8)
    assert sorted(won) == [False] * 7 + [True]
    assert len(harness.items()) == 1


def test_an_unknown_vid_has_an_empty_record(harness: TaskHarness) -> None:
    assert harness.ledger.load("nothing") == TaskLog(observations=())


def test_a_large_claim_is_kept_whole(harness: TaskHarness) -> None:
    body = b'{"vid": "x", "url": "' + b"http://cts/" * (5 * 2**20 // 11 - 10) + b'"}'
    assert harness.ledger.append(entry(body))
    assert harness.entries() == (entry(body),)


def test_a_large_claim_that_does_not_compress_is_kept_whole(harness: TaskHarness) -> None:
    others = [entry(), entry(b"{}"), entry(LARGE[::-1])]
    assert all(map(harness.ledger.append, [entry(LARGE), *others]))
    assert not harness.ledger.append(entry(LARGE))
    assert set(harness.entries()) == {entry(LARGE), *others}


@pytest.mark.parametrize("writes", [1, 2])
def test_a_large_claim_that_was_cut_off_is_not_there(
    harness: TaskHarness, monkeypatch: pytest.MonkeyPatch, writes: int
) -> None:
    """Parts come before their head; the sender's retry completes it."""
    plain, left = type(harness.ledger).put, iter(range(writes))

    def cut(ledger: Any, *arguments: Any) -> bool:
        if next(left, None) is None:
            raise LedgerUnavailable("cut")
        return plain(ledger, *arguments)

    harness.ledger.append(entry())
    with monkeypatch.context() as patch:
        patch.setattr(type(harness.ledger), "put", cut)
        with pytest.raises(LedgerUnavailable):
            harness.ledger.append(entry(LARGE))
    assert harness.entries() == (entry(),)
    assert harness.ledger.append(entry(LARGE))
    assert set(harness.entries()) == {entry(), entry(LARGE)}


def test_racing_writers_of_a_large_claim(harness: TaskHarness) -> None:
    assert together([lambda: harness.ledger.append(entry(LARGE))] * 4).count(True) == 1
    assert harness.entries() == (entry(LARGE),)


# ── the task item ──


def test_a_task_item_is_written_once_per_version(harness: TaskHarness) -> None:
    assert harness.ledger.save(TaskItem(card(), BOOKS), None)
    assert not harness.ledger.save(TaskItem(card(), BOOKS), None), "somebody else made it"
    second = replace(BOOKS, version=2, attempts=3, published=ANNOUNCED)
    assert harness.ledger.save(TaskItem(card(state=State.PROBED), second), TaskItem(card(), BOOKS))
    assert not harness.ledger.save(
        TaskItem(card(state=State.FAILED), replace(second, version=3)), TaskItem(card(), BOOKS)
    ), "written from an old view"
    assert harness.ledger.load(VID) == TaskLog(observations=(), item=TaskItem(card(state=State.PROBED), second))
    (item,) = harness.items()
    assert item["state"] == {"S": "probed"}


def test_one_of_many_racing_savers_wins_each_version(harness: TaskHarness) -> None:
    assert together([lambda: harness.ledger.save(TaskItem(card(), BOOKS), None)] * 6).count(True) == 1
    later = replace(BOOKS, version=2)
    assert (
        together([lambda: harness.ledger.save(TaskItem(card(), later), TaskItem(card(), BOOKS))] * 6).count(True) == 1
    )


# ── the due index ──


def test_what_is_due_appears_and_what_is_settled_disappears(harness: TaskHarness) -> None:
    harness.ledger.append(entry(), Due(Duty.VIDEO, START))
    harness.ledger.save(TaskItem(card(due=Due(Duty.VIDEO, START + timedelta(seconds=1))), BOOKS), None)
    assert [row.sk for row in harness.ledger.waiting("video", START - timedelta(seconds=1))] == []
    assert [row.sk[:3] for row in harness.ledger.waiting("video", START)] == ["OBS"]
    assert [(row.sk[:3], row.kind, row.vid) for row in harness.due()["video"]] == [
        ("OBS", Kind.VIDEO, VID),
        ("TAS", Kind.VIDEO, VID),
    ]
    harness.ledger.settle(VID, harness.ledger.load(VID).pending)
    assert [row.sk for row in harness.due()["video"]] == ["TASK"]
    harness.ledger.save(TaskItem(card(due=None), replace(BOOKS, version=2)), TaskItem(card(), BOOKS))
    assert harness.due() == {}
    assert harness.ledger.load(VID).pending == ()


def test_a_lease_is_exclusive(harness: TaskHarness) -> None:
    harness.ledger.save(TaskItem(card(), BOOKS), None)
    (row,) = harness.due()["video"]
    until = START + timedelta(minutes=3)
    assert together([lambda: harness.ledger.hide(row, until)] * 8).count(True) == 1
    assert list(harness.ledger.waiting("video", START)) == []
    assert [one.due_at for one in harness.due()["video"]] == [int(until.timestamp())]


def test_what_was_settled_cannot_be_leased(harness: TaskHarness) -> None:
    harness.ledger.save(TaskItem(card(), BOOKS), None)
    (row,) = harness.due()["video"]
    harness.ledger.save(TaskItem(card(due=None), replace(BOOKS, version=2)), TaskItem(card(), BOOKS))
    assert not harness.ledger.hide(row, START)
    assert harness.due() == {}


def test_an_announcement_is_noted_only_while_it_is_current(harness: TaskHarness) -> None:
    due = Due(Duty.PUBLISH, START)
    harness.ledger.save(TaskItem(card(state=State.LOST, unpublished=LOST, due=due), BOOKS), None)
    assert not harness.ledger.mark_published(VID, Publication(State.SUCCEEDED))
    assert harness.ledger.mark_published(VID, LOST)
    assert not harness.ledger.mark_published(VID, LOST)
    books = harness.ledger.load(VID).item.bookkeeping
    assert books == replace(BOOKS, version=2, published=frozenset({LOST}))
    assert harness.due() == {}
    assert not harness.ledger.save(TaskItem(card(), replace(BOOKS, version=2)), TaskItem(card(), BOOKS)), (
        "a writer with an old view starts over"
    )


def test_an_announced_start_leaves_the_task_due(harness: TaskHarness) -> None:
    harness.ledger.save(TaskItem(card(state=State.PROBED, unpublished=Publication(State.PROBED)), BOOKS), None)
    assert harness.ledger.mark_published(VID, Publication(State.PROBED))
    assert list(harness.due()) == ["video"]


# ── listing ──


def test_pages_of_one_kind_and_state_newest_first(harness: TaskHarness) -> None:
    for number in range(7):
        created = START + timedelta(seconds=number // 2)
        harness.ledger.save(TaskItem(card(vid=f"v{number}", created_at=created, url=None), BOOKS), None)
    harness.ledger.save(TaskItem(card(vid="other", state=State.FAILED), BOOKS), None)
    for order, numbers in ((Order.DESCENDING, "6543210"), (Order.ASCENDING, "0123456")):
        seen: list[str] = []
        cursor = None
        while rows := harness.ledger.page(PENDING, cursor=cursor, limit=2, order=order):
            seen += [row["vid"] for row in rows]
            cursor = rows[-1]["position"]
        assert seen == [f"v{number}" for number in numbers]
    recent = replace(PENDING, since=START + timedelta(seconds=2))
    assert [row["vid"] for row in harness.ledger.page(recent, cursor=None, limit=9)] == ["v6", "v5", "v4"]
    assert harness.ledger.page(recent, cursor="2026-01-01", limit=9) == []
    early = replace(PENDING, until=START + timedelta(seconds=1))
    assert [row["vid"] for row in harness.ledger.page(early, cursor=None, limit=9)] == ["v3", "v2", "v1", "v0"]
    assert harness.ledger.page(early, cursor="2027-01-01", limit=9, order=Order.ASCENDING) == []
    assert harness.ledger.page(replace(PENDING, kind=Kind.AUDIO), cursor=None, limit=9) == []


def test_outcomes_are_listed_by_their_own_time(harness: TaskHarness) -> None:
    """The last to be made is the first to have an outcome; what has none is not in the list."""
    for number in range(4):
        ended = START + timedelta(hours=1, minutes=-number) if number else None
        one = card(vid=f"v{number}", created_at=START + timedelta(minutes=number), state=State.LOST, outcome_at=ended)
        harness.ledger.save(TaskItem(one, BOOKS), None)
    lost = Selection(kind=Kind.VIDEO, state=State.LOST, time=TimeOf.OUTCOME)
    rows = harness.ledger.page(lost, cursor=None, limit=9)
    assert [(row["vid"], row["outcome_at"]) for row in rows] == [
        ("v1", "2026-01-02T04:03:05+00:00"),
        ("v2", "2026-01-02T04:02:05+00:00"),
        ("v3", "2026-01-02T04:01:05+00:00"),
    ]
    assert harness.ledger.count(replace(lost, until=START + timedelta(minutes=58))) == 2
    assert harness.ledger.load("v1").item.summary == card(
        vid="v1", created_at=START + timedelta(minutes=1), state=State.LOST, outcome_at=START + timedelta(minutes=59)
    )


# ── intents ──


def test_what_is_logged_while_a_task_is_read_is_seen_or_stops_the_write(
    harness: TaskHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The task's item and its log may lie on different pages of a query, and others write in between."""
    harness.track()
    for number in range(3):
        harness.ledger.append(entry(Random(number).randbytes(400_000), origin=Origin.TRUSTED))  # noqa: S311 - noise
    query, armed = harness.ledger.client.query, [True]

    def slow(**request: Any) -> Any:
        found = query(**request)
        if "LastEvaluatedKey" in found and armed and armed.pop():
            harness.provider.answers[VID] = answer()
            harness.confirm()
        return found

    monkeypatch.setattr(harness.ledger.client, "query", slow)
    harness.tasks.update(VID, Kind.VIDEO, queried_at=harness.clock())
    assert not armed, "the log has more than one page"
    record, task = harness.tasks.load(VID)
    assert record.item.summary
    assert task
    assert record.item.summary.state is task.state is State.SUCCEEDED


def test_the_life_of_an_intent(harness: TaskHarness) -> None:
    assert harness.ledger.intent(intent().identity) is None
    assert harness.ledger.open_intent(intent(), Due(Duty.SUBMIT, START))
    assert not harness.ledger.open_intent(intent(request={"url": "http://other"}), Due(Duty.SUBMIT, START))
    assert harness.ledger.intent(intent().identity) == intent()
    assert [row.pk for row in harness.due()["submit"]] == [f"INTENT#{intent().identity}"]
    assert harness.ledger.name_intent(intent().identity, "v1", START)
    assert not harness.ledger.name_intent(intent().identity, "v2", START), "the first vid stays"
    assert harness.ledger.intent(intent().identity) == intent(vid="v1", named_at=START)
    harness.ledger.drop_intent(intent())
    assert harness.ledger.intent(intent().identity), "a wish that became a task stays"
    harness.ledger.close_intent(intent())
    assert harness.due() == {}


def test_a_dropped_intent_frees_its_key(harness: TaskHarness) -> None:
    harness.ledger.open_intent(intent(), Due(Duty.SUBMIT, START))
    harness.ledger.drop_intent(intent())
    assert harness.items() == []
    assert not harness.ledger.name_intent(intent().identity, "v1", START), "nothing comes back to life"
    assert harness.ledger.open_intent(intent(), Due(Duty.SUBMIT, START))


def test_a_later_intent_under_the_same_key_is_another_one(harness: TaskHarness) -> None:
    later = intent(at=START + timedelta(microseconds=1))
    harness.ledger.open_intent(later, Due(Duty.SUBMIT, START))
    harness.ledger.close_intent(intent())
    harness.ledger.drop_intent(intent())
    assert harness.ledger.intent(later.identity) == later
    assert [row.pk for row in harness.due()["submit"]] == [f"INTENT#{later.identity}"]


def test_one_of_many_racing_submits_opens(harness: TaskHarness) -> None:
    assert together([lambda: harness.ledger.open_intent(intent(), Due(Duty.SUBMIT, START))] * 8).count(True) == 1


# ── budget and quarantine ──


def test_the_budget_is_exact(harness: TaskHarness) -> None:
    assert together([lambda: harness.ledger.spend(START, Allowance(5))] * 12).count(True) == 5
    assert not harness.ledger.spend(START + timedelta(seconds=54), Allowance(5))
    assert harness.ledger.spend(START + timedelta(seconds=55), Allowance(5)), "the next minute"
    assert harness.ledger.spend(START, Allowance(6))


def test_what_may_expire_says_so_under_the_template_s_name(harness: TaskHarness) -> None:
    (definition,) = resources("AWS::DynamoDB::Table").values()
    expiry = definition["TimeToLiveSpecification"]["AttributeName"]
    harness.ledger.spend(START, Allowance(5))
    assert harness.ledger.quarantine(b"junk", "body: not JSON", "callbacks/video", START)
    assert not harness.ledger.quarantine(b"junk", "body: not JSON", "callbacks/video", START)
    ends = {item["pk"]["S"].split("#")[0]: int(item[expiry]["N"]) for item in harness.items()}
    assert ends["QUARANTINE"] == int((START + timedelta(days=QUARANTINE_DAYS)).timestamp())
    assert int(START.timestamp()) < ends["BUDGET"] <= int((START + timedelta(days=1)).timestamp())
    (junk,) = (item for item in harness.items() if item["pk"]["S"].startswith("QUARANTINE"))
    assert zlib.decompress(junk["body"]["B"]) == b"junk"
    assert (junk["reason"], junk["route"]) == ({"S": "body: not JSON"}, {"S": "callbacks/video"})


def test_a_large_body_in_quarantine_expires_with_its_parts(harness: TaskHarness) -> None:
    harness.ledger.quarantine(LARGE, "body: not JSON", "callbacks/video", START)
    assert len(harness.items()) > 1
    assert len({item["expires_at"]["N"] for item in harness.items()}) == 1


def test_the_log_never_expires(harness: TaskHarness) -> None:
    harness.ledger.append(entry())
    harness.ledger.save(TaskItem(card(), BOOKS), None)
    harness.ledger.open_intent(intent(), Due(Duty.SUBMIT, START))
    assert not [item for item in harness.items() if "expires_at" in item]


# ── when the table does not answer ──

CLAIM = PendingCheck(sk="OBS#x", item="claim", kind=Kind.VIDEO, at=START)
CHOSEN = Selection(kind=Kind.VIDEO, state=State.LOST)
JOB = ReplayJob(identity="x", selection=CHOSEN, rate=1, by="me", at=START)
KEPT = QuarantinedBody(
    day="2026-01-02", digest="d", keys=("d",), route="callbacks/video", reason="", at=START, body=b""
)
OPERATIONS = {
    "append": lambda ledger: ledger.append(entry()),
    "load": lambda ledger: ledger.load(VID),
    "read_body": lambda ledger: ledger.read_body(entry()),
    "settle": lambda ledger: ledger.settle(VID, (CLAIM,)),
    "delete_body": lambda ledger: ledger.delete_body(DueItem(pk="x", sk="y", vid=VID, kind=Kind.VIDEO, due_at=0)),
    "save": lambda ledger: ledger.save(TaskItem(card(), BOOKS), None),
    "page": lambda ledger: ledger.page(PENDING, cursor=None, limit=1),
    "waiting": lambda ledger: list(ledger.waiting("video", START)),
    "hide": lambda ledger: ledger.hide(DueItem(pk="x", sk="y", vid=VID, kind=Kind.VIDEO, due_at=0), START),
    "mark_published": lambda ledger: ledger.mark_published(VID, LOST),
    "open_intent": lambda ledger: ledger.open_intent(intent(), Due(Duty.SUBMIT, START)),
    "intent": lambda ledger: ledger.intent("x"),
    "name_intent": lambda ledger: ledger.name_intent("x", "v1", START),
    "expire_intent": lambda ledger: ledger.expire_intent(intent()),
    "close_intent": lambda ledger: ledger.close_intent(intent()),
    "drop_intent": lambda ledger: ledger.drop_intent(intent()),
    "spend": lambda ledger: ledger.spend(START, Allowance(5)),
    "begin_intent": lambda ledger: ledger.begin_intent("x", START, START),
    "refuse_intent": lambda ledger: ledger.refuse_intent(intent(), "no", Due(Duty.PUBLISH, START)),
    "put_off_intent": lambda ledger: ledger.put_off_intent(intent(), START),
    "is_known": lambda ledger: ledger.is_known(VID),
    "parked": lambda ledger: list(ledger.parked(START)),
    "promise_intent": lambda ledger: ledger.promise_intent(intent()),
    "vids": lambda ledger: list(ledger.vids()),
    "circuit": lambda ledger: ledger.circuit("x"),
    "refused": lambda ledger: ledger.refused("x"),
    "break_until": lambda ledger: ledger.break_until("x", START, START),
    "mend": lambda ledger: ledger.mend("x"),
    "ask_replay": lambda ledger: ledger.ask_replay(VID, Kind.VIDEO, "x", "me", START),
    "count": lambda ledger: ledger.count(CHOSEN),
    "open_job": lambda ledger: ledger.open_job(JOB),
    "job": lambda ledger: ledger.job("x"),
    "advance_job": lambda ledger: ledger.advance_job("x", "y", START),
    "close_job": lambda ledger: ledger.close_job("x"),
    "quarantined": lambda ledger: list(ledger.quarantined("2026-01-02", "")),
    "release": lambda ledger: ledger.release(KEPT),
    "quarantine": lambda ledger: ledger.quarantine(b"", "", "", START),
}


class Down:
    """A client whose every call fails."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def __getattr__(self, _name: str) -> Any:
        def fail(**_: Any) -> None:
            raise self.error

        return fail


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize(
    "error",
    [
        ClientError({"Error": {"Code": "ProvisionedThroughputExceededException"}}, "PutItem"),
        ClientError({"Error": {"Code": "AccessDeniedException"}}, "PutItem"),
        EndpointConnectionError(endpoint_url="https://dynamodb"),
    ],
    ids=["throttled", "denied", "unreachable"],
)
def test_every_method_says_that_the_ledger_is_unavailable(
    harness: TaskHarness, operation: str, error: Exception
) -> None:
    with pytest.raises(LedgerUnavailable):
        OPERATIONS[operation](replace(harness.ledger, client=Down(error)))


def test_every_method_is_in_that_list(harness: TaskHarness) -> None:
    methods = {
        name for name in dir(harness.ledger) if not name.startswith("_") and callable(getattr(harness.ledger, name))
    }
    assert methods - set(dir(Table)) == set(OPERATIONS)
