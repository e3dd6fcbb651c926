"""Proves on a deployed stack that a secret is live, by requests that store as little as possible.

| secret | request | live if | leaves |
| --- | --- | --- | --- |
| callback token | a body that names no task | 400 | one body in quarantine and one `CallbackMalformed`, per UTC day |
| API client | `GET /tasks?limit=1` | 200, or 403 about a scope | nothing |
| webhook secret | a signed relay over the limit | 413 | nothing: Mediarelay refuses it before its first write |
| ZEGO secret | a signed relay over the limit | 413 | its nonce, for 90 days |
| provider keys | a signed query that changes nothing | any answer but a refusal of the keys | one call of its limits |
"""

import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus

import requests

from mediarelay.domain.tasks.media import Kind
from mediarelay.errors import ProviderBusy, ProviderClosed, ProviderError
from mediarelay.providers.port import Account, Call, Provider, Signing
from mediarelay.providers.registry import provider_named
from mediarelay.signing.standard_webhooks import headers as webhook_headers
from mediarelay.signing.zego import callback_signature
from mediarelay_cli import version

TIMEOUT = (10, 35)
TRY_LATER = "Functions read a new value after SecretCacheSeconds (60)."
OTHER_NETWORK = "Call from a network of CallbackSourceCidrs or MusicSourceCidrs."
# Always the same bytes: the quarantine keeps one copy a day.
NO_TASK = b'{"mediarelay": "a check of the command line; not a task"}'
# Relays over 128 KiB are refused after the check of the signature, and before anything is stored.
PADDING = "x" * (129 * 1024)
NO_VID = "0" * 32
# The environment variable with the endpoint of each provider.
ENDPOINTS = {"cts": "PROVIDER_ENDPOINT", "mps": "MPS_ENDPOINT"}
NONCE_BITS = 62


@dataclass(frozen=True, slots=True)
class Proof:
    """Whether a secret is live (None: it cannot be known), what the stack answered, and what to do."""

    live: bool | None
    detail: str
    action: str = ""


def post(url: str, body: bytes, headers: Mapping[str, str] | None = None) -> requests.Response:
    """Post a body without a bearer token. Raises `requests.RequestException`."""
    sent = {"Content-Type": "application/json", "User-Agent": f"mediarelay-cli/{version()}", **(headers or {})}
    return requests.post(url, data=body, headers=sent, timeout=TIMEOUT, allow_redirects=False)


def callback_token(api_url: str, token: str, route: str = "video") -> Proof:
    """Prove a token by a callback that names no task."""
    answer = post(f"{api_url}/callbacks/{route}/{token}", NO_TASK)
    return _judged(answer, HTTPStatus.BAD_REQUEST)


def api_client(api_url: str, token: str) -> Proof:
    """Prove the token of an API client by reading one task."""
    answer = requests.get(
        f"{api_url}/tasks", params={"limit": "1"}, headers={"Authorization": f"Bearer {token}"}, timeout=TIMEOUT
    )
    if answer.status_code == HTTPStatus.FORBIDDEN and '"missing_scope"' in answer.text:
        return Proof(live=True, detail="403: known, without the scope read")
    return _judged(answer, HTTPStatus.OK, bearer=True)


def webhook_secret(api_url: str, secret: str) -> Proof:
    """Prove a webhook secret by a signed relay that is over the limit."""
    body, identity = _relay({}), f"msg_{secrets.token_hex(12)}"
    signed = webhook_headers(secret, identity, int(time.time()), body)
    return _judged(post(f"{api_url}/callbacks/music", body, signed), HTTPStatus.REQUEST_ENTITY_TOO_LARGE)


def zego_secret(api_url: str, secret: str) -> Proof:
    """Prove a secret of ZEGO's signature by a signed relay that is over the limit."""
    timestamp, nonce = str(int(time.time())), str(secrets.randbits(NONCE_BITS))
    signature = callback_signature(secret, timestamp, nonce)
    body = _relay({"signature": signature, "timestamp": timestamp, "nonce": nonce})
    return _judged(post(f"{api_url}/callbacks/music", body), HTTPStatus.REQUEST_ENTITY_TOO_LARGE)


def _relay(fields: Mapping[str, str]) -> bytes:
    relay = {
        "room_id": "mediarelay-check",
        "vendor_id": 1,
        "song_id": "0",
        "resource_type": "song",
        "error_code": 1,
        "result": {"code": 1, "padding": PADDING},
    }
    return json.dumps({**fields, "relays": [relay]}).encode()


def _judged(answer: requests.Response, expected: HTTPStatus, *, bearer: bool = False) -> Proof:
    status = answer.status_code
    if status == expected:
        return Proof(live=True, detail=f"answered {status}, as expected")
    if status == HTTPStatus.UNAUTHORIZED or (bearer and status == HTTPStatus.FORBIDDEN):
        return Proof(live=False, detail=f"refused with {status}", action=TRY_LATER)
    if status == HTTPStatus.FORBIDDEN:
        return Proof(None, "refused with 403: no source network of the stack admits this machine", OTHER_NETWORK)
    action = "See `mediarelay doctor` and `mediarelay status`."
    return Proof(live=None, detail=f"answered {status}, {expected.value} was expected", action=action)


# ── providers ──


def provider_keys(name: str, account: Account, environment: Mapping[str, str]) -> tuple[Proof, str]:
    """Prove the keys of a provider, from this machine. Return the proof and the provider's header `Date`.

    `environment` holds the settings of a function that calls providers.
    """
    provider, url = provider_named(name), environment.get(ENDPOINTS[name], "")
    if not url:
        return Proof(None, f"no function has the setting {ENDPOINTS[name]}", "Deploy the current template."), ""
    return _asked(provider, account, url, environment.get("PROVIDER_REGION", ""))


def _asked(provider: Provider, account: Account, url: str, region: str) -> tuple[Proof, str]:
    now, call = datetime.now(UTC), harmless(provider)
    nonce = secrets.randbits(NONCE_BITS) | 1
    signed = provider.sign(call, Signing(url=url, region=region, account=account, now=now, nonce=nonce))
    try:
        answer = requests.post(
            signed.url, data=signed.body, headers=dict(signed.headers), timeout=TIMEOUT, allow_redirects=False
        )
    except requests.RequestException as error:
        action = "Functions may still reach it; this machine does not. Check the network and the endpoint."
        return Proof(None, f"{url} does not answer ({type(error).__name__})", action), ""
    return _read(provider, call, answer), answer.headers.get("Date", "")


def harmless(provider: Provider) -> Call:
    """Return a call that changes nothing: a list of the last hour, or a query about a task that does not exist."""
    now = datetime.now(UTC)
    lists = provider.lists(now - timedelta(hours=1), now)
    return lists[0] if lists else provider.query(Kind.VIDEO, NO_VID)


def _read(provider: Provider, call: Call, answer: requests.Response) -> Proof:
    try:
        provider.read(call.action, answer.content)
    except ProviderClosed as error:
        action = "Check keys, permissions and the clock; then `mediarelay secrets rotate provider-keys`."
        return Proof(live=False, detail=f"{call.action}: refused: {error}", action=action)
    except ProviderBusy as error:
        return Proof(None, f"{call.action}: {error}", "Repeat the command later.")
    except ProviderError as error:
        return Proof(live=True, detail=f"{call.action}: the signature was accepted ({error.code})")
    return Proof(live=True, detail=f"{call.action}: the signature was accepted")
