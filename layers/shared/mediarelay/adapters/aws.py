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
CONNECT_SECONDS, READ_SECONDS, ATTEMPTS = 1, 3, 3
CONFIG = Config(
    connect_timeout=CONNECT_SECONDS,
    read_timeout=READ_SECONDS,
    retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
    # The adapters build every parameter, and the services check them, too. It would take a tenth of a call's CPU time.
    parameter_validation=False,
    # Without a text of our own, botocore builds one from 20 components twice for each call, a fifth of its CPU time.
    user_agent=f"mediarelay/{__version__}",
)
# The services that the functions call, as botocore's events name them.
SERVICES = frozenset({"dynamodb", "kms", "secrets-manager", "sns", "sqs"})

# At INFO, botocore reports at each cold start where it found its credentials.
logging.getLogger("botocore").setLevel(logging.WARNING)


@cache
def session() -> Any:
    """Return this process's boto3 session."""
    made = core.Session(include_builtin_handlers=False)
    # botocore would register 127 handlers and copy them for each client. Nine in ten are about other services.
    for event, handler, *_order in BUILTIN_HANDLERS:
        if concerns_us(event):
            made.register(event, handler)
    # A session without a name asks boto3 for one, which loads the whole package, and s3transfer and multiprocessing.
    made.user_agent_name, made.user_agent_version = "mediarelay", __version__
    return Session(botocore_session=made)


def concerns_us(event: str) -> bool:
    """Return whether an event of botocore is about every service, or about one that the functions call."""
    stage, *subject = event.split(".")
    return stage != "docs" and (not subject or subject[0] in SERVICES)


@cache
def client(service: str) -> Any:
    """Return this process's client for an AWS service (`dynamodb`, `sqs`, ...)."""
    return session().client(service, config=CONFIG)
