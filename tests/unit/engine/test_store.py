"""What outlives the process."""

import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import replace
from typing import Any

import pytest

from engine.callbacks import Message, after, deliveries
from engine.config import CallbackPolicy, Faults
from engine.model import FailedOutput, Flaw, Status, Task, TaskKind
from engine.mps.requests import Input, ProcessMedia
from engine.payloads import claim
from engine.places import Place
from engine.store import (
    Attempt,
    Callback,
    ObjectExists,
    SessionUsed,
    Store,
    StoreBusy,
    StoredObject,
    TaskQuery,
    UsedNonce,
)

PLACE = Place(app_id=1, bucket="a", region="sh")
TASK = Task(
    vid="1", kind=TaskKind.VIDEO, source=PLACE, dst=PLACE, url="u", path="/k", key="k", created=1.0, updated=1.0
)
CALLBACK = Callback(vid="1", type="t", url="http://x", body="{}", created=1, due=1)
MESSAGE = Message(vid="1", type="t", url="http://x", body={"ä": 1}, claim=claim)


@pytest.fixture
def store(tmp_path):
    made = Store(tmp_path / "s.sqlite3")
    yield made
    made.close()


def test_the_same_file_again_deletes_what_was(store: Store) -> None:
    assert store.add_task(TASK) == []
    other_kind = replace(TASK, vid="a", kind=TaskKind.AUDIO)
    other_file = replace(TASK, vid="b", key="k2")
    assert store.add_task(other_kind) == store.add_task(other_file) == []
    assert store.add_task(replace(TASK, vid="2")) == ["1"]
    assert store.add_task(replace(TASK, vid="3")) == ["2"]
    assert [store.task(vid).deleted for vid in "123ab"] == [True, True, False, False, False]
    assert store.newest_task(TaskKind.VIDEO, PLACE, "k").vid == "3"
    assert store.open_vids() == ["a", "b", "3"]


def test_a_state_never_goes_back_and_an_end_is_the_end(store: Store) -> None:
    store.add_task(TASK)
    assert store.change("1", status=Status.TRANSCODING).status == Status.TRANSCODING
    assert store.change("1", status=Status.PROBED).status == Status.TRANSCODING
    assert store.change("1", status=Status.FAILED, flaw=Flaw(code=1, message="m"))
    assert store.change("1", status=Status.SUCCEEDED) is None
    assert store.change("none", status=Status.SUCCEEDED) is None
    assert store.task("1").flaw == Flaw(code=1, message="m")
    assert store.open_vids() == []


def test_a_deleted_task_sends_no_callback(store: Store) -> None:
    store.add_task(TASK)
    store.add_task(replace(TASK, vid="2"))
    assert store.change("1", lambda _: [CALLBACK], status=Status.SUCCEEDED) is None
    assert store.callbacks(10) == []


def test_a_change_and_its_callback_are_one(store: Store) -> None:
    store.add_task(TASK)
    with pytest.raises(sqlite3.Error):
        store.change("1", lambda _: [replace(CALLBACK, url=None)], status=Status.SUCCEEDED)  # type: ignore[arg-type]
    assert store.task("1").status == Status.PENDING


def test_callbacks_are_claimed_once_in_their_order(store: Store) -> None:
    store.add_task(TASK)
    due = (5.0, 3.0, 20.0)
    store.change("1", lambda _: [replace(CALLBACK, vid=str(i), due=each) for i, each in enumerate(due)])
    first, second = store.take_callback(10), store.take_callback(10)
    assert isinstance(first, Callback)
    assert isinstance(second, Callback)
    assert [first.due, second.due] == [3.0, 5.0]
    assert store.take_callback(10) == 10.0
    store.record_attempt(replace(first, due=None, state="delivered"), Attempt(at=10, seconds=1, http_status=200))
    shown = {callback.seq: (callback.state, attempts) for callback, attempts in store.callbacks(10)}
    assert shown[first.seq] == ("delivered", [Attempt(at=10, seconds=1, http_status=200)])
    assert [callback.vid for callback, _ in store.callbacks(10, "1")] == ["1"]


