"""MPS (Media Processing Service): API 3.0, one query for both kinds, submits that are made once, a list of tasks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from mediarelay.domain.tasks.facts import Facts
from mediarelay.domain.tasks.media import Kind
from mediarelay.domain.tasks.origin import Origin
from mediarelay.providers.mps import calls
from mediarelay.providers.mps.answers import SUBMIT, canonical, read_response
from mediarelay.providers.mps.facts import answer_facts, claim_facts, reply_data
from mediarelay.providers.mps.redaction import redact
from mediarelay.providers.mps.requests import canonical_request, request_facts
from mediarelay.providers.mps.values import owns
from mediarelay.providers.port import Account, Answer, Call, HttpRequest, Listed, Signing

# The provider makes no second task of a submission for 3 days. The margin covers its clock and ours.
SUBMIT_HORIZON = timedelta(days=3) - timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class Mps:
    """The provider MPS."""

    name: str = "mps"
    query_horizon: timedelta | None = calls.HORIZON
    submit_horizon: timedelta | None = SUBMIT_HORIZON

    def owns(self, vid: str) -> bool:
        """Return whether an id has a hyphen, as those of API 3.0 have."""
        return owns(vid)

    def redact(self, body: bytes) -> bytes:
        """Return a body without credentials."""
        return redact(body)

    def claim_facts(self, _vid: str, kind: Kind, body: bytes) -> Facts:
        """Read a callback."""
        return claim_facts(kind, body)

    def answer_facts(self, vid: str, kind: Kind, data: Mapping[str, Any]) -> Facts:
        """Read the data of a query's answer."""
        return answer_facts(vid, kind, data)

    def request_facts(self, vid: str, kind: Kind, request: Mapping[str, Any]) -> Facts:
        """Read a stored request."""
        return request_facts(vid, kind, request)

    def reply_data(self, body: bytes) -> Mapping[str, Any]:
        """Return the data of an answer that was stored as received."""
        return reply_data(body)

    def canonical(self, data: Mapping[str, Any]) -> bytes:
        """Return the data of an answer as JSON without credentials."""
        return canonical(data)

    def request(self, kind: Kind, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return a client's request in its canonical form."""
        return canonical_request(kind, request)

    @property
    def actions(self) -> tuple[str, ...]:
        """The query, the submit and the list."""
        return calls.QUERY, SUBMIT, calls.LIST

    def query_action(self, _kind: Kind) -> str:
        """Return the action that queries a task of either kind."""
        return calls.QUERY

    def submit_action(self, _kind: Kind) -> str:
        """Return the action that submits a task of either kind."""
        return SUBMIT

    def query(self, _kind: Kind, vid: str) -> Call:
        """Return the call that queries a task."""
        return calls.query(vid)

    def submit(self, _kind: Kind, request: Mapping[str, Any], submission: str, account: Account) -> Call:
        """Return the call that makes a task of a canonical request."""
        return calls.submit(request, submission, account)

    def submit_origin(self, _kind: Kind) -> Origin:
        """Return the origin of the observation that follows a submit."""
        return Origin.SUBMIT

    def submitted_vid(self, data: Mapping[str, Any]) -> str:
        """Return the vid in the data of a submit's answer."""
        return calls.submitted_vid(data)

    def lists(self, since: datetime, until: datetime) -> Sequence[Call]:
        """Return one call for each status that a task may have."""
        return calls.lists(since, until)

    def listed(self, data: Mapping[str, Any]) -> Listed:
        """Read one page of a list."""
        return calls.listed(data)

    def next_page(self, call: Call, cursor: str) -> Call:
        """Return the call for the next page of a list."""
        return calls.next_page(call, cursor)

    def sign(self, call: Call, signing: Signing) -> HttpRequest:
        """Return the signed request of a call."""
        return calls.sign(call, signing)

    def read(self, action: str, body: bytes) -> Answer:
        """Read the body of an answer."""
        return read_response(action, body)


MPS = Mps()
