"""Intents in the table: what clients asked for, under their idempotency keys."""

from dataclasses import dataclass
from datetime import datetime

from mediarelay.adapters.dynamodb.codec import Item, Row, decoder, encode, epoch
from mediarelay.adapters.dynamodb.item_types import ItemType
from mediarelay.adapters.dynamodb.keys import THERE, Key, due_attributes, duty_text, intent_key
from mediarelay.adapters.dynamodb.table import Table
from mediarelay.domain.due import Due, Duty
from mediarelay.domain.tasks.intent import Intent
from mediarelay.domain.tasks.media import Kind
from mediarelay.domain.tasks.vid import is_vid

_NO_VID = "attribute_not_exists(vid)"
_NOT_REFUSED = "attribute_not_exists(refused)"
# A key becomes free after a refusal, so a later intent may have the same key. Its time tells the two apart.
_SAME_INTENT = "#at = :at"
# The refusal was published, or only the client that created the intent knows of it and gets the refusal as answer.
_NO_CLIENT_WAITS = (
    "attribute_not_exists(due_shard) OR "
    "(attribute_not_exists(accepted) AND attribute_not_exists(queued) AND attribute_not_exists(refused))"
)


@dataclass(frozen=True)
class IntentStore:
    """Reads and writes intents.

                 ┌── postpone ◀── the call budget is used up
                 ▼
    create ─▶ open ─▶ lock ─┬─ the provider answers ─▶ assign_vid ─▶ complete ─▶ release_key, by default keys only
                            └─ the provider refuses ─┬─ no other client waits ─▶ delete
                                                     └─ another client got 202 ─▶ mark_refused ─▶ complete
    """

    table: Table

    def create(self, intent: Intent, due: Due) -> bool:
        """Store an intent; return False if its key is taken."""
        return self.table.put_once(encode_intent(intent) | encode(due_attributes(due, intent.identity)))

    def find(self, identity: str) -> Intent | None:
        """Read an intent."""
        found = self.table.get(intent_key(identity))
        return self.table.decoded(decode_intent, found) if found else None

    def lock(self, identity: str, now: datetime, until: datetime) -> bool:
        """Lock an intent; return False if another worker has locked it, or it has a vid."""
        # The queue may deliver a message twice, and two calls to the provider would make two tasks.
        condition = f"{_NO_VID} AND (attribute_not_exists(locked_until) OR locked_until <= :now) AND {THERE}"
        values = {":until": epoch(until), ":now": epoch(now)}
        return self.table.update(intent_key(identity), "SET locked_until = :until", values, condition)

    def assign_vid(self, identity: str, vid: str, now: datetime) -> bool:
        """Note the vid that the provider gave; return False if the intent has one or was deleted."""
        # The first vid stays: a client may know it.
        values = {":vid": vid, ":now": now}
        return self.table.update(
            intent_key(identity), "SET vid = :vid, assigned_at = :now", values, f"{THERE} AND {_NO_VID}"
        )

    def complete(self, seen: Intent) -> None:
        """Take an intent out of the due index: its task is in the log, or its refusal was published."""
        self._update(seen, "REMOVE due_shard, due_at", {}, _SAME_INTENT)

    def mark_accepted(self, seen: Intent) -> bool:
        """Note that another client got 202 for this intent; return False if it was answered meanwhile.

        A later refusal must then be published: that client does not get it as the answer of its request.
        """
        condition = f"{_SAME_INTENT} AND {_NO_VID} AND {_NOT_REFUSED}"
        return self._update(seen, "SET accepted = :yes", {":yes": True}, condition)

    def mark_refused(self, seen: Intent, reason: str, due: Due) -> None:
        """Note why the provider refused an intent; it is due for nothing but the publication."""
        change = "SET refused = :reason, due_shard = :due_shard, due_at = :due_at"
        values = {f":{name}": value for name, value in due_attributes(due, seen.identity).items()}
        self._update(seen, change, values | {":reason": reason}, f"{_SAME_INTENT} AND {_NO_VID}")

    def postpone(self, seen: Intent, until: datetime) -> bool:
        """Make an intent due at a time and unlock it; return False if it was answered meanwhile."""
        condition = f"{_SAME_INTENT} AND {_NO_VID} AND {_NOT_REFUSED} AND attribute_exists(due_shard)"
        return self._update(seen, "SET due_at = :until REMOVE locked_until", {":until": epoch(until)}, condition)

    def delete(self, seen: Intent) -> bool:
        """Delete a refused intent, so that its key is free again.

        Return False while another client still has to be notified of the refusal.
        """
        return self._delete(seen, f"{_NO_VID} AND ({_NO_CLIENT_WAITS})")

    def release_key(self, seen: Intent) -> None:
        """Free the key of an intent whose task is in the log."""
        self._delete(seen, "attribute_exists(vid) AND attribute_not_exists(due_shard)")

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
    """Encode a new intent."""
    attributes = {
        "item": ItemType.INTENT,
        "kind": intent.kind,
        "key": intent.key,
        "request": dict(intent.request),
        "at": intent.at,
        "queued": True if intent.queued else None,
    }
    return intent_key(intent.identity).item | encode(attributes)


@decoder
def decode_intent(row: Row) -> Intent:
    """Decode an intent; one whose duty is not what is left to do would wait for ever, or be submitted twice."""
    found = Intent(
        key=row.text("key"),
        kind=Kind(row.text("kind")),
        request=row.nested("request").string_map(),
        at=row.time("at"),
        vid=row.optional_text("vid"),
        assigned_at=row.optional_time("assigned_at"),
        queued="queued" in row,
        refused=row.optional_text("refused"),
    )
    if intent_key(found.identity) != Key.of(row) or "url" not in found.request:
        raise ValueError("not what its key says, or about no file")
    if found.at.isoformat() != row.text("at"):
        raise ValueError("at: in another spelling, so that no condition would match it")
    row.optional_seconds("locked_until")
    if duty_text(row) not in _duties_left(found) or not (found.vid is None or is_vid(found.vid)):
        raise ValueError("no vid, or not due for what is left to do")
    return found


def _duties_left(intent: Intent) -> set[str]:
    """Return what an intent may wait for; empty text for nothing.

    refused            its publication, then nothing
    with a vid         its submit, until the task is in the log, then nothing
    neither            its submit
    """
    submits = {str(Duty.SUBMIT), str(Duty.SUBMIT_QUEUED)}
    if intent.refused is not None:
        return {Duty.PUBLISH, ""}
    if intent.vid is not None:
        return {*submits, ""}
    return submits if intent.assigned_at is None else set()
