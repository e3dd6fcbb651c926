"""Low-level AWS clients: one botocore session per process, bounded timeouts and retries everywhere."""

from functools import cache
from typing import Any

from botocore.config import Config
from botocore.session import Session

CONFIG = Config(connect_timeout=2, read_timeout=5, retries={"mode": "standard", "max_attempts": 3})


@cache
def _session() -> Session:
    return Session()


@cache
def client(service: str) -> Any:
    """Return the process's client of an AWS service (`dynamodb`, `sqs`, ...)."""
    return _session().create_client(service, config=CONFIG)
