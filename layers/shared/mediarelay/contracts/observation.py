"""From a line of the log to what it states. Bodies are kept as received, so a better reader applies to old ones too."""

import json
import logging
from collections.abc import Callable, Iterable

from mediarelay.contracts.cts.parse import parse_callback, parse_query
from mediarelay.domain.tasks.file_url import printed_url, stored_url
from mediarelay.domain.tasks.log import ClaimSummary, LoggedObservation
from mediarelay.domain.tasks.media import Facts, Place, Source, State
from mediarelay.domain.tasks.origin import Origin
from mediarelay.domain.tasks.task import Observation
from mediarelay.errors import Malformed

# Of a callback that is not believed and is read in full; a documented one has less than 4 KB. Anybody with the path
# token may send larger ones, which take seconds to read.
MAX_CLAIM_BYTES = 64 * 1024
log = logging.getLogger(__name__)


def observe(entries: Iterable[LoggedObservation]) -> list[Observation]:
    """Read the log; a line without a body states its summary, one that cannot be read only that there is such a task.

    A reply that could not be judged states nothing.
    """
    return [
        Observation(origin=entry.origin, digest=entry.digest, at=entry.at, facts=facts_of(entry))
        for entry in entries
        if entry.origin is not Origin.REPLY
    ]


def facts_of(entry: LoggedObservation) -> Facts:
    """Read one line of the log. Never raises: what stands in the log was sent by others.

    Of a claim over `MAX_CLAIM_BYTES`, as of one without its body, only the summary is known.
    """
    if entry.body is None or (entry.origin is Origin.CLAIM and len(entry.body) > MAX_CLAIM_BYTES):
        return _in_short(entry)
    try:
        return _READERS[entry.origin](entry)
    except Malformed as error:
        log.warning("unreadable entry", extra={"vid": entry.vid, "origin": entry.origin.value, "field": error.field})
        return _in_short(entry, error.field)
    except Exception:
        log.exception("reading failed", extra={"vid": entry.vid, "origin": entry.origin.value})
        return _in_short(entry, "body")


def _in_short(entry: LoggedObservation, *unreadable: str) -> Facts:
    summary = entry.claim_summary or ClaimSummary()
    return Facts(
        vid=entry.vid,
        kind=entry.kind,
        state=summary.state or State.EXPECTED,
        source=Source(
            url=summary.url and printed_url(summary.url), place=Place(app_id=summary.app_id, bucket=summary.bucket)
        ),
        unreadable=unreadable,
    )


def _claim(entry: LoggedObservation) -> Facts:
    return parse_callback(entry.kind, entry.body or b"")


def _answer(entry: LoggedObservation) -> Facts:
    return parse_query(entry.kind, json.loads(entry.body or b""))


def _order(entry: LoggedObservation) -> Facts:
    """Read a submit or a tracked upload, as the client requested it."""
    request = json.loads(entry.body or b"")
    place = Place(bucket=request.get("bucketName"), region=request.get("bucketRegion"))
    state = State.PENDING if entry.origin is Origin.SUBMIT else State.EXPECTED
    source = Source(url=stored_url(request["url"]) if "url" in request else None, place=place)
    return Facts(vid=entry.vid, kind=entry.kind, state=state, source=source)


def _timeout(entry: LoggedObservation) -> Facts:
    return Facts(vid=entry.vid, kind=entry.kind, state=State.LOST)


_READERS: dict[Origin, Callable[[LoggedObservation], Facts]] = {
    Origin.REPLY: _in_short,
    Origin.TRACK: _order,
    Origin.SUBMIT: _order,
    Origin.CLAIM: _claim,
    Origin.TRUSTED: _claim,
    Origin.ANSWER: _answer,
    Origin.TIMEOUT: _timeout,
}
