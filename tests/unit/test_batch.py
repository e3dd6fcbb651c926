"""Batches: every record gets its turn, failed ones are named the way Lambda wants them, nothing escapes."""

from typing import Any

import pytest

from mediarelay.batch import Record, each
from mediarelay.errors import LedgerUnavailable


def messages(*names: str) -> dict[str, Any]:
    return {"Records": [{"messageId": name, "body": name} for name in names]}


def changes(*numbers: str) -> dict[str, Any]:
    return {"Records": [{"eventID": "e", "dynamodb": {"SequenceNumber": number}} for number in numbers]}


def failing(*names: str) -> Any:
    def do(record: Record) -> None:
        seen.append(record)
        if record.get("messageId") in names or record.get("dynamodb", {}).get("SequenceNumber") in names:
            raise LedgerUnavailable("down")

    seen: list[Record] = []
    do.seen = seen  # type: ignore[attr-defined]
    return do


@pytest.mark.parametrize("make", [messages, changes])
@pytest.mark.parametrize("failed", [(), ("1",), ("3",), ("1", "2", "3")])
def test_failed_records_are_named_and_the_others_done(make: Any, failed: tuple[str, ...]) -> None:
    do = failing(*failed)
    assert each(make("1", "2", "3"), do) == {"batchItemFailures": [{"itemIdentifier": name} for name in failed]}
    assert do.seen == make("1", "2", "3")["Records"]


@pytest.mark.parametrize("error", [KeyError("vid"), ValueError("no JSON"), RecursionError(), LedgerUnavailable("x")])
def test_whatever_goes_wrong_with_a_record_stays_with_it(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    def do(_record: Record) -> None:
        raise error

    assert each(messages("1"), do) == {"batchItemFailures": [{"itemIdentifier": "1"}]}
    assert [(record.message, vars(record)["record"]) for record in caplog.records] == [("record failed", "1")]


def test_a_batch_without_records() -> None:
    assert each({"Records": []}, failing()) == {"batchItemFailures": []}
