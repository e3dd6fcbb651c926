"""HTTP delivery: the use cases that deliver events and operate endpoints."""

import ssl
from functools import cache

from mediarelay.adapters.dynamodb.deliveries import DeliveryStore
from mediarelay.adapters.dynamodb.endpoints import EndpointStore
from mediarelay.adapters.webhook_client import WebhookClient
from mediarelay.usecases.access import read_networks
from mediarelay.usecases.webhooks.configured import ConfiguredEndpoints
from mediarelay.usecases.webhooks.deliver import Deliverer
from mediarelay.usecases.webhooks.endpoints import endpoint_lists
from mediarelay.usecases.webhooks.manage import WebhookManager
from mediarelay.wiring import base
from mediarelay.wiring.events import event_store

# Characters of an unreadable entry in the log.
MAX_SHOWN = 64


def configured_endpoints() -> ConfiguredEndpoints:
    """Return the reader of the secret with the endpoints."""
    return ConfiguredEndpoints(
        base.secret("WebhookEndpoints", base.settings().webhook_endpoints_secret, endpoint_lists)
    )


def delivery_store() -> DeliveryStore:
    """Return the store of deliveries."""
    return DeliveryStore(base.table(), base.settings().event_days)


def webhook_client() -> WebhookClient:
    """Return the client that posts events. A network that cannot be read is logged, and not allowed."""
    found = read_networks(base.settings().webhook_networks)
    for entry in found.unreadable:
        base.report_unreadable("webhook_networks", ascii(entry)[:MAX_SHOWN])
    return WebhookClient(found.networks, ssl.create_default_context(), base.now)


@cache
def deliverer() -> Deliverer:
    """Return the use case that delivers events."""
    return Deliverer(
        events=event_store(),
        deliveries=delivery_store(),
        health=EndpointStore(base.table()),
        endpoints=configured_endpoints(),
        sender=webhook_client(),
        clock=base.now,
        jitter=base.random.random,
        days=base.settings().event_days,
        user_agent=base.USER_AGENT,
    )


@cache
def webhook_manager() -> WebhookManager:
    """Return the use case that operates endpoints."""
    return WebhookManager(
        endpoints=configured_endpoints(),
        health=EndpointStore(base.table()),
        deliveries=delivery_store(),
        events=event_store(),
        clock=base.now,
        days=base.settings().event_days,
    )
