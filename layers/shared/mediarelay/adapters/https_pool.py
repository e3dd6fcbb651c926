"""Connections to the providers' APIs, which stay open between calls."""

import certifi
from urllib3 import PoolManager
from urllib3.util.ssl_ import create_urllib3_context

# More than the threads of any function, so that no call closes the connection of another one.
MAX_CONNECTIONS = 32


def https_pool(user_agent: str, ca_file: str | None = None) -> PoolManager:
    """Return a pool of connections that trusts the authorities in a file; None: those of Mozilla.

    It follows no redirect, retries nothing, and reads neither proxies nor `.netrc` from the environment.
    """
    # One context for all connections: to load the file costs more CPU than the handshake.
    context = create_urllib3_context()
    context.load_verify_locations(ca_file or certifi.where())
    headers = {"User-Agent": user_agent, "Accept-Encoding": "gzip", "Accept": "*/*"}
    return PoolManager(maxsize=MAX_CONNECTIONS, ssl_context=context, headers=headers, retries=False)
