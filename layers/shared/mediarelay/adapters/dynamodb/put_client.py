"""A client of DynamoDB for a function that only puts items: its `put_item` takes a sixth of the usual CPU time.

botocore passes each request through some forty layers: hooks, copies of headers, urllib3. They are four fifths of what
a callback function would compute. So the first attempt is made here, and botocore makes every further one:

| the first attempt ends with | then |
| --- | --- |
| 200 | `put_item` returns |
| a condition that does not hold | `put_item` raises botocore's exception |
| any other status, no answer, no connection, no keys | botocore makes the call, with its retries and errors |

An attempt without an answer may have stored the item. The next one then finds it there, as between botocore's own.
"""

import base64
import json
import os
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, partial
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

from botocore.config import Config
from botocore.httpsession import create_urllib3_context, get_cert_path
from botocore.utils import get_environ_proxies
from urllib3.util.wait import wait_for_read

from mediarelay.adapters import aws
from mediarelay.signing.sigv4 import AwsKeys, signed_headers

# One attempt less than other clients have, because the first one is ours.
CONFIG = aws.CONFIG.merge(Config(retries={"mode": "standard", "total_max_attempts": aws.ATTEMPTS - 1}))
HEADERS = {"content-type": "application/x-amz-json-1.0", "x-amz-target": "DynamoDB_20120810.PutItem"}
CONDITION_FAILED = "ConditionalCheckFailedException"


@cache
def put_client() -> Any:
    """Return the client for a function that only puts items: the usual one if only botocore knows the way."""
    found = aws.session().client("dynamodb", config=CONFIG)
    if needs_botocore(found.meta):
        return aws.client("dynamodb")
    return PutClient(found, _keys, connect, partial(datetime.now, UTC))


def needs_botocore(meta: Any) -> bool:
    """Return whether a client's requests go through a proxy, to a path, or to an endpoint of another kind."""
    url, config = meta.endpoint_url, meta.config
    # The URL of a client is not always that of its requests: in GovCloud with FIPS, in `aws-iso` with both protocols.
    is_variant = config.use_fips_endpoint or config.use_dualstack_endpoint
    return bool(get_environ_proxies(url) or urlsplit(url).path.strip("/") or is_variant)


def _keys() -> AwsKeys | None:
    """Return the keys that botocore found, as they are now; None if there are none."""
    found = aws.session().get_credentials()
    if found is None:
        return None
    frozen = found.get_frozen_credentials()
    return AwsKeys(frozen.access_key, frozen.secret_key, frozen.token)


@dataclass(slots=True)
class PutClient:
    """Puts items, for one thread.

    Attributes:
        client: botocore's client, for further attempts.
        keys: Returns the keys to sign with, or None.
        connect: Opens a connection to a URL; raises `OSError`.
        clock: Returns the present time (UTC).
    """

    client: Any
    keys: Callable[[], AwsKeys | None]
    connect: Callable[[str], HTTPConnection]
    clock: Callable[[], datetime]
    _connection: HTTPConnection | None = None

    def put_item(self, **request: Any) -> None:
        """Put an item; `request` is that of botocore's `put_item`, without a request for return values.

        Raises the errors of botocore's `put_item`, except those of a wrong parameter.
        """
        keys = self.keys()
        if keys is None or not self._attempt(keys, json.dumps(request, default=_base64).encode()):
            self.client.put_item(**request)

    def _attempt(self, keys: AwsKeys, body: bytes) -> bool:
        """Make the first attempt; return whether the item is stored, or raise if the condition does not hold."""
        try:
            status, answer = self._exchange(keys, body)
        # Of a connection, certificate or protocol. botocore reports it if its own attempts fail, too.
        except (OSError, HTTPException):
            self._close()
            return False
        message = refusal(answer) if status == HTTPStatus.BAD_REQUEST else None
        if message is not None:
            error = {"Code": CONDITION_FAILED, "Message": message}
            raise self.client.exceptions.from_code(CONDITION_FAILED)({"Error": error}, "PutItem")
        return status == HTTPStatus.OK

    def _exchange(self, keys: AwsKeys, body: bytes) -> tuple[int, bytes]:
        meta = self.client.meta
        headers = HEADERS | {"host": urlsplit(meta.endpoint_url).netloc}
        signed = signed_headers(
            keys, region=meta.region_name, service="dynamodb", at=self.clock(), headers=headers, payload=body
        )
        if self._connection is None or is_closed(self._connection):
            self._close()
            self._connection = self.connect(meta.endpoint_url)
        self._connection.request("POST", "/", body, signed)
        answer = self._connection.getresponse()
        return answer.status, answer.read()

    def _close(self) -> None:
        if self._connection:
            self._connection.close()
        self._connection = None


def refusal(answer: bytes) -> str | None:
    """Return the message of an answer that refuses the condition; None for any other one, whatever it quotes."""
    try:
        error = json.loads(answer)
    except ValueError:
        return None
    # The type follows the name of its namespace.
    if not isinstance(error, dict) or str(error.get("__type")).rpartition("#")[2] != CONDITION_FAILED:
        return None
    return str(error.get("message", ""))


def _base64(value: bytes) -> str:
    """Return bytes as DynamoDB's JSON has them."""
    return base64.b64encode(value).decode()


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
    stated: Any = aws.core_session().get_config_variable("ca_bundle") or os.environ.get("REQUESTS_CA_BUNDLE")
    return _context(get_cert_path(stated or True))


@cache
def _context(ca_file: str) -> ssl.SSLContext:
    """Return the context of all connections: to load the file costs more CPU than the handshake. Raises `OSError`."""
    found = create_urllib3_context()
    # botocore leaves it to urllib3, which this module does not use.
    found.check_hostname = True
    found.load_verify_locations(ca_file)
    return found  # type: ignore[no-any-return]
