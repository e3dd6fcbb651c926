"""Confirm: ask the provider what became of a task, by signed query, and log whatever it says."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from mediarelay import metrics
from mediarelay.domain.advance import REPLAY, worth_asking
from mediarelay.domain.entry import Entry, Record
from mediarelay.domain.media import Kind
from mediarelay.domain.origin import Origin
from mediarelay.domain.task import Task
from mediarelay.errors import BudgetSpent, CircuitOpen, ProviderError, ProviderUnreadable
from mediarelay.usecases.answers import Unjudged, judge, judged_anew
from mediarelay.usecases.tasks import Tasks

log = logging.getLogger(__name__)


class Provider(Protocol):
    """The part of the provider's API that confirmation needs."""

    def info(self, kind: Kind, vid: str) -> bytes:
        """Ask for a task; returns the answer's data as JSON. Raises `ProviderUnreadable` with the body, if any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmer:
    """Turns claims and due tasks into answers."""

    tasks: Tasks
    provider: Provider
    clock: Callable[[], datetime]

    def confirm(self, vid: str, kind: Kind, *, prompt: bool = False) -> Task | None:
        """Ask about a task unless the provider told its outcome and nobody wants to hear it again.

        Whatever comes of it, the task stays due or is done.

        Args:
            vid: The task.
            kind: What it is taken to be.
            prompt: Somebody has just spoken. Many who speak at once, or again and again, need one question.

        Returns:
            What is known; None if nothing is: then the provider is not asked. Whoever makes a task known later writes
            to the ledger, and that asks again.

        Raises:
            LedgerUnavailable: Nothing was noted; the message should come back.
        """
        record, known = self.tasks.load(vid)
        if known is None:
            metrics.count("ConfirmUnknown", kind=kind)
            log.warning("nothing known", extra={"vid": vid})
            return None
        replay = any(one.item == REPLAY for one in record.open)
        if known.settled and not replay:
            told = record.card is not None and record.card.state is known.state and not record.open
            return known if told else self.tasks.refresh(vid, kind)
        begun = self.clock()
        if prompt and not worth_asking(record, begun):
            return known
        known = self._judged_anew(record, known, kind)
        return known if known.settled and not replay else self._question(vid, kind, known.without_claims, begun)

    def _judged_anew(self, record: Record, known: Task, kind: Kind) -> Task:
        """Log what can be judged by now of what could not be when it came; return what is known then."""
        found = [self.tasks.append(one) for one in judged_anew(self.tasks.ledger, record, known.without_claims)]
        return self.tasks.refresh(known.vid, kind) if found else known

    def _question(self, vid: str, kind: Kind, certain: Task, begun: datetime) -> Task:
        """Ask, and note what came of it."""
        kind = certain.certain_kind or kind
        try:
            body = self.provider.info(kind, vid)
        except BudgetSpent:
            return self.tasks.refresh(vid, kind, starved=True)
        except CircuitOpen:
            return self.tasks.refresh(vid, kind)
        except ProviderUnreadable as error:
            reply = self._reply(vid, kind, error.body)
            return self._keep(reply, Unjudged("unreadable", error.reason), begun)
        except ProviderError as error:
            log.warning("no answer", extra={"vid": vid, "error": type(error).__name__, "code": error.code})
            return self.tasks.refresh(vid, kind, asked=begun)
        return self._judge(self._reply(vid, kind, body), certain, begun)

    def _reply(self, vid: str, kind: Kind, body: bytes) -> Entry:
        return Entry(vid=vid, kind=kind, origin=Origin.REPLY, at=self.clock(), body=body)

    def _judge(self, reply: Entry, certain: Task, begun: datetime) -> Task:
        """Log what the provider said: as its answer, or, if it is none, as it came."""
        try:
            answer = judge(reply, certain)
        except Unjudged as error:
            return self._keep(reply, error, begun)
        return self.tasks.add(answer, begun)

    def _keep(self, reply: Entry, why: Unjudged, begun: datetime) -> Task:
        metrics.count("AnswersUnjudged", reason=why.kind)
        log.warning("answer not judged", extra={"vid": reply.vid, "error": str(why)})
        return self.tasks.add(replace(reply, reason=str(why)), begun)
