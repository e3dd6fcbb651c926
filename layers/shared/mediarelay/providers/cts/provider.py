"""CTS (Cloud Transcoding Service): API v2, one query for each kind, callbacks without a signature."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from mediarelay.domain.tasks.facts import Facts, Place, Source
from mediarelay.domain.tasks.file_url import stored_url
from mediarelay.domain.tasks.media import Kind, State
from mediarelay.domain.tasks.origin import Origin
from mediarelay.errors import Malformed
from mediarelay.providers.cts.parse import canonical, parse_callback, parse_query, parse_reply, parse_submitted
from mediarelay.providers.cts.values import owns
from mediarelay.providers.cts.wire import SUBMIT_AUDIO, read, sign
from mediarelay.providers.port import Account, Answer, Call, HttpRequest, Listed, Signing

QUERY_ACTIONS = {Kind.VIDEO: "GetCtsInfo", Kind.AUDIO: "GetCtsaudioInfo"}
# The provider makes a task of an audio submit. A video task exists already, since the upload of its file.
SUBMIT_ACTIONS = {Kind.VIDEO: QUERY_ACTIONS[Kind.VIDEO], Kind.AUDIO: SUBMIT_AUDIO}
SUBMIT_FIELDS = {Kind.VIDEO: ("url",), Kind.AUDIO: ("url", "bucketName", "bucketRegion")}
ORIGINS = {Kind.AUDIO: Origin.SUBMIT, Kind.VIDEO: Origin.TRACK}


@dataclass(frozen=True, slots=True)
class Cts:
    """The provider CTS."""

    name: str = "cts"
    query_horizon: timedelta | None = None
    # A repeated submit makes a second task, and the provider marks the first one as deleted.
    submit_horizon: timedelta | None = None

    def owns(self, vid: str) -> bool:
        """Return whether an id has no hyphen: the ids of API 3.0 have one."""
        return owns(vid)

    def redact(self, body: bytes) -> bytes:
        """Return the body as it is: the provider's bodies hold no secrets."""
        return body

    def claim_facts(self, _vid: str, kind: Kind, body: bytes) -> Facts:
        """Read a callback."""
        return parse_callback(kind, body)

    def answer_facts(self, _vid: str, kind: Kind, data: Mapping[str, Any]) -> Facts:
        """Read the data of a query's answer."""
        return parse_query(kind, data)

    def request_facts(self, vid: str, kind: Kind, request: Mapping[str, Any]) -> Facts:
        """Read a stored request. Without a bucket in it, only its URL is known."""
        place = Place(bucket=request.get("bucketName"), region=request.get("bucketRegion"))
        source = Source(url=stored_url(request["url"]) if "url" in request else None, place=place)
        return Facts(vid=vid, kind=kind, state=State.EXPECTED, source=source, reference=request.get("reference"))

    def reply_data(self, body: bytes) -> Mapping[str, Any]:
        """Return the data of an answer that was stored as received."""
        return parse_reply(body)

    def canonical(self, data: Mapping[str, Any]) -> bytes:
        """Return the data of an answer as JSON. The provider's answers hold no secrets."""
        return canonical(data)

    def request(self, kind: Kind, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return a client's request with the fields that the provider takes."""
        taken = SUBMIT_FIELDS[kind]
        # First, because a client that sends a field of another provider cannot guess from a missing one what is wrong.
        if other := next((name for name in request if name not in {*taken, "provider", "reference"}), None):
            raise Malformed(other, f"is not taken by {self.name}, which takes {', '.join(taken)}")
        if missing := next((name for name in taken if name not in request), None):
            raise Malformed(missing, "is required")
        return {name: request[name] for name in taken}

    @property
    def actions(self) -> tuple[str, ...]:
        """The two queries, one of which is also the submit of a video, and the submit of an audio file."""
        return (*QUERY_ACTIONS.values(), SUBMIT_AUDIO)

    def query_action(self, kind: Kind) -> str:
        """Return the action that queries a task."""
        return QUERY_ACTIONS[kind]

    def submit_action(self, kind: Kind) -> str:
        """Return the action that submits a task."""
        return SUBMIT_ACTIONS[kind]

    def query(self, kind: Kind, vid: str) -> Call:
        """Return the call that queries a task."""
        return Call(QUERY_ACTIONS[kind], {"vid": vid})

    def submit(self, kind: Kind, request: Mapping[str, Any], _submission: str, _account: Account) -> Call:
        """Return the call that submits an audio task, or that asks for the vid of a video by its URL."""
        return Call(SUBMIT_ACTIONS[kind], request)

    def submit_origin(self, kind: Kind) -> Origin:
        """Return the origin of the observation that follows a submit."""
        return ORIGINS[kind]

    def submitted_vid(self, data: Mapping[str, Any]) -> str:
        """Return the vid in the data of a submit's answer."""
        return parse_submitted(data)

    def lists(self, _since: datetime, _until: datetime) -> Sequence[Call]:
        """Return no call: the provider has no list."""
        return ()

    def listed(self, _data: Mapping[str, Any]) -> Listed:
        """Return an empty page."""
        return Listed((), None)

    def next_page(self, call: Call, _cursor: str) -> Call:
        """Return the same call."""
        return call

    def sign(self, call: Call, signing: Signing) -> HttpRequest:
        """Return the signed request of a call."""
        return sign(call, signing)

    def read(self, action: str, body: bytes) -> Answer:
        """Read the body of an answer."""
        return read(action, body)


CTS = Cts()
