"""The rules by which DynamoDB counts capacity units."""

from typing import Any

import pytest

from benchmarks.units import Index, item_bytes, read_units, write_units

DUE = Index("due", ("due_shard", "due_at"), frozenset({"vid"}))
KEY = {"pk": {"S": "a"}, "sk": {"S": "b"}}
WAITING = KEY | {"due_shard": {"S": "video#1"}, "due_at": {"N": "1"}, "vid": {"S": "v"}}


@pytest.mark.parametrize(
    ("value", "size"),
    [
        ({"S": "é"}, 2),
        ({"N": "100"}, 2),
        ({"N": "-1234"}, 4),
        ({"B": b"123"}, 3),
        ({"B": "MTIz"}, 3),
        ({"BOOL": True}, 1),
        ({"SS": ["ab", "c"]}, 3),
        ({"L": [{"S": "a"}]}, 5),
        ({"M": {"a": {"S": "b"}}}, 6),
    ],
)
def test_the_size_of_a_value_and_its_name(value: dict[str, Any], size: int) -> None:
    assert item_bytes({"name": value}) == len("name") + size


@pytest.mark.parametrize(
    ("before", "after", "units"),
    [
        (None, KEY, 0),
        (None, WAITING, 1),
        (WAITING, KEY, 1),
        (WAITING, None, 1),
        (WAITING, WAITING | {"due_at": {"N": "2"}}, 2),
        (WAITING, WAITING | {"vid": {"S": "w"}}, 1),
        (WAITING, WAITING | {"other": {"S": "w"}}, 0),
        (None, WAITING | {"vid": {"S": "v" * 1024}}, 2),
    ],
)
def test_what_a_write_costs_in_an_index(before: Any, after: Any, units: int) -> None:
    assert DUE.write_units(before, after) == units


def test_a_kilobyte_is_a_write_unit_and_four_are_a_read_unit() -> None:
    small, large = {"a": {"S": "x" * 1023}}, {"a": {"S": "x" * 1024}}
    assert (write_units(small, {}), write_units(small, large), write_units({}, {})) == (1, 2, 1)
    assert [read_units(size, consistent=True) for size in (0, 4096, 4097)] == [1, 1, 2]
    assert read_units(4097, consistent=False) == 1
