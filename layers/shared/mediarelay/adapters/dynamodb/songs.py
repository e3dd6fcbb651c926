"""Songs in the DynamoDB table.

pk           sk                                     what
ROOM#{room}  RELAY#{song}#{vendor}#{type}#{digest}  one relay, redacted; the whole of it sealed; due until it is folded
ROOM#{room}  LEASE#{song}#{vendor}#{type}           the books of the lease; due when the next thing is to be said
PROOF#{sha}  PROOF                                  a signature by ZEGO's rule that was used, and for which message

Room and song are percent-encoded. All of it goes by its time to live.
"""

import json
import logging
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from itertools import groupby
from operator import itemgetter
from typing import Any
from urllib.parse import quote, unquote

from mediarelay.adapters.dynamodb import items
from mediarelay.adapters.dynamodb.items import Item, decoder
from mediarelay.adapters.dynamodb.table import NOT_THERE, Table
from mediarelay.adapters.dynamodb.unreadable import note_unreadable, readable
from mediarelay.contracts.zego.relay import read_relay
from mediarelay.domain.due import Due, Duty
from mediarelay.domain.songs.events import SongBookkeeping, SongLog, StoredRelay
from mediarelay.domain.songs.model import Relay, SongKey, SongType
from mediarelay.domain.tasks.media import Kind
from mediarelay.errors import Malformed, RowUnreadable

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Songs(Table):
    """Reads and writes of songs; `song_days` is how long relays and leases are kept."""

    song_days: int = 7

    def record(self, relay: Relay, redacted: Mapping[str, Any], sealed: Iterable[bytes], due_at: datetime) -> bool:
        """Append a relay; return False, without a write, if the same result is there already."""
        item: Item = {
            **items.key(_pk(relay.key.room), f"RELAY#{_name(relay.key)}#{relay.digest}"),
            **_identity(relay.key),
            "item": {"S": "relay"},
            "at": {"S": relay.at.isoformat()},
            "sent": {"S": relay.sent.isoformat()},
            "body": {"B": zlib.compress(json.dumps(redacted).encode())},
            "sealed": {"L": [{"B": piece} for piece in sealed]},
            "expires_at": {"N": str(items.epoch(relay.at + timedelta(days=self.song_days)))},
            **items.due(Due(Duty.SONG, due_at), _name(relay.key)),
        }
        return self.put(item, NOT_THERE) or self._sent_earlier(item)

    def _sent_earlier(self, item: Item) -> bool:
        """Of a result that is there already the earliest sending counts; it is folded anew then. Always False."""
        values = {":sent": item["sent"], ":shard": item["due_shard"], ":at": item["due_at"]}
        change = "SET sent = :sent, due_shard = :shard, due_at = :at"
        self.update(item["pk"]["S"], item["sk"]["S"], change, values, "sent > :sent")
        return False

    def load(self, key: SongKey) -> SongLog | None:
        """Read everything about one song of a room; None if there is nothing."""
        name = _name(key)
        found = [item for kind in ("LEASE", "RELAY") for item in self._of(key.room, f"{kind}#{name}")]
        return next((record for record in self._records(found) if record.key == key), None)

    def room(self, room: str, song: str | None = None) -> list[SongLog]:
        """Read everything about a room, or about all kinds of one song in it."""
        start = f"{quote(song, safe='')}#" if song else ""
        return list(self._records(item for kind in ("LEASE", "RELAY") for item in self._of(room, f"{kind}#{start}")))

    def save(
        self, key: SongKey, books: SongBookkeeping, seen: SongBookkeeping | None, due_at: datetime | None, now: datetime
    ) -> bool:
        """Write the books of a lease; return False if another writer came first."""
        item: Item = {
            **items.key(_pk(key.room), f"LEASE#{_name(key)}"),
            **_identity(key),
            "item": {"S": "lease"},
            "version": {"N": str(books.version)},
            "expires_at": {"N": str(items.epoch(now + timedelta(days=self.song_days)))},
            **({"published": {"SS": sorted(books.published)}} if books.published else {}),
            **items.due(Due(Duty.SONG, due_at) if due_at else None, _name(key)),
        }
        return self.put_over(item, seen.version if seen else None, _lease)

    def settle(self, key: SongKey, digest: str) -> None:
        """Note that a relay was folded."""
        self.update(_pk(key.room), f"RELAY#{_name(key)}#{digest}", "REMOVE due_shard, due_at", {})

    def note_broken_seal(self, key: SongKey, digest: str, reason: str) -> None:
        """Count a relay whose seal nobody can open, and name it in the log; what was redacted of it can be read."""
        note_unreadable(RowUnreadable(_pk(key.room), f"RELAY#{_name(key)}#{digest}", "relay", reason))

    def key_of(self, pk: str, sk: str) -> SongKey:
        """The song that an item is about; raises `RowUnreadable`."""
        return self.decoded(_named, items.key(pk, sk))

    def claim_nonce(self, proof: str, digest: str, until: datetime) -> bool:
        """Note a proof; return False if it was used for another message."""
        item = {
            **items.key(f"PROOF#{sha256(proof.encode('utf-8', 'surrogatepass')).hexdigest()}", "PROOF"),
            "item": {"S": "proof"},
            "digest": {"S": digest},
            "expires_at": {"N": str(items.epoch(until))},
        }
        return self.put(item, f"{NOT_THERE} OR digest = :digest", {":digest": {"S": digest}})

    def _of(self, room: str, start: str) -> Iterator[Item]:
        return self.query(
            KeyConditionExpression="pk = :pk AND begins_with(sk, :start)",
            ExpressionAttributeValues={":pk": {"S": _pk(room)}, ":start": {"S": start}},
        )

    def _records(self, found: Iterable[Item]) -> Iterator[SongLog]:
        keyed = sorted(readable(_keyed, found, self.park), key=itemgetter(0))
        for key, group in groupby(keyed, key=itemgetter(0)):
            rows = [row for _, row in group]
            relays = [row for row in rows if items.type_of(row) == "relay"]
            leases = [row for row in rows if items.type_of(row) == "lease"]
            yield _song(key, list(readable(_stored, relays, self.park)), list(readable(_books, leases, self.park)))


