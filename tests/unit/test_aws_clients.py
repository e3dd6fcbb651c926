"""The session of the functions leaves out only what concerns other services."""

from typing import Any

import pytest
from botocore.handlers import BUILTIN_HANDLERS
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.session import Session

from mediarelay.adapters import aws

STAGES = {spec[0].partition(".")[0] for spec in BUILTIN_HANDLERS} - {"docs"}
"""The documents of a client are made when a person reads them."""


def handlers(session: Any, event: str) -> list[str]:
    """What botocore does about an event, in order. Powertools and moto add handlers of their own to each session."""
    found = session.get_component("event_emitter")._emitter._handlers.prefix_search(event)
    named = [f"{handler.__module__}.{getattr(handler, '__qualname__', handler)}" for handler in found]
    return [name for name in named if name.startswith("botocore.")]


@pytest.mark.parametrize("service", sorted(name.replace("-", "") for name in aws.SERVICES))
def test_every_event_about_our_services_has_the_handlers_that_botocore_gives_it(service: str) -> None:
    model = ServiceModel(Loader().load_service_model(service, "service-2"), service)
    subject = model.service_id.hyphenize()
    assert subject in aws.SERVICES
    ours, theirs = aws.session()._session, Session()
    parts = ["", *(f".{name}" for name in model.operation_names)]
    events = [f"{stage}.{subject}{part}" for stage in STAGES for part in parts]
    assert [event for event in events if handlers(ours, event) != handlers(theirs, event)] == []


def test_few_handlers_remain() -> None:
    """Each costs a cold start its registration, and once more for each client."""
    assert 5 <= sum(aws.concerns_us(spec[0]) for spec in BUILTIN_HANDLERS) <= 15
