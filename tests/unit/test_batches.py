"""Batches: every record gets its turn, failed ones are named the way Lambda wants them, nothing escapes."""

import logging
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from aws_lambda_powertools.utilities.batch.exceptions import UnexpectedBatchTypeError

from mediarelay.aws_lambda.batches import sqs_handler, stream_handler
from mediarelay.aws_lambda.observability import Handler
from mediarelay.domain.change import IntentQueued, RelayStored, TaskUnpublished
from mediarelay.domain.songs.model import SongKey, SongType
from mediarelay.errors import LedgerUnavailable, RowUnreadable
from mediarelay.observability import SUBJECT_KEYS, add_log_keys, logger
from tests.lambda_context import Context, messages

Raw = Mapping[str, Any]


def changes(*numbers: str) -> dict[str, Any]:
    records = [{"eventID": f"event {one}", "dynamodb": {"SequenceNumber": one}} for one in numbers]
    return {"Records": records}


def one_by_one(handle: Callable[[Any], object]) -> Handler[Any]:
    """A handler of the stream that does everything record by record."""

    def done(record: Any) -> None:
        handle(record)

    return stream_handler(done, lambda _batch: {})


MAKERS: dict[str, Callable[[Callable[[Any], object]], Handler[Any]]] = {"queue": sqs_handler, "stream": one_by_one}
EVENTS = {"queue": messages, "stream": changes}
SOURCES = {source: (make, EVENTS[source]) for source, make in MAKERS.items()}
sources = pytest.mark.parametrize("source", SOURCES)


def run(source: str, names: tuple[str, ...], do: Callable[[str], object]) -> Any:
    """Hand a batch to a handler that does something with each record's name."""
    make, event = SOURCES[source]
    return make(lambda record: do(name_of(record.raw_event)))(event(*names), Context())


def name_of(record: Raw) -> str:
    return str(record["dynamodb"]["SequenceNumber"] if "dynamodb" in record else record["messageId"])


class Failing:
    """Fails for some records, and notes all that it was given."""

    def __init__(self, error: Exception, *names: str) -> None:
        self.error, self.names, self.seen = error, names, list[str]()

    def __call__(self, name: str) -> None:
        self.seen.append(name)
        if name in self.names:
            raise self.error


@sources
@pytest.mark.parametrize("failed", [(), ("1",), ("3",), ("1", "2", "3")])
def test_failed_records_are_named_and_the_others_done(source: str, failed: tuple[str, ...]) -> None:
    """A batch of which all records fail is no exception: an outage is no error of the function."""
    do = Failing(LedgerUnavailable("down"), *failed)
    found = run(source, ("1", "2", "3"), do)
    assert found == {"batchItemFailures": [{"itemIdentifier": name} for name in failed]}
    assert do.seen == ["1", "2", "3"]


@sources
@pytest.mark.parametrize("names", [("1",), ("1", "2", "3")])
def test_a_poison_record_holds_up_nobody(source: str, names: tuple[str, ...]) -> None:
    """Its row was noted; trying again would repair nothing, and a stream would wait for it for a day."""
    do = Failing(RowUnreadable(("pk", "sk"), "task", "vid"), "1")
    assert run(source, names, do) == {"batchItemFailures": []}
    assert do.seen == list(names)