@decoder
def _named(item: Item) -> SongKey:
    """Read the song from an item's key."""
    _, song, vendor, kind, *_ = item["sk"]["S"].split("#")
    return SongKey(unquote(item["pk"]["S"].removeprefix("ROOM#")), unquote(song), int(vendor), SongType(kind))


def _pk(room: str) -> str:
    return f"ROOM#{quote(room, safe='')}"


def _name(key: SongKey) -> str:
    return f"{quote(key.song, safe='')}#{key.vendor}#{key.type}"


def _identity(key: SongKey) -> Item:
    return {
        "room": {"S": key.room},
        "song": {"S": key.song},
        "vendor": {"N": str(key.vendor)},
        "type": {"S": key.type.value},
        "kind": {"S": Kind.AUDIO.value},  # every row of the due index has one
    }


@decoder
def _keyed(item: Item) -> tuple[SongKey, Item]:
    """Read which song an item is about; its attributes and its key say the same."""
    key = SongKey(item["room"]["S"], item["song"]["S"], int(item["vendor"]["N"]), SongType(item["type"]["S"]))
    if key != _named(item) or items.type_of(item) not in {"relay", "lease"}:
        raise ValueError("not the song of its key, or neither relay nor lease")
    return key, item


@dataclass(frozen=True, slots=True)
class _Stored:
    """One relay as it is stored; `relay` is None if this edition refuses what an earlier one took."""

    digest: str
    kept: StoredRelay
    relay: Relay | None
    waits: bool


@decoder
def _stored(item: Item) -> _Stored:
    kept = _kept(item)
    return _Stored(_digest(item), kept, _relay(item, kept.body), "due_shard" in item)


def _song(key: SongKey, relays: list[_Stored], books: list[SongBookkeeping]) -> SongLog:
    return SongLog(
        key=key,
        relays=tuple(one.relay for one in relays if one.relay),
        waiting=frozenset(one.digest for one in relays if one.waits),
        kept={one.digest: one.kept for one in relays},
        books=next(iter(books), None),
    )


def _relay(item: Item, body: bytes) -> Relay | None:
    """Read a relay; its key and identity are those of what was relayed, not of what is left of it here.

    One that an earlier edition stored and this one refuses must not make its room unreadable.
    """
    sent, at = (items.moment(item, name) for name in ("sent", "at"))
    try:
        return replace(read_relay(json.loads(body), sent, at), key=_named(item), digest=_digest(item))
    except Malformed as error:
        log.warning("unreadable relay", extra={"song": item["song"]["S"], "field": error.field})
        return None


def _kept(item: Item) -> StoredRelay:
    return StoredRelay(zlib.decompress(item["body"]["B"]), tuple(piece["B"] for piece in item["sealed"]["L"]))


def _digest(item: Item) -> str:
    return str(item["sk"]["S"]).rpartition("#")[2]


@decoder
def _lease(item: Item) -> SongBookkeeping:
    """Read the books of an item as `load` does: one that is taken for no lease, or for another song's, has none."""
    _keyed(item)
    if items.type_of(item) != "lease":
        raise ValueError("item: not a lease")
    return _books(item)


@decoder
def _books(item: Item) -> SongBookkeeping:
    published = frozenset(item.get("published", {"SS": []})["SS"])
    return SongBookkeeping(version=items.counted(item, "version"), published=published)
