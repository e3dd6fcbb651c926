"""Answers of the provider: check that an answer is about its task, and check old replies again with a better reader."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from mediarelay.domain.tasks.answer_binding import mismatches
from mediarelay.domain.tasks.conflict import Statement
from mediarelay.domain.tasks.facts import Facts
from mediarelay.domain.tasks.log import LoggedObservation, TaskLog
from mediarelay.domain.tasks.media import Kind
from mediarelay.domain.tasks.origin import Origin
from mediarelay.errors import Malformed
from mediarelay.providers.registry import provider_of

# Only so many of the latest replies of a task are checked again, because each costs a read of its body.
MAX_REPLIES = 5
logger = logging.getLogger(__name__)


class AnswerRejected(Exception):
    """An answer cannot be accepted; `category` is `unreadable`, `mismatched` or `failed`."""

    def __init__(self, category: str, reason: str) -> None:
        super().__init__(reason)
        self.category = category


def check_answer(vid: str, kind: Kind, data: Mapping[str, Any], statements: Iterable[Statement]) -> Facts:
    """Check that the `data` of an answer is about a task and states its progress; return what it states.

    Args:
        vid: The task that the provider was queried about.
        kind: The kind of the query.
        data: The decoded `data` of the answer.
        statements: Statements about the task from other sources than claims.

    Raises:
        AnswerRejected: The answer cannot be accepted. No other exception is raised, whatever `data` holds.
    """
    try:
        facts = provider_of(vid).answer_facts(vid, kind, data)
        wrong = mismatches(vid, statements, facts)
    except Malformed as error:
        raise AnswerRejected("unreadable", str(error)) from None
    # A mistake in our reader must not lose the answer: it is stored as a reply, and a repaired reader checks it again.
    except Exception as error:
        logger.exception("reading failed", extra={"vid": vid})
        raise AnswerRejected("failed", type(error).__name__) from None
    if wrong:
        raise AnswerRejected("mismatched", f"about something else: {', '.join(wrong)}")
    return facts


def accepted_replies(
    log: TaskLog, statements: Iterable[Statement], read_body: Callable[[LoggedObservation], bytes | None]
) -> Iterator[LoggedObservation]:
    """Yield an answer for each of a task's latest replies that can be accepted now and is not logged yet.

    A later edition may read what the edition that logged the reply could not read.
    """
    logged = {(one.kind, one.digest) for one in log.observations if one.origin is Origin.ANSWER}
    replies = sorted((one for one in log.observations if one.origin is Origin.REPLY), key=lambda one: one.at)
    for reply in replies[-MAX_REPLIES:]:
        answer = _accepted(reply, read_body(reply) or b"", statements)
        if answer and (answer.kind, answer.digest) not in logged:
            yield answer


def _accepted(reply: LoggedObservation, body: bytes, statements: Iterable[Statement]) -> LoggedObservation | None:
    provider = provider_of(reply.vid)
    try:
        data = provider.reply_data(body)
        check_answer(reply.vid, reply.kind, data, statements)
    except (AnswerRejected, Malformed):
        return None
    # One stored body that our reader fails on must not stop its task for ever.
    except Exception:
        logger.exception("reading failed", extra={"vid": reply.vid})
        return None
    return replace(reply, origin=Origin.ANSWER, body=provider.canonical(data), digest="", reason=None)
