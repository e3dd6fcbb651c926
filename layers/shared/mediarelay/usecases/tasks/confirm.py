"""Confirm: query the provider about a task with a signed call, and log its answer, whatever it is."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from mediarelay.domain.due import Duty
from mediarelay.domain.tasks.guard import relies_on_guards
from mediarelay.domain.tasks.lifecycle import PUBLISH_GRACE, is_stale, needs_query
from mediarelay.domain.tasks.log import LoggedObservation, TaskLog
from mediarelay.domain.tasks.media import OUTCOMES, Kind
from mediarelay.domain.tasks.origin import CALLBACKS, Origin
from mediarelay.domain.tasks.task import Task
from mediarelay.errors import BudgetSpent, CircuitOpen, ProviderBusy, ProviderError, ProviderUnreadable
from mediarelay.observability import count, measure
from mediarelay.providers.registry import provider_of
from mediarelay.usecases.tasks.adoption import Adopt, adopt_by_callback, adopt_submission, log_answer
from mediarelay.usecases.tasks.answers import AnswerRejected, accepted_replies, check_answer
from mediarelay.usecases.tasks.repository import TaskRepository

logger = logging.getLogger(__name__)


class Queries(Protocol):
    """The providers' queries."""

    def query(self, kind: Kind, vid: str, *, known: bool) -> Mapping[str, Any]:
        """Ask the provider of a task about it; return the decoded data of the answer. Raises `ProviderError`.

        `known` says whether anything but callbacks names the task. `ProviderUnreadable` carries the answer's body.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmer:
    """Queries the provider about claims and tasks that are due.

    `adopt` takes the submission that an answer names, and its task, to the intent that waits for it.
    """

    tasks: TaskRepository
    providers: Queries
    adopt: Adopt
    clock: Callable[[], datetime]

    def confirm(self, vid: str, kind: Kind, *, prompt: bool = False, sent: datetime | None = None) -> Task | None:
        """Query the provider about a task, unless its outcome is known and nothing waits for a new query.

        Whatever the provider answers, the task is done or due again afterwards.

        Args:
            vid: The task.
            kind: The kind that the message states.
            prompt: A callback or a replay has just requested this query. Many of them share one query.
            sent: When the message was sent. After a later query it is stale: what is due since has its own message.

        Returns:
            The task; None if nothing is known about it.

        Raises:
            LedgerUnavailable: A read or a write failed; the queue should deliver the message again.
        """
        log, task = self.tasks.load(vid)
        has_replay = any(one.is_replay for one in log.pending)
        if task is not None and task.is_final and not has_replay:
            return self._complete(log, task, kind, prompt=prompt)
        # The time before the query counts: a callback that arrives while the query runs still needs its own.
        begun = self.clock()
        if is_stale(log, kind, sent) or (prompt and not needs_query(log, begun)):
            return task
        task = self._accept_old_replies(log, task)
        if not (task and task.is_final and not has_replay):
            task = self._query(log, vid, kind, task, begun)
        self._measure_latency(log, task)
        return task

    def _measure_latency(self, log: TaskLog, task: Task | None) -> None:
        """Measure how long the first callback of a task waited for the outcome that this query has just confirmed."""
        claims = [one.at for one in log.observations if one.origin in CALLBACKS]
        if task and task.is_final and claims and not _was_final(log):
            measure("ConfirmLatency", (self.clock() - min(claims)).total_seconds())

    def _complete(self, log: TaskLog, task: Task, kind: Kind, *, prompt: bool) -> Task:
        """Return a task with an outcome, once its intent and its item have it."""
        adopt_by_callback(task, self.adopt)
        # The stream is about to publish the outcome. If it does not, a later prompt or a poll gives the item its duty.
        is_recent = task.outcome_at is not None and self.clock() - task.outcome_at < PUBLISH_GRACE
        waits_for_stream = prompt and is_recent and relies_on_guards(log.item)
        return task if waits_for_stream or _is_done(log, task) else self.tasks.refresh(task.vid, kind)

    def _accept_old_replies(self, log: TaskLog, task: Task | None) -> Task | None:
        """Log the replies that can be read by now as answers; return the task as it is then."""
        if task is None:
            return None
        answers = accepted_replies(log, task.binding_statements, self.tasks.read_body)
        appended = [log_answer(self.tasks, answer, self.adopt) for answer in answers]
        return self.tasks.refresh(task.vid, task.kind) if appended else task

    def _query(self, log: TaskLog, vid: str, kind: Kind, task: Task | None, begun: datetime) -> Task | None:
        """Query the provider and log the result. An unknown vid becomes a task only by an answer about it."""
        if task is None:
            count("ConfirmUnknown", kind=kind)
            logger.warning("nothing known", extra={"vid": vid})
        # A callback may have arrived at the wrong address. A submit or an answer states the kind for certain.
        kind = (task and task.certain_kind) or kind
        try:
            data = self.providers.query(kind, vid, known=bool(task and task.is_known))
        # A call that the budget or the circuit has prevented does not count as a query (`queried_at`). Without one, the
        # task must not be given up at its deadline, and its next wait must not grow. A provider without keys counts,
        # because replays of its tasks must end.
        except BudgetSpent:
            return self.tasks.update(vid, kind, over_budget=True)
        except CircuitOpen as error:
            return self._wait_for_circuit(log, task, kind, error)
        except ProviderUnreadable as error:
            rejected = AnswerRejected("unreadable", str(error))
            return self._log_reply(vid, kind, error.body, rejected, begun, is_outage=error.is_outage)
        except ProviderError as error:
            logger.warning("no answer", extra={"vid": vid, "error": type(error).__name__, "code": error.code})
            return self._update(vid, kind, begun, is_outage=isinstance(error, ProviderBusy) and error.is_outage)
        return self._log_data(vid, kind, data, task, begun)

    def _wait_for_circuit(self, log: TaskLog, task: Task | None, kind: Kind, error: CircuitOpen) -> Task | None:
        """Write nothing: whatever asked for the query stays due, and the polls wait for the circuit.

        A task without an item gets one, and so does a task past its deadline. If the provider does not answer, the
        deadline is postponed, as if the budget had prevented the final query. If it refuses us, nothing is postponed.
        """
        if task is None or task.is_final or (log.item and self.clock() < log.item.bookkeeping.give_up_at):
            return task
        return self.tasks.update(task.vid, kind, over_budget=not error.is_refused)

    def _log_data(
        self, vid: str, kind: Kind, data: Mapping[str, Any], task: Task | None, begun: datetime
    ) -> Task | None:
        """Log the data of an answer: as an answer if it is about this task, otherwise as a reply."""
        body = provider_of(vid).canonical(data)
        try:
            facts = check_answer(vid, kind, data, task.binding_statements if task else ())
        except AnswerRejected as error:
            return self._log_reply(vid, kind, body, error, begun)
        adopt_submission(vid, facts, self.adopt)
        self._append(vid, kind, Origin.ANSWER, body)
        return self._update(vid, kind, begun)

    def _log_reply(
        self, vid: str, kind: Kind, body: bytes, why: AnswerRejected, begun: datetime, *, is_outage: bool = False
    ) -> Task | None:
        count("AnswersRejected", reason=why.category)
        logger.warning("answer rejected", extra={"vid": vid, "error": str(why)})
        self._append(vid, kind, Origin.REPLY, body, reason=str(why))
        return self._update(vid, kind, begun, is_outage=is_outage)

    def _append(self, vid: str, kind: Kind, origin: Origin, body: bytes, reason: str | None = None) -> None:
        # The log comes first. If the item is not written, the message is delivered again and finds the answer there.
        at = self.clock()
        self.tasks.append(LoggedObservation(vid=vid, kind=kind, origin=origin, at=at, body=body, reason=reason))

    def _update(self, vid: str, kind: Kind, begun: datetime, *, is_outage: bool = False) -> Task | None:
        """Write the item after a query. A final query that met an outage postpones the deadline, as the budget does."""
        return self.tasks.update(vid, kind, queried_at=begun, over_budget=is_outage)


def _was_final(log: TaskLog) -> bool:
    """Return whether the task item had an outcome before this query."""
    return log.item is not None and log.item.summary.state in OUTCOMES


def _is_done(log: TaskLog, task: Task) -> bool:
    """Return whether the task item states the task's state, and neither a query nor a publication lacks a duty."""
    if log.item is None or log.item.summary.state is not task.state or log.pending:
        return False
    due = log.item.summary.due
    return due.duty is Duty.PUBLISH if due else log.item.summary.unpublished is None
