"""A wish of a client that is stored before the provider is called."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from mediarelay.domain.media import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """What a client asked for under an idempotency key; `vid` is set once the provider has answered."""

    key: str
    kind: Kind
    request: Mapping[str, str]
    at: datetime
    vid: str | None = None

    @property
    def identity(self) -> str:
        """The key of the intent in the ledger: clients may choose keys of any form, so it is a digest."""
        return hashlib.sha256(f"{self.kind}\n{self.key}".encode()).hexdigest()

    def same_wish(self, other: "Intent") -> bool:
        """Whether both ask for the same thing."""
        return dict(self.request) == dict(other.request)


def file_identity(request: Mapping[str, str]) -> str:
    """The default idempotency key: the request itself, in canonical form."""
    return json.dumps(dict(request), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
