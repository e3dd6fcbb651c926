"""AWS clients: one boto3 session per process, bounded timeouts and retries everywhere."""

import logging
from functools import cache
from typing import Any

from boto3.session import Session
from botocore.config import Config
from botocore.session import get_session

from mediarelay import __version__

# Three attempts of 4 seconds end before a callback function times out, so it can still use the callback backlog.
CONFIG = Config(connect_timeout=1, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 3})

# At INFO, botocore reports at each cold start where it found its credentials.
logging.getLogger("botocore").setLevel(logging.WARNING)


@cache
def _session() -> Any:
    session = get_session()
    # A session without a name asks boto3 for one, which loads the whole package, and s3transfer and multiprocessing.
    session.user_agent_name, session.user_agent_version = "mediarelay", __version__
    return Session(botocore_session=session)


@cache
def client(service: str) -> Any:
    """Return this process's client for an AWS service (`dynamodb`, `sqs`, ...)."""
    return _session().client(service, config=CONFIG)
