"""Confirm: ask the provider what became of a task, by signed query, and record the answer."""

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from mediarelay import metrics
from mediarelay.contracts.cts import parse_query
from mediarelay.domain.advance import REPLAY, is_stale, worth_asking
from mediarelay.domain.binding import mismatches
from mediarelay.domain.entry import Entry
from mediarelay.domain.media import Kind
from mediarelay.domain.origin import Origin
from mediarelay.domain.task import Task
from mediarelay.errors import BudgetSpent, CircuitOpen, Malformed, ProviderBusy, ProviderError
from mediarelay.usecases.tasks import Tasks

log = logging.getLogger(__name__)


class Provider(Protocol):
    """The part of the provider's API that confirmation needs."""

    def info(self, kind: Kind, vid: str, *, known: bool) -> bytes:
        """Ask for a task; returns the answer's data as JSON. `known` says whether more than callbacks name it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmer:
    """Turns claims and due tasks into answers."""

    tasks: Tasks
    provider: Provider
    clock: Callable[[], datetime]

    def confirm(self, vid: str, kind: Kind, *, prompt: bool = False, sent: datetime | None = None) -> Task | None:
        """Ask about a task unless the provider told its outcome and nobody wants to hear it again.

        Whatever comes of it, the task stays due or is done.

        Args:
            vid: The task.
            kind: What it is taken to be.
            prompt: Somebody has just spoken. Many who speak at once, or again and again, need one question.
            sent: When the message came into the queue. If the provider was queried since, it is stale: whatever is
                due after that query has a message of its own.

        Returns:
            What is known; None if nothing is, and nobody was asked.

        Raises:
            LedgerUnavailable: Nothing was noted; the message should come back.
        """
        record, known = self.tasks.load(vid)
        if known is not None and known.settled and not any(one.item == REPLAY for one in record.open):
            told = record.card is not None and record.card.state is known.state and not record.open
            return known if told else self.tasks.refresh(vid, kind)
        begun = self.clock()
        if is_stale(record, sent) or (prompt and not worth_asking(record, begun)):
            return known
        return self._question(vid, kind, known.without_claims if known else Task({}), begun)

    def _question(self, vid: str, kind: Kind, certain: Task, begun: datetime) -> Task:
        """Ask, and note what came of it."""
        kind = certain.certain_kind or kind
        try:
            body = self._ask(vid, kind, certain)
        except BudgetSpent:
            return self.tasks.refresh(vid, kind, starved=True)
        except CircuitOpen:
            return self.tasks.refresh(vid, kind)
        except ProviderError as error:
            log.warning("no answer", extra={"vid": vid, "error": type(error).__name__, "code": error.code})
            return self.tasks.refresh(vid, kind, asked=begun)
        return self.tasks.add(Entry(vid=vid, kind=kind, origin=Origin.ANSWER, at=self.clock(), body=body), begun)

    def _ask(self, vid: str, kind: Kind, certain: Task) -> bytes:
        """Return an answer that is about this task; raises `ProviderError`."""
        body = self.provider.info(kind, vid, known=certain.is_known)
        try:
            answer = parse_query(kind, json.loads(body))
        except Malformed as error:
            raise ProviderBusy(f"unreadable answer: {error.field}") from error
        wrong = mismatches(vid, certain.said, answer)
        if wrong:
            metrics.count("AnswersMismatched", kind=kind)
            raise ProviderBusy(f"the answer is about something else: {', '.join(wrong)}")
        return body
