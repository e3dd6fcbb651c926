"""The provider's API v2 over HTTPS. Each call is signed afresh; nothing is retried here, the schedule does that."""

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

# Seconds to connect, and to wait for each piece of an answer.
TIMEOUT = (3, 10)
MAX_BYTES = 16 * 2**20
# Of an answer that is no JSON object, such as a proxy's page, are handed on.
MAX_PAGE_BYTES = 64 * 1024
# For a whole call, but for the headers and the last piece of the body; the function's own timeout bounds those.
MAX_SECONDS = 12
# Characters of the provider's message that are passed on.
MAX_MESSAGE_LENGTH = 500
BUSY_MODULES = frozenset({9163, 22063})
# What a code means for us; all others refuse the request itself (reference: API v2, response envelope).
ERRORS: dict[int, type[ProviderError]] = {
    **dict.fromkeys((4200, 4400, 4500, 6000, 6200), ProviderBusy),
    **dict.fromkeys((4100, 4101, 4102, 4103, 4104, 4105, 4106, 4110, 4300, 4600, 6100), ProviderClosed),
    5000: ProviderUnknown,
}
log = logging.getLogger(__name__)


class Guard(Protocol):
    """The circuit breaker."""

    def before_call(self, action: str) -> Circuit:
        """Return the circuit of an action that may be called now; raises `CircuitOpen`."""

    def record_failure(self, action: str, seen: Circuit) -> None:
        """Record that the provider refused us."""

    def record_success(self, action: str, seen: Circuit) -> None:
        """Record that the provider served a call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CtsApi:
    """Calls the provider.

    Attributes:
        url: The endpoint; its host (with a port other than the scheme's own) and path are signed as they are called.
        credentials: Gives the current keys.
        spend: Takes a call from the budget shared by all functions: (now, allowance) -> whether there was one.
        budget: Calls per minute, by class of call.
        guard: The circuit breaker.
        clock: The present (UTC).
        nonce: Gives a positive integer that is never given twice.
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
        """Query a task (GetCtsInfo, GetCtsaudioInfo); return the `data` of the answer.

        Args:
            kind: Video or audio.
            vid: The task.
            known: Whether more than callbacks name it; those that only callbacks name share a part of the budget.

        Raises:
            ProviderUnreadable: An answer that cannot be read; it carries the body.
            ProviderError: No answer; see `errors`.
        """
        return self._call(QUERY_ACTIONS[kind], {"vid": vid}, self.budget.query(known=known))

    def find_video(self, request: Mapping[str, str], *, queued: bool = False) -> str:
        """Ask for the vid of a video by its source's URL (GetCtsInfo); `queued` as in `add_audio`."""
        return _vid(self._call("GetCtsInfo", {"url": request["url"]}, self._submit(queued=queued)))

    def add_audio(self, request: Mapping[str, str], *, queued: bool = False) -> str:
        """Submit an audio task (AddCtsAudioTask): `url`, `bucketName`, `bucketRegion`; returns its vid.

        One that was `queued`, as no client waits for it, leaves a part of the budget to the others.
        """
        try:
            return _vid(self._call("AddCtsAudioTask", request, self._submit(queued=queued)))
        except ProviderUnknown as error:
            raise ProviderRefused(str(error), error.code) from error

    def _submit(self, *, queued: bool) -> Allowance:
        return self.budget.background if queued else self.budget.submit

    def _call(self, action: str, params: Mapping[str, str], allowance: Allowance) -> Mapping[str, Any]:
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
        """Count a refusal of us as a failure, and a refusal of the request as a success; silence is neither."""
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
            # Neither carries the request's parameters into our text: those hold a signature.
            raise ProviderBusy(f"no usable answer ({type(error).__name__})") from None


def _bounded(answer: requests.Response, end: float) -> bytes:
    """Read an answer, but never more, and never longer, than is sane: a timeout of requests is only one per read."""
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
    """Read an answer; whatever cannot be read is handed on, so that it can be logged."""
    try:
        envelope = parse_envelope(body)
    except Exception as error:
        if not isinstance(error, Malformed):
            log.exception("reading failed")
        raise _unreadable(body, str(error) if isinstance(error, Malformed) else type(error).__name__) from None
    for name in envelope.unreadable:
        count("FieldsUnreadable", field=name)
    return envelope


def _unreadable(body: bytes, reason: str) -> ProviderBusy:
    """Return the error for a body that cannot be read. A body that is no JSON object is the page of a proxy."""
    if not body:
        return ProviderBusy("no usable answer (empty)")
    looks_like_json = body.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{")
    return ProviderUnreadable(f"no usable answer ({reason})", body if looks_like_json else body[:MAX_PAGE_BYTES])


def _error(envelope: Envelope) -> ProviderError:
    """The provider's message is passed on only where it is about the request: others may quote our keys."""
    text = f"provider code {envelope.code}"
    if envelope.module_code in BUSY_MODULES:
        return ProviderBusy(text, envelope.code)
    kind = ERRORS.get(envelope.code, ProviderRefused)
    if issubclass(kind, ProviderRefused | ProviderUnknown) and (said := _printable(envelope.message)):
        text = f"{text}: {said}"
    return kind(text, envelope.code)


def _printable(message: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in message[:MAX_MESSAGE_LENGTH]).strip()


def _vid(data: Mapping[str, Any]) -> str:
    """The vid of an answer. One without is the provider's fault, not that of our caller."""
    try:
        return parse_submitted(data)
    except Malformed:
        raise ProviderBusy("no usable answer (no vid)") from None
