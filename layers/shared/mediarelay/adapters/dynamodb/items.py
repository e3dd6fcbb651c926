"""Between the domain's values and DynamoDB's typed items. Pure."""

import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import wraps
from hashlib import sha256
from typing import Any, TypeVar

from mediarelay.adapters.dynamodb.due_index import shard_of, shards
from mediarelay.domain.circuit_breaker import Circuit
from mediarelay.domain.due import Change, Due, DueItem, Duty, query_duty
from mediarelay.domain.quarantine import QuarantinedBody
from mediarelay.domain.tasks.intent import Intent
from mediarelay.domain.tasks.item import Bookkeeping, Publication, Selection, TaskItem, TaskSummary, TimeOf
from mediarelay.domain.tasks.log import ClaimSummary, LoggedObservation, PendingCheck
from mediarelay.domain.tasks.media import Kind, State
from mediarelay.domain.tasks.origin import STORED_APART, Origin
from mediarelay.domain.tasks.replay_job import RATES, ReplayJob
from mediarelay.domain.tasks.vid import is_vid
from mediarelay.errors import RowUnreadable

Item = dict[str, dict[str, Any]]

MAX_BYTES = 350 * 1024
"""Of a body in one item; DynamoDB takes 400 KB with everything else."""
HEARD, ASIDE = "heard", "aside"
"""Where the body of a claim or a reply is: in the item itself, or, if it is large, aside in a partition of its own.
Anybody with the path token may pile up large ones, so a task is read without them."""
MAX_INLINE_BODY_BYTES = 2048
"""Bytes, compressed, of a body in its claim's item; the documented callbacks have less than half of it."""
WITHOUT_HEARD = (
    *("pk", "sk", "item", "vid", "kind", "at", "body", "claim_summary", "due_shard", "due_at"),
    *("state", "url", "created_at", "updated_at", "outcome_at", "unpublished", "published", "unknown"),
    *("version", "attempts", "queried_at", "conflicts", "replayed", "give_up_at", "reason"),
)
"""All other attributes that are read of what is stored under a vid."""


TASK, REPLAY = "task", "replay"
GIST = {"state": "S", "app_id": "N", "bucket": "S", "url": "S"}
"""The attributes of a gist and their DynamoDB types."""
LISTINGS = {TimeOf.CREATED: ("listing", "list_at"), TimeOf.OUTCOME: ("outcomes", "outcome_at")}
"""By which time each index of task items goes, and the attribute that it is sorted by: `{time}#{vid}`."""
YEARS = range(1970, 9000)
"""Years of a usable stored time: near the first and the last date of Python, adding a span overflows."""
COUNTS = range(2**53)
"""Usable stored counts: DynamoDB refuses to add to a number of more digits than it keeps."""
FIRST_POSITION, LAST_POSITION = "0", "~"
_NOTHING = {"S": None}
UNREADABLE = "unreadable"
"""The type, the partition key and the duty under which an operator finds what this code cannot read."""
UNDER_VID = {*Origin, TASK, REPLAY}
"""The types of items that lie under a vid."""
WAITING = {
    **{query_duty(kind, known=known): UNDER_VID for kind in Kind for known in (True, False)},
    Duty.SUBMIT: {"intent"},
    Duty.SUBMIT_QUEUED: {"intent"},
    Duty.GIVE_UP: {TASK},
    Duty.PUBLISH: {TASK, "intent"},
    Duty.REPLAY: {"job"},
    Duty.SONG: {"relay", "lease"},
    Duty.DELETE_BODY: {*Origin},
}
"""The types of items that may wait for each duty: a tick would take up any other again and again, without effect."""
TYPES = {*Origin, TASK, REPLAY, "job", "intent", "relay", "lease", "part", "quarantine", "circuit", "budget", "proof"}
_ODDITIES = (KeyError, ValueError, TypeError, AttributeError, OverflowError, OSError, RecursionError, zlib.error)
_PART = re.compile(r"#[0-9]{4,}\Z", re.ASCII)
T = TypeVar("T")


def decoder(decode: Callable[[Item], T]) -> Callable[[Item], T]:
    """Decorate a function that reads an item: whatever is wrong with the item becomes `RowUnreadable`."""

    @wraps(decode)
    def strict(item: Item) -> T:
        try:
            return decode(item)
        except _ODDITIES as error:
            raise unreadable(item, error) from error

    return strict


