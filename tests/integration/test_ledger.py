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
from mediarelay.adapters.ledger import QUARANTINE_DAYS
from mediarelay.adapters.table import Table
from mediarelay.domain.budget import Allowance
from mediarelay.domain.entry import (
    Announcement,
    Books,
    Card,
    Entry,
    Job,
    Kept,
    OpenQuestion,
    Order,
    Record,
    Selection,
    TimeOf,
    Waiting,
)
from mediarelay.domain.intent import Intent
from mediarelay.domain.media import Kind, State
from mediarelay.domain.origin import Origin
from mediarelay.domain.schedule import Due
from mediarelay.errors import LedgerUnavailable
from tests.integration.world import START, VID, World, answer, together
from tests.stack import resources

WISH = {"url": "http://a/1.mp3", "bucketName": "music", "bucketRegion": "gz"}
LARGE = b"vid=x&title=" + Random(1).randbytes(10**6).hex().encode()  # noqa: S311 - the same each time
LOST = Announcement(State.LOST)
ANNOUNCED = frozenset({Announcement(State.PROBED), Announcement(State.FAILED, 2)})
PENDING = Selection(kind=Kind.VIDEO, state=State.PENDING)
BOOKS = Books(kind=Kind.VIDEO, version=1, give_up_at=START + timedelta(days=1))


def entry(body: bytes = b'{"vid": "x"}', **changes: Any) -> Entry:
    return replace(Entry(vid=VID, kind=Kind.VIDEO, origin=Origin.CLAIM, at=START, body=body), **changes)


