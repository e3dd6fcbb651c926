"""Intents: requests of clients that are stored before the provider is called."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mediarelay.domain.tasks.file_url import identity, short_region
from mediarelay.domain.tasks.media import Kind, State

# Characters of an idempotency key. Stripe accepts as many.
MAX_KEY = 255
# Hex digits of an intent's id, and of its submission. The submission begins with the id, so that it leads back to the
# intent, and providers accept at most 50 characters. 160 bits of SHA-256 suffice against a collision.
ID_DIGITS, SUBMISSION_DIGITS = 40, 48


@dataclass(frozen=True, slots=True)
class ClientKey:
    """An idempotency key. Another client may choose the same key for another request.

    `client` is None for a default key, which all clients share.
    """

    client: str | None
    key: str


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
        refused: Why the provider refused the request, if its client was not waiting for the answer.
        sent: Whether an earlier attempt may have made a task, although no answer says so.
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
    """The answer to a client: `vid` is None until the provider has answered; `repeated` for a known key."""

    vid: str | None
    kind: Kind
    state: State
    repeated: bool


def submit_status(submitted: Submitted) -> int:
    """Return the HTTP status of an answer: 201, 200 for a repeat, 202 until the provider has answered."""
    if submitted.vid is None:
        return 202
    return 200 if submitted.repeated else 201