def unreadable(item: Item, error: Exception) -> RowUnreadable:
    """Name an item by its key and its type; the text never has its content."""
    found = type_of(item)
    reason = str(error) if isinstance(error, KeyError) else type(error).__name__
    pk, sk = (str(item.get(name, _NOTHING).get("S")) for name in ("pk", "sk"))
    return RowUnreadable(pk, sk, found if found in TYPES else "unknown", reason)


def type_of(item: Item) -> str:
    """What an item says it is; empty if it does not say."""
    return str(item.get("item", _NOTHING).get("S") or "")


def moment(item: Item, name: str) -> datetime:
    """Read an ISO 8601 time with its offset."""
    return _usable(datetime.fromisoformat(item[name]["S"]))


def _usable(found: datetime) -> datetime:
    """Let a time pass that can be compared with others, and moved by any span that a setting states."""
    if found.tzinfo is None or found.year not in YEARS:
        raise ValueError("without an offset, or of no year that can be meant")
    return found


def counted(item: Item, name: str, usable: range = COUNTS) -> int:
    """Read how many there are."""
    found = int(item[name]["N"])
    if found not in usable:
        raise ValueError(f"{name}: not a usable count")
    return found


def unreadable_copy(item: Item) -> Item:
    """Write a copy of an item that cannot be read; it waits for nobody but the operator, so for ever."""
    digest = sha256(repr(sorted(item.items())).encode()).hexdigest()[:16]
    return {
        **key(UNREADABLE.upper(), f"{item['pk']['S']} {item['sk']['S']} {digest}"),
        "item": {"S": UNREADABLE},
        "row": {"M": {name: value for name, value in item.items() if name not in {"pk", "sk"}}},
        **due(Due(Duty.UNREADABLE, datetime.max.replace(tzinfo=UTC)), digest),
    }


@decoder
def _vid(item: Item) -> str:
    """The vid of an item that lies under one."""
    vid = str(item["vid"]["S"])
    if item["pk"]["S"] != f"TASK#{vid}" or not is_vid(vid):
        raise ValueError("vid: not that of the key, or of another form")
    return vid


def _vid_if_any(item: Item) -> str:
    """The vid of an item of any type; empty if its type lies under none."""
    return _vid(item) if type_of(item) in UNDER_VID else ""


def split(item: Item) -> tuple[Item, list[Item]]:
    """Divide an item whose body is too large into the item and its parts, which sort right after it."""
    body = item["body"]["B"]
    pieces = _pieces(body)
    parts = [_part(item, number, piece) for number, piece in enumerate(pieces[1:], 1)]
    return item | {"body": {"B": pieces[0]}}, parts


def may_go_on(item: Item) -> bool:
    """Whether an item's body fills it, so that there may be parts."""
    return len(item.get("body", {}).get("B") or b"") >= MAX_BYTES


def laid_aside(item: Item, end: datetime) -> tuple[Item, list[Item]]:
    """Divide a claim whose body is large into the claim and the pieces that lie aside until their time is over."""
    body = item[HEARD]["B"]
    if len(body) <= MAX_INLINE_BODY_BYTES:
        return item, []
    head = {name: value for name, value in item.items() if name != HEARD}
    own = {"pk": {"S": aside_pk(item["vid"]["S"])}, "expires_at": {"N": str(epoch(end))}}
    pieces = [_part(item, number, piece) | own for number, piece in enumerate(_pieces(body))]
    return head | {ASIDE: {"N": str(len(pieces))}}, pieces


def aside_pk(vid: str) -> str:
    """The partition of the large bodies of a task's claims."""
    return f"BODY#{vid}"


def _pieces(body: bytes) -> list[bytes]:
    return [body[start : start + MAX_BYTES] for start in range(0, len(body), MAX_BYTES)]


def whole(found: Iterable[Item]) -> Iterator[Item]:
    """Put parts back to their items, given in the order of keys; a part whose item is not there is nobody's."""
    head: Item | None = None
    for item in found:
        if not is_part(item):
            if head:
                yield head
            head = item
        elif head and item["sk"]["S"].startswith(f"{head['sk']['S']}#"):
            head = _join(head, item)
    if head:
        yield head


