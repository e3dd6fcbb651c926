"""Calls the provider's API v2 over HTTPS. Each call gets a new signature. The schedule, not this module, retries."""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import requests
from urllib3.exceptions import HTTPError

from mediarelay.contracts.cts.parse import Envelope, parse_envelope, parse_submitted
from mediarelay.domain.budget import Allowance, Budget
from mediarelay.domain.circuit_breaker import QUERY_ACTIONS, Circuit
from mediarelay.domain.tasks.media import Kind
from mediarelay.errors import (
    BudgetSpent,
    Malformed,
    ProviderBusy,
    ProviderClosed,
    ProviderError,
    ProviderRefused,
    ProviderUnknown,
    ProviderUnreadable,
)
from mediarelay.observability import count
from mediarelay.signing.qcloud import Credentials, Endpoint, signed_params
from mediarelay.signing.service_url import read_service_url

# Seconds to connect, and to wait for each read from the socket.
TIMEOUT = (3, 10)
MAX_BYTES = 16 * 2**20
# A response that is not a JSON object is usually the error page of a proxy. Its beginning is enough to recognise it.
MAX_PAGE_BYTES = 64 * 1024
# `requests` limits each read, not the whole call: a server that sends one byte at a time would hold the worker.
MAX_SECONDS = 12
# Clients and logs get this many characters of the provider's message, which may be of any length.
MAX_MESSAGE_LENGTH = 500
# The provider reports its rate limits as module codes, under general codes that would otherwise refuse the request.
BUSY_MODULES = frozenset({9163, 22063})
# Codes that are not about the request. Any other code means that the provider would refuse the same request again.
ERRORS: dict[int, type[ProviderError]] = {
    **dict.fromkeys((4200, 4400, 4500, 6000, 6200), ProviderBusy),
    **dict.fromkeys((4100, 4101, 4102, 4103, 4104, 4105, 4106, 4110, 4300, 4600, 6100), ProviderClosed),
    5000: ProviderUnknown,
}
log = logging.getLogger(__name__)


