"""Publishing together: few calls, and each failure stays with its own events."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError
from botocore.parsers import ResponseParserError
from hypothesis import given
from hypothesis import strategies as st

from mediarelay.adapters.sns import MAX_BYTES, MAX_ENTRIES, Topic
from mediarelay.contracts.notification import Notification
from mediarelay.domain.events import LoggedEvent
from mediarelay.errors import LedgerUnavailable, RowUnreadable, ServiceDown, Undelivered
from mediarelay.usecases.event_publisher import STORED_TOGETHER, EventPublisher, Prepare, Prepared

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def event(number: int, size: int = 10) -> Notification:
    return Notification(f"event-{number}", "x" * size, {"type": "mediarelay.test", "bucket": ""})


def client_error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code}}, "PublishBatch")


@dataclass
class Sns:
    """SNS's client: refuses some entries, and whole calls that hold some entries, each with its own error."""

    refused: frozenset[str] = frozenset()
    broken: dict[str, Exception] = field(default_factory=dict)
    calls: list[list[str]] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    accepted: list[str] = field(default_factory=list)

    def publish_batch(self, **request: Any) -> dict[str, Any]:
        entries = request["PublishBatchRequestEntries"]
        ids = [entry["Id"] for entry in entries]
        self.calls.append(ids)
        self.sizes.append(sum(len(entry["Message"]) for entry in entries))
        for one in ids:
            if one in self.broken:
                raise self.broken[one]
        taken = [one for one in ids if one not in self.refused]
        self.accepted += taken
        failed = [{"Id": one, "Code": "InternalError", "SenderFault": False} for one in ids if one in self.refused]
        return {"Successful": [{"Id": one, "MessageId": "m"} for one in taken], "Failed": failed}


@dataclass
class Log:
    """The event log: does not store some events, and fails calls that hold some others."""

    refused: frozenset[str] = frozenset()
    broken: frozenset[str] = frozenset()
    calls: int = 0
    stored: list[LoggedEvent] = field(default_factory=list)

    def append_all(self, events: Sequence[LoggedEvent]) -> set[str]:
        self.calls += 1
        if self.broken & {one.position.id for one in events}:
            raise LedgerUnavailable("down")
        self.stored += [one for one in events if one.position.id not in self.refused]
        return {one.position.id for one in events} & self.refused


def publisher(sns: Sns, log: Log | None = None) -> EventPublisher:
    return EventPublisher(log or Log(), Topic(sns, "arn"), lambda: NOW)


def work(numbers: Sequence[int], complete: Callable[[int], object] = lambda _number: None) -> dict[int, Prepare]:
    """One subject per number, with an event of that number."""

    def prepare(number: int) -> Prepare:
        return lambda: Prepared((event(number),), lambda: complete(number))

    return {number: prepare(number) for number in numbers}


def test_a_full_batch_needs_a_tenth_of_the_calls() -> None:
    sns, log = Sns(), Log()
    assert publisher(sns, log).publish_all(work(range(100))) == {}
    assert (len(sns.calls), log.calls) == (10, 4)
    assert sns.accepted == [f"event-{number}" for number in range(100)], "in the order of the stream"
    first = sorted(log.stored[:STORED_TOGETHER], key=lambda one: one.position)
    assert [one.position.id for one in first] == sns.accepted[:STORED_TOGETHER], "the log keeps it, too"


def test_large_events_share_a_call_only_within_its_limit() -> None:
    sns = Sns()
    found = publisher(sns).send([event(number, 60_000) for number in range(9)] + [event(9, 256_000)])
    assert found == {}
    assert [len(call) for call in sns.calls] == [4, 4, 1, 1]
    assert max(sns.sizes) <= MAX_BYTES


def test_bytes_count_and_not_characters() -> None:
    sns = Sns()
    wide = [Notification(str(number), "\u5b57" * 43_500, {"type": "\u5b57" * 256}) for number in range(4)]
    assert publisher(sns).send(wide) == {}
    assert [len(call) for call in sns.calls] == [1, 1, 1, 1], "the attributes of two exceed the limit"


