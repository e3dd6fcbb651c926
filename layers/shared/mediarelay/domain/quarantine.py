"""Bodies that could not be read. An operator can list them, and read them again with a repaired reader."""

from dataclasses import dataclass
from datetime import datetime

from mediarelay.domain.row_handle import RowHandle


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantinedBody:
    """One body in quarantine.

    Attributes:
        day: The UTC day on which it arrived, such as `2026-11-21`.
        digest: SHA-256 of the body in hex.
        handles: Its rows in the table; a large body has several.
        route: The route that received it, such as `callbacks/video`.
        reason: Why it could not be read.
        at: When it arrived (UTC).
        body: The body, or its beginning.
        size: Bytes of the whole body, if `body` is only its beginning.
    """

    day: str
    digest: str
    handles: tuple[RowHandle, ...]
    route: str
    reason: str
    at: datetime
    body: bytes
    size: int | None = None