def card(**changes: Any) -> Card:
    plain = Card(
        vid=VID,
        kind=Kind.VIDEO,
        state=State.PENDING,
        url="http://a/1.mp4",
        created_at=START,
        updated_at=START,
        due=Due("video", START),
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


def test_a_repeated_entry_is_one_call_and_no_write(world: World) -> None:
    names: list[str] = []
    with calls(names):
        assert world.ledger.record(entry(), Due("video", START))
        before = world.items()
        assert not world.ledger.record(entry(at=START + timedelta(hours=1)), Due("video", START + timedelta(hours=1)))
    assert names == ["PutItem", "Scan", "PutItem"]
    assert world.items() == before


def test_entries_that_differ_are_all_kept(world: World) -> None:
    """Two events of one task, in one second, with one character of difference; and one body under two origins."""
    entries = [entry(), entry(b"{}"), entry(origin=Origin.ANSWER), entry(kind=Kind.AUDIO)]
    assert all(map(world.ledger.record, entries))
    assert sorted(world.entries(), key=repr) == sorted(entries, key=repr)
    assert world.ledger.load(VID).books is None


def test_one_of_many_racing_writers_stores(world: World) -> None:
    won = together([lambda: world.ledger.record(entry())] * 8)
    assert sorted(won) == [False] * 7 + [True]
    assert len(world.items()) == 1


def test_an_unknown_vid_has_an_empty_record(world: World) -> None:
    assert world.ledger.load("nothing") == Record(entries=(), books=None)


def test_a_large_claim_is_kept_whole(world: World) -> None:
    body = b'{"vid": "x", "url": "' + b"http://cts/" * (5 * 2**20 // 11 - 10) + b'"}'
    assert world.ledger.record(entry(body))
    assert world.entries() == (entry(body),)


def test_a_large_claim_that_does_not_compress_is_kept_whole(world: World) -> None:
    others = [entry(), entry(b"{}"), entry(LARGE[::-1])]
    assert all(map(world.ledger.record, [entry(LARGE), *others]))
    assert not world.ledger.record(entry(LARGE))
    assert set(world.entries()) == {entry(LARGE), *others}


@pytest.mark.parametrize("writes", [1, 2])
def test_a_large_claim_that_was_cut_off_is_not_there(
    world: World, monkeypatch: pytest.MonkeyPatch, writes: int
) -> None:
    """Parts come before their head; the sender's retry completes it."""
    plain, left = type(world.ledger).put, iter(range(writes))

    def cut(ledger: Any, *arguments: Any) -> bool:
        if next(left, None) is None:
            raise LedgerUnavailable("cut")
        return plain(ledger, *arguments)

    world.ledger.record(entry())
    with monkeypatch.context() as patch:
        patch.setattr(type(world.ledger), "put", cut)
        with pytest.raises(LedgerUnavailable):
            world.ledger.record(entry(LARGE))
    assert world.entries() == (entry(),)
    assert world.ledger.record(entry(LARGE))
    assert set(world.entries()) == {entry(), entry(LARGE)}


def test_racing_writers_of_a_large_claim(world: World) -> None:
    assert together([lambda: world.ledger.record(entry(LARGE))] * 4).count(True) == 1
    assert world.entries() == (entry(LARGE),)


# ── the task item ──


def test_a_task_item_is_written_once_per_version(world: World) -> None:
    assert world.ledger.save(card(), BOOKS, None)
    assert not world.ledger.save(card(), BOOKS, None), "somebody else made it"
    second = replace(BOOKS, version=2, attempts=3, published=ANNOUNCED)
    assert world.ledger.save(card(state=State.PROBED), second, BOOKS)
    assert not world.ledger.save(card(state=State.FAILED), replace(second, version=3), BOOKS), (
        "written from an old view"
    )
    assert world.ledger.load(VID) == Record(entries=(), books=second, card=card(state=State.PROBED))
    (item,) = world.items()
    assert item["state"] == {"S": "probed"}


def test_one_of_many_racing_savers_wins_each_version(world: World) -> None:
    assert together([lambda: world.ledger.save(card(), BOOKS, None)] * 6).count(True) == 1
    later = replace(BOOKS, version=2)
    assert together([lambda: world.ledger.save(card(), later, BOOKS)] * 6).count(True) == 1


# ── the due index ──


def test_what_is_due_appears_and_what_is_settled_disappears(world: World) -> None:
    world.ledger.record(entry(), Due("video", START))
    world.ledger.save(card(due=Due("video", START + timedelta(seconds=1))), BOOKS, None)
    assert [row.sk for row in world.ledger.waiting("video", START - timedelta(seconds=1))] == []
    assert [row.sk[:3] for row in world.ledger.waiting("video", START)] == ["OBS"]
    assert [(row.sk[:3], row.kind, row.vid) for row in world.due()["video"]] == [
        ("OBS", Kind.VIDEO, VID),
        ("TAS", Kind.VIDEO, VID),
    ]
    world.ledger.settle(VID, world.ledger.load(VID).open)
    assert [row.sk for row in world.due()["video"]] == ["TASK"]
    world.ledger.save(card(due=None), replace(BOOKS, version=2), BOOKS)
    assert world.due() == {}
    assert world.ledger.load(VID).open == ()


def test_a_lease_is_exclusive(world: World) -> None:
    world.ledger.save(card(), BOOKS, None)
    (row,) = world.due()["video"]
    until = START + timedelta(minutes=3)
    assert together([lambda: world.ledger.lease(row, until)] * 8).count(True) == 1
    assert list(world.ledger.waiting("video", START)) == []
    assert [one.due_at for one in world.due()["video"]] == [int(until.timestamp())]


def test_what_was_settled_cannot_be_leased(world: World) -> None:
    world.ledger.save(card(), BOOKS, None)
    (row,) = world.due()["video"]
    world.ledger.save(card(due=None), replace(BOOKS, version=2), BOOKS)
    assert not world.ledger.lease(row, START)
    assert world.due() == {}


def test_an_announcement_is_noted_only_while_it_is_current(world: World) -> None:
    due = Due("publish", START)
    world.ledger.save(card(state=State.LOST, unpublished=LOST, due=due), BOOKS, None)
    assert not world.ledger.published(VID, Announcement(State.SUCCEEDED))
    assert world.ledger.published(VID, LOST)
    assert not world.ledger.published(VID, LOST)
    books = world.ledger.load(VID).books
    assert books == replace(BOOKS, version=2, published=frozenset({LOST}))
    assert world.due() == {}
    assert not world.ledger.save(card(), replace(BOOKS, version=2), BOOKS), "a writer with an old view starts over"


def test_an_announced_start_leaves_the_task_due(world: World) -> None:
    world.ledger.save(card(state=State.PROBED, unpublished=Announcement(State.PROBED)), BOOKS, None)
    assert world.ledger.published(VID, Announcement(State.PROBED))
    assert list(world.due()) == ["video"]


# ── listing ──


def test_pages_of_one_kind_and_state_newest_first(world: World) -> None:
    for number in range(7):
        created = START + timedelta(seconds=number // 2)
        world.ledger.save(card(vid=f"v{number}", created_at=created, url=None), BOOKS, None)
    world.ledger.save(card(vid="other", state=State.FAILED), BOOKS, None)
    for order, numbers in ((Order.DESCENDING, "6543210"), (Order.ASCENDING, "0123456")):
        seen: list[str] = []
        cursor = None
        while rows := world.ledger.page(PENDING, cursor=cursor, limit=2, order=order):
            seen += [row["vid"] for row in rows]
            cursor = rows[-1]["position"]
        assert seen == [f"v{number}" for number in numbers]
    recent = replace(PENDING, since=START + timedelta(seconds=2))
    assert [row["vid"] for row in world.ledger.page(recent, cursor=None, limit=9)] == ["v6", "v5", "v4"]
    assert world.ledger.page(recent, cursor="2026-01-01", limit=9) == []
    early = replace(PENDING, until=START + timedelta(seconds=1))
    assert [row["vid"] for row in world.ledger.page(early, cursor=None, limit=9)] == ["v3", "v2", "v1", "v0"]
    assert world.ledger.page(early, cursor="2027-01-01", limit=9, order=Order.ASCENDING) == []
    assert world.ledger.page(replace(PENDING, kind=Kind.AUDIO), cursor=None, limit=9) == []


def test_outcomes_are_listed_by_their_own_time(world: World) -> None:
    """The last to be made is the first to have an outcome; what has none is not in the list."""
    for number in range(4):
        ended = START + timedelta(hours=1, minutes=-number) if number else None
        one = card(vid=f"v{number}", created_at=START + timedelta(minutes=number), state=State.LOST, outcome_at=ended)
        world.ledger.save(one, BOOKS, None)
    lost = Selection(kind=Kind.VIDEO, state=State.LOST, time=TimeOf.OUTCOME)
    rows = world.ledger.page(lost, cursor=None, limit=9)
    assert [(row["vid"], row["outcome_at"]) for row in rows] == [
        ("v1", "2026-01-02T04:03:05+00:00"),
        ("v2", "2026-01-02T04:02:05+00:00"),
        ("v3", "2026-01-02T04:01:05+00:00"),
    ]
    assert world.ledger.count(replace(lost, until=START + timedelta(minutes=58))) == 2
    assert world.ledger.load("v1").card == card(
        vid="v1", created_at=START + timedelta(minutes=1), state=State.LOST, outcome_at=START + timedelta(minutes=59)
    )


# ── intents ──


def test_what_is_logged_while_a_task_is_read_is_seen_or_stops_the_write(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The task's item and its log may lie on different pages of a query, and others write in between."""
    world.track()
    for number in range(3):
        world.ledger.record(entry(Random(number).randbytes(400_000), origin=Origin.TRUSTED))  # noqa: S311 - noise
    query, armed = world.ledger.client.query, [True]

    def slow(**request: Any) -> Any:
        found = query(**request)
        if "LastEvaluatedKey" in found and armed and armed.pop():
            world.provider.answers[VID] = answer()
            world.confirm()
        return found

    monkeypatch.setattr(world.ledger.client, "query", slow)
    world.tasks.refresh(VID, Kind.VIDEO, asked=world.clock())
    assert not armed, "the log has more than one page"
    record, task = world.tasks.load(VID)
    assert record.card
    assert task
    assert record.card.state is task.state is State.SUCCEEDED


def test_the_life_of_an_intent(world: World) -> None:
    assert world.ledger.intent(intent().identity) is None
    assert world.ledger.open_intent(intent(), Due("submit", START))
    assert not world.ledger.open_intent(intent(request={"url": "http://other"}), Due("submit", START))
    assert world.ledger.intent(intent().identity) == intent()
    assert [row.pk for row in world.due()["submit"]] == [f"INTENT#{intent().identity}"]
    assert world.ledger.name_intent(intent().identity, "v1", START)
    assert not world.ledger.name_intent(intent().identity, "v2", START), "the first vid stays"
    assert world.ledger.intent(intent().identity) == intent(vid="v1", named_at=START)
    world.ledger.drop_intent(intent())
    assert world.ledger.intent(intent().identity), "a wish that became a task stays"
    world.ledger.close_intent(intent())
    assert world.due() == {}


def test_a_dropped_intent_frees_its_key(world: World) -> None:
    world.ledger.open_intent(intent(), Due("submit", START))
    world.ledger.drop_intent(intent())
    assert world.items() == []
    assert not world.ledger.name_intent(intent().identity, "v1", START), "nothing comes back to life"
    assert world.ledger.open_intent(intent(), Due("submit", START))


def test_a_later_intent_under_the_same_key_is_another_one(world: World) -> None:
    later = intent(at=START + timedelta(microseconds=1))
    world.ledger.open_intent(later, Due("submit", START))
    world.ledger.close_intent(intent())
    world.ledger.drop_intent(intent())
    assert world.ledger.intent(later.identity) == later
    assert [row.pk for row in world.due()["submit"]] == [f"INTENT#{later.identity}"]


def test_one_of_many_racing_submits_opens(world: World) -> None:
    assert together([lambda: world.ledger.open_intent(intent(), Due("submit", START))] * 8).count(True) == 1


# ── budget and quarantine ──


def test_the_budget_is_exact(world: World) -> None:
    assert together([lambda: world.ledger.spend(START, Allowance(5))] * 12).count(True) == 5
    assert not world.ledger.spend(START + timedelta(seconds=54), Allowance(5))
    assert world.ledger.spend(START + timedelta(seconds=55), Allowance(5)), "the next minute"
    assert world.ledger.spend(START, Allowance(6))


def test_what_may_expire_says_so_under_the_template_s_name(world: World) -> None:
    (definition,) = resources("AWS::DynamoDB::Table").values()
    expiry = definition["TimeToLiveSpecification"]["AttributeName"]
    world.ledger.spend(START, Allowance(5))
    assert world.ledger.quarantine(b"junk", "body: not JSON", "callbacks/video", START)
    assert not world.ledger.quarantine(b"junk", "body: not JSON", "callbacks/video", START)
    ends = {item["pk"]["S"].split("#")[0]: int(item[expiry]["N"]) for item in world.items()}
    assert ends["QUARANTINE"] == int((START + timedelta(days=QUARANTINE_DAYS)).timestamp())
    assert int(START.timestamp()) < ends["BUDGET"] <= int((START + timedelta(days=1)).timestamp())
    (junk,) = (item for item in world.items() if item["pk"]["S"].startswith("QUARANTINE"))
    assert zlib.decompress(junk["body"]["B"]) == b"junk"
    assert (junk["reason"], junk["route"]) == ({"S": "body: not JSON"}, {"S": "callbacks/video"})


def test_a_large_body_in_quarantine_expires_with_its_parts(world: World) -> None:
    world.ledger.quarantine(LARGE, "body: not JSON", "callbacks/video", START)
    assert len(world.items()) > 1
    assert len({item["expires_at"]["N"] for item in world.items()}) == 1


def test_the_log_never_expires(world: World) -> None:
    world.ledger.record(entry())
    world.ledger.save(card(), BOOKS, None)
    world.ledger.open_intent(intent(), Due("submit", START))
    assert not [item for item in world.items() if "expires_at" in item]


# ── when the table does not answer ──

CLAIM = OpenQuestion(sk="OBS#x", item="claim", kind=Kind.VIDEO, at=START)
CHOSEN = Selection(kind=Kind.VIDEO, state=State.LOST)
JOB = Job(identity="x", selection=CHOSEN, rate=1, by="me", at=START)
KEPT = Kept(day="2026-01-02", digest="d", keys=("d",), route="callbacks/video", reason="", at=START, body=b"")
OPERATIONS = {
    "record": lambda ledger: ledger.record(entry()),
    "load": lambda ledger: ledger.load(VID),
    "heard": lambda ledger: ledger.heard(entry()),
    "settle": lambda ledger: ledger.settle(VID, (CLAIM,)),
    "forget_body": lambda ledger: ledger.forget_body(Waiting(pk="x", sk="y", vid=VID, kind=Kind.VIDEO, due_at=0)),
    "save": lambda ledger: ledger.save(card(), BOOKS, None),
    "page": lambda ledger: ledger.page(PENDING, cursor=None, limit=1),
    "waiting": lambda ledger: list(ledger.waiting("video", START)),
    "lease": lambda ledger: ledger.lease(Waiting(pk="x", sk="y", vid=VID, kind=Kind.VIDEO, due_at=0), START),
    "published": lambda ledger: ledger.published(VID, LOST),
    "open_intent": lambda ledger: ledger.open_intent(intent(), Due("submit", START)),
    "intent": lambda ledger: ledger.intent("x"),
    "name_intent": lambda ledger: ledger.name_intent("x", "v1", START),
    "expire_intent": lambda ledger: ledger.expire_intent(intent()),
    "close_intent": lambda ledger: ledger.close_intent(intent()),
    "drop_intent": lambda ledger: ledger.drop_intent(intent()),
    "spend": lambda ledger: ledger.spend(START, Allowance(5)),
    "begin_intent": lambda ledger: ledger.begin_intent("x", START, START),
    "refuse_intent": lambda ledger: ledger.refuse_intent(intent(), "no", Due("publish", START)),
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
def test_every_method_says_that_the_ledger_is_unavailable(world: World, operation: str, error: Exception) -> None:
    with pytest.raises(LedgerUnavailable):
        OPERATIONS[operation](replace(world.ledger, client=Down(error)))


def test_every_method_is_in_that_list(world: World) -> None:
    methods = {name for name in dir(world.ledger) if not name.startswith("_") and callable(getattr(world.ledger, name))}
    assert methods - set(dir(Table)) == set(OPERATIONS)