@pytest.mark.parametrize("error", [ResponseParserError("an error page"), EndpointConnectionError(endpoint_url="sns")])
def test_a_topic_without_a_usable_answer_is_asked_twice(error: Exception) -> None:
    sns, log = Sns(broken={f"event-{number}": error for number in range(30)}), Log()
    failures = publisher(sns, log).publish_all(work(range(30)))
    assert {type(one) for one in failures.values()} == {ServiceDown}
    assert len(failures) == 30
    assert (len(sns.calls), len(log.stored)) == (2, 30), "a third call could take as long"


def test_a_topic_that_refuses_every_entry_is_asked_twice() -> None:
    sns = Sns(refused=frozenset(f"event-{number}" for number in range(30)))
    assert len(publisher(sns).publish_all(work(range(30)))) == 30
    assert len(sns.calls) == 2


def test_large_events_that_sns_refuses_stop_no_other() -> None:
    """Each fills a call, so a call is refused as a whole, which says nothing about the next one."""
    large = [event(number, 200_000) for number in range(4)]
    sns = Sns(broken={one.id: client_error("InvalidParameter") for one in large})
    failures = publisher(sns).send([*large, *(event(number) for number in range(4, 50))])
    assert {identity: type(error) for identity, error in failures.items()} == {one.id: Undelivered for one in large}


def test_calls_that_fail_with_others_between_them_stop_no_event() -> None:
    sns = Sns(broken=dict.fromkeys(("event-3", "event-25", "event-43"), client_error("InternalError")))
    failures = publisher(sns).publish_all(work(range(60)))
    assert sorted(failures) == [*range(10), *range(20, 30), *range(40, 50)]
    assert len(sns.calls) == 6


def test_a_mistake_about_one_event_concerns_its_subject_only() -> None:
    sns, done = Sns(broken={"event-3": RuntimeError("a mistake")}), list[int]()
    failures = publisher(sns).publish_all(work(range(12), done.append))
    assert {subject: type(error) for subject, error in failures.items()} == {3: RuntimeError}
    assert sorted(done) == [number for number in range(12) if number != 3]


def test_a_subject_that_was_not_published_keeps_its_duty() -> None:
    kept = list[int]()

    def prepare(number: int) -> Prepared:
        return Prepared((event(number),), lambda: None, lambda: kept.append(number))

    wanted = {number: partial(prepare, number) for number in range(3)}
    assert publisher(Sns(frozenset({"event-1"}))).publish_all(wanted).keys() == {1}
    assert kept == [1]


def test_no_empty_call_is_made() -> None:
    sns, log = Sns(), Log()
    assert publisher(sns, log).publish_all({"nothing": lambda: None}) == {}
    assert (sns.calls, log.calls) == ([], 0)


def test_an_event_is_sent_once_whoever_asks_for_it() -> None:
    sns, done = Sns(), list[str]()
    one = {who: (lambda who=who: Prepared((event(1),), lambda: done.append(who))) for who in ("a", "b")}
    assert publisher(sns).publish_all(one) == {}
    assert (sns.calls, done) == ([["event-1"]], ["a", "b"])


def test_an_entry_that_is_refused_fails_its_own_subject() -> None:
    sns, done = Sns(refused=frozenset({"event-3"})), list[int]()
    failures = publisher(sns).publish_all(work(range(12), done.append))
    assert {number: str(error) for number, error in failures.items()} == {3: "InternalError"}
    assert done == [number for number in range(12) if number != 3]


