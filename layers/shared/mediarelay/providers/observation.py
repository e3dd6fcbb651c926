"""Reads what a logged observation states. The log keeps bodies as received, so a better reader applies to old ones."""

import json
import logging
from collections.abc import Callable, Iterable
from dataclasses import replace

from mediarelay.domain.tasks.facts import Facts, Place, Source
from mediarelay.domain.tasks.file_url import printed_url
from mediarelay.domain.tasks.log import ClaimSummary, LoggedObservation
from mediarelay.domain.tasks.media import State
from mediarelay.domain.tasks.origin import Origin
from mediarelay.domain.tasks.task import Observation
from mediarelay.errors import Malformed
from mediarelay.providers.registry import provider_of

# Every sender with the path token may send large callbacks, which take seconds to read. Documented callbacks have less
# than 4 KB.
MAX_CLAIM_BYTES = 64 * 1024
log = logging.getLogger(__name__)


def observe(observations: Iterable[LoggedObservation]) -> list[Observation]:
    """Read the observations of a log, except replies, which state nothing that can be used."""
    return [
        Observation(origin=one.origin, digest=one.digest, at=one.at, facts=read_facts(one))
        for one in observations
        if one.origin is not Origin.REPLY
    ]


def read_facts(observation: LoggedObservation) -> Facts:
    """Read what an observation states.

    A claim over `MAX_CLAIM_BYTES`, or without its body, states its summary. An observation that cannot be read states
    its summary if it has one, otherwise only that the task exists.
    """
    if observation.body is None or (observation.origin is Origin.CLAIM and len(observation.body) > MAX_CLAIM_BYTES):
        return _summarized(observation)
    # Others sent these bodies. One that breaks a reader must not make its whole task unreadable.
    try:
        return _READERS[observation.origin](observation)
    except Malformed as error:
        log.warning(
            "unreadable observation",
            extra={"vid": observation.vid, "origin": observation.origin.value, "field": error.field},
        )
        return _summarized(observation, error.field)
    except Exception:
        log.exception("reading failed", extra={"vid": observation.vid, "origin": observation.origin.value})
        return _summarized(observation, "body")


def _summarized(observation: LoggedObservation, *unreadable: str) -> Facts:
    summary = observation.claim_summary or ClaimSummary()
    return Facts(
        vid=observation.vid,
        kind=observation.kind,
        state=summary.state or State.EXPECTED,
        source=Source(
            url=summary.url and printed_url(summary.url), place=Place(app_id=summary.app_id, bucket=summary.bucket)
        ),
        unreadable=unreadable,
    )


def _claim(one: LoggedObservation) -> Facts:
    return provider_of(one.vid).claim_facts(one.vid, one.kind, one.body or b"")


def _answer(one: LoggedObservation) -> Facts:
    return provider_of(one.vid).answer_facts(one.vid, one.kind, json.loads(one.body or b""))


def _client_request(one: LoggedObservation) -> Facts:
    """Read a submit or a tracked upload: the request as the client sent it, and the submission that made the task."""
    facts = provider_of(one.vid).request_facts(one.vid, one.kind, json.loads(one.body or b""))
    state = State.PENDING if one.origin is Origin.SUBMIT else State.EXPECTED
    return replace(facts, state=state, submission=one.submission)


def _timeout(one: LoggedObservation) -> Facts:
    return Facts(vid=one.vid, kind=one.kind, state=State.LOST)


def _bare(one: LoggedObservation) -> Facts:
    """Read a row of the provider's list, which states only that the task exists."""
    return Facts(vid=one.vid, kind=one.kind, state=State.EXPECTED)


_READERS: dict[Origin, Callable[[LoggedObservation], Facts]] = {
    Origin.REPLY: _summarized,
    Origin.TRACK: _client_request,
    Origin.SUBMIT: _client_request,
    Origin.LISTED: _bare,
    Origin.CLAIM: _claim,
    Origin.TRUSTED: _claim,
    Origin.ANSWER: _answer,
    Origin.TIMEOUT: _timeout,
}
