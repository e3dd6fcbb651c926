"""A client of DynamoDB whose `put_item` makes its first attempt with little CPU time.

botocore passes each request through some forty layers: hooks, copies of headers, urllib3. That is three quarters of
what a callback function computes. Its event `before-call` lets a handler answer a request that botocore has built:

```
put_item -> botocore resolves the endpoint, serializes
              -> FirstAttempt signs, sends, waits
                   200, or the condition does not hold  -> botocore returns it, or raises its usual exception
                   anything else, or no answer          -> botocore makes the call as usual, with its retries
```

An attempt without an answer may have stored the item. The next one then finds it there, as between botocore's own.
"""

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, partial
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.config import Config
from botocore.httpsession import get_cert_path
from botocore.parsers import create_parser
from botocore.utils import get_environ_proxies
from urllib3.util.wait import wait_for_read

from mediarelay.adapters import aws
from mediarelay.signing.sigv4 import AwsKeys, signed_headers

# One attempt less than other clients have, because the first one is ours.
CONFIG = aws.CONFIG.merge(
    Config(parameter_validation=False, retries={"mode": "standard", "total_max_attempts": aws.ATTEMPTS - 1})
)
CONDITION_FAILED = "ConditionalCheckFailedException"
SIGNED = ("Content-Type", "X-Amz-Target")
_parser = create_parser("json")


@cache
def put_client() -> Any:
    """Return this process's client for a function that only puts items. Its `put_item` is for one thread.

    It does not check the types of parameters. Behind a proxy, it is the usual client.
    """
    found = aws.session().client("dynamodb", config=CONFIG)
    # Only botocore knows how to connect through a proxy.
    if get_environ_proxies(found.meta.endpoint_url):
        return aws.client("dynamodb")
    attempt = FirstAttempt(found.meta.region_name, _keys, connect, partial(datetime.now, UTC))
    found.meta.events.register("before-call.dynamodb.PutItem", attempt)
    return found


def _keys() -> AwsKeys | None:
    """Return the keys that botocore found, as they are now; None if there are none."""
    found = aws.session().get_credentials()
    if found is None:
        return None
    frozen = found.get_frozen_credentials()
    return AwsKeys(frozen.access_key, frozen.secret_key, frozen.token)


@dataclass(slots=True)
class FirstAttempt:
    """Answers botocore's event `before-call`; returns None if botocore should make the call.

    Attributes:
        region: The region that the client calls.
        keys: Returns the keys to sign with, or None.
        connect: Opens a connection to a URL.
        clock: Returns the present time (UTC).
    """

    region: str
    keys: Callable[[], AwsKeys | None]
    connect: Callable[[str], HTTPConnection]
    clock: Callable[[], datetime]
    _url: str = ""
    _connection: HTTPConnection | None = None

    def __call__(self, model: Any, params: Mapping[str, Any], **_: Any) -> tuple[AWSResponse, dict[str, Any]] | None:
        """Send a request once; return DynamoDB's answer as botocore reads it."""
        keys = self.keys()
        if keys is None:
            return None
        try:
            answer, body = self._exchange(params, keys)
        # Of a connection, certificate or protocol. botocore reports it if its own attempts fail, too.
        except (OSError, HTTPException):
            self._close()
            return None
        headers = HTTPHeaders.from_pairs(answer.getheaders())
        response = AWSResponse(params["url"], answer.status, headers, None)
        parsed = _parser.parse(
            {"status_code": answer.status, "headers": response.headers, "body": body}, model.output_shape
        )
        final = answer.status == HTTPStatus.OK or parsed.get("Error", {}).get("Code") == CONDITION_FAILED
        return (response, parsed) if final else None

    def _exchange(self, params: Mapping[str, Any], keys: AwsKeys) -> tuple[HTTPResponse, bytes]:
        url, body, headers = params["url"], params["body"], dict(params["headers"])
        covered = {name.lower(): headers.pop(name) for name in SIGNED} | {"host": urlsplit(url).netloc}
        signed = signed_headers(
            keys, region=self.region, service="dynamodb", at=self.clock(), headers=covered, payload=body
        )
        connection = self._connected(url)
        connection.request("POST", "/", body, headers | signed)
        answer = connection.getresponse()
        return answer, answer.read()

    def _connected(self, url: str) -> HTTPConnection:
        """Return the connection of the last call, or a new one if DynamoDB has closed it or the endpoint is another."""
        if self._connection is None or self._url != url or is_closed(self._connection):
            self._close()
            self._url, self._connection = url, self.connect(url)
        return self._connection

    def _close(self) -> None:
        if self._connection:
            self._connection.close()
        self._connection = None


def connect(url: str) -> HTTPConnection:
    """Open a connection to a URL, with the time limits of all clients. Raises `OSError`."""
    parts = urlsplit(url)
    kind = partial(HTTPSConnection, context=_tls()) if parts.scheme == "https" else HTTPConnection
    found: HTTPConnection = kind(parts.hostname or "", parts.port, timeout=aws.CONNECT_SECONDS)
    found.connect()
    found.sock.settimeout(aws.READ_SECONDS)
    return found


def is_closed(connection: HTTPConnection) -> bool:
    """Return whether a connection without a request in progress cannot be used again."""
    # The only thing to read from it is its end. DynamoDB closes an idle connection while Lambda has frozen the process.
    return connection.sock is None or wait_for_read(connection.sock, timeout=0)


def _tls() -> ssl.SSLContext:
    """Return what botocore would verify DynamoDB's certificate with."""
    return ssl.create_default_context(cafile=get_cert_path(aws.session().get_config_variable("ca_bundle") or True))
