"""Count the calls to DynamoDB and what they cost in capacity units, by DynamoDB's rules, while moto carries them out.

moto reports no usable capacity. So this module compares each item before and after a write, and what each table and
index reads. It watches moto's handler, which every client reaches, whatever way it takes.
"""

import base64
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from inspect import signature
from math import ceil
from typing import Any
from unittest.mock import patch

from moto.dynamodb.models.table import Table
from moto.dynamodb.responses import DynamoHandler

Item = Mapping[str, Mapping[str, Any]]
WRITE_BYTES, READ_BYTES = 1024, 4096
# What DynamoDB bills for each stored item, and for each entry of an index, beside its names and values.
STORED_BYTES = 100
KEYS = ("pk", "sk")
EXPIRY = "expires_at"
# A transaction prepares and commits each write.
TRANSACTION = 2
_QUERY = signature(Table.query)


# ── sizes ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def item_bytes(item: Item) -> int:
    """Return the size of an item: names and values, as the developer guide of DynamoDB states it."""
    return sum(len(name.encode()) + _value_bytes(value) for name, value in item.items())


def _value_bytes(value: Mapping[str, Any]) -> int:
    ((kind, content),) = value.items()
    return _SIZES[kind](content)


def _number_bytes(digits: str) -> int:
    """Two digits take a byte, and each number one more."""
    return ceil(len(digits.strip("-").replace(".", "").strip("0")) / 2) + 1 + digits.startswith("-")


def _binary_bytes(content: str | bytes) -> int:
    # Over HTTP, moto keeps the text as it came.
    return len(base64.b64decode(content)) if isinstance(content, str) else len(content)


_SIZES: Mapping[str, Callable[[Any], int]] = {
    "S": lambda content: len(content.encode()),
    "N": _number_bytes,
    "B": _binary_bytes,
    "BOOL": lambda _content: 1,
    "NULL": lambda _content: 1,
    "SS": lambda content: sum(len(one.encode()) for one in content),
    "NS": lambda content: sum(map(_number_bytes, content)),
    "BS": lambda content: sum(map(_binary_bytes, content)),
    "L": lambda content: 3 + sum(1 + _value_bytes(one) for one in content),
    "M": lambda content: 3 + len(content) + item_bytes(content),
}


# ── units ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Index:
    """A global secondary index: its key, and the attributes that it projects besides."""

    name: str
    keys: tuple[str, ...]
    projected: frozenset[str]

    def entry(self, item: Item | None) -> Item | None:
        """Return what the index holds of an item; None if the item lacks a part of the key."""
        if item is None or not all(name in item for name in self.keys):
            return None
        return {name: value for name, value in item.items() if name in self.projected.union(KEYS, self.keys)}

    def write_units(self, before: Item | None, after: Item | None) -> int:
        """Return the cost of a write in this index: nothing if its entry stays as it is."""
        old, new = self.entry(before), self.entry(after)
        if old == new:
            return 0
        if old and new and any(old[name] != new[name] for name in self.keys):
            # A new key is another place: DynamoDB deletes the entry and inserts it there.
            return write_units(old) + write_units(new)
        return write_units(old or {}, new or {})


def write_units(*versions: Item) -> int:
    """Return the units of a write in one place. The larger of the versions before and after it counts."""
    return max(1, *(ceil(item_bytes(version) / WRITE_BYTES) for version in versions))


def kept_bytes(item: Item | None, indexes: "Iterable[Index]") -> int:
    """Return what is billed as stored of an item in a table and its indexes; nothing of an item that expires."""
    if item is None or EXPIRY in item:
        return 0
    stored = [item, *filter(None, (index.entry(item) for index in indexes))]
    return sum(item_bytes(one) + STORED_BYTES for one in stored)


def read_units(size: int, *, consistent: bool) -> float:
    """Return the units of a read of so many bytes. An eventually consistent one costs half; an empty one costs, too."""
    return max(1, ceil(size / READ_BYTES)) * (1 if consistent else 0.5)


@dataclass
class Usage:
    """What was called, and what it cost.

    Attributes:
        calls: Calls by operation, such as `PutItem`.
        writes: Write units by place: the table, or an index by its name.
        reads: Read units by place.
        items: Items read by place, those that a filter left out included.
        changes: What the stream of the table would report: each item before and after a write, in order.
        kept_bytes: By how much the stored bytes grew, with those of the indexes, without items that expire.
    """

    calls: Counter[str] = field(default_factory=Counter)
    writes: Counter[str] = field(default_factory=Counter)
    reads: dict[str, float] = field(default_factory=dict)
    items: Counter[str] = field(default_factory=Counter)
    changes: list[tuple[Item | None, Item | None]] = field(default_factory=list)
    kept_bytes: int = 0

    @property
    def write_units(self) -> int:
        """All write units."""
        return self.writes.total()

    @property
    def read_units(self) -> float:
        """All read units."""
        return sum(self.reads.values())

    def add_read(self, place: str, sizes: Sequence[int], *, consistent: bool) -> None:
        """Add one read of items of these sizes, which DynamoDB rounds together."""
        self.items[place] += len(sizes)
        self.reads[place] = self.reads.get(place, 0) + read_units(sum(sizes), consistent=consistent)


# ── watching moto ───────────────────────────────────────────────────────────────────────────────────────────────────

TABLE = "table"


