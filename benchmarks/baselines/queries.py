"""The usual client of CTS: one `requests.Session` per thread, a signature of API v2 per call, and `Response.json`."""

import base64
import hashlib
import hmac
import random
import threading
import time
from typing import Any
from urllib.parse import urlsplit

import requests

LOCAL = threading.local()


def session() -> requests.Session:
    """Return the session of this thread."""
    if not hasattr(LOCAL, "session"):
        LOCAL.session = requests.Session()
    found: requests.Session = LOCAL.session
    return found


def query(url: str, certificate: str, secret_id: str, secret_key: str, vid: str) -> dict[str, Any]:
    """Query a video task; return the data of the answer."""
    params = {
        "Action": "GetCtsInfo",
        "Nonce": str(random.getrandbits(62) | 1),
        "SecretId": secret_id,
        "SignatureMethod": "HmacSHA256",
        "Timestamp": str(int(time.time())),
        "vid": vid,
    }
    place = urlsplit(url)
    text = f"POST{place.netloc}{place.path}?" + "&".join(f"{name}={params[name]}" for name in sorted(params))
    digest = hmac.new(secret_key.encode(), text.encode(), hashlib.sha256).digest()
    params["Signature"] = base64.b64encode(digest).decode()
    answer = session().post(url, data=params, timeout=(3, 10), verify=certificate)
    answer.raise_for_status()
    data: dict[str, Any] = answer.json()["data"]
    return data
