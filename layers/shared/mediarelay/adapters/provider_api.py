"""Calls the providers' APIs over HTTPS. Each call gets a new signature. The schedule, not this module, retries."""

import time
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any, Protocol

import requests
from urllib3.exceptions import HTTPError

from mediarelay.domain.budget import Allowance, Budget
from mediarelay.domain.circuit_breaker import Circuit, circuit_name
from mediarelay.domain.tasks.intent import Intent
from mediarelay.domain.tasks.media import Kind
from mediarelay.errors import (
    BudgetSpent,
    Malformed,
    NoAccount,
    ProviderBusy,
    ProviderClosed,
    ProviderError,
    ProviderUnreadable,
)
from mediarelay.observability import count
from mediarelay.providers.answers import MAX_PAGE_BYTES
from mediarelay.providers.port import Account, Answer, Call, HttpRequest, Listed, Provider, Signing
from mediarelay.providers.registry import provider_of

# Seconds to connect, and to wait for each read from the socket.
TIMEOUT = (3, 10)
# The peak of an answer is twenty times its size, and workers have 256 MB. Usual answers have some KB.
MAX_BYTES = 4 * 2**20
# `requests` limits each read, not the whole call: a server that sends one byte at a time would hold the worker.
MAX_SECONDS = 12


class Guard(Protocol):
    """The circuit breaker around calls to a provider."""

    def before_call(self, circuit: str) -> Circuit:
        """Return the circuit of an action that may be called now; raise `CircuitOpen` otherwise."""

    def record_refusal(self, circuit: str) -> None:
        """Record that the provider refused us."""

    def record_silence(self, circuit: str, seen: Circuit) -> None:
        """Record that the provider did not answer."""

    def record_success(self, circuit: str, seen: Circuit) -> None:
        """Record that the provider served a call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderApi:
    """Client of one provider's API.

    Attributes:
        provider: Builds the calls and reads the answers.
        url: The endpoint.
        region: The region that the calls name, if the provider's API has regions.
        account: Returns the current keys; None if the secret has none for this provider.
        spend: Takes one call from the provider's budget: (now, allowance) -> whether one was left.
        budget: Calls per minute, by class of call.
        guard: The circuit breaker.
        clock: Returns the current time (UTC).
        nonce: Returns a positive integer that it never returns again.
        session: The HTTP session, which keeps connections open between calls.
    """

    provider: Provider
    url: str
    region: str
    account: Callable[[], Account | None]
    spend: Callable[[datetime, Allowance], bool]
    budget: Budget
    guard: Guard
    clock: Callable[[], datetime]
    nonce: Callable[[], int]
    session: requests.Session

    def query(self, kind: Kind, vid: str, *, known: bool = True) -> Mapping[str, Any]:
        """Query a task and return the data of the answer.

        Args:
            kind: Video or audio.
            vid: The task.
            known: Whether anything but callbacks names the task. Other tasks share only a part of the budget.

        Raises:
            ProviderUnreadable: The answer cannot be read. The error carries the body.
            ProviderError: The provider gave no usable answer; see `errors` for the cases.
        """
        return self._call(lambda _: self.provider.query(kind, vid), self.budget.query(known=known))

    def submit(self, intent: Intent) -> str:
        """Submit an intent and return the vid of its task; raises `ProviderError`.

        A queued intent, for which no client waits, leaves a part of the budget to other calls.
        """
        request = self.provider.request(intent.kind, intent.request)
        allowance = self.budget.background if intent.queued else self.budget.submit
        data = self._call(
            lambda account: self.provider.submit(intent.kind, request, intent.submission, account), allowance
        )
        try:
            return self.provider.submitted_vid(data)
        # The caller did nothing wrong.
        except Malformed:
            raise ProviderBusy("no usable answer (no vid)") from None

    def tasks_between(self, since: datetime, until: datetime, wait: Callable[[], bool]) -> Iterator[Listed]:
        """Yield the pages that list all tasks made between two times (UTC); raises `ProviderError`.

        `wait` waits for the next minute's budget, and returns False if there is no time for that.
        """
        ended = list[bool]()
        for first in self.provider.lists(since, until):
            ended.append((yield from self._pages(first, wait)))
        # Reported after all lists, so that one of them does not keep the others from being read.
        if not all(ended):
            raise ProviderBusy("no usable answer (a list repeats a page)")

    def _pages(self, first: Call, wait: Callable[[], bool]) -> Generator[Listed, None, bool]:
        """Yield the pages of one list; return False if it leads back to a page, as it would never end then."""
        call, seen = first, set[Listed]()
        while True:
            page = self._page(call, wait)
            if page.rows and page in seen:
                # What follows the page is not known.
                return False
            seen.add(page)
            yield page
            if not page.cursor:
                return True
            call = self.provider.next_page(call, page.cursor)

    def _page(self, call: Call, wait: Callable[[], bool]) -> Listed:
        try:
            data = self._call(lambda _: call, self.budget.background)
        # Other calls may use up each minute's budget before this one, and without waiting no list would ever end.
        except BudgetSpent:
            if not wait():
                raise
            return self._page(call, wait)
        try:
            return self.provider.listed(data)
        except Malformed as error:
            raise ProviderBusy(f"no usable answer ({error})") from None

    def _call(self, build: Callable[[Account], Call], allowance: Allowance) -> Mapping[str, Any]:
        account = self.account()
        if account is None:
            raise NoAccount(f"the secret has no keys for {self.provider.name}")
        call = build(account)
        # The breaker comes first: a call that it refuses must not use up the budget.
        circuit = circuit_name(self.provider.name, call.action)
        now, seen = self.clock(), self.guard.before_call(circuit)
        if not self.spend(now, allowance):
            count("BudgetExhausted", action=call.action)
            raise BudgetSpent("our own budget of calls is used up")
        count("ProviderCalls", action=call.action)
        try:
            data = self._answer(call, account, now)
        except ProviderError as error:
            count("ProviderErrors", error=type(error).__name__)
            self._record_error(circuit, seen, error)
            raise
        self.guard.record_success(circuit, seen)
        return data

    def _record_error(self, circuit: str, seen: Circuit, error: ProviderError) -> None:
        """Record what a call without data says about the provider.

        It refuses us      refusal
        no answer at all   silence
        busy, unreadable   nothing: it works, but this call proves nothing about the next one
        any other          success: it refuses only this request
        """
        if isinstance(error, ProviderClosed):
            self.guard.record_refusal(circuit)
        elif not isinstance(error, ProviderBusy):
            self.guard.record_success(circuit, seen)
        elif error.is_outage:
            self.guard.record_silence(circuit, seen)

    def _answer(self, call: Call, account: Account, now: datetime) -> Mapping[str, Any]:
        signing = Signing(url=self.url, region=self.region, account=account, now=now, nonce=self.nonce())
        try:
            status, body = self._send(self.provider.sign(call, signing))
            answer = self._read(call.action, status, body)
        # The body is logged, and so it must hold no secret, whatever made it unreadable.
        except ProviderUnreadable as error:
            error.body = self.provider.redact(error.body)
            raise
        for name in answer.unreadable:
            count("FieldsUnreadable", field=name)
        return answer.data

    def _read(self, action: str, status: int, body: bytes) -> Answer:
        try:
            return self.provider.read(action, body)
        except ProviderBusy as error:
            # A proxy in front of a provider that is down answers 502 or 503.
            error.is_outage = status >= HTTPStatus.INTERNAL_SERVER_ERROR
            raise

    def _send(self, request: HttpRequest) -> tuple[int, bytes]:
        """Return the status and the body of the answer to a request."""
        end = time.monotonic() + MAX_SECONDS
        try:
            answer = self.session.send(self._prepare(request), timeout=TIMEOUT, stream=True)
            return answer.status_code, _bounded(answer, end)
        except (requests.RequestException, HTTPError, OSError) as error:
            # The message of the cause may quote the request, whose parameters contain a signature.
            raise ProviderBusy(f"no usable answer ({type(error).__name__})", is_outage=True) from None

    def _prepare(self, request: HttpRequest) -> requests.PreparedRequest:
        """Return the request with the session's headers. `Request.prepare` would also parse its URL, for more CPU."""
        prepared = requests.PreparedRequest()
        prepared.method, prepared.url, prepared.body = "POST", request.url, request.body
        prepared.prepare_headers({**self.session.headers, **request.headers})
        prepared.prepare_content_length(request.body)
        return prepared


@dataclass(frozen=True, slots=True)
class ProviderApis:
    """The APIs of all providers, by name. The form of a task's id tells which one knows it."""

    apis: Mapping[str, ProviderApi]

    def query(self, kind: Kind, vid: str, *, known: bool = True) -> Mapping[str, Any]:
        """Query a task; as `ProviderApi.query`."""
        return self.apis[provider_of(vid).name].query(kind, vid, known=known)

    def submit(self, intent: Intent) -> str:
        """Submit an intent; as `ProviderApi.submit`."""
        return self.apis[intent.provider].submit(intent)


def _bounded(answer: requests.Response, end: float) -> bytes:
    """Read the body of an answer; raise if it exceeds `MAX_BYTES`, or if reading takes until `end`."""
    body = bytearray()
    with answer:
        while chunk := answer.raw.read1(2**16, decode_content=True):
            body += chunk
            if time.monotonic() > end:
                raise ProviderBusy("no usable answer (too slow)", is_outage=True)
            if len(body) > MAX_BYTES:
                raise ProviderUnreadable(f"no usable answer (over {MAX_BYTES} bytes)", bytes(body[:MAX_PAGE_BYTES]))
    return bytes(body)
