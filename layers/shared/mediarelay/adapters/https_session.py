"""Connections to the providers' APIs, which stay open between calls."""

import ssl
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from requests.utils import DEFAULT_CA_BUNDLE_PATH

# More than the threads of any function, so that no call closes the connection of another one.
MAX_CONNECTIONS = 32


class TlsAdapter(HTTPAdapter):
    """Opens connections with one TLS context. To load the authorities for each costs more CPU than its handshake."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        super().__init__(pool_maxsize=MAX_CONNECTIONS)

    def init_poolmanager(self, *sizes: Any, **options: Any) -> None:
        """Make the pool, whose connections verify servers with the context."""
        super().init_poolmanager(*sizes, **options, ssl_context=self._context)

    def cert_verify(self, *_: Any) -> None:
        """Name no file of authorities: a connection that has one would load it into the context again."""


class Session(requests.Session):
    """A session that leaves redirects alone."""

    def get_redirect_target(self, _: requests.Response) -> None:
        """Return no target: for one that is not followed, requests would still read the whole body, without a bound."""


def https_session(user_agent: str, ca_file: str | None = None) -> requests.Session:
    """Return a session that trusts the authorities in a file; None: those of Mozilla.

    It follows no redirect, retries nothing, keeps no cookie, and reads no proxies and no `.netrc` from the environment.
    """
    session = Session()
    session.trust_env = False
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
    session.headers.update({"User-Agent": user_agent, "Accept-Encoding": "gzip"})
    adapter = TlsAdapter(ssl.create_default_context(cafile=ca_file or DEFAULT_CA_BUNDLE_PATH))
    for scheme in ("https://", "http://"):
        session.mount(scheme, adapter)
    return session
