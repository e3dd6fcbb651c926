"""The port of a provider: how to read its callbacks, how to build its calls, and how to read its answers.

A provider is pure. It does no I/O and takes the time as an argument; `adapters/provider_api.py` sends its calls.
`CallbackFormat` is apart, because the callback functions load nothing else of a provider.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

from mediarelay.domain.tasks.log import ClaimSummary
from mediarelay.domain.tasks.media import Kind
from mediarelay.domain.tasks.origin import Origin

# The callback functions import this module, and use no facts.
if TYPE_CHECKING:
    from mediarelay.domain.tasks.facts import Facts


@dataclass(frozen=True, slots=True)
class CallbackSignature:
    """The signature inside a callback: the UNIX seconds until which it counts, and its digest; None if missing."""

    expires: int | None
    digest: str | None


@dataclass(frozen=True, slots=True)
class Head:
    """The identity and the claim of a callback.

    Attributes:
        vid: The task; only the form of the id is checked.
        claim_summary: The values that the callback claims.
        lenient: Whether the body is invalid JSON with the mistakes of the provider's documented examples.
        kind: The kind that the body states; None if only the endpoint tells it.
        signature: The callback's signature, if the provider signs callbacks.
    """

    vid: str
    claim_summary: ClaimSummary
    lenient: bool = False
    kind: Kind | None = None
    signature: CallbackSignature | None = None


class CallbackFormat(Protocol):
    """The callbacks that arrive at one endpoint."""

    def __hash__(self) -> int:
        """Return a hash: one store is built for each format."""

    @property
    def route(self) -> str:
        """The path of the endpoint without its token, such as `callbacks/video`."""

    @property
    def kind(self) -> Kind:
        """The kind of the tasks, where the body states none."""

    def redact(self, body: bytes) -> bytes:
        """Return a body without secrets, whatever its form; the same bytes if it contains none."""

    def read_head(self, body: bytes) -> Head:
        """Identify a callback.

        Raises:
            Malformed: The body names no task.
            NotATask: The body is a documented callback about something else than a task.
        """

    def admits(self, signature: CallbackSignature | None, keys: Sequence[str], now: datetime) -> bool:
        """Return whether one of the keys made a signature, which still counts; True without keys to check it with."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a provider's API: an action and its parameters."""

    action: str
    # A submit's parameters may contain the keys of the storage and of the callbacks.
    params: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A signed request. Its body must be sent as these bytes."""

    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Account:
    """What signs and completes the calls to one provider.

    Attributes:
        secret_id: The id of the key.
        secret_key: The key.
        token: Belongs to temporary keys; None for others.
        notify_url: Where the provider sends the callbacks of a task that we submit; None if its console says that.
        notify_key: Signs these callbacks.
        storage_id, storage_key: The keys of a foreign object storage, for sources that lie in one.
    """

    secret_id: str
    secret_key: str = field(repr=False)
    token: str | None = field(default=None, repr=False)
    notify_url: str | None = field(default=None, repr=False)
    notify_key: str | None = field(default=None, repr=False)
    storage_id: str | None = None
    storage_key: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signing:
    """What a signature depends on: the endpoint's URL, the region, the account, the time (UTC) and a nonce."""

    url: str
    region: str
    account: Account
    now: datetime
    nonce: int


@dataclass(frozen=True, slots=True)
class Answer:
    """The content of a successful answer, and the names of the envelope's fields that could not be read."""

    data: Mapping[str, Any]
    unreadable: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Listed:
    """One page of the provider's list of tasks.

    Attributes:
        rows: The vid of each task, with its row in JSON as the ledger logs it.
        cursor: Leads to the next page; None on the last one.
    """

    rows: tuple[tuple[str, bytes], ...]
    cursor: str | None


class Provider(Protocol):
    """One provider."""

    @property
    def name(self) -> str:
        """The name in settings, secrets, requests and metrics."""

    @property
    def query_horizon(self) -> timedelta | None:
        """For how long after its creation a query knows a task; None if there is no limit."""

    @property
    def submit_horizon(self) -> timedelta | None:
        """For how long the same submission makes no second task; None if there is no limit.

        A submit whose answer was lost is sent again only for so long.
        """

    def owns(self, vid: str) -> bool:
        """Return whether an id has the form of this provider's ids."""

    def redact(self, body: bytes) -> bytes:
        """Return a body without secrets, whatever its form; the same bytes if it contains none."""

    # ── bodies ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def claim_facts(self, vid: str, kind: Kind, body: bytes) -> "Facts":
        """Read the body of a callback; raises `Malformed`."""

    def answer_facts(self, vid: str, kind: Kind, data: Mapping[str, Any]) -> "Facts":
        """Read the data of a query's answer; raises `Malformed`."""

    def request_facts(self, vid: str, kind: Kind, request: Mapping[str, Any]) -> "Facts":
        """Read a stored request of a client; raises `Malformed`. Its state is not used: the origin decides it."""

    def reply_data(self, body: bytes) -> Mapping[str, Any]:
        """Return the data of an answer that was stored as received; raises `Malformed`."""

    def canonical(self, data: Mapping[str, Any]) -> bytes:
        """Return the data of an answer as JSON without secrets. Equal answers give equal bytes."""

    # ── calls ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def request(self, kind: Kind, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """Check a client's request and return what `submit` takes; raises `Malformed` if it cannot be served."""

    @property
    def actions(self) -> tuple[str, ...]:
        """The actions of all calls, each of which has a circuit."""

    def query_action(self, kind: Kind) -> str:
        """Return the action that queries a task."""

    def submit_action(self, kind: Kind) -> str:
        """Return the action that submits a task."""

    def query(self, kind: Kind, vid: str) -> Call:
        """Return the call that queries a task."""

    def submit(self, kind: Kind, request: Mapping[str, Any], submission: str, account: Account) -> Call:
        """Return the call that makes a task of a checked request; `submission` identifies the intent."""

    def submit_origin(self, kind: Kind) -> Origin:
        """Return the origin of the observation that follows a submit."""

    def submitted_vid(self, data: Mapping[str, Any]) -> str:
        """Return the vid in the data of a submit's answer; raises `Malformed`."""

    def lists(self, since: datetime, until: datetime) -> Sequence[Call]:
        """Return the calls whose pages together list all tasks made between two times (UTC); none without a list."""

    def listed(self, data: Mapping[str, Any]) -> Listed:
        """Read one page of a list; raises `Malformed`."""

    def next_page(self, call: Call, cursor: str) -> Call:
        """Return the call for the next page of a list."""

    # ── the wire ────────────────────────────────────────────────────────────────────────────────────────────────────

    def sign(self, call: Call, signing: Signing) -> HttpRequest:
        """Return the signed request of a call."""

    def read(self, action: str, body: bytes) -> Answer:
        """Read the body of an answer.

        Raises:
            ProviderUnreadable: It cannot be read. The error carries the body.
            ProviderError: The provider refused the call; see `errors` for the cases.
        """
