"""Quarantine: list bodies that could not be read, and read them again once the reader is fixed."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

from mediarelay.domain.page import Page
from mediarelay.domain.quarantine import QuarantinedBody
from mediarelay.domain.tasks.origin import Origin
from mediarelay.errors import Rejected
from mediarelay.observability import add_log_keys
from mediarelay.usecases.tasks.receive import CallbackStore

# A page ends at either limit. API Gateway waits 30 seconds for an answer, and large bodies take long to read.
MAX_AT_ONCE = 100
MAX_BYTES = 16 * 2**20
# Bytes of each body in a list. A Lambda function answers with up to 6 MB.
MAX_SHOWN = 4096
Result = TypeVar("Result")


class QuarantinedBodies(Protocol):
    """Reads and deletes the bodies in quarantine."""

    def bodies(self, day: str, after: str) -> Iterator[QuarantinedBody]:
        """Yield the bodies of one day whose digests follow `after`, in the order of digests."""

    def delete(self, quarantined: QuarantinedBody) -> None:
        """Delete a body."""


@dataclass(frozen=True, slots=True)
class RereadResult:
    """How many bodies of a page became claims, how many stay in quarantine, and the next cursor (None: the end)."""

    stored: int
    refused: int
    cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantine:
    """Lists bodies and reads them again. `callbacks` has the store of each route, such as `callbacks/video`."""

    store: QuarantinedBodies
    callbacks: Mapping[str, CallbackStore]

    def page(self, day: str, after: str) -> Page[QuarantinedBody]:
        """Return a page of a day's bodies, cut to `MAX_SHOWN` bytes each."""
        return self._each(day, after, lambda one: replace(one, body=one.body[:MAX_SHOWN], size=len(one.body)))

    def reread(self, day: str, after: str) -> RereadResult:
        """Read a page of a day's bodies again. Those that can be read become claims and leave the quarantine."""
        page = self._each(day, after, self._reread_one)
        stored = sum(page.items)
        return RereadResult(stored, len(page.items) - stored, page.cursor)

    def _each(self, day: str, after: str, use: Callable[[QuarantinedBody], Result]) -> Page[Result]:
        """Use the bodies of one page, one after the other; return the page of the results."""
        done, size = list[Result](), 0
        for quarantined in self.store.bodies(day, after):
            done.append(use(quarantined))
            size += len(quarantined.body)
            if len(done) == MAX_AT_ONCE or size >= MAX_BYTES:
                return Page(tuple(done), quarantined.digest)
        return Page(tuple(done), None)

    def _reread_one(self, quarantined: QuarantinedBody) -> bool:
        # Relays stay: the quarantine has them without their tokens, so reading them again would grant nothing.
        if quarantined.route not in self.callbacks:
            return False
        # The vid of the body before must not appear in the log lines of this one.
        add_log_keys(vid=None)
        try:
            # Always a claim: the quarantine does not store whether the deployment trusted callbacks at the time.
            self.callbacks[quarantined.route].put(quarantined.body, Origin.CLAIM, quarantined.at)
        except Rejected:
            return False
        # Deleted only once the claim is stored, so that a failure in between loses nothing.
        self.store.delete(quarantined)
        return True