@contextmanager
def counting() -> Iterator[Usage]:
    """Yield the usage of all tables of moto from here to the end of the block. One thread only."""
    meter = _Meter(Usage())
    operations = {
        "put_item": meter.write,
        "update_item": meter.write,
        "delete_item": meter.write,
        "batch_write_item": meter.batch_write,
        "transact_write_items": meter.transaction,
        "get_item": meter.get,
        "batch_get_item": meter.batch_get,
    }
    patches = [patch.object(DynamoHandler, name, _around(name, watch)) for name, watch in operations.items()]
    with patch.object(Table, "query", meter.query_around(Table.query)):
        for one in patches:
            one.start()
        try:
            yield meter.usage
        finally:
            for one in patches:
                one.stop()


def _around(operation: str, watch: Any) -> Any:
    """Return a method of moto's handler that `watch` surrounds. The operation keeps its name on the wire."""
    plain = getattr(DynamoHandler, operation)
    name = "".join(word.capitalize() for word in operation.split("_"))

    def method(handler: DynamoHandler) -> Any:
        with watch(name, handler):
            return plain(handler)

    return method


@dataclass(frozen=True)
class _Meter:
    usage: Usage

    @contextmanager
    def write(self, operation: str, handler: Any) -> Iterator[None]:
        """Count one write. A refused condition costs as much in the table as the write would have."""
        self.usage.calls[operation] += 1
        with self._compared(handler, handler.body):
            yield

    @contextmanager
    def transaction(self, operation: str, handler: Any) -> Iterator[None]:
        """Count a transaction, each write of which costs the double."""
        self.usage.calls[operation] += 1
        writes = [inner for one in handler.body["TransactItems"] for inner in one.values()]
        with self._all_compared(handler, writes, TRANSACTION):
            yield

    @contextmanager
    def batch_write(self, operation: str, handler: Any) -> Iterator[None]:
        """Count a batch of writes, each of which costs what it costs alone."""
        self.usage.calls[operation] += 1
        requests = handler.body["RequestItems"].items()
        writes = [{"TableName": name} | inner for name, batch in requests for one in batch for inner in one.values()]
        with self._all_compared(handler, writes):
            yield

    @contextmanager
    def get(self, operation: str, handler: Any) -> Iterator[None]:
        """Count the read of one item."""
        self.usage.calls[operation] += 1
        found = _stored(handler, handler.body)
        self.usage.add_read(
            TABLE, [item_bytes(found)] if found else [], consistent=handler.body.get("ConsistentRead", False)
        )
        yield

    @contextmanager
    def batch_get(self, operation: str, handler: Any) -> Iterator[None]:
        """Count a read of several items, each of which DynamoDB rounds by itself."""
        self.usage.calls[operation] += 1
        for name, request in handler.body["RequestItems"].items():
            for key in request["Keys"]:
                found = _stored(handler, {"TableName": name, "Key": key})
                consistent = request.get("ConsistentRead", False)
                self.usage.add_read(TABLE, [item_bytes(found)] if found else [], consistent=consistent)
        yield

    def query_around(self, plain: Any) -> Any:
        """Return moto's query of a table, which counts what DynamoDB would read: whole items, before any filter."""

        def query(table: Table, *args: Any, **kwargs: Any) -> Any:
            bound = _QUERY.bind(table, *args, **kwargs)
            whole = bound.arguments | {"projection_expressions": None, "filter_expression": None}
            found, _, _ = plain(*_QUERY.bind(**_named(whole)).args, **whole.get("filter_kwargs", {}))
            index = bound.arguments.get("index_name")
            self.usage.calls["Query"] += 1
            sizes = [item_bytes(_json(item)) for item in found]
            self.usage.add_read(index or TABLE, sizes, consistent=not index)
            return plain(table, *args, **kwargs)

        return query

    @contextmanager
    def _compared(self, handler: Any, request: Mapping[str, Any]) -> Iterator[None]:
        before = _stored(handler, request)
        try:
            yield
        except Exception:
            self.usage.writes[TABLE] += write_units(before or {}, request.get("Item", {}))
            raise
        self._add_write(_table(handler, request), before, _stored(handler, request))

    @contextmanager
    def _all_compared(self, handler: Any, writes: Sequence[Mapping[str, Any]], factor: int = 1) -> Iterator[None]:
        befores = [_stored(handler, one) for one in writes]
        yield
        for one, before in zip(writes, befores, strict=True):
            self._add_write(_table(handler, one), before, _stored(handler, one), factor)

    def _add_write(self, table: Table, before: Item | None, after: Item | None, factor: int = 1) -> None:
        self.usage.changes += [(before, after)] if before != after else []
        self.usage.writes[TABLE] += write_units(before or {}, after or {}) * factor
        for index in indexes(table):
            self.usage.writes[index.name] += index.write_units(before, after)
        self.usage.kept_bytes += kept_bytes(after, indexes(table)) - kept_bytes(before, indexes(table))


def _named(arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in arguments.items() if name != "filter_kwargs"}


def _table(handler: Any, request: Mapping[str, Any]) -> Table:
    found: Table = handler.dynamodb_backend.get_table(request["TableName"])
    return found


def indexes(table: Table) -> list[Index]:
    """Return the indexes of a table of moto."""
    return [
        Index(
            one.name,
            tuple(key["AttributeName"] for key in one.schema),
            frozenset(one.projection.get("NonKeyAttributes", ())),
        )
        for one in table.global_indexes
    ]


def _stored(handler: Any, request: Mapping[str, Any]) -> Item | None:
    """Return the stored item that a request names."""
    key = {name: value for name, value in request.get("Key", request.get("Item", {})).items() if name in KEYS}
    found = handler.dynamodb_backend.get_item(request["TableName"], key)
    return _json(found) if found else None


def _json(item: Any) -> Item:
    return {name: value.to_regular_json() for name, value in item.attrs.items()}
