"""The composition root for tests: the environment of the template, and doubles of what lies outside of the process."""

import pkgutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, partial
from importlib import import_module
from random import Random
from threading import RLock
from typing import Any

import pytest

from mediarelay import wiring
from mediarelay.adapters import aws
from mediarelay.wiring import base, callbacks, provider
from tests.integration.doubles import Clock, FixedRandom, Messaging, Outbox, Provider, Secret
from tests.stack import defaults, functions, variables

MODULES = [import_module(f"{wiring.__name__}.{module.name}") for module in pkgutil.iter_modules(wiring.__path__)]
CACHES = [
    item
    for module in MODULES
    for item in vars(module).values()
    if hasattr(item, "cache_clear") and item.__module__ == module.__name__
]
"""The functions of the composition root that build once and keep the result."""
PROVIDER = {"PROVIDER": "cts"}
"""The provider of new tasks. Most requests of the tests have the form that only CTS needs."""
BUILDING = RLock()
"""The composition root reads the process's environment, so only one deployment at a time may build."""


@cache
def environment() -> dict[str, str]:
    """The variables of all functions: the defaults of the parameters, and the names of the resources."""
    given = {name: value for function in functions() for name, value in variables(function).items()}
    named = {name: str(value.get("Ref") or value["Fn::GetAtt"][0]) for name, value in given.items()}
    template = {name: defaults().get(reference, reference) for name, reference in named.items()}
    return template | PROVIDER


def forget() -> None:
    """Drop what the composition root has built."""
    for item in CACHES:
        item.cache_clear()


@dataclass(frozen=True)
class Deployment:
    """An environment in which the composition root builds. What it built keeps its parts, also beside another one.

    Attributes:
        clock: The clock.
        queues: The queues and the topic, by their names in the template.
        secrets: The secrets, by their names in the template.
        api: The providers' APIs; None: the real client calls the setting `provider_endpoint`.
        clients: Further clients of AWS, by service. The others are moto's.
        random: The randomness.
    """

    clock: Clock
    queues: Mapping[str, Outbox[Any]] = field(default_factory=dict)
    secrets: Mapping[str, Secret] = field(default_factory=dict)
    api: Provider | None = None
    clients: Mapping[str, Any] = field(default_factory=dict)
    random: Random = field(default_factory=FixedRandom)

    @contextmanager
    def building(self, **settings: object) -> Iterator[None]:
        """Let the composition root build with these settings; the others are as the template gives them."""
        given = {name.upper(): str(value) for name, value in settings.items()}
        assert given.keys() <= environment().keys(), "the template gives no function such a setting"
        with BUILDING, pytest.MonkeyPatch.context() as patch:
            for name, value in (environment() | given).items():
                patch.setenv(name, value)
            patch.setattr(base, "now", self.clock)
            patch.setattr(base, "random", self.random)
            patch.setattr(base, "client", self._client)
            patch.setattr(callbacks, "put_client", partial(self._client, "dynamodb"))
            patch.setattr(base, "secret", self._secret)
            if self.api is not None:
                patch.setattr(provider, "provider_apis", lambda: self.api)
            forget()
            try:
                yield
            finally:
                forget()

    def _client(self, service: str) -> Any:
        messaging = Messaging(self.queues)
        return ({"sqs": messaging, "sns": messaging} | dict(self.clients)).get(service) or aws.client(service)

    def _secret(self, name: str, _arn: str, _entries: object) -> Secret:
        return self.secrets[name]