def _join(head: Item, part: Item) -> Item:
    """Put the next part back to its item; `parts` names their keys."""
    keys = [*(head.get("parts", {}).get("L") or []), part["sk"]]
    body = b"".join(one.get("body", {}).get("B") or b"" for one in (head, part))
    return head | {"body": {"B": body}, "parts": {"L": keys}}


def body_left(found: Iterable[Item]) -> bytes | None:
    """Put a body together whose time may be over: None if it is gone, or not all of its pieces are left."""
    stored = (item.get(name, {}).get("B") for item in found for name in (HEARD, "body"))
    pieces = [piece for piece in stored if piece is not None]
    try:
        return zlib.decompress(b"".join(pieces)) if pieces else None
    except zlib.error:
        return None


@decoder
def kept(item: Item) -> QuarantinedBody:
    """Read what is in quarantine."""
    sk, body = item["sk"]["S"], body_left([item])
    if body is None:
        raise ValueError("body: not all of it is there")
    return QuarantinedBody(
        day=item["pk"]["S"].removeprefix("QUARANTINE#"),
        digest=sk,
        keys=(*(part["S"] for part in item.get("parts", {"L": []})["L"]), sk),
        route=item["route"]["S"],
        reason=item["reason"]["S"],
        at=moment(item, "at"),
        body=body,
    )


def is_part(item: Item) -> bool:
    """Whether an item only continues the one before it: it says so, and so does its key."""
    return type_of(item) == "part" and _PART.search(item["sk"]["S"]) is not None


def _part(item: Item, number: int, piece: bytes) -> Item:
    kept = {name: item[name] for name in ("pk", "expires_at") if name in item}
    return kept | {"sk": {"S": f"{item['sk']['S']}#{number:04}"}, "item": {"S": "part"}, "body": {"B": piece}}


def key(pk: str, sk: str) -> Item:
    """The primary key of an item."""
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def epoch(moment: datetime) -> int:
    """UNIX seconds, as the due index and the time to live hold them."""
    return int(moment.timestamp())


def time(item: Item, name: str) -> datetime:
    """Read UNIX seconds."""
    return _usable(datetime.fromtimestamp(int(item[name]["N"]), UTC))


def due(duty: Due | None, identity: str) -> Item:
    """The attributes that put an item into the due index; none without a duty."""
    if duty is None:
        return {}
    return {"due_shard": {"S": shard_of(duty.duty, identity)}, "due_at": {"N": str(epoch(duty.at))}}


def task_key(vid: str) -> Item:
    """The primary key of a task item."""
    return key(f"TASK#{vid}", "TASK")


def entry_key(entry: LoggedObservation) -> Item:
    """The primary key of a line of the log."""
    return key(f"TASK#{entry.vid}", f"OBS#{entry.origin}#{entry.kind}#{entry.digest}")


def entry_item(entry: LoggedObservation) -> Item:
    """Write a line of the log."""
    return {
        **entry_key(entry),
        "item": {"S": entry.origin.value},
        "vid": {"S": entry.vid},
        "kind": {"S": entry.kind.value},
        "at": {"S": entry.at.isoformat()},
        HEARD if entry.origin in STORED_APART else "body": {"B": zlib.compress(entry.body or b"")},
        **({"claim_summary": {"M": _gist_item(entry.claim_summary)}} if entry.claim_summary else {}),
        **({"give_up_at": {"N": str(epoch(entry.give_up_at))}} if entry.give_up_at else {}),
        **({"reason": {"S": entry.reason}} if entry.reason else {}),
    }


def _gist_item(gist: ClaimSummary) -> Item:
    stated = {name: getattr(gist, name) for name in GIST if getattr(gist, name) is not None}
    return {name: {GIST[name]: str(value)} for name, value in stated.items()}


def _gist(item: Item) -> ClaimSummary | None:
    if "claim_summary" not in item:
        return None
    stated = item["claim_summary"]["M"]
    return ClaimSummary(
        state=State(stated["state"]["S"]) if "state" in stated else None,
        app_id=int(stated["app_id"]["N"]) if "app_id" in stated else None,
        bucket=stated.get("bucket", _NOTHING)["S"],
        url=stated.get("url", _NOTHING)["S"],
    )


