"""The codec of the table: what is written is read back, and an attribute of another type is never misread."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from mediarelay.adapters.dynamodb.codec import Raw, Row, decoder, encode, lenient_strings
from mediarelay.errors import RowUnreadable

AT = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)
READERS: dict[str, tuple[object, Callable[[Row], object]]] = {
    "text": ("x", lambda row: row.text("a")),
    "empty text": ("", lambda row: row.text("a")),
    "count": (7, lambda row: row.count("a")),
    "number": (-7, lambda row: row.number("a")),
    "flag": (False, lambda row: row.flag("a")),
    "time": (AT, lambda row: row.time("a")),
    "binary": (b"\x00", lambda row: row.binary("a")),
    "binaries": ((b"\x00", b""), lambda row: row.binaries("a")),
    "texts": (frozenset({"x", "y"}), lambda row: row.texts("a")),
    "nested": ({"b": "x"}, lambda row: {"b": row.nested("a").text("b")}),
}
ATTRIBUTES: list[dict[str, Any]] = [
    {"S": "x"},
    {"N": "1"},
    {"B": b"x"},
    {"BOOL": True},
    {"NULL": True},
    {"SS": ["1"]},
    {"L": [{"N": "1"}]},
    {"M": {"b": {"N": "1"}}},
]


@pytest.mark.parametrize("name", READERS)
def test_what_is_encoded_is_read_back(name: str) -> None:
    value, read = READERS[name]
    assert read(Row(encode({"a": value}))) == value


def test_lists_of_strings_are_read_leniently() -> None:
    assert lenient_strings(encode({"a": ("x", "y")}), "a") == ("x", "y")
    assert lenient_strings({"a": {"L": [{"N": "1"}, {"S": "y"}]}}, "a") == ("y",)


@pytest.mark.parametrize("attribute", [one for one in ATTRIBUTES if "L" not in one])
def test_no_list_is_an_empty_list_of_strings(attribute: dict[str, Any]) -> None:
    assert lenient_strings({"a": attribute}, "a") == lenient_strings({}, "a") == ()


def test_what_dynamodb_does_not_store_is_left_out() -> None:
    assert encode({"a": None, "b": frozenset()}) == {}
    assert Row({}).texts("b") == frozenset()


def test_a_raw_attribute_is_written_back_as_it_was() -> None:
    assert encode({"a": Raw({"NULL": True}), "b": {"c": Raw({"N": "1.5"})}}) == {
        "a": {"NULL": True},
        "b": {"M": {"c": {"N": "1.5"}}},
    }


def test_a_value_without_an_attribute_type_is_refused() -> None:
    with pytest.raises(TypeError):
        encode({"a": 1.5})


def others(name: str) -> list[dict[str, Any]]:
    """Attributes of every type but the one that a reader reads."""
    (own,) = encode({"a": READERS[name][0]})["a"]
    return [one for one in ATTRIBUTES if own not in one]


@pytest.mark.parametrize(
    ("name", "attribute"), [(name, attribute) for name in READERS for attribute in others(name)], ids=str
)
def test_an_attribute_of_another_type_is_unreadable(name: str, attribute: dict[str, Any]) -> None:
    item = encode({"pk": "P", "sk": "K", "item": "task", "a": Raw(attribute)})
    with pytest.raises(RowUnreadable) as caught:
        decoder(READERS[name][1])(item)
    assert (caught.value.row, caught.value.item) == (("P", "K"), "task")


@pytest.mark.parametrize("name", sorted(READERS.keys() - {"texts"}))
def test_a_missing_attribute_is_unreadable(name: str) -> None:
    with pytest.raises(RowUnreadable):
        decoder(READERS[name][1])(encode({"pk": "P", "sk": "K"}))


@pytest.mark.parametrize("text", ["x", "2026-01-02T03:04:05", "0001-01-01T00:00:00+00:00", "9999-12-31T23:59:59+00:00"])
def test_a_time_that_cannot_be_compared_or_moved_is_unreadable(text: str) -> None:
    with pytest.raises(RowUnreadable):
        decoder(lambda row: row.time("a"))(encode({"a": text}))


@pytest.mark.parametrize("number", ["-1", "9" * 38])
def test_a_count_that_cannot_be_meant_is_unreadable(number: str) -> None:
    with pytest.raises(RowUnreadable):
        decoder(lambda row: row.count("a"))({"a": {"N": number}})


def test_the_error_names_a_type_of_a_few_and_never_the_content() -> None:
    with pytest.raises(RowUnreadable) as caught:
        decoder(lambda row: row.time("a"))(encode({"item": "made up", "a": "a secret"}))
    assert caught.value.item == "unknown"
    assert "secret" not in json.dumps([str(caught.value), vars(caught.value)])


def test_an_error_that_is_no_odd_item_is_not_hidden() -> None:
    def fail(_row: Row) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        decoder(fail)({})
