"""Bodies that do not fit into one item continue in parts, whose keys sort directly behind the key of their item."""

import re
import zlib
from collections.abc import Iterable, Iterator

from mediarelay.adapters.dynamodb.codec import Item, Row, encode, lenient_binary, lenient_strings, type_of
from mediarelay.adapters.dynamodb.item_types import ItemType
from mediarelay.adapters.dynamodb.keys import Key
from mediarelay.adapters.dynamodb.table import Table

# DynamoDB limits an item to 400 KB, including keys and other attributes.
MAX_BYTES = 350 * 1024
# Loading a task reads `body` but not `lazy_body`, so its cost does not depend on untrusted senders.
BODY, LAZY_BODY = "body", "lazy_body"
# `join_parts` adds this attribute to the items that it returns. It is never stored.
PART_KEYS = "part_keys"
_PART_SUFFIX = re.compile(r"#[0-9]{4,}\Z", re.ASCII)


def pieces_of(body: bytes) -> list[bytes]:
    """Divide a body into pieces that each fit into an item."""
    return [body[start : start + MAX_BYTES] for start in range(0, len(body), MAX_BYTES)]


def split(item: Item) -> tuple[Item, list[Item]]:
    """Divide an item with a large body into the item with the first piece and the parts with the others."""
    first, *others = pieces_of(Row(item).binary(BODY))
    key, end = Key.of(Row(item)), {name: item[name] for name in ("expires_at",) if name in item}
    parts = [part_item(key, number, piece) | end for number, piece in enumerate(others, 1)]
    return item | encode({BODY: first}), parts


def part_item(key: Key, number: int, piece: bytes) -> Item:
    """Encode one part of the body of the item with this key."""
    return Key(key.pk, f"{key.sk}#{number:04}").item | encode({"item": ItemType.PART, BODY: piece})


def put_with_parts(table: Table, item: Item, parts: Iterable[Item]) -> bool:
    """Put a new item and its parts; return False if the item is already there."""
    # The parts come first, so that there is never an item without its parts. Readers ignore parts without an item. A
    # writer that stopped in between completes them when it retries.
    for part in parts:
        table.put_once(part)
    return table.put_once(item)


def may_have_parts(item: Item) -> bool:
    """Return whether the body fills its item, so that there may be parts."""
    return len(lenient_binary(item, BODY) or b"") >= MAX_BYTES


def is_part(item: Item) -> bool:
    """Return whether an item is a part, by its type and its key."""
    return type_of(item) == ItemType.PART and _PART_SUFFIX.search(Row(item).text("sk")) is not None


def join_parts(found: Iterable[Item]) -> Iterator[Item]:
    """Join parts to their items, given in the order of keys; drop parts whose item is missing."""
    head: Item | None = None
    for item in found:
        if not is_part(item):
            if head:
                yield head
            head = item
        elif head and Row(item).text("sk").startswith(f"{Row(head).text('sk')}#"):
            head = _joined(head, item)
    if head:
        yield head


def _joined(head: Item, part: Item) -> Item:
    body = b"".join(lenient_binary(one, BODY) or b"" for one in (head, part))
    return head | encode({BODY: body, PART_KEYS: (*part_keys(head), Row(part).text("sk"))})


def part_keys(item: Item) -> tuple[str, ...]:
    """Return the sort keys of the parts that were joined to an item."""
    return lenient_strings(item, PART_KEYS)


def remaining_body(found: Iterable[Item]) -> bytes | None:
    """Return the body in an item, or in all its parts; return None if the body, or a part of it, was deleted."""
    stored = (lenient_binary(item, name) for item in found for name in (LAZY_BODY, BODY))
    pieces = [piece for piece in stored if piece is not None]
    try:
        return zlib.decompress(b"".join(pieces)) if pieces else None
    # DynamoDB deletes expired parts one by one, so the stored pieces may be only some of them.
    except zlib.error:
        return None
