"""Intents in the table: the submits that clients requested, under their idempotency keys."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from mediarelay.adapters.dynamodb.codec import Item, Row, decoder, encode, epoch
from mediarelay.adapters.dynamodb.item_types import ItemType
from mediarelay.adapters.dynamodb.keys import Key, due_attributes, duty_text, intent_key, submission_list
from mediarelay.adapters.dynamodb.table import Table
from mediarelay.domain.due import Due, Duty
from mediarelay.domain.tasks.intent import Intent, SubmissionState
from mediarelay.domain.tasks.media import Kind
from mediarelay.domain.tasks.vid import is_vid

_NO_VID = "attribute_not_exists(vid)"
_NOT_REFUSED = "attribute_not_exists(refused)"
_UNSENT = "attribute_not_exists(sent)"
# A key becomes free after a refusal, so a later intent may have the same key. Their times differ.
_SAME_INTENT = "#at = :at"
_SUBMITS = {str(Duty.SUBMIT), str(Duty.SUBMIT_QUEUED)}
# The refusal was published, or only the client that created the intent knows of it. That client gets the refusal as
# the response to its own request.
_NO_CLIENT_WAITS = (
    "attribute_not_exists(due_shard) OR "
    "(attribute_not_exists(accepted) AND attribute_not_exists(queued) AND attribute_not_exists(refused))"
)


@dataclass(frozen=True)
class IntentStore:
    """Reads and writes intents.

                 ┌── postpone ◀── no call was made: no budget, no keys, or an open circuit
                 ▼
    create ─▶ open ─▶ lock ─┬─ the provider answers ─▶ assign_vid ─▶ complete ─▶ release_key, by default keys only
                │           └─ the provider refuses ─┬─ no other client waits ─▶ delete
                │                                    └─ another client got 202 ─▶ mark_refused ─▶ complete
                └─ mark_cancelled ─▶ complete, if another client got 202 ─▶ release_key

    `lock` sets `sent`. `mark_cancelled` needs an intent without it, and `lock` one that is not cancelled. Each is one
    conditional write, so only one of the two succeeds.
    """

    table: Table

    def create(self, intent: Intent, due: Due) -> bool:
        """Store an intent; return False if its key is in use."""
        return self.table.put_once(encode_intent(intent) | encode(due_attributes(due, intent.identity)))

    def find(self, identity: str) -> Intent | None:
        """Read an intent; return None if there is none, raise `RowUnreadable` if it is damaged."""
        found = self.table.get(intent_key(identity))
        return self.table.decoded(decode_intent, found) if found else None

    def lock(self, seen: Intent, now: datetime, until: datetime) -> bool:
        """Lock an intent until a time; return False if another worker locked it, or if it was answered meanwhile."""
        # SQS may deliver a message twice, and two calls to the provider would create two tasks.
        free = "(attribute_not_exists(locked_until) OR locked_until <= :now)"
        # If the worker ends during its call, only `sent` tells that the provider may have made a task.
        values: dict[str, object] = {":until": epoch(until), ":now": epoch(now), ":yes": True}
        condition = f"{_SAME_INTENT} AND {_NO_VID} AND {_NOT_REFUSED} AND {free}"
        return self._update(seen, "SET locked_until = :until, sent = :yes", values, condition)

    def assign_vid(self, seen: Intent, vid: str, now: datetime) -> bool:
        """Store the vid that the provider returned; return False if the intent has a vid or was deleted."""
        # The first vid stays, because a client may already know it.
        stored = {"vid": vid, "assigned_at": now} | _list_attributes(seen, SubmissionState.COMPLETED)
        return self._update(seen, *_set(stored), f"{_SAME_INTENT} AND {_NO_VID}")

    def complete(self, seen: Intent) -> None:
        """Remove an intent from the due index, once its task is in the log or its refusal was published."""
        self._update(seen, "REMOVE due_shard, due_at", {}, _SAME_INTENT)

    def mark_accepted(self, seen: Intent) -> bool:
        """Record that another client got 202 for this intent; return False if it was answered meanwhile.

        A later refusal must then be published, because that client does not get it as a response.
        """
        condition = f"{_SAME_INTENT} AND {_NO_VID} AND {_NOT_REFUSED}"
        return self._update(seen, "SET accepted = :yes", {":yes": True}, condition)

    def mark_refused(self, seen: Intent, reason: str, now: datetime, due: Due) -> None:
        """Store why the provider refused an intent, and make its publication due."""
        # `sent` is also set by the attempt that was just refused, and that one made no task. An earlier one may have.
        unsent = "" if seen.sent else " REMOVE sent"
        ended = {"refused": reason, "ended_at": now} | _list_attributes(seen, SubmissionState.REFUSED)
        change, values = _set(ended | due_attributes(due, seen.identity))
        self._update(seen, f"{change}{unsent}", values, f"{_SAME_INTENT} AND {_NO_VID}")

    def mark_cancelled(self, seen: Intent, by: str, now: datetime, due: Due | None) -> bool:
        """Store which client cancelled an intent; return False if an attempt began meanwhile.

        `due` publishes it to other clients. Without it, the intent leaves the due index.
        """
        # An earlier version of this code, which knows nothing of `cancelled_by`, takes it for a refused intent.
        ended = {"refused": f"cancelled by {by}", "cancelled_by": by, "ended_at": now}
        ended |= _list_attributes(seen, SubmissionState.CANCELLED)
        change, values = _set(ended | due_attributes(due, seen.identity))
        condition = f"{_SAME_INTENT} AND {_NO_VID} AND {_NOT_REFUSED} AND {_UNSENT}"
        return self._update(seen, change if due else f"{change} REMOVE due_shard, due_at", values, condition)

    def postpone(self, seen: Intent, until: datetime) -> bool:
        """Make an intent due at a time and unlock it; return False if it was answered meanwhile."""
        condition = f"{_SAME_INTENT} AND {_NO_VID} AND {_NOT_REFUSED} AND attribute_exists(due_shard)"
        change = f"SET due_at = :until REMOVE locked_until{'' if seen.sent else ', sent'}"
        return self._update(seen, change, {":until": epoch(until)}, condition)

    def delete(self, seen: Intent) -> bool:
        """Delete a refused intent, so that its key is free again.

        Return False while another client still has to be notified of the refusal.
        """
        return self._delete(seen, f"{_NO_VID} AND ({_NO_CLIENT_WAITS})")

    def release_key(self, seen: Intent) -> None:
        """Delete an intent whose task is in the log, or whose refusal was published, so that its key is free again."""
        self._delete(seen, "(attribute_exists(vid) OR attribute_exists(refused)) AND attribute_not_exists(due_shard)")

    def _update(self, seen: Intent, change: str, values: dict[str, object], condition: str) -> bool:
        return self.table.update(
            intent_key(seen.identity), change, values | {":at": seen.at}, condition, names={"#at": "at"}
        )

    def _delete(self, seen: Intent, condition: str) -> bool:
        return self.table.delete(
            intent_key(seen.identity), f"{_SAME_INTENT} AND {condition}", {":at": seen.at}, {"#at": "at"}
        )


# ── items ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def encode_intent(intent: Intent) -> Item:
    """Encode a new intent. One that is not queued is sent at once."""
    attributes = {
        "item": ItemType.INTENT,
        "kind": intent.kind,
        "key": intent.key,
        "client": intent.client,
        "provider": intent.provider,
        "request": json.dumps(intent.request, ensure_ascii=False),
        "at": intent.at,
        "queued": True if intent.queued else None,
        "sent": None if intent.queued else True,
    }
    listed = _list_attributes(intent, SubmissionState.OPEN)
    return intent_key(intent.identity).item | encode(attributes | listed)


def _list_attributes(intent: Intent, state: SubmissionState) -> dict[str, object]:
    """Return the attributes that put an intent into the listing."""
    return {"list_key": submission_list(intent.kind, state), "list_at": intent.position}


def _set(attributes: Mapping[str, object]) -> tuple[str, dict[str, object]]:
    """Return the update expression that sets attributes, and its values."""
    change = ", ".join(f"{name} = :{name}" for name in attributes)
    return f"SET {change}", {f":{name}": value for name, value in attributes.items()}


@decoder
def decode_intent(row: Row) -> Intent:
    """Decode an intent."""
    found = Intent(
        key=row.text("key"),
        client=row.optional_text("client"),
        kind=Kind(row.text("kind")),
        provider=row.text("provider"),
        request=row.json_object("request"),
        at=row.time("at"),
        vid=row.optional_text("vid"),
        assigned_at=row.optional_time("assigned_at"),
        queued="queued" in row,
        refused=row.optional_text("refused"),
        sent="sent" in row,
        accepted="accepted" in row,
        cancelled_by=row.optional_text("cancelled_by"),
        ended_at=row.optional_time("ended_at"),
        next_attempt_at=row.seconds("due_at") if duty_text(row) in _SUBMITS else None,
    )
    if intent_key(found.identity) != Key.of(row):
        raise ValueError("not the intent of its key")
    # Later conditions compare this time as text, so they would never match another spelling of it.
    if found.at.isoformat() != row.text("at"):
        raise ValueError("at: not as this code writes it")
    row.optional_seconds("locked_until")
    # With any other duty, an intent would wait for ever or be submitted twice.
    if duty_text(row) not in _duties_left(found) or not (found.vid is None or is_vid(found.vid)):
        raise ValueError("vid or due_shard: does not match the progress of the intent")
    return found


def _duties_left(intent: Intent) -> set[str]:
    """Return the duties that an intent may wait for; an empty string stands for none.

    refused            its publication, then none
    with a vid         its submit, until the task is in the log, then none
    neither            its submit
    """
    if intent.refused is not None:
        return {Duty.PUBLISH, ""}
    if intent.vid is not None:
        return {*_SUBMITS, ""}
    return _SUBMITS if intent.assigned_at is None else set()
