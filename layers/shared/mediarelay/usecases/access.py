"""Access checks shared by all callback endpoints: source networks, and a secret that may have just been rotated."""

import re
from collections.abc import Callable, Iterator, Mapping
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any, NamedTuple, Protocol, TypeVar

from mediarelay.errors import SettingUnusable

Networks = tuple[IPv4Network | IPv6Network, ...]
Found = TypeVar("Found")

_NETWORK = re.compile(r"[0-9A-Fa-f:.]+(?:/[0-9]{1,3})?", re.ASCII)
_SEPARATORS = re.compile(r"[\s,]+")
# An operator may write an IPv4 network in its IPv6 form. Senders then still show up with IPv4 addresses.
_MAPPED = IPv6Network("::ffff:0:0/96")


class LiveSecret(Protocol):
    """A secret that is read through a short cache."""

    def value(self) -> dict[str, Any]:
        """Return the secret, which may be some seconds old."""

    def recheck(self) -> dict[str, Any]:
        """Return the secret, and read it again first if it may have changed."""


class NetworkList(NamedTuple):
    """The networks of a list, and the entries that could not be read. An unreadable entry admits no sender."""

    networks: Networks
    unreadable: tuple[str, ...]


def read_networks(text: str) -> NetworkList:
    """Parse a list of CIDR networks, separated by commas or white space; mask the bits behind the prefix."""
    entries = [entry for entry in _SEPARATORS.split(text) if entry]
    read = {entry: _network(entry) for entry in entries}
    return NetworkList(
        tuple(network for network in read.values() if network is not None),
        tuple(entry for entry, network in read.items() if network is None),
    )


def comes_from(address: str, networks: Networks) -> bool:
    """Return whether an address is in one of the networks; text that is no address is in none of them.

    Raises `SettingUnusable` if there are no networks, because no sender can be checked then.
    """
    # Not False: a sender that gets 403 stops sending, and the fault is ours. 503 makes it try again.
    if not networks:
        raise SettingUnusable("no network could be read")
    return any(one in network for one in _addresses(address) for network in networks)


def try_with(secret: LiveSecret, attempt: Callable[[Mapping[str, Any]], Found]) -> Found:
    """Call `attempt` with a secret; if it returns nothing true, call it again with the newest version of the secret."""
    # After a rotation the cached secret is old for some seconds, and a client that already has the new one must pass.
    return attempt(secret.value()) or attempt(secret.recheck())


def _network(entry: str) -> IPv4Network | IPv6Network | None:
    if not _NETWORK.fullmatch(entry):
        return None
    try:
        network = ip_network(entry, strict=False)
    except ValueError:
        return None
    if isinstance(network, IPv6Network) and network.subnet_of(_MAPPED):
        return IPv4Network((int(network.network_address) & (2**32 - 1), network.prefixlen - _MAPPED.prefixlen))
    return network


def _addresses(text: str) -> Iterator[IPv4Address | IPv6Address]:
    """Yield an address, and the IPv4 address that it stands for if it is an IPv4-mapped IPv6 address."""
    try:
        address = ip_address(str(text).strip())
    except ValueError:
        return
    yield address
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        yield address.ipv4_mapped
