"""Download a source that is in no bucket, from a host that the configuration admits, and from no other."""

from pathlib import Path
from urllib.parse import urlsplit

import urllib3

from engine.config import Config
from engine.failures import Failure, TaskFailed

TIMEOUT = urllib3.Timeout(connect=10, read=30)
_CHUNK = 1 << 16


def fetch(url: str, config: Config, file: Path) -> None:
    """Write what a URL returns into a file. Raises `TaskFailed`. It follows no redirect, which may lead to any host."""
    host = urlsplit(url).netloc
    if host not in config.mps.url_hosts:
        raise TaskFailed(Failure.NO_DOWNLOAD, f"{host} is none of the admitted hosts")
    try:
        with (
            urllib3.PoolManager(retries=False) as pool,
            pool.request("GET", url, preload_content=False, redirect=False, timeout=TIMEOUT) as answer,
            file.open("wb") as out,
        ):
            _require_ok(answer.status)
            size = 0
            for chunk in answer.stream(_CHUNK):
                size += out.write(chunk)
                _require_size(size, config)
    # urllib3 raises ValueError for some addresses that it cannot parse.
    except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        raise TaskFailed(Failure.NO_DOWNLOAD, type(error).__name__) from error


def _require_ok(status: int) -> None:
    if status != 200:  # noqa: PLR2004
        raise TaskFailed(Failure.NO_DOWNLOAD, f"the host answers {status}")


def _require_size(size: int, config: Config) -> None:
    if size > config.max_object_size:
        raise TaskFailed(Failure.NO_DOWNLOAD, f"it has more than {config.max_object_size} bytes")