@sources
@pytest.mark.parametrize("error", [KeyError("vid"), ValueError("no JSON"), RecursionError(), LedgerUnavailable("x")])
def test_whatever_goes_wrong_with_a_record_stays_with_it(
    source: str, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    found = run(source, ("1", "2"), Failing(error, "1"))
    assert found == {"batchItemFailures": [{"itemIdentifier": "1"}]}
    assert [(one.message, one.levelno, vars(one)["record"]) for one in caplog.records] == [
        ("record failed", logging.ERROR, "1")
    ]


@sources
def test_results_of_a_batch_do_not_come_back_with_the_next(source: str) -> None:
    make, event = SOURCES[source]
    do = Failing(LedgerUnavailable("down"), "1")
    handler: Any = make(lambda record: do(name_of(record.raw_event)))
    assert handler(event("1", "2"), Context())["batchItemFailures"]
    assert handler(event("2", "3"), Context()) == {"batchItemFailures": []}


@sources
def test_log_lines_of_a_record_name_it_and_not_the_one_before(source: str) -> None:
    keys: dict[str, Mapping[str, Any]] = {}

    def do(name: str) -> None:
        keys[name] = dict(logger.get_current_keys())
        add_log_keys(**dict.fromkeys(SUBJECT_KEYS, f"of {name}"))

    run(source, ("1", "2"), do)
    prefix = {"queue": "", "stream": "event "}[source]
    assert [keys[name]["correlation_id"] for name in ("1", "2")] == [f"{prefix}1", f"{prefix}2"]
    assert [keys["2"].get(name) for name in SUBJECT_KEYS] == [None] * len(SUBJECT_KEYS)
    assert not {*SUBJECT_KEYS} & {*logger.get_current_keys()}


def test_a_change_names_its_subject_with_keys_that_end_with_its_record() -> None:
    song = SongKey("room 1", "s1", 1, SongType.SONG)
    assert RelayStored(song).log_keys == {"room": "room 1", "song": "s1"}
    for change in (RelayStored(song), TaskUnpublished("v1"), IntentQueued("i1")):
        assert {*change.log_keys} <= {*SUBJECT_KEYS}


@pytest.mark.parametrize("event", [{}, {"Records": []}, {"Records": None}])
@sources
def test_what_is_no_batch_is_an_error_of_whoever_configured_it(source: str, event: dict[str, Any]) -> None:
    """Lambda never sends one; answering it as done would hide it."""
    make, _ = SOURCES[source]
    with pytest.raises(UnexpectedBatchTypeError):
        make(print)(event, Context())


def finished(records: tuple[str, ...], *, fails: frozenset[str] = frozenset(), handled: Any = IntentQueued) -> Any:
    """Run a batch of the stream whose records each leave an intent of their own name to do."""
    batches = list[list[str]]()

    def finish(left: Any) -> dict[Any, Exception]:
        batches.append([one.identity for one in left])
        return {one: LedgerUnavailable("down") for one in left if one.identity in fails}

    handler = stream_handler(lambda record: handled(name_of(record.raw_event).partition(".")[0]), finish)
    return handler(changes(*records), Context()), batches


def test_what_records_leave_to_do_is_done_together_and_once() -> None:
    answer, batches = finished(("2", "1", "2", "3"))
    assert answer == {"batchItemFailures": []}
    assert batches == [["2", "1", "3"]], "in the order of the stream"


def test_what_fails_together_is_reported_record_by_record(caplog: pytest.LogCaptureFixture) -> None:
    """Several records about one subject fail with it."""
    answer, _ = finished(("1.a", "2", "1.b"), fails=frozenset({"1"}))
    assert answer == {"batchItemFailures": [{"itemIdentifier": name} for name in ("1.a", "1.b")]}
    assert [vars(one)["record"] for one in caplog.records] == ["1.a", "1.b"]


def test_a_record_that_fails_at_once_leaves_the_others_to_be_finished() -> None:
    def handled(name: str) -> IntentQueued:
        if name == "1":
            raise LedgerUnavailable("down")
        return IntentQueued(name)

    answer, batches = finished(("1", "2"), handled=handled)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "1"}]}
    assert batches == [["2"]]


def test_a_poison_row_found_while_finishing_holds_up_nobody() -> None:
    poison = RowUnreadable(("pk", "sk"), "task", "vid")
    handler = stream_handler(lambda _record: IntentQueued("i"), lambda left: dict.fromkeys(left, poison))
    assert handler(changes("1"), Context()) == {"batchItemFailures": []}
