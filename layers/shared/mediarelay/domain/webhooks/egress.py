"""Egress rules: the URLs and the addresses to which events may be sent.

Events leave through a function that can reach its own network and the metadata service, and operators paste URLs that
others give them. Hence these rules:

| part | allowed | in WebhookNetworks also |
| --- | --- | --- |
| scheme | https | http, to loopback addresses |
| port | 443, 8443 | any |
| host | a DNS name in ASCII, or an address in its usual notation | |
| address | global unicast | any listed one |
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

PORTS = frozenset({443, 8443})
_DEFAULT_PORTS = {"https": 443, "http": 80}
_LABEL = "[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
# The characters of a path and a query, as RFC 3986 lists them.
_TARGET = r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*"
_URL = re.compile(
    rf"(?P<scheme>https?)://(?P<host>\[[0-9a-f:.]+\]|{_LABEL}(?:\.{_LABEL})*)(?::(?P<port>[0-9]{{1,5}}))?"
    rf"(?P<target>[/?]{_TARGET})?",
    re.ASCII | re.IGNORECASE,
)
# Resolvers and HTTP clients read a host whose last label begins like a number as an IPv4 address, in octal or hex, too.
_NUMERIC = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)", re.ASCII)
MAX_HOST, MAX_URL, MAX_PORT = 253, 2048, 65_535
# The first pattern that matches a refused URL gives the reason.
_REASONS = (
    (r"(?i)(?!https?://)", "must begin with https://"),
    (r"[^#?/]*//[^/?#]*@", "must not name a user"),
    (r".*#", "must not have a fragment"),
    (r"[^/]*//[^/?#:]*\.(?:[:/?]|\Z)", "must not have a dot at the end of the host"),
    (r"(?s).*[^!-~]", "must be ASCII without white space (write an international name as xn--...)"),
)
_GLOBAL_IPV6 = IPv6Network("2000::/3")
# A gateway translates these addresses to the IPv4 address in their last 32 bits (RFC 6052).
_NAT64 = IPv6Network("64:ff9b::/96")
# Transition and documentation networks, some of which versions of Python take for public ones.
_NEVER = (IPv6Network("2002::/16"), IPv6Network("3fff::/20"), IPv4Network("192.88.99.0/24"))
Address = IPv4Address | IPv6Address
Networks = Sequence[IPv4Network | IPv6Network]


@dataclass(frozen=True, slots=True)
class WebhookUrl:
    """A URL in its parts.

    Attributes:
        scheme: `https`, or `http`.
        host: The host in lower case; an IPv6 address without brackets.
        port: The port, also if the URL does not state it.
        target: The path with the query.
    """

    scheme: str
    host: str
    port: int
    target: str

    @property
    def host_header(self) -> str:
        """The value of the `Host` header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"


def read_webhook_url(text: str) -> WebhookUrl:
    """Read the URL of an endpoint; raise ValueError with the reason. The reason never quotes the URL."""
    found = _URL.fullmatch(text) if len(text) <= MAX_URL else None
    if found is None:
        raise ValueError(next((why for pattern, why in _REASONS if re.match(pattern, text)), "must be a URL"))
    scheme, host = found["scheme"].lower(), _host(found["host"].lower())
    port = int(found["port"] or _DEFAULT_PORTS[scheme])
    if not 0 < port <= MAX_PORT:
        raise ValueError(f"must have a port from 1 to {MAX_PORT}")
    target = found["target"] or "/"
    return WebhookUrl(scheme, host, port, target if target.startswith("/") else f"/{target}")


def _host(host: str) -> str:
    """Return a host without brackets; raise ValueError for an address in an unusual notation."""
    name = host.strip("[]")
    try:
        if host != name or _NUMERIC.fullmatch(host):
            return str(ip_address(name))
    except ValueError:
        raise ValueError("must have a name, or an address such as 192.0.2.1 or [2001:db8::1]") from None
    if len(name) > MAX_HOST:
        raise ValueError(f"must have a host of at most {MAX_HOST} characters")
    return name


def shown_url(text: str) -> str:
    """Return the URL of an endpoint as clients see it, `https://hooks.example.com/...`; raise ValueError.

    The path or the query is the credential of some receivers, such as chat services.
    """
    url = read_webhook_url(text)
    return f"{url.scheme}://{url.host_header}/{'' if url.target == '/' else '...'}"


def literal_address(url: WebhookUrl) -> Address | None:
    """Return the address that a URL states instead of a name; None for a name."""
    try:
        return ip_address(url.host)
    except ValueError:
        return None


def refusal(url: WebhookUrl, address: Address, networks: Networks) -> str:
    """Return why no event may be sent to an address of a URL's host; an empty text if it may.

    `networks` are the private networks that the operator allows.
    """
    if any(address in network for network in networks):
        return "" if url.scheme == "https" or address.is_loopback else "http is for loopback addresses only"
    if not is_global(address):
        return "the address is not public"
    if url.scheme != "https":
        return "https was expected"
    return "" if url.port in PORTS else f"the port must be one of {', '.join(map(str, sorted(PORTS)))}"


def is_global(address: Address) -> bool:
    """Return whether an address, and every IPv4 address in it, is public and unicast."""
    return all(map(_is_public, _meant(address)))


def _meant(address: Address) -> Iterator[Address]:
    """Yield the addresses that packets to an address may reach."""
    if isinstance(address, IPv6Address) and address in _NAT64:
        yield IPv4Address(int(address) & (2**32 - 1))
        return
    yield address
    if isinstance(address, IPv6Address):
        yield from address.teredo or ()


def _is_public(address: Address) -> bool:
    if isinstance(address, IPv6Address) and address not in _GLOBAL_IPV6:
        return False
    if any(address in network for network in _NEVER):
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved
