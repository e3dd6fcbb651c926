"""Documented payloads, odd values, and where in a payload they may stand."""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

PAYLOADS = Path(__file__).parent / "payloads"
ODD: list[Any] = [
    *(None, True, False, 0, -1, -91, 0.0, 0.5, 12345.5, 1e308, float("inf"), 2**53, 2**63, 10**400, 1482498702),
    *("", " ", "0", "-1", "N/A", "30000/1001", "29.97 fps", "1e999", "9" * 5000, "yes", "no", "success", "fail"),
    *("0000-00-00 00:00:00", "0001-01-01 00:00:00", "2016-12-31 23:59:60", "9999-12-31T23:59:59-23:59", "\ud800", "\0"),
    *([], {}, [None], [[]], [[[]]], [{}, 7], {"1": {}, "2": None}, {"1": "/a"}, {"": 1}, {"\ud800": "\ud800"}),
]  # fmt: skip
JSON = st.recursive(
    st.sampled_from(ODD) | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


def payload(name: str) -> Any:
    """Return a documented payload by its name below `payloads`; the caller may change it."""
    return json.loads(_text(name))


@cache
def _text(name: str) -> str:
    return (PAYLOADS / f"{name}.json").read_text("utf-8")


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place inside a payload, also those of whole objects and lists."""
    if path:
        yield path
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, member in members:
        yield from places(member, (*path, key))


def replaced(content: Any, path: tuple[Any, ...], value: object) -> Any:
    """Return a payload with another value at a place; the payload itself is changed."""
    parent = content
    for key in path[:-1]:
        parent = parent[key]
    parent[path[-1]] = value
    return content


def written(content: dict[str, Any]) -> bytes:
    """As a backend would send it: also a number that is beyond every limit."""
    return json.dumps(content).replace("Infinity", "1e999").replace(f'"{"9" * 5000}"', "9" * 5000).encode()
