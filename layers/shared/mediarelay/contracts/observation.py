"""From a line of the log to what it states. Bodies are kept as received, so a better reader applies to old ones too."""

import json
import logging
from collections.abc import Callable, Iterable

from mediarelay.contracts.cts import parse_callback, parse_query
from mediarelay.domain.entry import Entry
from mediarelay.domain.media import Facts, Place, Source, State
from mediarelay.domain.task import Observation, Origin
from mediarelay.errors import Malformed

log = logging.getLogger(__name__)


def observe(entries: Iterable[Entry], *, bare_claims: bool = False) -> list[Observation]:
    """Read the log; a line that cannot be read, and a bare claim, state no more than that there is such a task."""
    return [_observation(entry, bare=bare_claims and entry.origin is Origin.CLAIM) for entry in entries]


def facts_of(entry: Entry) -> Facts:
    """Read one line of the log; raises `Malformed`."""
    return _READERS[entry.origin](entry)


def _observation(entry: Entry, *, bare: bool) -> Observation:
    facts = Facts(vid=entry.vid, kind=entry.kind, state=State.EXPECTED) if bare else _read(entry)
    return Observation(origin=entry.origin, digest=entry.digest, at=entry.at, facts=facts)


def _read(entry: Entry) -> Facts:
    try:
        return facts_of(entry)
    except Malformed as error:
        log.warning("unreadable entry", extra={"vid": entry.vid, "origin": entry.origin.value, "field": error.field})
        return Facts(vid=entry.vid, kind=entry.kind, state=State.EXPECTED)


def _claim(entry: Entry) -> Facts:
    return parse_callback(entry.kind, entry.body)


def _answer(entry: Entry) -> Facts:
    return parse_query(entry.kind, json.loads(entry.body))


def _wish(entry: Entry) -> Facts:
    """A submit or a tracked upload, in our own API's words."""
    wish = json.loads(entry.body)
    place = Place(bucket=wish.get("bucketName"), region=wish.get("bucketRegion"))
    state = State.PENDING if entry.origin is Origin.SUBMIT else State.EXPECTED
    return Facts(vid=entry.vid, kind=entry.kind, state=state, source=Source(url=wish.get("url"), place=place))


def _timeout(entry: Entry) -> Facts:
    return Facts(vid=entry.vid, kind=entry.kind, state=State.LOST)


_READERS: dict[Origin, Callable[[Entry], Facts]] = {
    Origin.TRACK: _wish,
    Origin.SUBMIT: _wish,
    Origin.CLAIM: _claim,
    Origin.TRUSTED: _claim,
    Origin.ANSWER: _answer,
    Origin.TIMEOUT: _timeout,
}
