"""Another system of the same account: it submits to MPS itself, and Mediarelay learns nothing of it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import requests

from local.environment import LocalEnvironment
from mediarelay.domain.tasks.media import Kind
from mediarelay.providers.mps.provider import MPS
from mediarelay.providers.port import Account, Signing

REGION = "ap-shanghai"


def submit(env: LocalEnvironment, kind: Kind, request: Mapping[str, Any]) -> str:
    """Submit at the engine of a stack, with a signed call; returns the vid."""
    account = Account(secret_id=env.keys.secret_id, secret_key=env.keys.secret_key)
    call = MPS.submit(kind, MPS.request(kind, request), uuid4().hex, account)
    signing = Signing(url=env.engine_url, region=REGION, account=account, now=datetime.now(UTC), nonce=1)
    sent = MPS.sign(call, signing)
    answer = requests.post(sent.url, data=sent.body, headers=sent.headers, timeout=30)
    return MPS.submitted_vid(MPS.read(call.action, answer.content).data)
