"""The DynamoDB table.

pk              sk                            what
TASK#{vid}      OBS#{origin}#{kind}#{digest}  one observation: its body (zlib); a claim is due until confirmed;
                                              a reply is an answer that could not be judged, and why
                …#{n}                         its body goes on here, if it is too large for one item
BODY#{vid}      OBS#{origin}#{kind}#{digest}#{n}  the body of a large claim or reply; goes by its time to live
TASK#{vid}      TASK                          the fold's card and the books; due until an outcome is published
TASK#{vid}      REPLAY#{id}                   somebody asked for a replay; due until the provider was asked
JOB#{id}        JOB                           a replay in bulk; due until it has come to its end
INTENT#{hash}   INTENT                        a submit that was promised to a client; due until it has a vid
CIRCUIT#{a}     CIRCUIT                       refusals in a row of an action of the provider
BUDGET#{minute} BUDGET                        calls to the provider in that minute
QUARANTINE#{d}  {digest}                      a body that could not be read
UNREADABLE      {pk} {sk} {digest}            a copy of an item that could not be read and was written anew

Index `due` (due_shard, due_at) is sparse: only what waits for something is in it. Index `listing` holds task items by
their time of creation, index `outcomes` those that have an outcome by its time.
"""

import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from heapq import merge
from itertools import islice
from typing import Any

from mediarelay.adapters.dynamodb import items
from mediarelay.adapters.dynamodb.due_index import shards
from mediarelay.adapters.dynamodb.items import Item
from mediarelay.adapters.dynamodb.table import NOT_THERE, Table, table_errors
from mediarelay.adapters.dynamodb.unreadable import note_unreadable, readable
from mediarelay.domain.budget import Allowance
from mediarelay.domain.circuit_breaker import Circuit
from mediarelay.domain.due import Due, DueItem, Duty
from mediarelay.domain.quarantine import QuarantinedBody
from mediarelay.domain.tasks.intent import Intent
from mediarelay.domain.tasks.item import Order, Publication, Selection, TaskItem
from mediarelay.domain.tasks.log import LoggedObservation, PendingCheck, TaskLog
from mediarelay.domain.tasks.media import OUTCOMES, Kind
from mediarelay.domain.tasks.origin import STORED_APART, Origin
from mediarelay.domain.tasks.replay_job import ReplayJob
from mediarelay.errors import LedgerUnavailable, RowUnreadable

QUARANTINE_DAYS = 30
BUDGET_HOURS = 2
_UNNAMED = "attribute_not_exists(vid)"
_SAME_INTENT = "#at = :at"
"""A key that was refused may be used again, for an intent of its own time."""
_AT = {"#at": "at"}
_NOBODY_WAITS = (
    "attribute_not_exists(due_shard) OR "
    "(attribute_not_exists(promised) AND attribute_not_exists(queued) AND attribute_not_exists(refused))"
)
"""Of an intent: what became of it was announced, or only the one who opened it was told anything."""


