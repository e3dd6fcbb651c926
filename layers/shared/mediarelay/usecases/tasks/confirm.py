"""Confirm: ask the provider what became of a task, by signed query, and log whatever it says."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from mediarelay.domain.tasks.conflict import Statement
from mediarelay.domain.tasks.lifecycle import PUBLISH, REPLAY, is_stale, needs_query
from mediarelay.domain.tasks.log import LoggedObservation, TaskLog
from mediarelay.domain.tasks.media import Kind
from mediarelay.domain.tasks.origin import Origin
from mediarelay.domain.tasks.task import Task
from mediarelay.errors import BudgetSpent, CircuitOpen, ProviderError, ProviderUnreadable
from mediarelay.observability import count
from mediarelay.usecases.tasks.answers import AnswerRejected, judge, rejudge
from mediarelay.usecases.tasks.repository import TaskRepository

log = logging.getLogger(__name__)


class Provider(Protocol):
    """The part of the provider's API that confirmation needs."""

    def info(self, kind: Kind, vid: str, *, known: bool) -> bytes:
        """Ask for a task; returns the answer's data as JSON. Raises `ProviderUnreadable` with the body, if any.

        `known` says whether more than callbacks name it.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmer:
    """Turns claims and due tasks into answers."""

    tasks: TaskRepository
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
            What is known then; None if nothing is.

        Raises:
            LedgerUnavailable: Nothing was noted; the message should come back.
        """
        record, known = self.tasks.load(vid)
        replay = any(one.item == REPLAY for one in record.open)
        if known is not None and known.settled and not replay:
            return known if _is_done(record, known) else self.tasks.refresh(vid, kind)
        begun = self.clock()
        if is_stale(record, kind, sent) or (prompt and not needs_query(record, begun)):
            return known
        known = self._judge_anew(record, known)
        return known if known and known.settled and not replay else self._question(vid, kind, known, begun)

    def _judge_anew(self, record: TaskLog, known: Task | None) -> Task | None:
        """Log what can be judged by now of what could not be when it came; return what is known then."""
        if known is None:
            return None
        found = [self.tasks.append(one) for one in rejudge(self.tasks.ledger, record, known.without_claims.said)]
        return self.tasks.refresh(known.vid, known.kind) if found else known

    def _question(self, vid: str, kind: Kind, known: Task | None, begun: datetime) -> Task | None:
        """Ask, and note what came of it. A vid that nobody mentioned becomes a task only by an answer about it."""
        if known is None:
            count("ConfirmUnknown", kind=kind)
            log.warning("nothing known", extra={"vid": vid})
        certain = known.without_claims if known else None
        kind = (certain and certain.certain_kind) or kind
        try:
            body = self.provider.info(kind, vid, known=bool(certain and certain.is_known))
        except BudgetSpent:
            return self.tasks.update(vid, kind, starved=True)
        except CircuitOpen:
            return self.tasks.update(vid, kind)
        except ProviderUnreadable as error:
            return self._keep(self._reply(vid, kind, error.body), AnswerRejected("unreadable", str(error)), begun)
        except ProviderError as error:
            log.warning("no answer", extra={"vid": vid, "error": type(error).__name__, "code": error.code})
            return self.tasks.update(vid, kind, asked=begun)
        return self._judge(self._reply(vid, kind, body), certain.said if certain else frozenset(), begun)

    def _reply(self, vid: str, kind: Kind, body: bytes) -> LoggedObservation:
        return LoggedObservation(vid=vid, kind=kind, origin=Origin.REPLY, at=self.clock(), body=body)

    def _judge(self, reply: LoggedObservation, said: Iterable[Statement], begun: datetime) -> Task | None:
        """Log what the provider said: as its answer, or, if it is none, as it came."""
        try:
            answer = judge(reply, said)
        except AnswerRejected as error:
            return self._keep(reply, error, begun)
        return self._log(answer, begun)

    def _keep(self, reply: LoggedObservation, why: AnswerRejected, begun: datetime) -> Task | None:
        count("AnswersUnjudged", reason=why.kind)
        log.warning("answer not judged", extra={"vid": reply.vid, "error": str(why)})
        return self._log(replace(reply, reason=str(why)), begun)

    def _log(self, entry: LoggedObservation, begun: datetime) -> Task | None:
        self.tasks.append(entry)
        return self.tasks.update(entry.vid, entry.kind, asked=begun)


def _is_done(record: TaskLog, known: Task) -> bool:
    """Whether the task item says what is known, and neither it nor anything else waits for a query."""
    if record.card is None or record.card.state is not known.state or record.open:
        return False
    return record.card.due is None or record.card.due.what == PUBLISH
