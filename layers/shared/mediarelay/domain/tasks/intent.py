"""Intents: requests of clients that are stored before the provider is called."""

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from mediarelay.domain.tasks.file_url import identity, short_region
from mediarelay.domain.tasks.media import Kind, State

# Characters of an idempotency key. Stripe accepts as many.
MAX_KEY = 255
# Hex digits of an intent's id, and of its submission. The submission begins with the id, so that it leads back to the
# intent, and providers accept at most 50 characters. 160 bits of SHA-256 suffice against a collision.
ID_DIGITS, SUBMISSION_DIGITS = 40, 48
_INTENT_ID = re.compile(f"[0-9a-f]{{{ID_DIGITS}}}", re.ASCII)
_SUBMISSION = re.compile(f"[0-9a-f]{{{SUBMISSION_DIGITS}}}", re.ASCII)


@dataclass(frozen=True, slots=True)
class ClientKey:
    """An idempotency key. Another client may choose the same key for another request.

    `client` is None for a default key, which all clients share.
    """

    client: str | None
    key: str


class SubmissionState(StrEnum):
    """What has become of a submission."""

    QUEUED = "queued"
    """It waits for its next attempt, and no attempt has made a task."""
    OPEN = "open"
    """It was sent, so the provider may have made a task, but no answer says so."""
    COMPLETED = "completed"
    """The provider has made its task, or named the one of the upload."""
    REFUSED = "refused"
    """The provider refused it, or never answered."""
    CANCELLED = "cancelled"
    """A client cancelled it before an attempt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """A client's request under an idempotency key.

    Attributes:
        key: The key that a client chose, or the default key of the request.
        client: The client that chose the key; None for a default key, which all clients share.
        provider: The name of the provider that serves the request.
        vid: Set once the provider has answered.
        assigned_at: When the provider assigned the vid.
        queued: The client does not wait: the submit queue sends the request to the provider.
        refused: Why the provider refused the request, if its client was not waiting for the answer, or who
            cancelled it.
        sent: Whether an earlier attempt may have made a task, although no answer says so.
        accepted: Another request with this key got 202.
        cancelled_by: The client that cancelled the submission.
        ended_at: When the submission was refused or cancelled.
        next_attempt_at: When the request is due to be sent to the provider (again).
    """

    key: str
    client: str | None = None
    kind: Kind
    provider: str
    request: Mapping[str, Any]
    at: datetime
    vid: str | None = None
    assigned_at: datetime | None = None
    queued: bool = False
    refused: str | None = None
    sent: bool = False
    accepted: bool = False
    cancelled_by: str | None = None
    ended_at: datetime | None = None
    next_attempt_at: datetime | None = None

    @property
    def identity(self) -> str:
        """The id of the intent: a digest, because clients may choose keys of any form and length."""
        return intent_id(self.kind, ClientKey(self.client, self.key))

    @property
    def submission(self) -> str:
        """The id under which the provider gets the request, the same at each attempt.

        It depends on the time, too: a key that became free again makes a new task.
        """
        return (self.identity + _digest(self.at.isoformat()))[:SUBMISSION_DIGITS]

    @property
    def position(self) -> str:
        """The place of the submission in a list; a page may begin behind it."""
        return f"{self.at.isoformat()}#{self.identity}"

    @property
    def state(self) -> SubmissionState:
        """What has become of the submission. A task that is found later counts, whatever was stored before."""
        if self.vid is not None:
            return SubmissionState.COMPLETED
        if self.cancelled_by is not None:
            return SubmissionState.CANCELLED
        if self.refused is not None:
            return SubmissionState.REFUSED
        return SubmissionState.OPEN if self.sent else SubmissionState.QUEUED

    @property
    def updated_at(self) -> datetime | None:
        """When the submission got its task, was refused or was cancelled; None before that."""
        return self.assigned_at or self.ended_at

    @property
    def reference(self) -> str | None:
        """The client's own reference."""
        return self.request.get("reference")

    def same_request(self, other: "Intent") -> bool:
        """Return whether both are the same request, in any spelling of its URL and region."""
        return _canonical(self.request) == _canonical(other.request)


def new_intent(
    kind: Kind,
    provider: str,
    request: Mapping[str, Any],
    key: ClientKey,
    at: datetime,
    *,
    queued: bool = False,
) -> Intent:
    """Return the intent of a request that has just arrived."""
    return Intent(key=key.key, client=key.client, kind=kind, provider=provider, request=request, at=at, queued=queued)


def default_key(form: Mapping[str, Any]) -> ClientKey:
    """Return the key of a request without one: the request itself, as its provider reads it."""
    return ClientKey(None, file_identity(form))


def intent_id(kind: Kind, key: ClientKey) -> str:
    """Return the id of the intent with a key. The kind is a part of it: one key may name an audio and a video."""
    return _digest(kind, key.client, key.key)[:ID_DIGITS]


def intent_of(submission: str) -> str:
    """Return the id of the intent that a submission may belong to."""
    return submission[:ID_DIGITS]


def is_intent_id(text: str) -> bool:
    """Return whether a text has the form of an intent's id."""
    return _INTENT_ID.fullmatch(text) is not None


def is_submission(text: str) -> bool:
    """Return whether a text has the form of a submission."""
    return _SUBMISSION.fullmatch(text) is not None


def _digest(*parts: str | None) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def is_key(text: str) -> bool:
    """Return whether a text may be an idempotency key: 1 to `MAX_KEY` printable characters."""
    return 0 < len(text) <= MAX_KEY and text.isprintable()


def file_identity(request: Mapping[str, Any]) -> str:
    """Return the default idempotency key: the request itself, in one form for all spellings of its URL and region."""
    return json.dumps(_canonical(request), sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def _canonical(request: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _SPELLINGS[name](value) if name in _SPELLINGS else value for name, value in request.items()}


_SPELLINGS: Mapping[str, Callable[[str], str]] = {"url": identity, "bucketRegion": short_region}


@dataclass(frozen=True, slots=True)
class Submitted:
    """The answer to a client.

    Attributes:
        vid: None until the provider has answered.
        repeated: The key was already in use.
        submission: The submission that the request made or repeats; None for a task that is only tracked.
    """

    vid: str | None
    kind: Kind
    state: State
    repeated: bool
    submission: str | None = None


def submit_status(submitted: Submitted) -> int:
    """Return the HTTP status of an answer: 201, 200 for a repeat, 202 until the provider has answered."""
    if submitted.vid is None:
        return 202
    return 200 if submitted.repeated else 201