@pytest.mark.parametrize("error", [client_error("AuthorizationError"), ReadTimeoutError(endpoint_url="https://sns")])
def test_a_call_that_fails_fails_its_own_subjects(error: Exception) -> None:
    sns, done = Sns(broken={"event-3": error}), list[int]()
    failures = publisher(sns).publish_all(work(range(25), done.append))
    assert sorted(failures) == list(range(10))
    assert done == list(range(10, 25))
    assert len(sns.calls) == 3, "a call that fails is not repeated at once"


@pytest.mark.parametrize("code", ["InvalidParameter", "BatchRequestTooLong"])
def test_a_message_that_sns_refuses_does_not_fail_its_neighbours(code: str) -> None:
    """It would fail them with each repeat."""
    sns, done = Sns(broken={"event-3": client_error(code)}), list[int]()
    failures = publisher(sns).publish_all(work(range(10), done.append))
    assert list(failures) == [3]
    assert sorted(done) == [0, 1, 2, 4, 5, 6, 7, 8, 9]


def test_an_answer_that_omits_a_message_counts_as_a_refusal() -> None:
    class Forgetful(Sns):
        def publish_batch(self, **request: Any) -> dict[str, Any]:
            super().publish_batch(**request)
            return {}

    assert list(publisher(Forgetful()).publish_all(work([1]))) == [1]


def test_a_subject_with_several_events_is_completed_only_if_all_were_accepted() -> None:
    sns, done = Sns(refused=frozenset({"event-2"})), list[str]()
    prepared = Prepared((event(1), event(2)), lambda: done.append("song"))
    assert list(publisher(sns).publish_all({"song": lambda: prepared})) == ["song"]
    assert done == []


STEPS = ("ok", "prepare fails", "log refuses", "log fails", "topic refuses", "topic fails", "complete fails")


@given(st.lists(st.sampled_from(STEPS), max_size=60))
def test_whatever_fails_what_was_accepted_is_completed_and_the_rest_is_reported(steps: list[str]) -> None:
    def of(step: str) -> frozenset[str]:
        return frozenset(f"event-{number}" for number, one in enumerate(steps) if one == step)

    log = Log(of("log refuses"), of("log fails"))
    sns = Sns(of("topic refuses"), dict.fromkeys(of("topic fails"), client_error("InternalError")))
    done: list[int] = []

    def complete(number: int) -> None:
        assert f"event-{number}" in sns.accepted, "nothing is marked that SNS did not accept"
        if steps[number] == "complete fails":
            raise LedgerUnavailable("down")
        done.append(number)

    def fail() -> Prepared:
        raise RowUnreadable(("pk", "sk"), "task", "vid")

    plain = work(range(len(steps)), complete)
    failures = publisher(sns, log).publish_all(
        {number: fail if steps[number] == "prepare fails" else prepare for number, prepare in plain.items()}
    )
    assert {*failures} | {*done} == {*range(len(steps))}
    assert not {*failures} & {*done}
    assert {f"event-{number}" for number in done} | of("complete fails") & {*sns.accepted} == {*sns.accepted}
    assert {*sns.accepted} <= {one.position.id for one in log.stored}, "an event that subscribers have is in the log"
    assert {number for number in failures if steps[number] == "ok"} <= {*_neighbours(steps)}
    assert all(len(call) <= MAX_ENTRIES for call in sns.calls)
    assert len({one.position for one in log.stored}) == len(log.stored)


def _neighbours(steps: list[str]) -> Iterator[int]:
    """The subjects that share a call with one that fails as a whole."""
    prepared = [number for number, step in enumerate(steps) if step != "prepare fails"]
    logged = [prepared[start : start + STORED_TOGETHER] for start in range(0, len(prepared), STORED_TOGETHER)]
    stored: list[int] = []
    for some in logged:
        if any(steps[number] == "log fails" for number in some):
            yield from some
        else:
            stored += [number for number in some if steps[number] != "log refuses"]
    for start in range(0, len(stored), MAX_ENTRIES):
        some = stored[start : start + MAX_ENTRIES]
        if any(steps[number] == "topic fails" for number in some):
            yield from some