def test_callbacks_of_one_task_go_one_by_one(store: Store) -> None:
    store.add_task(TASK)
    store.change("1", lambda _: [replace(CALLBACK, type="first"), replace(CALLBACK, type="second")])
    first = store.take_callback(10)
    assert isinstance(first, Callback)
    assert (first.type, store.take_callback(10)) == ("first", None)
    store.record_attempt(replace(first, due=None, state="delivered"), Attempt(at=10, seconds=1, http_status=200))
    assert store.take_callback(10).type == "second"


def test_what_was_being_sent_is_sent_again_after_a_restart(tmp_path) -> None:
    store = Store(tmp_path / "s.sqlite3")
    store.add_task(TASK)
    store.change("1", lambda _: [CALLBACK])
    assert store.take_callback(10)
    assert store.take_callback(10) is None
    store.close()
    store = Store(tmp_path / "s.sqlite3")
    assert isinstance(store.take_callback(10), Callback)
    store.close()


def test_nonces_are_remembered_for_a_while(store: Store) -> None:
    now = time.time()
    used = UsedNonce(secret_id="a", nonce="1", timestamp="5")
    assert store.use_nonce(used, now, 10) is False
    assert store.use_nonce(used, now + 9, 10) is True
    assert store.use_nonce(replace(used, secret_id="b"), now + 9, 10) is False
    assert store.use_nonce(replace(used, timestamp="6"), now + 9, 10) is False
    assert store.use_nonce(replace(used, nonce="2"), now + 9, 10) is False
    assert store.use_nonce(used, now + 11, 10) is False


def test_a_directory_of_an_earlier_version_is_taken_over(tmp_path) -> None:
    file = tmp_path / "old.sqlite3"
    with closing(sqlite3.connect(file)) as old:
        old.executescript("""
            CREATE TABLE objects (host TEXT NOT NULL, key TEXT NOT NULL, blob TEXT NOT NULL, size INTEGER NOT NULL,
                etag TEXT NOT NULL, content_type TEXT NOT NULL, modified REAL NOT NULL,
                PRIMARY KEY (host, key)) WITHOUT ROWID;
            INSERT INTO objects VALUES ('h', 'k', 'b', 1, '"e"', 'audio/mpeg', 7.0);
            CREATE TABLE nonces (nonce TEXT NOT NULL, secret_id TEXT NOT NULL, at REAL NOT NULL);
        """)
    for _ in range(2):
        with closing(Store(file)) as store:
            found = store.object("h", "k")
            assert found
            assert found.headers == "{}"
            assert store.put_object(replace(found, blob="c")) in ("b", "c")


def test_an_object_is_not_replaced_against_the_client_s_will(store: Store) -> None:
    item = StoredObject(host="h", key="k", blob="b", size=1, etag="e", content_type="", modified=1.0)
    assert store.put_object(item, replace=False) is None
    with pytest.raises(ObjectExists):
        store.put_object(replace(item, blob="c"), replace=False)
    assert store.object("h", "k") == item
    assert [store.delete_object("h", "k"), store.delete_object("h", "k")] == ["b", None]


def test_a_directory_has_one_engine(store: Store, tmp_path) -> None:
    with pytest.raises(StoreBusy, match="in use"):
        Store(tmp_path / "s.sqlite3")


def test_a_message_without_faults_is_one_delivery_now() -> None:
    (found,) = deliveries(MESSAGE, Faults(), 7)
    assert (found.due, found.state, found.body) == (7, "waiting", '{"ä": 1}')


def test_faults_drop_copy_and_delay() -> None:
    (dropped,) = deliveries(MESSAGE, Faults(drop_callbacks=True, callback_copies=3), 7)
    assert (dropped.due, dropped.state) == (None, "dropped")
    copies = deliveries(MESSAGE, Faults(callback_copies=3, callback_delay=2), 7)
    assert [copy.due for copy in copies] == [9, 9, 9]
    late = deliveries(MESSAGE, Faults(callback_copies=9, callback_jitter=5), 7)
    assert len({copy.due for copy in late}) == 9
    assert all(copy.due is not None and 7 <= copy.due <= 12 for copy in late)


