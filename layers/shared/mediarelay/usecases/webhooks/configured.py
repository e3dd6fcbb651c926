"""The endpoints that the secret has now."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from mediarelay.domain.webhooks.endpoint import Endpoint
from mediarelay.errors import SecretUnavailable
from mediarelay.usecases.webhooks.endpoints import endpoint_lists, subscribed_types, webhook_endpoints


class EndpointSecret(Protocol):
    """The secret with the endpoints, read through a short cache."""

    def value(self) -> Mapping[str, Any]:
        """Return the secret; raises `SecretUnavailable`."""


@dataclass(frozen=True, slots=True)
class ConfiguredEndpoints:
    """Reads the endpoints. All methods raise `SecretUnavailable`."""

    secret: EndpointSecret

    def all(self) -> tuple[Endpoint, ...]:
        """Return the usable endpoints in their order."""
        return webhook_endpoints(self._content()).usable

    def find(self, name: str) -> Endpoint | None:
        """Return the endpoint with a name."""
        return next((one for one in self.all() if one.name == name), None)

    def types(self) -> dict[str, tuple[str, ...]]:
        """Return the types that each endpoint receives (none: all), also of endpoints that are not usable now."""
        return subscribed_types(self._content())

    def _content(self) -> Mapping[str, Any]:
        content = self.secret.value()
        # Without a list, nothing tells which endpoints there are. To take it for an empty one would end all deliveries.
        if not endpoint_lists(content).usable:
            raise SecretUnavailable("WebhookEndpoints has no list of endpoints")
        return content
