"""AWS clients: one boto3 session per process, bounded timeouts and retries everywhere."""

import logging
from functools import cache
from typing import Any

from boto3.session import Session
from botocore import session as core
from botocore.config import Config
from botocore.handlers import BUILTIN_HANDLERS

from mediarelay import __version__

# Three attempts of 4 seconds end before a callback function times out, so it can still use the callback backlog.
CONFIG = Config(connect_timeout=1, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 3})
# The services that the functions call, as botocore's events name them.
SERVICES = frozenset({"dynamodb", "kms", "secrets-manager", "sns", "sqs"})

# At INFO, botocore reports at each cold start where it found its credentials.
logging.getLogger("botocore").setLevel(logging.WARNING)


@cache
def _session() -> Any:
    session = core.Session(include_builtin_handlers=False)
    # botocore would register 127 handlers and copy them for each client. Nine in ten are about other services.
    for event, handler, *_order in BUILTIN_HANDLERS:
        if concerns_us(event):
            session.register(event, handler)
    # A session without a name asks boto3 for one, which loads the whole package, and s3transfer and multiprocessing.
    session.user_agent_name, session.user_agent_version = "mediarelay", __version__
    return Session(botocore_session=session)


def concerns_us(event: str) -> bool:
    """Return whether an event of botocore is about every service, or about one that the functions call."""
    stage, *subject = event.split(".")
    return stage != "docs" and (not subject or subject[0] in SERVICES)


@cache
def client(service: str) -> Any:
    """Return this process's client for an AWS service (`dynamodb`, `sqs`, ...)."""
    return _session().client(service, config=CONFIG)
