"""What every door has: the networks that may knock, and a secret that may just have been changed."""

import re
from collections.abc import Callable, Iterator, Mapping
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any, NamedTuple, Protocol, TypeVar

from mediarelay.errors import SettingUnusable

Networks = tuple[IPv4Network | IPv6Network, ...]
Found = TypeVar("Found")

_NETWORK = re.compile(r"[0-9A-Fa-f:.]+(?:/[0-9]{1,3})?", re.ASCII)
_SEPARATORS = re.compile(r"[\s,]+")
# IPv4 addresses, written as IPv6 ones.
_MAPPED = IPv6Network("::ffff:0:0/96")


class LiveSecret(Protocol):
    """A secret that is read through a short cache."""

    def value(self) -> dict[str, Any]:
        """The secret, maybe some seconds old."""

    def recheck(self) -> dict[str, Any]:
        """The secret, read again if it may have changed."""


class NetworkList(NamedTuple):
    """The networks of a list that could be read, and the entries that could not. Those admit no sender."""

    networks: Networks
    unreadable: tuple[str, ...]


def read_networks(text: str) -> NetworkList:
    """Read a list of networks, separated by commas or white space; bits behind the prefix are masked."""
    entries = [entry for entry in _SEPARATORS.split(text) if entry]
    read = {entry: _network(entry) for entry in entries}
    return NetworkList(
        tuple(network for network in read.values() if network is not None),
        tuple(entry for entry, network in read.items() if network is None),
    )


def comes_from(address: str, networks: Networks) -> bool:
    """Whether an address is in one of the networks; what is no address is in none.

    Raises `SettingUnusable` if there are no networks, because no sender can be checked then.
    """
    if not networks:
        raise SettingUnusable("no network could be read")
    return any(one in network for one in _addresses(address) for network in networks)


def try_with(secret: LiveSecret, attempt: Callable[[Mapping[str, Any]], Found]) -> Found:
    """Try something with a secret, and again with the newest one if nothing came of it."""
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
    """An address, and the IPv4 address that it stands for if it is an IPv6 one."""
    try:
        address = ip_address(str(text).strip())
    except ValueError:
        return
    yield address
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        yield address.ipv4_mapped
