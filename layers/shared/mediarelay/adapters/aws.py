"""AWS clients: one botocore session per process, bounded timeouts and retries everywhere.

Not boto3: its clients are botocore's, and importing it costs a callback function 7 % of its cold start.
"""

import logging
from functools import cache
from typing import Any

from botocore.config import Config
from botocore.session import Session

CONFIG = Config(connect_timeout=1, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 3})
"""A call that hangs is over after 12 seconds, so that a callback function has time left for the callback backlog."""

logging.getLogger("botocore").setLevel(logging.WARNING)  # it logs at each cold start where it found its credentials


@cache
def _session() -> Session:
    return Session()


@cache
def client(service: str) -> Any:
    """Return the process's client of an AWS service (`dynamodb`, `sqs`, ...)."""
    return _session().create_client(service, config=CONFIG)