@decoder
def entry(item: Item) -> LoggedObservation:
    """Read a line of the log; claims and replies come without their bodies.

    A repeat is known by its key: one that says something else than its key would stand in the repeat's place.
    """
    origin = Origin(item["item"]["S"])
    is_apart = origin in STORED_APART and "body" not in item
    read = LoggedObservation(
        vid=_vid(item),
        kind=Kind(item["kind"]["S"]),
        origin=origin,
        at=moment(item, "at"),
        body=None if is_apart else zlib.decompress(item["body"]["B"]),
        digest=item["sk"]["S"].rpartition("#")[2] if is_apart else "",
        claim_summary=_gist(item),
        give_up_at=_end(item),
        reason=item.get("reason", _NOTHING)["S"],
    )
    if entry_key(read) != key(item["pk"]["S"], item["sk"]["S"]):
        raise ValueError("not what its key says")
    return read


def is_callback(item: Item) -> bool:
    """Whether an item is what a callback said."""
    return item["item"]["S"] in {Origin.CLAIM, Origin.TRUSTED}


def callback(item: Item) -> LoggedObservation:
    """Read what a callback said, with its body unless that lies aside."""
    return replace(entry(item), body=body_left([item]))


def task_item(written: TaskItem) -> Item:
    """Write a task item."""
    card, books = written.summary, written.bookkeeping
    optional: Item = {
        **({"url": {"S": card.url}} if card.url else {}),
        **({"unpublished": {"S": card.unpublished.label}} if card.unpublished else {}),
        **({"published": {"SS": sorted(one.label for one in books.published)}} if books.published else {}),
        **({"queried_at": {"S": books.queried_at.isoformat()}} if books.queried_at else {}),
        **({"outcome_at": {"S": _position(card.outcome_at, card.vid)}} if card.outcome_at else {}),
        **({} if card.is_known else {"unknown": {"S": "yes"}}),
    }
    return {
        **task_key(card.vid),
        "item": {"S": "task"},
        "vid": {"S": card.vid},
        "kind": {"S": card.kind.value},
        "state": {"S": card.state.value},
        "created_at": {"S": card.created_at.isoformat()},
        "updated_at": {"S": card.updated_at.isoformat()},
        "list_key": {"S": f"{card.kind}#{card.state}"},
        "list_at": {"S": _position(card.created_at, card.vid)},
        "version": {"N": str(books.version)},
        "attempts": {"N": str(books.attempts)},
        "conflicts": {"N": str(books.conflicts)},
        "replayed": {"N": str(books.replayed)},
        "give_up_at": {"N": str(epoch(books.give_up_at))},
        **optional,
        **due(card.due, card.vid),
    }


def _position(at: datetime, vid: str) -> str:
    """The place of a task in an index."""
    return f"{at.isoformat()}#{vid}"


def _time_in(position: str) -> datetime:
    return _usable(datetime.fromisoformat(position.partition("#")[0]))


def bounds(chosen: Selection) -> tuple[str, str]:
    """The first and the last position that a selection may hold."""
    first = chosen.since.isoformat() if chosen.since else FIRST_POSITION
    return first, f"{chosen.until.isoformat()}{LAST_POSITION}" if chosen.until else LAST_POSITION


@decoder
def card(item: Item) -> TaskSummary:
    """Read what a task item shows."""
    return TaskSummary(
        vid=_vid(item),
        kind=Kind(item["kind"]["S"]),
        state=State(item["state"]["S"]),
        url=item.get("url", _NOTHING)["S"],
        created_at=moment(item, "created_at"),
        updated_at=moment(item, "updated_at"),
        outcome_at=_time_in(item["outcome_at"]["S"]) if "outcome_at" in item else None,
        due=_task_due(item) if _duty(item) not in {"", UNREADABLE} else None,
        unpublished=Publication.read(item["unpublished"]["S"]) if "unpublished" in item else None,
        is_known="unknown" not in item,
    )


def _duty(item: Item) -> str:
    """What an item waits for; empty for nothing."""
    return str(item.get("due_shard", {"S": ""})["S"]).partition("#")[0]


