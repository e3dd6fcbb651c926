"""Answers: judge what the provider said about a task, and judge anew what an older reader could not."""

import logging
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from typing import Protocol

from mediarelay.contracts.cts.parse import canonical, parse_query, parse_reply
from mediarelay.domain.tasks.answer_binding import mismatches
from mediarelay.domain.tasks.conflict import Statement
from mediarelay.domain.tasks.log import LoggedObservation, TaskLog
from mediarelay.domain.tasks.origin import Origin
from mediarelay.errors import Malformed

MAX_REPLIES = 5
"""The latest replies of a task that are judged anew: each costs a read of its body."""
log = logging.getLogger(__name__)


class Bodies(Protocol):
    """The part of the ledger that has the bodies of replies."""

    def heard(self, entry: LoggedObservation) -> bytes | None:
        """Read the body of a reply; None once its time is over."""


class AnswerRejected(Exception):
    """An answer cannot be judged, or is about something else; `kind` is `unreadable`, `mismatched` or `failed`."""

    def __init__(self, kind: str, reason: str) -> None:
        super().__init__(reason)
        self.kind = kind


def judge(entry: LoggedObservation, said: Iterable[Statement]) -> LoggedObservation:
    """Take an entry's body for an answer about its task; returns it as one.

    Args:
        entry: What the provider said, with or without its envelope, when it was asked for a task of this kind.
        said: What is known of the task without callbacks.

    Raises:
        AnswerRejected: It does not say how this task stands; nothing else is raised, whatever the body is.
    """
    try:
        data = parse_reply(entry.body or b"")
        wrong = mismatches(entry.vid, said, parse_query(entry.kind, data))
        answer = replace(entry, origin=Origin.ANSWER, body=canonical(data), digest="", reason=None)
    except Malformed as error:
        raise AnswerRejected("unreadable", str(error)) from None
    except Exception as error:
        log.exception("judging failed", extra={"vid": entry.vid})
        raise AnswerRejected("failed", type(error).__name__) from None
    if wrong:
        raise AnswerRejected("mismatched", f"about something else: {', '.join(wrong)}")
    return answer


def rejudge(bodies: Bodies, record: TaskLog, said: Collection[Statement]) -> Iterator[LoggedObservation]:
    """Yield the answers among a task's latest replies that are not in its log yet: a better reader has come since."""
    known = {(entry.kind, entry.digest) for entry in record.entries if entry.origin is Origin.ANSWER}
    replies = sorted((entry for entry in record.entries if entry.origin is Origin.REPLY), key=lambda entry: entry.at)
    for reply in replies[-MAX_REPLIES:]:
        answer = _judged(replace(reply, body=bodies.heard(reply)), said)
        if answer and (answer.kind, answer.digest) not in known:
            yield answer


def _judged(reply: LoggedObservation, said: Iterable[Statement]) -> LoggedObservation | None:
    try:
        return judge(reply, said)
    except AnswerRejected:
        return None
