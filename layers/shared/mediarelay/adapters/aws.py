"""AWS clients: one boto3 session per process, bounded timeouts and retries everywhere."""

import logging
from functools import cache
from typing import Any

from boto3.session import Session
from botocore.config import Config

# A call that hangs is over after 12 seconds, so that a callback function has time left for the callback backlog.
CONFIG = Config(connect_timeout=1, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 3})

logging.getLogger("botocore").setLevel(logging.WARNING)  # it logs at each cold start where it found its credentials


@cache
def _session() -> Any:
    return Session()


@cache
def client(service: str) -> Any:
    """Return the process's client of an AWS service (`dynamodb`, `sqs`, ...)."""
    return _session().client(service, config=CONFIG)