@pytest.mark.parametrize(
    ("tries", "status", "state"),
    [
        (0, 200, "delivered"),
        (2, 299, "delivered"),
        (0, 302, "waiting"),
        (1, 500, "waiting"),
        (2, 500, "given_up"),
        (2, None, "given_up"),
    ],
)
def test_retries_are_bounded(tries: int, status: int | None, state: str) -> None:
    attempt = Attempt(at=100, seconds=1, http_status=status)
    found = after(replace(CALLBACK, tries=tries), CallbackPolicy(), attempt)
    assert (found.state, found.tries) == (state, tries + 1)
    assert (found.due is None) is (state != "waiting")


def test_the_wait_doubles_and_is_jittered() -> None:
    attempt = Attempt(at=100, seconds=0)
    for tries, low, high in ((0, 0.5, 1.5), (3, 4, 12)):
        tried = [after(replace(CALLBACK, tries=tries), CallbackPolicy(tries=9), attempt) for _ in range(50)]
        waits = {one.due - 100 for one in tried if one.due is not None}
        assert len(waits) == 50
        assert low <= min(waits) <= max(waits) <= high


def ordered(vid: str, session: str = "", **changes: Any) -> Task:
    """A task of MPS."""
    request = ProcessMedia(input_info=Input(type="COS"), session_id=session)
    return replace(TASK, vid=vid, kind=TaskKind.WORKFLOW, request=request, **changes)


def test_tasks_of_mps_replace_nothing(store: Store) -> None:
    assert [store.add_task(ordered(vid)) for vid in "12"] == [[], []]
    assert store.open_vids() == ["1", "2"]


def test_a_session_id_is_used_for_a_while(store: Store) -> None:
    store.add_task(ordered("1", "s", created=100.0), 50)
    for vid, moment in (("2", 100.0), ("3", 149.9)):
        with pytest.raises(SessionUsed):
            store.add_task(ordered(vid, "s", created=moment), 50)
    assert store.task("2") is None
    assert store.add_task(ordered("4", "t", created=149.9), 50) == []
    assert store.add_task(ordered("5", "s", created=150.0), 50) == []
    assert [store.add_task(ordered(vid, ""), 50) for vid in "67"] == [[], []]


def test_a_session_id_goes_with_its_task(store: Store) -> None:
    """A task that cannot be stored leaves the SessionId free."""
    store.add_task(ordered("1"))
    with pytest.raises(sqlite3.Error):
        store.add_task(ordered("1", "s"), 50)
    assert store.add_task(ordered("2", "s"), 50) == []


def test_threads_share_one_session_id(store: Store) -> None:
    def add(number: int) -> bool:
        with suppress(SessionUsed):
            return store.add_task(ordered(str(number), "s", created=100.0), 50) == []
        return False

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(add, range(40))) == 1


def test_a_change_ends_at_the_last_status(store: Store) -> None:
    store.add_task(TASK)
    store.change("1", status=Status.PROBED)
    assert store.change("1", last=Status.PENDING, status=Status.FAILED) is None
    assert store.task("1").status == Status.PROBED
    assert store.task("1").begun


QUERY = TaskQuery(statuses=(Status.PENDING,), since=0, until=10, limit=10)


def test_tasks_of_mps_are_found_newest_first_and_others_never(store: Store) -> None:
    store.add_task(TASK)
    failed = (FailedOutput(name="x", flaw=Flaw(code=1, message="m")),)
    for number in range(1, 6):
        store.add_task(ordered(f"m{number}", created=float(number), failed_outputs=failed if number % 2 else ()))

    def found(**changes: Any) -> tuple[int, list[str]]:
        total, page = store.find_tasks(replace(QUERY, **changes))
        return total, [task.vid for _, task in page]

    assert found() == (5, ["m5", "m4", "m3", "m2", "m1"])
    assert found(limit=2) == (5, ["m5", "m4"])
    assert found(since=2, until=4) == (3, ["m4", "m3", "m2"])
    assert (found(has_failed=True)[0], found(has_failed=False)[0]) == (3, 2)
    assert found(statuses=(Status.SUCCEEDED, Status.FAILED)) == (0, [])
    _, page = store.find_tasks(QUERY)
    assert found(first=page[2][0], limit=2) == (5, ["m3", "m2"])