def _task_due(item: Item) -> Due:
    """What a task item waits for, and where a tick looks for it."""
    duty, shard = _duty(item), item["due_shard"]["S"]
    if TASK not in WAITING[Duty(duty)] or shard not in shards(duty):
        raise ValueError("due_shard: no tick looks for a task there")
    return Due(Duty(duty), time(item, "due_at"))


@decoder
def books(item: Item) -> Bookkeeping:
    """Read the bookkeeping of a task item."""
    return Bookkeeping(
        kind=Kind(item["kind"]["S"]),
        version=counted(item, "version"),
        attempts=counted(item, "attempts"),
        queried_at=moment(item, "queried_at") if "queried_at" in item else None,
        give_up_at=time(item, "give_up_at"),
        published=frozenset(map(Publication.read, item.get("published", {"SS": []})["SS"])),
        conflicts=counted(item, "conflicts"),
        replayed=counted(item, "replayed"),
    )


@decoder
def task(item: Item) -> TaskItem:
    """Read a task item; one that does not say so is none."""
    if type_of(item) != TASK:
        raise ValueError("item: not a task")
    return TaskItem(card(item), books(item))


def listed(time: TimeOf) -> Callable[[Item], dict[str, str]]:
    """Make the reader for rows of the index that is sorted by `time`; `position` is a row's place there."""

    @decoder
    def row(item: Item) -> dict[str, str]:
        position, vid = str(item[LISTINGS[time][1]]["S"]), _vid(item)
        at = _time_in(position)
        if position != _position(at, vid):
            raise ValueError("position: not that of its time and vid, so that no page could begin behind it")
        shown = {name: moment(item, name).isoformat() for name in ("created_at", "updated_at")}
        shown |= {"outcome_at": at.isoformat()} if time is TimeOf.OUTCOME else {}
        shown |= {"url": str(item["url"]["S"])} if "url" in item else {}
        state, kind = State(item["state"]["S"]), Kind(item["kind"]["S"])
        return shown | {"vid": vid, "kind": kind.value, "state": state.value, "position": position}

    return row


@decoder
def change(image: Item) -> Change:
    """Read the new image of a stream record."""
    if type_of(image) not in TYPES:
        raise ValueError("item: unknown")
    return Change(
        item=image["item"]["S"],
        pk=image["pk"]["S"],
        sk=image["sk"]["S"],
        vid=_vid_if_any(image),
        kind=Kind(image["kind"]["S"]),
        refused="refused" in image,
    )


@decoder
def waiting(item: Item) -> DueItem:
    """Read a row of the due index."""
    if type_of(item) not in WAITING[Duty(_duty(item))]:
        raise ValueError("item: none that waits for this")
    return DueItem(
        pk=item["pk"]["S"],
        sk=item["sk"]["S"],
        vid=_vid_if_any(item),
        kind=Kind(item["kind"]["S"]),
        due_at=int(item["due_at"]["N"]),
        at=moment(item, "at") if "at" in item else None,
        give_up_at=_end(item),
    )


def intent_key(identity: str) -> Item:
    """The primary key of an intent."""
    return key(f"INTENT#{identity}", "INTENT")


def intent_item(intent: Intent) -> Item:
    """Write an intent."""
    return {
        **intent_key(intent.identity),
        "item": {"S": "intent"},
        "kind": {"S": intent.kind.value},
        "key": {"S": intent.key},
        "request": {"M": {name: {"S": value} for name, value in intent.request.items()}},
        "at": {"S": intent.at.isoformat()},
        **({"queued": {"S": "yes"}} if intent.queued else {}),
    }


@decoder
def intent(item: Item) -> Intent:
    """Read an intent; one that waits for what is not left to do would wait for ever, or be handed over twice."""
    read = Intent(
        key=item["key"]["S"],
        kind=Kind(item["kind"]["S"]),
        request={name: value["S"] for name, value in item["request"]["M"].items()},
        at=moment(item, "at"),
        vid=item.get("vid", _NOTHING)["S"],
        named_at=moment(item, "named_at") if "named_at" in item else None,
        queued="queued" in item,
        refused=item.get("refused", _NOTHING)["S"],
    )
    if intent_key(read.identity) != key(item["pk"]["S"], item["sk"]["S"]) or "url" not in read.request:
        raise ValueError("not what its key says, or about no file")
    if read.at.isoformat() != item["at"]["S"]:
        raise ValueError("at: in another spelling, so that no write would find it")
    if "in_hand" in item:
        time(item, "in_hand")
    if _duty(item) not in _left_to_do(read) or not (read.vid is None or is_vid(read.vid)):
        raise ValueError("no vid, or not due for what is left to do")
    return read


