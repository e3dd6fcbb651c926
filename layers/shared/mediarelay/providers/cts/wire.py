"""The wire of the CTS API v2: a signed form goes out, an envelope with a code comes back.

Errors have HTTP status 200, too, so only the code in the envelope tells them apart.
"""

import logging
from urllib.parse import urlencode

from mediarelay.errors import (
    Malformed,
    ProviderBusy,
    ProviderClosed,
    ProviderError,
    ProviderRefused,
    ProviderUnknown,
    ProviderUnreadable,
)
from mediarelay.providers.answers import printable, unreadable
from mediarelay.providers.cts.envelope import Envelope, parse_envelope
from mediarelay.providers.port import Answer, Call, HttpRequest, Signing
from mediarelay.signing.qcloud import Credentials, Endpoint, signed_params
from mediarelay.signing.service_url import read_service_url

SUBMIT_AUDIO = "AddCtsAudioTask"
# The provider reports its rate limits as module codes, under general codes that would otherwise refuse the request.
BUSY_MODULES = frozenset({9163, 22063})
# Codes that are not about the request. Any other code means that the provider would refuse the same request again.
ERRORS: dict[int, type[ProviderError]] = {
    **dict.fromkeys((4200, 4400, 4500, 6000, 6200), ProviderBusy),
    **dict.fromkeys((4100, 4101, 4102, 4103, 4104, 4105, 4106, 4110, 4300, 4600, 6100), ProviderClosed),
    5000: ProviderUnknown,
}
log = logging.getLogger(__name__)


def sign(call: Call, signing: Signing) -> HttpRequest:
    """Return the signed request of a call. The signature covers the endpoint's host and path, and all parameters."""
    service, account = read_service_url(signing.url), signing.account
    signed = signed_params(
        Credentials(account.secret_id, account.secret_key, account.token),
        Endpoint("POST", service.host, service.path),
        {"Action": call.action, **call.params},
        nonce=signing.nonce,
        timestamp=int(signing.now.timestamp()),
    )
    headers = {"content-type": "application/x-www-form-urlencoded"}
    return HttpRequest(service.url, headers, urlencode(signed).encode())


def read(action: str, body: bytes) -> Answer:
    """Read the answer of an action; raises `ProviderUnreadable`, `ProviderError`."""
    envelope = _envelope(body)
    if envelope.code != 0:
        raise _error(action, envelope)
    if envelope.data is None:
        raise ProviderUnreadable("no usable answer (data: missing)", body)
    return Answer(envelope.data, envelope.unreadable)


def _envelope(body: bytes) -> Envelope:
    """Read an envelope. If it cannot be read, raise an error that carries the body, so that it can be logged."""
    try:
        return parse_envelope(body)
    except Malformed as error:
        raise unreadable(body, str(error)) from None
    # The body comes from outside. A bug in our reader must not keep it out of the log.
    except Exception as error:
        log.exception("reading failed")
        raise unreadable(body, type(error).__name__) from None


def _error(action: str, envelope: Envelope) -> ProviderError:
    """Return the error that an envelope reports."""
    text = f"provider code {envelope.code}"
    if envelope.module_code in BUSY_MODULES:
        return ProviderBusy(text, envelope.code)
    kind = ERRORS.get(envelope.code, ProviderRefused)
    # There is no task yet that the provider could fail to know, so its "unknown" is about the request.
    if action == SUBMIT_AUDIO and kind is ProviderUnknown:
        kind = ProviderRefused
    # Clients see this text. A message about anything but the request may quote our keys.
    if issubclass(kind, ProviderRefused | ProviderUnknown) and (message := printable(envelope.message)):
        text = f"{text}: {message}"
    return kind(text, envelope.code)
