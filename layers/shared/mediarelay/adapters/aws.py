"""AWS clients: one boto3 session per process, bounded timeouts and retries everywhere."""

import logging
from functools import cache
from typing import Any

from boto3.session import Session
from botocore import session as core
from botocore.config import Config

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

# At INFO, botocore reports at each cold start where it found its credentials.
logging.getLogger("botocore").setLevel(logging.WARNING)


@cache
def session() -> Any:
    """Return this process's boto3 session."""
    return Session(botocore_session=core_session())


@cache
def core_session() -> core.Session:
    """Return this process's botocore session, which boto3's uses."""
    made = core.Session()
    # A session without a name asks boto3 for one, which loads the whole package, and s3transfer and multiprocessing.
    made.user_agent_name, made.user_agent_version = "mediarelay", __version__
    return made


@cache
def client(service: str) -> Any:
    """Return this process's client for an AWS service (`dynamodb`, `sqs`, ...)."""
    return session().client(service, config=CONFIG)