def _left_to_do(intent: Intent) -> set[str]:
    """What an intent may wait for; empty for nothing, once it has an end."""
    if intent.refused is not None:
        return {Duty.PUBLISH, ""}
    if intent.vid is not None:
        return {Duty.SUBMIT, Duty.SUBMIT_QUEUED, ""}
    return {Duty.SUBMIT, Duty.SUBMIT_QUEUED} if intent.named_at is None else set()


@decoder
def open_question(item: Item) -> PendingCheck:
    """Read a claim or a replay that waits until the provider was asked; about what cannot be read nobody asks."""
    if type_of(item) != REPLAY:
        entry(item)
    return PendingCheck(
        sk=item["sk"]["S"],
        item=item["item"]["S"],
        kind=Kind(item["kind"]["S"]),
        at=moment(item, "at"),
        give_up_at=_end(item),
    )


def _end(item: Item) -> datetime | None:
    return time(item, "give_up_at") if "give_up_at" in item else None


def is_open_question(item: Item) -> bool:
    """Whether an item waits until the provider was asked (and not for the end of its body, or for the operator)."""
    return _duty(item) not in {"", Duty.DELETE_BODY, UNREADABLE} and type_of(item) != TASK


def replay_item(vid: str, kind: Kind, identity: str, by: str, at: datetime) -> Item:
    """Write that somebody asked for a replay."""
    return {
        **key(f"TASK#{vid}", f"REPLAY#{identity}"),
        "item": {"S": REPLAY},
        "vid": {"S": vid},
        "kind": {"S": kind.value},
        "by": {"S": by},
        "at": {"S": at.isoformat()},
        **due(Due(query_duty(kind, known=True), at), vid),
    }


def circuit_key(action: str) -> Item:
    """The primary key of a circuit."""
    return key(f"CIRCUIT#{action}", "CIRCUIT")


@decoder
def circuit(item: Item) -> Circuit:
    """Read a circuit."""
    return Circuit(int(item["failures"]["N"]), time(item, "break_until") if "break_until" in item else None)


def job_key(identity: str) -> Item:
    """The primary key of a replay in bulk."""
    return key(f"JOB#{identity}", "JOB")


def job_item(job: ReplayJob) -> Item:
    """Write a replay in bulk, due now."""
    return {
        **job_key(job.identity),
        "item": {"S": "job"},
        "kind": {"S": job.selection.kind.value},
        "state": {"S": job.selection.state.value},
        "time": {"S": job.selection.time.value},
        **({"since": {"S": job.selection.since.isoformat()}} if job.selection.since else {}),
        **({"until": {"S": job.selection.until.isoformat()}} if job.selection.until else {}),
        "rate": {"N": str(job.rate)},
        "by": {"S": job.by},
        "at": {"S": job.at.isoformat()},
        **due(Due(Duty.REPLAY, job.at), job.identity),
    }


@decoder
def job(item: Item) -> ReplayJob:
    """Read a replay in bulk."""
    selection = Selection(
        kind=Kind(item["kind"]["S"]),
        state=State(item["state"]["S"]),
        since=_bound(item, "since"),
        until=_bound(item, "until"),
        time=TimeOf(item["time"]["S"]),
    )
    return ReplayJob(
        identity=item["pk"]["S"].removeprefix("JOB#"),
        selection=selection,
        rate=counted(item, "rate", RATES),
        by=item["by"]["S"],
        at=moment(item, "at"),
        cursor=_reached(item) if "reached" in item else None,
    )


def _reached(item: Item) -> str:
    """Read the place in a list that a replay has got to; behind any other text there is nothing left to do."""
    position = str(item["reached"]["S"])
    _time_in(position)
    return position


def _bound(item: Item, name: str) -> datetime | None:
    return datetime.fromisoformat(item[name]["S"]) if name in item else None
