"""Posts events to endpoints, to addresses that the egress rules allow, and within one deadline.

The standard library's client is used because it connects to the very address that was checked. Others resolve the name
again, follow proxies of the environment and redirects, or decompress answers.
"""

import socket
import ssl
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPResponse
from ipaddress import ip_address
from threading import Timer
from typing import Any, Self

from mediarelay.domain.webhooks.delivery import Answer
from mediarelay.domain.webhooks.egress import Networks, WebhookUrl, refusal

# Seconds for a whole attempt behind the resolution of the name. A timeout of each read would let an endpoint send a
# byte now and then for ever.
ATTEMPT_SECONDS = 15
CONNECT_SECONDS = 5
# Addresses to try. A name with many of them must not cost many timeouts.
MAX_ADDRESSES = 2
# Bytes of an answer to read. Only its status counts; reading a short body lets the receiver finish.
MAX_ANSWER = 4096
MAX_RETRY_AFTER_DIGITS = 9
# Interim answers before the final one.
MAX_INTERIM = 8


class _Refused(Exception):
    """An address is not allowed; the message says why."""


@dataclass(slots=True)
class _Deadline:
    """Ends the connection when the time is over, whatever it is waiting for."""

    seconds: float
    connection: socket.socket | None = None
    is_over: bool = False
    _timer: Timer = field(init=False)

    def __enter__(self) -> Self:
        self._timer = Timer(self.seconds, self._end)
        self._timer.daemon = True
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        if self.connection:
            self.connection.close()

    def _end(self) -> None:
        self.is_over = True
        if self.connection:
            # The method of the base class: that of an SSL socket would replace objects that the reading thread uses.
            with suppress(OSError):
                socket.socket.shutdown(self.connection, socket.SHUT_RDWR)

    def guard(self, connection: socket.socket) -> None:
        """End this connection from now on, and the one before; raises TimeoutError if the time is over already."""
        if self.connection:
            self.connection.close()
        self.connection = connection
        if self.is_over:
            raise TimeoutError


class _FinalResponse(HTTPResponse):
    """The answer behind interim ones, such as `103 Early Hints`. The library skips `100 Continue` only."""

    def begin(self) -> None:
        """Read heads until one is final. An endless row of interim ones ends with the deadline, or here."""
        for _ in range(MAX_INTERIM):
            super().begin()
            if self.status >= HTTPStatus.OK:
                return
            # Without them, the next call reads the next head.
            self.headers = self.msg = None  # type: ignore[assignment]
        raise HTTPException("too many interim responses")


@dataclass(frozen=True, slots=True)
class WebhookClient:
    """Posts events over HTTPS.

    Attributes:
        networks: The private networks to which events may be sent.
        tls: The certificates that are trusted.
        clock: The present (UTC).
        resolve: `socket.getaddrinfo`.
        seconds: The time for one attempt.
    """

    networks: Networks
    tls: ssl.SSLContext
    clock: Callable[[], datetime]
    resolve: Callable[..., Any] = socket.getaddrinfo
    seconds: float = ATTEMPT_SECONDS

    def post(self, url: WebhookUrl, headers: Mapping[str, str], body: bytes) -> Answer:
        """Post a body and return the answer. No failure of the endpoint raises an error."""
        with _Deadline(self.seconds) as deadline:
            try:
                return self._post(url, headers, body, deadline)
            except (OSError, HTTPException, UnicodeError, ValueError, _Refused) as error:
                return Answer(error="timeout" if deadline.is_over else _reason(error))

    def _post(self, url: WebhookUrl, headers: Mapping[str, str], body: bytes, deadline: _Deadline) -> Answer:
        self._connect(url, self._addresses(url), deadline)
        connection = HTTPConnection(url.host, url.port)
        connection.response_class = _FinalResponse
        connection.sock = deadline.connection
        connection.request("POST", url.target, body, {**headers, "host": url.host_header, "connection": "close"})
        with connection.getresponse() as response:
            # The end of the connection would also end the headers, so an answer that was cut off looks whole.
            if deadline.is_over:
                raise TimeoutError
            # The status has arrived, so a body that is slow or broken changes nothing.
            with suppress(OSError, HTTPException, ValueError):
                response.read(MAX_ANSWER)
            return Answer(response.status, retry_after=self._retry_after(response))

    def _addresses(self, url: WebhookUrl) -> list[str]:
        """Resolve the host once; raise `_Refused` if one of its addresses is not allowed."""
        found = self.resolve(url.host, url.port, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys(str(one[4][0]) for one in found))
        for address in addresses:
            if why := refusal(url, ip_address(address), self.networks):
                raise _Refused(why)
        return addresses

    def _connect(self, url: WebhookUrl, addresses: list[str], deadline: _Deadline) -> None:
        """Connect to the first address that answers, and check that the certificate is for the host."""
        *others, last = addresses[:MAX_ADDRESSES]
        for address in others:
            with suppress(OSError):
                return self._open(url, address, deadline)
        return self._open(url, last, deadline)

    def _open(self, url: WebhookUrl, address: str, deadline: _Deadline) -> None:
        plain = socket.create_connection((address, url.port), min(CONNECT_SECONDS, self.seconds))
        plain.settimeout(self.seconds)
        deadline.guard(plain)
        if url.scheme == "https":
            secured = self.tls.wrap_socket(plain, server_hostname=url.host, do_handshake_on_connect=False)
            deadline.guard(secured)
            secured.do_handshake()

    def _retry_after(self, response: HTTPResponse) -> timedelta | None:
        text = response.getheader("retry-after", "")
        if text.isascii() and text.isdigit() and len(text) <= MAX_RETRY_AFTER_DIGITS:
            return timedelta(seconds=int(text))
        try:
            return parsedate_to_datetime(text) - self.clock()
        except (ValueError, TypeError, OverflowError):
            return None


def _reason(error: Exception) -> str:
    """Return what went wrong, without any text of the receiver."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate: {error.verify_message}"
    known = ((_Refused, str(error)), (socket.gaierror, "the name cannot be resolved"), (TimeoutError, "timeout"))
    names = ((ssl.SSLError, "no TLS connection"), (HTTPException, "no HTTP answer"), (OSError, "no connection"))
    return next((text for kind, text in (*known, *names) if isinstance(error, kind)), "no HTTP answer")
