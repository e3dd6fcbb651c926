"""The ledger on a table made from the template: conditional writes, no read before a write, races decided once."""

import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from mediarelay.adapters.aws import client
from mediarelay.adapters.dynamodb.codec import Row
from mediarelay.adapters.dynamodb.keys import Key
from mediarelay.adapters.dynamodb.quarantine import QUARANTINE_DAYS
from mediarelay.adapters.dynamodb.table import WAITS
from mediarelay.domain.budget import Allowance
from mediarelay.domain.due import Due, Duty
from mediarelay.domain.due_item import DueItem, IntentSubject, TaskSubject
from mediarelay.domain.events import LoggedEvent, Position
from mediarelay.domain.quarantine import QuarantinedBody
from mediarelay.domain.row_handle import RowHandle
from mediarelay.domain.songs.events import SongBookkeeping
from mediarelay.domain.songs.model import Relay, SongKey, SongType
from mediarelay.domain.tasks.intent import Intent, SubmissionState
from mediarelay.domain.tasks.item import Bookkeeping, Publication, TaskItem, TaskSummary
from mediarelay.domain.tasks.listing import Order, Selection, TimeOf
from mediarelay.domain.tasks.log import LoggedObservation, PendingCheck, TaskLog
from mediarelay.domain.tasks.media import Kind, State
from mediarelay.domain.tasks.origin import Origin
from mediarelay.domain.tasks.replay_job import ReplayJob
from mediarelay.domain.webhooks.delivery import Answer, new_delivery
from mediarelay.errors import LedgerUnavailable
from tests.integration.deployment import Deployment
from tests.integration.doubles import START, Clock
from tests.integration.stores import Stores
from tests.integration.task_harness import VID, TaskHarness, answer, together
from tests.stack import resources

pytestmark = pytest.mark.over_http
REQUEST = {"url": "http://a/1.mp3", "bucketName": "music", "bucketRegion": "gz"}
LARGE = b"vid=x&title=" + Random(1).randbytes(10**6).hex().encode()  # noqa: S311 - the same each time
LOST = Publication(State.LOST)
PUBLISHED = frozenset({Publication(State.PROBED), Publication(State.FAILED, 2)})
PENDING = Selection(kind=Kind.VIDEO, state=State.PENDING)
BOOKKEEPING = Bookkeeping(kind=Kind.VIDEO, version=1, give_up_at=START + timedelta(days=1))


def entry(body: bytes = b'{"vid": "x"}', **changes: Any) -> LoggedObservation:
    return replace(LoggedObservation(vid=VID, kind=Kind.VIDEO, origin=Origin.CLAIM, at=START, body=body), **changes)


def summary(**changes: Any) -> TaskSummary:
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
    return replace(Intent(key="k", kind=Kind.AUDIO, provider="cts", request=REQUEST, at=START), **changes)


@contextmanager
def calls(names: list[str]) -> Iterator[None]:
    """Note the calls to DynamoDB."""

    def note(model: Any, **_: Any) -> None:
        names.append(model.name)

    events = client("dynamodb").meta.events
    events.register("before-parameter-build.dynamodb", note)
    try:
        yield
    finally:
        events.unregister("before-parameter-build.dynamodb", note)


# ── the log ──


def test_a_repeated_entry_is_one_call_and_no_write(harness: TaskHarness) -> None:
    names: list[str] = []
    with calls(names):
        assert harness.stores.tasks.append(entry(), Due(Duty.VIDEO, START))
        before = harness.items()
        assert not harness.stores.tasks.append(
            entry(at=START + timedelta(hours=1)), Due(Duty.VIDEO, START + timedelta(hours=1))
        )
    assert names == ["PutItem", "Scan", "PutItem"]
    assert harness.items() == before


def test_entries_that_differ_are_all_kept(harness: TaskHarness) -> None:
    """Two events of one task, in one second, with one character of difference; and one body under two origins."""
    entries = [entry(), entry(b"{}"), entry(origin=Origin.ANSWER), entry(kind=Kind.AUDIO)]
    assert all(map(harness.stores.tasks.append, entries))
    assert sorted(harness.entries(), key=repr) == sorted(entries, key=repr)
    assert harness.stores.tasks.load(VID).item is None


def test_one_of_many_racing_writers_stores(harness: TaskHarness) -> None:
    won = together([lambda: harness.stores.tasks.append(entry())] * 8)
    assert sorted(won) == [False] * 7 + [True]
    assert len(harness.items()) == 1