@dataclass(frozen=True, slots=True)
class Ledger(Table):
    """Reads and writes of the ledger. Every method raises `LedgerUnavailable` when the table does not answer.

    `raw_body_days` is how long the body of a settled claim is kept.
    """

    raw_body_days: int = 90

    # ── the log ──────────────────────────────────────────────────────────────────────────────────────────────────

    def append(self, entry: LoggedObservation, due: Due | None = None) -> bool:
        """Append an entry; return False, without a write, if the same entry is there already.

        One that is there but cannot be read is written anew: an answer comes again in the same words, and would be
        lost. Not so callbacks, which are exactly one write: the functions that take them may not read.
        """
        item = items.entry_item(entry) | items.due(due, entry.vid)
        if entry.origin in STORED_APART:
            end = (entry.give_up_at or entry.at) + timedelta(days=self.raw_body_days)
            return self._put_whole(*items.laid_aside(item, end))
        head, parts = items.split(item)
        if self._put_whole(head, parts):
            return True
        return entry.origin is not Origin.TRUSTED and self._mend_entry(head, parts)

    def _mend_entry(self, head: Item, parts: list[Item]) -> bool:
        """Write an entry over one that is there and cannot be read, and its parts, which its key names, over any.

        Parts of one that can be read stay: another zlib may divide the same body elsewhere.
        """
        if parts and any(readable(items.entry, items.whole(self._from_head(head)), lambda _error: None)):
            return False
        for part in parts:
            self.put(part, "attribute_exists(pk)")
        return self._put_over_unreadable(head, lambda stored: items.entry(*items.whole([stored, *parts])))

    def load(self, vid: str) -> TaskLog:
        """Read everything about one vid but the bodies of claims and replies; an unknown vid gives an empty record.

        The task item, which sorts last, is read first: what is logged meanwhile is seen or changes its version.
        """
        found = self.query(
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": f"TASK#{vid}"}},
            ProjectionExpression=", ".join(f"#{name}" for name in items.WITHOUT_HEARD),
            ExpressionAttributeNames={f"#{name}": name for name in items.WITHOUT_HEARD},
            ScanIndexForward=False,
        )
        rows = list(items.whole(reversed(list(found))))
        wrong: dict[str, RowUnreadable] = {}
        record = self._record(rows, lambda error: wrong.update({error.sk: error}))
        for error in wrong.values():
            self.park(error)
        return record

    @staticmethod
    def _record(rows: list[Item], park: Callable[[RowUnreadable], None]) -> TaskLog:
        """Decode what lies under one vid; a task item that cannot be read counts as none, as the log has it all."""
        log = [row for row in rows if items.type_of(row) not in {items.TASK, items.REPLAY}]
        item = [row for row in rows if items.type_of(row) == items.TASK]
        tasks = list(readable(items.task, item, park))
        return TaskLog(
            observations=tuple(readable(items.entry, log, park)),
            item=tasks[0] if tasks else None,
            pending=tuple(readable(items.open_question, filter(items.is_open_question, rows), park)),
            replays=sum(items.type_of(row) == items.REPLAY for row in rows),
        )

    def read_body(self, entry: LoggedObservation) -> bytes | None:
        """Read the body of a claim or a reply; None once its time is over."""
        key = items.entry_key(entry)
        head = next(self._from_head(key), {})
        if items.ASIDE not in head:
            return items.body_left([head])
        return items.body_left(self._beginning(items.aside_pk(entry.vid), key["sk"]["S"]))

    def _beginning(self, pk: str, sk: str) -> Iterator[Item]:
        values = {":pk": {"S": pk}, ":sk": {"S": sk}}
        return self.query(KeyConditionExpression="pk = :pk AND begins_with(sk, :sk)", ExpressionAttributeValues=values)

    def settle(self, vid: str, questions: tuple[PendingCheck, ...]) -> list[LoggedObservation]:
        """Note that nobody needs to ask about these any more; of claims, the bodies are due to go.

        Return the callbacks among them that were still open, with the bodies that lie in their items.
        """
        settled = [self._settle(vid, question) for question in questions]
        open_ones = (item for item in settled if items.is_open_question(item) and items.is_callback(item))
        found = items.whole(row for item in open_ones for row in self._with_parts(item))
        return list(readable(items.callback, found))

    def _with_parts(self, head: Item) -> Iterator[Item]:
        """Yield an item, and the parts in which its body goes on."""
        return self._from_head(head) if items.may_go_on(head) else iter([head])

    def _from_head(self, head: Item) -> Iterator[Item]:
        """Yield the item with this key, and its parts."""
        return self._beginning(head["pk"]["S"], head["sk"]["S"])

    def _settle(self, vid: str, question: PendingCheck) -> Item:
        """Settle one question; return its item as it was, an empty one if there is none."""
        end = items.due(Due(Duty.DELETE_BODY, question.at + timedelta(days=self.raw_body_days)), vid)
        change, values = "SET due_shard = :shard, due_at = :at", {":shard": end["due_shard"], ":at": end["due_at"]}
        if question.item != Origin.CLAIM:
            change, values = "REMOVE due_shard, due_at", {}
        before: Item = {}
        with table_errors():
            answer = self.client.update_item(
                TableName=self.table,
                Key=items.key(f"TASK#{vid}", question.sk),
                UpdateExpression=change,
                ConditionExpression="attribute_exists(pk)",
                ReturnValues="ALL_OLD",
                **({"ExpressionAttributeValues": values} if values else {}),
            )
            before |= answer["Attributes"]
        return before

    def delete_body(self, row: DueItem) -> None:
        """Drop the body of a claim whose time is over; what it claimed, and its digest, stay."""
        self.update(row.pk, row.sk, f"REMOVE {items.HEARD}, {items.ASIDE}, due_shard, due_at", {})

    # ── the task item ────────────────────────────────────────────────────────────────────────────────────────────

    def save(self, item: TaskItem, seen: TaskItem | None) -> bool:
        """Write the task item; return False if another writer came first (`seen` is no longer what is stored)."""
        return self.put_over(items.task_item(item), seen.bookkeeping.version if seen else None, items.task)

    def page(
        self, chosen: Selection, *, cursor: str | None, limit: int, order: Order = Order.DESCENDING
    ) -> list[dict[str, str]]:
        """List rows of a selection from behind `cursor` on (None: from its beginning); each has its `position`."""
        first, last = items.bounds(chosen)
        if cursor is not None and order is Order.ASCENDING:
            first = max(first, cursor)
        elif cursor is not None:
            last = min(last, cursor)
        if last < first:
            return []  # DynamoDB refuses a range that ends before it starts
        forward = order is Order.ASCENDING
        found = self.query(**_listing(chosen, first, last), ScanIndexForward=forward, Limit=limit + 1)
        rows = readable(items.listed(chosen.time), found)
        return list(islice((row for row in rows if row["position"] != cursor), limit))

    def vids(self) -> Iterator[str]:
        """Yield every vid of which anything is stored, once; reads the whole table."""
        seen: set[str] = set()
        for answer in self.answers(self.client.scan, ProjectionExpression="pk"):
            found = {item["pk"]["S"] for item in answer["Items"]} - seen
            seen |= found
            yield from sorted(pk.removeprefix("TASK#") for pk in found if pk.startswith("TASK#"))

    # ── the due index ────────────────────────────────────────────────────────────────────────────────────────────

    def waiting(self, what: str, now: datetime) -> Iterator[DueItem]:
        """Yield what is due for one duty, from all shards, oldest first.

        What was taken up and failed waits anew, so it comes after all that was not tried since.
        """
        found = (readable(items.waiting, self._due(shard, now), self.park) for shard in shards(what))
        return merge(*found, key=lambda row: row.due_at)

    def _due(self, shard: str, now: datetime) -> Iterator[Item]:
        return self.query(
            IndexName="due",
            KeyConditionExpression="due_shard = :shard AND due_at <= :now",
            ExpressionAttributeValues={":shard": {"S": shard}, ":now": {"N": str(items.epoch(now))}},
        )

    def parked(self, now: datetime) -> Iterator[tuple[str, str]]:
        """Yield the keys of parked items that are computed from a log: of tasks, and of leases of songs."""
        for shard in shards(items.UNREADABLE):
            for row in self._due(shard, now):
                pk, sk = row["pk"]["S"], row["sk"]["S"]
                if sk == "TASK" or sk.startswith("LEASE#"):
                    yield pk, sk

    def hide(self, row: DueItem, until: datetime) -> bool:
        """Put a due item off; return False if somebody else did, or settled it, in between."""
        values = {":until": {"N": str(items.epoch(until))}, ":seen": {"N": str(row.due_at)}}
        return self.update(row.pk, row.sk, "SET due_at = :until", values, "due_at = :seen")

    def mark_published(self, vid: str, announced: Publication, due: Due | None = None) -> bool:
        """Note that a state was announced; return False if the item had moved on meanwhile.

        After an outcome only `due` is left to do; the start of the work changes no duty.
        """
        change = "ADD published :labels, version :one REMOVE unpublished"
        values = {":labels": {"SS": [announced.label]}, ":one": {"N": "1"}, ":label": {"S": announced.label}}
        if announced.state in OUTCOMES and due is None:
            change += ", due_shard, due_at"
        elif announced.state in OUTCOMES:
            change += " SET due_shard = :due_shard, due_at = :due_at"
            values |= {f":{name}": value for name, value in items.due(due, vid).items()}
        return self.update(f"TASK#{vid}", "TASK", change, values, "unpublished = :label")

    # ── circuits ─────────────────────────────────────────────────────────────────────────────────────────────────

    def circuit(self, action: str) -> Circuit:
        """How an action of the provider is doing."""
        found = self.get(items.circuit_key(action))
        try:
            return items.circuit(found) if found else Circuit()
        except RowUnreadable as error:
            note_unreadable(error)
            with suppress(LedgerUnavailable):  # the polls may not delete
                self.mend(action)
            return Circuit()

    def refused(self, action: str) -> int:
        """Count one more refusal of an action; return how many there are in a row."""
        with table_errors():
            answer = self.client.update_item(
                TableName=self.table,
                Key=items.circuit_key(action),
                UpdateExpression="ADD failures :one SET #item = :item",
                ExpressionAttributeNames={"#item": "item"},
                ExpressionAttributeValues={":one": {"N": "1"}, ":item": {"S": "circuit"}},
                ReturnValues="UPDATED_NEW",
            )
        return int(answer["Attributes"]["failures"]["N"])

    def break_until(self, action: str, seen: datetime | None, until: datetime) -> bool:
        """Set the end of a break; return False if it is no longer the one that was `seen` (None: whichever it is)."""
        values = {":until": {"N": str(items.epoch(until))}}
        condition = "attribute_exists(pk)"
        if seen is not None:
            condition, values = "break_until = :seen", values | {":seen": {"N": str(items.epoch(seen))}}
        return self.update(f"CIRCUIT#{action}", "CIRCUIT", "SET break_until = :until", values, condition)

    def mend(self, action: str) -> None:
        """Forget all refusals of an action."""
        with table_errors():
            self.client.delete_item(TableName=self.table, Key=items.circuit_key(action))

    # ── replays ──────────────────────────────────────────────────────────────────────────────────────────────────

    def ask_replay(self, vid: str, kind: Kind, identity: str, by: str, now: datetime) -> bool:
        """Note, once per identity, that a task is to be asked about and announced anew; due at once."""
        return self.put(items.replay_item(vid, kind, identity, by, now), NOT_THERE)

    def count(self, chosen: Selection) -> int:
        """Count the cards of a selection."""
        first, last = items.bounds(chosen)
        if last < first:
            return 0  # as in `page`
        request = _listing(chosen, first, last)
        return sum(answer["Count"] for answer in self.answers(self.client.query, **request, Select="COUNT"))

    def open_job(self, job: ReplayJob) -> bool:
        """Store a replay in bulk, due at once."""
        return self.put(items.job_item(job), NOT_THERE)

    def job(self, identity: str) -> ReplayJob | None:
        """Read a replay in bulk."""
        found = self.get(items.job_key(identity))
        return self.decoded(items.job, found) if found else None

    def advance_job(self, identity: str, cursor: str, due_at: datetime) -> None:
        """Note how far a replay in bulk has got, and when it goes on."""
        values = {":reached": {"S": cursor}, ":at": {"N": str(items.epoch(due_at))}}
        self.update(f"JOB#{identity}", "JOB", "SET reached = :reached, due_at = :at", values)

    def close_job(self, identity: str) -> None:
        """Take a replay in bulk out of the due index: it has come to its end."""
        self.update(f"JOB#{identity}", "JOB", "REMOVE due_shard, due_at", {})

    # ── intents, budget, quarantine ──────────────────────────────────────────────────────────────────────────────

    def open_intent(self, intent: Intent, due: Due) -> bool:
        """Store an intent; return False if its key is taken. The stream hands a queued one on."""
        return self.put(items.intent_item(intent) | items.due(due, intent.identity), NOT_THERE)

    def intent(self, identity: str) -> Intent | None:
        """Read an intent by its identity."""
        found = self.get(items.intent_key(identity))
        return self.decoded(items.intent, found) if found else None

    def name_intent(self, identity: str, vid: str, now: datetime) -> bool:
        """Note the vid of an intent; the first one stays."""
        condition = f"attribute_exists(pk) AND {_UNNAMED}"
        values = {":vid": {"S": vid}, ":now": {"S": now.isoformat()}}
        return self.update(f"INTENT#{identity}", "INTENT", "SET vid = :vid, named_at = :now", values, condition)

    def close_intent(self, seen: Intent) -> None:
        """Take an intent out of the due index: its task is in the log, or its refusal was announced.

        A later intent under the same key is another one.
        """
        values = {":at": {"S": seen.at.isoformat()}}
        self.update(f"INTENT#{seen.identity}", "INTENT", "REMOVE due_shard, due_at", values, _SAME_INTENT, _AT)

    def promise_intent(self, seen: Intent) -> bool:
        """Note that somebody else was told that this wish is accepted; return False if it was answered meanwhile."""
        values = {":yes": {"S": "yes"}, ":at": {"S": seen.at.isoformat()}}
        condition = f"{_SAME_INTENT} AND {_UNNAMED} AND attribute_not_exists(refused)"
        return self.update(f"INTENT#{seen.identity}", "INTENT", "SET promised = :yes", values, condition, _AT)

    def refuse_intent(self, seen: Intent, reason: str, due: Due) -> None:
        """Note that the provider will not take a wish; nobody tries again, only to announce it is still due."""
        change = "SET refused = :reason, due_shard = :due_shard, due_at = :due_at"
        values = {f":{name}": value for name, value in items.due(due, seen.identity).items()}
        values |= {":reason": {"S": reason}, ":at": {"S": seen.at.isoformat()}}
        self.update(f"INTENT#{seen.identity}", "INTENT", change, values, f"{_SAME_INTENT} AND {_UNNAMED}", _AT)

    def begin_intent(self, identity: str, now: datetime, until: datetime) -> bool:
        """Take a wish in hand for a while; return False if somebody else has it, or it has its vid."""
        values = {":until": {"N": str(items.epoch(until))}, ":now": {"N": str(items.epoch(now))}}
        condition = f"{_UNNAMED} AND (attribute_not_exists(in_hand) OR in_hand <= :now) AND attribute_exists(pk)"
        return self.update(f"INTENT#{identity}", "INTENT", "SET in_hand = :until", values, condition)

    def drop_intent(self, seen: Intent) -> bool:
        """Take back an intent that the provider refused, so that its key is free again; not a later one.

        Return False if somebody else waits for it and that he was refused is not announced yet.
        """
        return self._delete_intent(seen, f"{_UNNAMED} AND ({_NOBODY_WAITS})")

    def expire_intent(self, seen: Intent) -> None:
        """Free the key of an intent that has become a task, unless it is a later one, or not done yet."""
        self._delete_intent(seen, "attribute_exists(vid) AND attribute_not_exists(due_shard)")

    def _delete_intent(self, seen: Intent, condition: str) -> bool:
        with table_errors() as refused:
            self.client.delete_item(
                TableName=self.table,
                Key=items.intent_key(seen.identity),
                ConditionExpression=f"{_SAME_INTENT} AND {condition}",
                ExpressionAttributeNames=_AT,
                ExpressionAttributeValues={":at": {"S": seen.at.isoformat()}},
            )
        return not refused

    def spend(self, now: datetime, allowance: Allowance) -> bool:
        """Take one call out of this minute's budget; return False if it has none left for this class of calls."""
        minute = now.strftime("%Y-%m-%dT%H:%M")
        end = items.epoch(now + timedelta(hours=BUDGET_HOURS))
        values = {":one": {"N": "1"}, ":limit": {"N": str(allowance.limit)}, ":end": {"N": str(end)}}
        counted, condition = "calls :one", "(attribute_not_exists(calls) OR calls < :limit)"
        if allowance.unknown_limit is not None:
            counted += ", unknown_calls :one"
            condition += " AND (attribute_not_exists(unknown_calls) OR unknown_calls < :unknown)"
            values |= {":unknown": {"N": str(allowance.unknown_limit)}}
        change = f"ADD {counted} SET expires_at = :end"
        return self.update(f"BUDGET#{minute}", "BUDGET", change, values, condition)

    def put_off_intent(self, seen: Intent, until: datetime) -> bool:
        """Have a wish tried again at a time; return False if it was answered meanwhile."""
        values = {":until": {"N": str(items.epoch(until))}, ":at": {"S": seen.at.isoformat()}}
        condition = f"{_SAME_INTENT} AND {_UNNAMED} AND attribute_not_exists(refused) AND attribute_exists(due_shard)"
        change = "SET due_at = :until REMOVE in_hand"
        return self.update(f"INTENT#{seen.identity}", "INTENT", change, values, condition, _AT)

    def is_known(self, vid: str) -> bool:
        """Whether the ledger knows a task by more than callbacks, by its item alone."""
        found = self.get(items.task_key(vid))
        return found is not None and "unknown" not in found

    def quarantine(self, body: bytes, reason: str, route: str, now: datetime) -> bool:
        """Keep a body that could not be read, once."""
        end = now + timedelta(days=QUARANTINE_DAYS)
        item: Item = {
            **items.key(f"QUARANTINE#{now:%Y-%m-%d}", sha256(body).hexdigest()),
            "item": {"S": "quarantine"},
            "body": {"B": zlib.compress(body)},
            "reason": {"S": reason},
            "route": {"S": route},
            "at": {"S": now.isoformat()},
            "expires_at": {"N": str(items.epoch(end))},
        }
        return self._put_whole(*items.split(item))

    def quarantined(self, day: str, after: str) -> Iterator[QuarantinedBody]:
        """Yield what one day (`2026-11-21`) left in quarantine, in the order of digests, from the first after one."""
        found = self.query(
            KeyConditionExpression="pk = :pk AND sk > :after",
            ExpressionAttributeValues={":pk": {"S": f"QUARANTINE#{day}"}, ":after": {"S": after or "-"}},
        )
        return readable(items.kept, items.whole(found))

    def release(self, kept: QuarantinedBody) -> None:
        """Take a body out of quarantine: it is in the log now."""
        for sk in kept.keys:
            with table_errors():
                self.client.delete_item(TableName=self.table, Key=items.key(f"QUARANTINE#{kept.day}", sk))

    # ── calls ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _put_whole(self, head: Item, parts: list[Item]) -> bool:
        """Put a new item with its parts; the parts come first, so that an item is never there without them."""
        for part in parts:
            self.put(part, NOT_THERE)
        return self.put(head, NOT_THERE)


def _listing(chosen: Selection, first: str, last: str) -> dict[str, Any]:
    """Ask an index for one kind and state, from one position to another."""
    index, attribute = items.LISTINGS[chosen.time]
    return {
        "IndexName": index,
        "KeyConditionExpression": f"list_key = :key AND {attribute} BETWEEN :first AND :last",
        "ExpressionAttributeValues": {":key": {"S": chosen.key}, ":first": {"S": first}, ":last": {"S": last}},
    }
