"""Signs requests to AWS with Signature Version 4. Each row is text; line breaks join its parts.

| value | parts |
| --- | --- |
| canonical request | `POST`, `/`, no query, `name:value` of each signed header, nothing, their names, digest of body |
| string to sign | `AWS4-HMAC-SHA256`, time, scope, digest of the canonical request |
| scope | `{date}/{region}/{service}/aws4_request` |

A digest is SHA-256 in hex. The key of the HMAC comes from `AWS4` and the secret key, then each part of the scope.
"""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

ALGORITHM = "AWS4-HMAC-SHA256"


class AwsKeys(NamedTuple):
    """The keys of a role or user; `token` belongs to temporary ones."""

    access_key: str
    secret_key: str
    token: str | None = None


def signed_headers(
    keys: AwsKeys, *, region: str, service: str, at: datetime, headers: Mapping[str, str], payload: bytes
) -> dict[str, str]:
    """Return headers that authenticate a POST request to `/`: the given ones, date, token and `authorization`.

    Args:
        keys: Who makes the call.
        region: The region in the scope, such as `eu-west-1`.
        service: The service in the scope, such as `dynamodb`.
        at: The time of the call (UTC). A retry needs a new one.
        headers: The headers to sign, by their names in lower case, `host` among them.
        payload: The body exactly as it is sent.
    """
    time = at.strftime("%Y%m%dT%H%M%SZ")
    token = {"x-amz-security-token": keys.token} if keys.token else {}
    signed = {**headers, "x-amz-date": time, **token}
    names = ";".join(sorted(signed))
    scope = (time[:8], region, service, "aws4_request")
    text = "\n".join([ALGORITHM, time, "/".join(scope), _digest(_canonical_request(signed, names, payload).encode())])
    signature = hmac.digest(_key(keys.secret_key, scope), text.encode(), "sha256").hex()
    credential = "/".join([keys.access_key, *scope])
    return signed | {
        "authorization": f"{ALGORITHM} Credential={credential}, SignedHeaders={names}, Signature={signature}"
    }


def _canonical_request(signed: Mapping[str, str], names: str, payload: bytes) -> str:
    lines = [f"{name}:{signed[name]}" for name in sorted(signed)]
    return "\n".join(["POST", "/", "", *lines, "", names, _digest(payload)])


def _key(secret_key: str, scope: tuple[str, ...]) -> bytes:
    key = f"AWS4{secret_key}".encode()
    for part in scope:
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