def test_an_unknown_vid_has_an_empty_record(harness: TaskHarness) -> None:
    assert harness.stores.tasks.load("nothing") == TaskLog(observations=())


def test_a_large_claim_is_kept_whole(harness: TaskHarness) -> None:
    body = b'{"vid": "x", "url": "' + b"http://cts/" * (5 * 2**20 // 11 - 10) + b'"}'
    assert harness.stores.tasks.append(entry(body))
    assert harness.entries() == (entry(body),)


def test_a_large_claim_that_does_not_compress_is_kept_whole(harness: TaskHarness) -> None:
    others = [entry(), entry(b"{}"), entry(LARGE[::-1])]
    assert all(map(harness.stores.tasks.append, [entry(LARGE), *others]))
    assert not harness.stores.tasks.append(entry(LARGE))
    assert set(harness.entries()) == {entry(LARGE), *others}


@pytest.mark.parametrize("writes", [1, 2])
def test_a_large_claim_that_was_cut_off_is_not_there(
    harness: TaskHarness, monkeypatch: pytest.MonkeyPatch, writes: int
) -> None:
    """Parts come before their head; the sender's retry completes it."""
    plain, left = type(harness.stores.table).put, iter(range(writes))

    def cut(ledger: Any, *arguments: Any) -> bool:
        if next(left, None) is None:
            raise LedgerUnavailable("cut")
        return plain(ledger, *arguments)

    harness.stores.tasks.append(entry())
    with monkeypatch.context() as patch:
        patch.setattr(type(harness.stores.table), "put", cut)
        with pytest.raises(LedgerUnavailable):
            harness.stores.tasks.append(entry(LARGE))
    assert harness.entries() == (entry(),)
    assert harness.stores.tasks.append(entry(LARGE))
    assert set(harness.entries()) == {entry(), entry(LARGE)}


def test_racing_writers_of_a_large_claim(harness: TaskHarness) -> None:
    assert together([lambda: harness.stores.tasks.append(entry(LARGE))] * 4).count(True) == 1
    assert harness.entries() == (entry(LARGE),)


# ── the task item ──


def test_a_task_item_is_written_once_per_version(harness: TaskHarness) -> None:
    assert harness.stores.tasks.save(TaskItem(summary(), BOOKKEEPING), None)
    assert not harness.stores.tasks.save(TaskItem(summary(), BOOKKEEPING), None), "somebody else made it"
    second = replace(BOOKKEEPING, version=2, attempts=3, published=PUBLISHED)
    assert harness.stores.tasks.save(TaskItem(summary(state=State.PROBED), second), TaskItem(summary(), BOOKKEEPING))
    assert not harness.stores.tasks.save(
        TaskItem(summary(state=State.FAILED), replace(second, version=3)), TaskItem(summary(), BOOKKEEPING)
    ), "written from an old view"
    assert harness.stores.tasks.load(VID) == TaskLog(
        observations=(), item=TaskItem(summary(state=State.PROBED), second)
    )
    (item,) = harness.items()
    assert item["state"] == {"S": "probed"}


def test_one_of_many_racing_savers_wins_each_version(harness: TaskHarness) -> None:
    assert together([lambda: harness.stores.tasks.save(TaskItem(summary(), BOOKKEEPING), None)] * 6).count(True) == 1
    later = replace(BOOKKEEPING, version=2)
    won = together(
        [lambda: harness.stores.tasks.save(TaskItem(summary(), later), TaskItem(summary(), BOOKKEEPING))] * 6
    )
    assert won.count(True) == 1


# ── the due index ──


def test_what_is_due_appears_and_what_is_settled_disappears(harness: TaskHarness) -> None:
    harness.stores.tasks.append(entry(), Due(Duty.VIDEO, START))
    harness.stores.tasks.save(TaskItem(summary(due=Due(Duty.VIDEO, START + timedelta(seconds=1))), BOOKKEEPING), None)
    assert [row.handle[1] for row in harness.stores.due_index.waiting(Duty.VIDEO, START - timedelta(seconds=1))] == []
    assert [row.handle[1][:3] for row in harness.stores.due_index.waiting(Duty.VIDEO, START)] == ["OBS"]
    assert [(row.handle[1][:3], row.subject.kind, row.subject.vid) for row in harness.due()["video"]] == [
        ("OBS", Kind.VIDEO, VID),
        ("TAS", Kind.VIDEO, VID),
    ]
    harness.stores.tasks.settle(harness.stores.tasks.load(VID).pending)
    assert [row.handle[1] for row in harness.due()["video"]] == ["TASK"]
    harness.stores.tasks.save(
        TaskItem(summary(due=None), replace(BOOKKEEPING, version=2)), TaskItem(summary(), BOOKKEEPING)
    )
    assert harness.due() == {}
    assert harness.stores.tasks.load(VID).pending == ()


def test_a_lease_is_exclusive(harness: TaskHarness) -> None:
    harness.stores.tasks.save(TaskItem(summary(), BOOKKEEPING), None)
    (row,) = harness.due()["video"]
    until = START + timedelta(minutes=3)
    assert together([lambda: harness.stores.due_index.hide(row, until)] * 8).count(True) == 1
    assert list(harness.stores.due_index.waiting(Duty.VIDEO, START)) == []
    assert [one.due_at for one in harness.due()["video"]] == [until]


def test_what_was_settled_cannot_be_leased(harness: TaskHarness) -> None:
    harness.stores.tasks.save(TaskItem(summary(), BOOKKEEPING), None)
    (row,) = harness.due()["video"]
    harness.stores.tasks.save(
        TaskItem(summary(due=None), replace(BOOKKEEPING, version=2)), TaskItem(summary(), BOOKKEEPING)
    )
    assert not harness.stores.due_index.hide(row, START)
    assert harness.due() == {}


def test_an_publication_is_noted_only_while_it_is_current(harness: TaskHarness) -> None:
    due = Due(Duty.PUBLISH, START)
    harness.stores.tasks.save(TaskItem(summary(state=State.LOST, unpublished=LOST, due=due), BOOKKEEPING), None)
    assert not harness.stores.tasks.mark_published(VID, Publication(State.SUCCEEDED))
    assert harness.stores.tasks.mark_published(VID, LOST)
    assert not harness.stores.tasks.mark_published(VID, LOST)
    bookkeeping = harness.stores.tasks.load(VID).item.bookkeeping
    assert bookkeeping == replace(BOOKKEEPING, version=2, published=frozenset({LOST}))
    assert harness.due() == {}
    assert not harness.stores.tasks.save(
        TaskItem(summary(), replace(BOOKKEEPING, version=2)), TaskItem(summary(), BOOKKEEPING)
    ), "a writer with an old view starts over"


def test_an_published_start_leaves_the_task_due(harness: TaskHarness) -> None:
    harness.stores.tasks.save(
        TaskItem(summary(state=State.PROBED, unpublished=Publication(State.PROBED)), BOOKKEEPING), None
    )
    assert harness.stores.tasks.mark_published(VID, Publication(State.PROBED))
    assert list(harness.due()) == ["video"]


# ── listing ──


def test_pages_of_one_kind_and_state_newest_first(harness: TaskHarness) -> None:
    for number in range(7):
        created = START + timedelta(seconds=number // 2)
        harness.stores.tasks.save(TaskItem(summary(vid=f"v{number}", created_at=created, url=None), BOOKKEEPING), None)
    harness.stores.tasks.save(TaskItem(summary(vid="other", state=State.FAILED), BOOKKEEPING), None)
    for order, numbers in ((Order.DESCENDING, "6543210"), (Order.ASCENDING, "0123456")):
        seen: list[str] = []
        cursor = None
        while rows := harness.stores.tasks.page(PENDING, cursor=cursor, limit=2, order=order):
            seen += [row.vid for row in rows]
            cursor = rows[-1].position
        assert seen == [f"v{number}" for number in numbers]
    recent = replace(PENDING, since=START + timedelta(seconds=2))
    assert [row.vid for row in harness.stores.tasks.page(recent, cursor=None, limit=9)] == ["v6", "v5", "v4"]
    assert harness.stores.tasks.page(recent, cursor="2026-01-01", limit=9) == []
    early = replace(PENDING, until=START + timedelta(seconds=1))
    assert [row.vid for row in harness.stores.tasks.page(early, cursor=None, limit=9)] == ["v3", "v2", "v1", "v0"]
    assert harness.stores.tasks.page(early, cursor="2027-01-01", limit=9, order=Order.ASCENDING) == []
    assert harness.stores.tasks.page(replace(PENDING, kind=Kind.AUDIO), cursor=None, limit=9) == []


def test_outcomes_are_listed_by_their_own_time(harness: TaskHarness) -> None:
    """The last to be made is the first to have an outcome; what has none is not in the list."""
    for number in range(4):
        ended = START + timedelta(hours=1, minutes=-number) if number else None
        one = summary(
            vid=f"v{number}", created_at=START + timedelta(minutes=number), state=State.LOST, outcome_at=ended
        )
        harness.stores.tasks.save(TaskItem(one, BOOKKEEPING), None)
    lost = Selection(kind=Kind.VIDEO, state=State.LOST, time=TimeOf.OUTCOME)
    rows = harness.stores.tasks.page(lost, cursor=None, limit=9)
    assert [(row.vid, row.outcome_at) for row in rows] == [
        (f"v{number}", START + timedelta(hours=1, minutes=-number)) for number in (1, 2, 3)
    ]
    assert harness.stores.tasks.count(replace(lost, until=START + timedelta(minutes=58))) == 2
    assert harness.stores.tasks.load("v1").item.summary == summary(
        vid="v1", created_at=START + timedelta(minutes=1), state=State.LOST, outcome_at=START + timedelta(minutes=59)
    )


# ── intents ──


def test_what_is_logged_while_a_task_is_read_is_seen_or_stops_the_write(
    harness: TaskHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The task's item and its log may lie on different pages of a query, and others write in between."""
    harness.track()
    for number in range(3):
        harness.stores.tasks.append(entry(Random(number).randbytes(400_000), origin=Origin.TRUSTED))  # noqa: S311 - noise
    query, armed = harness.stores.table.client.query, [True]

    def slow(**request: Any) -> Any:
        found = query(**request)
        if "LastEvaluatedKey" in found and armed and armed.pop():
            harness.provider.answers[VID] = answer()
            harness.confirm()
        return found

    monkeypatch.setattr(harness.stores.table.client, "query", slow)
    harness.tasks.update(VID, Kind.VIDEO, queried_at=harness.clock())
    assert not armed, "the log has more than one page"
    record, task = harness.tasks.load(VID)
    assert record.item.summary
    assert task
    assert record.item.summary.state is task.state is State.SUCCEEDED


def test_the_life_of_an_intent(harness: TaskHarness) -> None:
    assert harness.stores.intents.find(intent().identity) is None
    assert harness.stores.intents.create(intent(), Due(Duty.SUBMIT, START))
    assert not harness.stores.intents.create(intent(request={"url": "http://other"}), Due(Duty.SUBMIT, START))
    assert harness.stores.intents.find(intent().identity) == intent(sent=True, next_attempt_at=START), (
        "its client waits, so it is sent at once"
    )
    assert [row.subject for row in harness.due()["submit"]] == [IntentSubject(intent().identity)]
    assert harness.stores.intents.assign_vid(intent(), "v1", START)
    assert not harness.stores.intents.assign_vid(intent(), "v2", START), "the first vid stays"
    assert harness.stores.intents.find(intent().identity) == intent(
        vid="v1", assigned_at=START, sent=True, next_attempt_at=START
    )
    harness.stores.intents.delete(intent())
    assert harness.stores.intents.find(intent().identity), "a request that became a task stays"
    harness.stores.intents.complete(intent())
    assert harness.due() == {}


def test_a_dropped_intent_frees_its_key(harness: TaskHarness) -> None:
    harness.stores.intents.create(intent(), Due(Duty.SUBMIT, START))
    harness.stores.intents.delete(intent())
    assert harness.items() == []
    assert not harness.stores.intents.assign_vid(intent(), "v1", START), "nothing comes back to life"
    assert harness.stores.intents.create(intent(), Due(Duty.SUBMIT, START))


def test_a_later_intent_under_the_same_key_is_another_one(harness: TaskHarness) -> None:
    later = intent(at=START + timedelta(microseconds=1))
    harness.stores.intents.create(later, Due(Duty.SUBMIT, START))
    harness.stores.intents.complete(intent())
    harness.stores.intents.delete(intent())
    assert harness.stores.intents.find(later.identity) == replace(later, sent=True, next_attempt_at=START)
    assert [row.subject for row in harness.due()["submit"]] == [IntentSubject(later.identity)]


def test_one_of_many_racing_submits_opens(harness: TaskHarness) -> None:
    assert together([lambda: harness.stores.intents.create(intent(), Due(Duty.SUBMIT, START))] * 8).count(True) == 1


# ── budget and quarantine ──


def test_the_budget_is_exact(harness: TaskHarness) -> None:
    assert together([lambda: harness.stores.budget.spend("cts", START, Allowance(5))] * 12).count(True) == 5
    assert not harness.stores.budget.spend("cts", START + timedelta(seconds=54), Allowance(5))
    assert harness.stores.budget.spend("cts", START + timedelta(seconds=55), Allowance(5)), "the next minute"
    assert harness.stores.budget.spend("cts", START, Allowance(6))


def test_each_provider_has_a_budget_of_its_own(harness: TaskHarness) -> None:
    spend = harness.stores.budget.spend
    assert [spend("cts", START, Allowance(2)) for _ in range(3)] == [True, True, False]
    assert [spend("mps", START, Allowance(2)) for _ in range(3)] == [True, True, False]


def test_what_may_expire_says_so_under_the_template_s_name(harness: TaskHarness) -> None:
    (definition,) = resources("AWS::DynamoDB::Table").values()
    expiry = definition["TimeToLiveSpecification"]["AttributeName"]
    harness.stores.budget.spend("cts", START, Allowance(5))
    assert harness.stores.quarantine.put(b"junk", "body: not JSON", "callbacks/video", START)
    assert not harness.stores.quarantine.put(b"junk", "body: not JSON", "callbacks/video", START)
    ends = {item["pk"]["S"].split("#")[0]: int(item[expiry]["N"]) for item in harness.items()}
    assert ends["QUARANTINE"] == int((START + timedelta(days=QUARANTINE_DAYS)).timestamp())
    assert int(START.timestamp()) < ends["BUDGET"] <= int((START + timedelta(days=1)).timestamp())
    (junk,) = (item for item in harness.items() if item["pk"]["S"].startswith("QUARANTINE"))
    assert zlib.decompress(junk["body"]["B"]) == b"junk"
    assert (junk["reason"], junk["route"]) == ({"S": "body: not JSON"}, {"S": "callbacks/video"})


def test_a_large_body_in_quarantine_expires_with_its_parts(harness: TaskHarness) -> None:
    harness.stores.quarantine.put(LARGE, "body: not JSON", "callbacks/video", START)
    assert len(harness.items()) > 1
    assert len({item["expires_at"]["N"] for item in harness.items()}) == 1


def test_the_log_never_expires(harness: TaskHarness) -> None:
    harness.stores.tasks.append(entry())
    harness.stores.tasks.save(TaskItem(summary(), BOOKKEEPING), None)
    harness.stores.intents.create(intent(), Due(Duty.SUBMIT, START))
    assert not [item for item in harness.items() if "expires_at" in item]


# ── when the table does not answer ──

ROW = RowHandle(("x", "y"))
CLAIM = PendingCheck(handle=ROW, origin=Origin.CLAIM, kind=Kind.VIDEO, at=START)
DUE = DueItem(duty=Duty.VIDEO, subject=TaskSubject(VID, Kind.VIDEO), due_at=START, handle=ROW)
CHOSEN = Selection(kind=Kind.VIDEO, state=State.LOST)
JOB = ReplayJob(identity="x", selection=CHOSEN, rate=1, by="me", at=START)
QUARANTINED = QuarantinedBody(
    day="2026-01-02", digest="d", handles=(ROW,), route="callbacks/video", reason="", at=START, body=b""
)
SONG = SongKey("room", "song", 1, SongType.SONG)
RELAY = Relay(key=SONG, digest="d", sent=START, at=START)
EVENT = LoggedEvent(Position(START, "e"), "mediarelay.test", '{"subject": "x"}')
DELIVERY = new_delivery("shop", EVENT, START)
OPERATIONS: dict[str, Callable[[Stores], object]] = {
    "tasks.append": lambda stores: stores.tasks.append(entry()),
    "tasks.load": lambda stores: stores.tasks.load(VID),
    "tasks.read_body": lambda stores: stores.tasks.read_body(entry()),
    "tasks.settle": lambda stores: stores.tasks.settle((CLAIM,)),
    "tasks.save": lambda stores: stores.tasks.save(TaskItem(summary(), BOOKKEEPING), None),
    "tasks.page": lambda stores: stores.tasks.page(PENDING, cursor=None, limit=1),
    "tasks.count": lambda stores: stores.tasks.count(CHOSEN),
    "tasks.mark_published": lambda stores: stores.tasks.mark_published(VID, LOST),
    "tasks.bookkeeping": lambda stores: stores.tasks.bookkeeping(VID),
    "tasks.is_known": lambda stores: stores.tasks.is_known(VID),
    "tasks.vids": lambda stores: list(stores.tasks.vids()),
    "due_index.waiting": lambda stores: list(stores.due_index.waiting(Duty.VIDEO, START)),
    "due_index.hide": lambda stores: stores.due_index.hide(DUE, START),
    "due_index.unreadable": lambda stores: list(stores.due_index.unreadable(START)),
    "due_index.rows": lambda stores: list(stores.due_index.rows("video#0", START)),
    "due_index.count": lambda stores: stores.due_index.count(Duty.VIDEO, START, 1),
    "due_index.arrivals": lambda stores: stores.due_index.arrivals(Duty.SUBMIT, 1),
    "due_index.due_between": lambda stores: list(stores.due_index.due_between(Duty.VIDEO, START, START)),
    "intents.create": lambda stores: stores.intents.create(intent(), Due(Duty.SUBMIT, START)),
    "intents.find": lambda stores: stores.intents.find("x"),
    "intents.lock": lambda stores: stores.intents.lock(intent(), START, START),
    "intents.assign_vid": lambda stores: stores.intents.assign_vid(intent(), "v1", START),
    "intents.complete": lambda stores: stores.intents.complete(intent()),
    "intents.mark_accepted": lambda stores: stores.intents.mark_accepted(intent()),
    "intents.mark_refused": lambda stores: stores.intents.mark_refused(intent(), "no", START, Due(Duty.PUBLISH, START)),
    "intents.mark_cancelled": lambda stores: stores.intents.mark_cancelled(intent(), "me", START, None),
    "intents.postpone": lambda stores: stores.intents.postpone(intent(), START),
    "intents.delete": lambda stores: stores.intents.delete(intent()),
    "intents.release_key": lambda stores: stores.intents.release_key(intent()),
    "replays.request": lambda stores: stores.replays.request(VID, Kind.VIDEO, "x", "me", START),
    "replays.create_job": lambda stores: stores.replays.create_job(JOB),
    "replays.find_job": lambda stores: stores.replays.find_job("x"),
    "replays.record_progress": lambda stores: stores.replays.record_progress(JOB, "y", 1),
    "replays.postpone_job": lambda stores: stores.replays.postpone_job("x", START),
    "replays.complete_job": lambda stores: stores.replays.complete_job("x", START),
    "replays.stop_job": lambda stores: stores.replays.stop_job("x", "me", START),
    "job_index.page": lambda stores: stores.job_index.page(behind=None, limit=1),
    "job_index.waiting": lambda stores: stores.job_index.waiting(),
    "job_index.read": lambda stores: stores.job_index.read(["x"]),
    "submission_index.page": lambda stores: stores.submission_index.page(
        Kind.AUDIO, SubmissionState.OPEN, behind=None, limit=1
    ),
    "submission_index.waiting": lambda stores: stores.submission_index.waiting(),
    "submission_index.read": lambda stores: stores.submission_index.read(["x"]),
    "circuits.find": lambda stores: stores.circuits.find("x"),
    "circuits.record_failure": lambda stores: stores.circuits.record_failure("x"),
    "circuits.open_until": lambda stores: stores.circuits.open_until("x", START, START),
    "circuits.reset": lambda stores: stores.circuits.reset("x"),
    "budget.spend": lambda stores: stores.budget.spend("cts", START, Allowance(5)),
    "budget.spent": lambda stores: stores.budget.spent("cts", "2026-01-02T03:04"),
    "quarantine.put": lambda stores: stores.quarantine.put(b"", "", "", START),
    "quarantine.bodies": lambda stores: list(stores.quarantine.bodies("2026-01-02", "")),
    "quarantine.count": lambda stores: stores.quarantine.count("2026-01-02", 1),
    "quarantine.delete": lambda stores: stores.quarantine.delete(QUARANTINED),
    "runs.record": lambda stores: stores.runs.record("sweep", START, {}),
    "runs.find": lambda stores: stores.runs.find("sweep"),
    "songs.append": lambda stores: stores.songs.append(RELAY, {}, (b"x",), START),
    "songs.load": lambda stores: stores.songs.load(SONG),
    "songs.room": lambda stores: stores.songs.room("room"),
    "songs.save": lambda stores: stores.songs.save(SONG, SongBookkeeping(), None, START, START),
    "songs.settle": lambda stores: stores.songs.settle(SONG, "d"),
    "songs.take_nonce": lambda stores: stores.songs.take_nonce("n", "d", START),
    "events.append": lambda stores: stores.events.append(EVENT),
    "events.append_all": lambda stores: stores.events.append_all([EVENT]),
    "events.find": lambda stores: stores.events.find(EVENT.position),
    "events.events": lambda stores: list(stores.events.events(START.date(), Position(START), START + timedelta(1))),
    "events.complete": lambda stores: stores.events.complete(EVENT.position),
    "deliveries.create": lambda stores: stores.deliveries.create(DELIVERY),
    "deliveries.find": lambda stores: stores.deliveries.find("shop", "e"),
    "deliveries.claim": lambda stores: stores.deliveries.claim(DELIVERY, START),
    "deliveries.postpone": lambda stores: stores.deliveries.postpone(DELIVERY, START),
    "deliveries.fail": lambda stores: stores.deliveries.fail(DELIVERY, Answer(410)),
    "deliveries.complete": lambda stores: stores.deliveries.complete(DELIVERY, Answer(200), START),
    "deliveries.requeue": lambda stores: stores.deliveries.requeue(DELIVERY, START),
    "deliveries.page": lambda stores: stores.deliveries.page("shop", None, None, 1),
    "deliveries.failed": lambda stores: list(stores.deliveries.failed("shop", START, START, 1)),
    "deliveries.pending": lambda stores: stores.deliveries.pending("shop", 1),
    "endpoints.find": lambda stores: stores.endpoints.find("shop"),
    "endpoints.record_success": lambda stores: stores.endpoints.record_success("shop", 200, START),
    "endpoints.record_failure": lambda stores: stores.endpoints.record_failure("shop", 500, START),
    "endpoints.pause": lambda stores: stores.endpoints.pause("shop", START),
    "endpoints.begin_trial": lambda stores: stores.endpoints.begin_trial("shop", START, START),
    "endpoints.disable": lambda stores: stores.endpoints.disable("shop", "no", START),
    "endpoints.enable": lambda stores: stores.endpoints.enable("shop"),
}
WITHOUT_A_CALL = {"songs.note_undecryptable"}


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
def test_every_method_says_that_the_ledger_is_unavailable(operation: str, error: Exception) -> None:
    with Deployment(Clock(), clients={"dynamodb": Down(error)}).building():
        stores = Stores()
    with pytest.raises(LedgerUnavailable):
        OPERATIONS[operation](stores)


def test_every_method_of_every_store_is_in_that_list(harness: TaskHarness) -> None:
    methods = {
        f"{store}.{name}"
        for store, instance in vars(harness.stores).items()
        for name in dir(instance)
        if store != "table" and not name.startswith("_") and callable(getattr(instance, name))
    }
    assert methods == OPERATIONS.keys() | WITHOUT_A_CALL


@pytest.mark.parametrize("busy_rounds", [0, 2, 99])
def test_items_that_dynamodb_left_out_are_read_again_after_a_wait(
    harness: TaskHarness, monkeypatch: pytest.MonkeyPatch, busy_rounds: int
) -> None:
    for vid in ("a", "b"):
        harness.track(vid)
    table, waits = harness.stores.table, list[float]()
    keys, plain = [Key.of(Row(item)) for item in harness.items()], table.client.batch_get_item

    def busy(**request: Any) -> dict[str, Any]:
        wanted = request["RequestItems"][table.name]
        left = {table.name: wanted | {"Keys": wanted["Keys"][-1:]}} if len(waits) < busy_rounds else {}
        asked = wanted["Keys"][:-1] if left else wanted["Keys"]
        found = plain(RequestItems={table.name: wanted | {"Keys": asked}}) if asked else {"Responses": {}}
        return {"Responses": found["Responses"], "UnprocessedKeys": left}

    monkeypatch.setattr(time, "sleep", waits.append)
    monkeypatch.setattr(table.client, "batch_get_item", busy)
    if busy_rounds > len(WAITS):
        with pytest.raises(LedgerUnavailable):
            list(table.get_many(keys))
    else:
        assert len(list(table.get_many(keys))) == len(keys)
    assert len(waits) == min(busy_rounds, len(WAITS))
    assert all(most / 2 <= seconds <= most for seconds, most in zip(waits, WAITS, strict=False))
