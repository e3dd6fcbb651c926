"""What every door has: the networks that may knock, and a secret that may just have been changed."""

from collections.abc import Callable, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Any, Protocol, TypeVar

Networks = tuple[IPv4Network | IPv6Network, ...]
Found = TypeVar("Found")


class LiveSecret(Protocol):
    """A secret that is read through a short cache."""

    def value(self) -> dict[str, Any]:
        """The secret, maybe some seconds old."""

    def recheck(self) -> dict[str, Any]:
        """The secret, read again if it may have changed."""


def live(secret: Mapping[str, Any], name: str) -> list[str]:
    """The live ones under a name of a secret: words separated by white space (easy to edit by hand), or a list.

    Anything else opens no door.
    """
    found = secret.get(name)
    words = found.split() if isinstance(found, str) else found if isinstance(found, list) else []
    return [word for word in words if isinstance(word, str) and word]


def comes_from(address: str, networks: Networks) -> bool:
    """Whether an address is in one of the networks."""
    return any(ip_address(address) in network for network in networks)


def try_with(secret: LiveSecret, attempt: Callable[[Mapping[str, Any]], Found]) -> Found:
    """Try something with a secret, and again with the newest one if nothing came of it."""
    return attempt(secret.value()) or attempt(secret.recheck())