class Guard(Protocol):
    """The circuit breaker around calls to the provider."""

    def before_call(self, action: str) -> Circuit:
        """Return the circuit of an action that may be called now; raise `CircuitOpen` otherwise."""

    def record_failure(self, action: str, seen: Circuit) -> None:
        """Record that the provider refused us."""

    def record_success(self, action: str, seen: Circuit) -> None:
        """Record that the provider served a call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CtsApi:
    """Client of the provider's API.

    Attributes:
        url: The endpoint. The signature covers its host (with a non-default port) and its path.
        credentials: Returns the current keys.
        spend: Takes one call from the budget that all functions share: (now, allowance) -> whether one was left.
        budget: Calls per minute, by class of call.
        guard: The circuit breaker.
        clock: Returns the current time (UTC).
        nonce: Returns a positive integer that it never returns again.
        session: The HTTP session, which keeps connections open between calls.
    """

    url: str
    credentials: Callable[[], Credentials]
    spend: Callable[[datetime, Allowance], bool]
    budget: Budget
    guard: Guard
    clock: Callable[[], datetime]
    nonce: Callable[[], int]
    session: requests.Session

    def query(self, kind: Kind, vid: str, *, known: bool = True) -> Mapping[str, Any]:
        """Query a task (GetCtsInfo, GetCtsaudioInfo) and return the `data` of the answer.

        Args:
            kind: Video or audio.
            vid: The task.
            known: Whether anything but callbacks names the task. Other tasks share only a part of the budget.

        Raises:
            ProviderUnreadable: The answer cannot be read. The error carries the body.
            ProviderError: The provider gave no usable answer; see `errors` for the cases.
        """
        return self._call(QUERY_ACTIONS[kind], {"vid": vid}, self.budget.query(known=known))

    def find_video(self, request: Mapping[str, str], *, queued: bool = False) -> str:
        """Return the vid of a video, found by the URL of its source (GetCtsInfo); `queued` as in `add_audio`."""
        return _vid(self._call("GetCtsInfo", {"url": request["url"]}, self._submit(queued=queued)))

    def add_audio(self, request: Mapping[str, str], *, queued: bool = False) -> str:
        """Submit an audio task (AddCtsAudioTask) and return its vid.

        Args:
            request: `url`, `bucketName` and `bucketRegion`.
            queued: Whether no client waits for the answer. Such a call leaves a part of the budget to other calls.

        Raises:
            ProviderError: The provider gave no vid; see `errors` for the cases.
        """
        # There is no task yet that the provider could fail to know, so its "unknown" is about the request.
        try:
            return _vid(self._call("AddCtsAudioTask", request, self._submit(queued=queued)))
        except ProviderUnknown as error:
            raise ProviderRefused(str(error), error.code) from error

    def _submit(self, *, queued: bool) -> Allowance:
        return self.budget.background if queued else self.budget.submit

    def _call(self, action: str, params: Mapping[str, str], allowance: Allowance) -> Mapping[str, Any]:
        # The breaker comes first: a call that it refuses must not use up the budget.
        now, seen = self.clock(), self.guard.before_call(action)
        if not self.spend(now, allowance):
            count("BudgetExhausted", action=action)
            raise BudgetSpent("our own budget of calls is used up")
        count("ProviderCalls", action=action)
        try:
            answer = self._answer({"Action": action, **params}, now)
        except ProviderError as error:
            count("ProviderErrors", error=type(error).__name__)
            self._record_error(action, seen, error)
            raise
        self.guard.record_success(action, seen)
        return answer

    def _record_error(self, action: str, seen: Circuit, error: ProviderError) -> None:
        """Record a refusal of us as a failure and a refusal of the request as a success; no answer is neither."""
        if isinstance(error, ProviderClosed):
            self.guard.record_failure(action, seen)
        elif not isinstance(error, ProviderBusy):
            self.guard.record_success(action, seen)

    def _answer(self, params: Mapping[str, str], now: datetime) -> Mapping[str, Any]:
        body = self._send(params, now)
        envelope = _envelope(body)
        if envelope.code != 0:
            raise _error(envelope)
        if envelope.data is None:
            raise ProviderUnreadable("no usable answer (data: missing)", body)
        return envelope.data

    def _send(self, params: Mapping[str, str], now: datetime) -> bytes:
        service = read_service_url(self.url)
        endpoint = Endpoint("POST", service.host, service.path)
        signed = signed_params(self.credentials(), endpoint, params, nonce=self.nonce(), timestamp=int(now.timestamp()))
        end = time.monotonic() + MAX_SECONDS
        try:
            answer = self.session.post(service.url, data=signed, timeout=TIMEOUT, allow_redirects=False, stream=True)
            return _bounded(answer, end)
        except (requests.RequestException, HTTPError, OSError) as error:
            # The message of the cause may quote the request, whose parameters contain a signature.
            raise ProviderBusy(f"no usable answer ({type(error).__name__})") from None


def _bounded(answer: requests.Response, end: float) -> bytes:
    """Read the body of an answer; raise if it exceeds `MAX_BYTES`, or if reading takes until `end`."""
    body = bytearray()
    with answer:
        while chunk := answer.raw.read1(2**16, decode_content=True):
            body += chunk
            if time.monotonic() > end:
                raise ProviderBusy("no usable answer (too slow)")
            if len(body) > MAX_BYTES:
                raise ProviderUnreadable(f"no usable answer (over {MAX_BYTES} bytes)", bytes(body[:MAX_PAGE_BYTES]))
    return bytes(body)


def _envelope(body: bytes) -> Envelope:
    """Read an answer. If it cannot be read, raise an error that carries the body, so that it can be logged."""
    try:
        envelope = parse_envelope(body)
    # The body comes from outside. A bug in our reader must not keep it out of the log.
    except Exception as error:
        if not isinstance(error, Malformed):
            log.exception("reading failed")
        raise _unreadable(body, str(error) if isinstance(error, Malformed) else type(error).__name__) from None
    for name in envelope.unreadable:
        count("FieldsUnreadable", field=name)
    return envelope


def _unreadable(body: bytes, reason: str) -> ProviderBusy:
    """Return the error for a body that cannot be read, with the whole body if it looks like JSON."""
    if not body:
        return ProviderBusy("no usable answer (empty)")
    looks_like_json = body.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{")
    return ProviderUnreadable(f"no usable answer ({reason})", body if looks_like_json else body[:MAX_PAGE_BYTES])


def _error(envelope: Envelope) -> ProviderError:
    """Return the error that an envelope reports."""
    text = f"provider code {envelope.code}"
    if envelope.module_code in BUSY_MODULES:
        return ProviderBusy(text, envelope.code)
    kind = ERRORS.get(envelope.code, ProviderRefused)
    # Clients see this text. A message about anything but the request may quote our keys.
    if issubclass(kind, ProviderRefused | ProviderUnknown) and (message := _printable(envelope.message)):
        text = f"{text}: {message}"
    return kind(text, envelope.code)


def _printable(message: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in message[:MAX_MESSAGE_LENGTH]).strip()


def _vid(data: Mapping[str, Any]) -> str:
    """Return the vid in an answer; raise `ProviderBusy` without one, as the caller did nothing wrong."""
    try:
        return parse_submitted(data)
    except Malformed:
        raise ProviderBusy("no usable answer (no vid)") from None
