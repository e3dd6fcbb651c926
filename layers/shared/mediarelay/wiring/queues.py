"""The queues that pace the calls to the provider and to endpoints."""

from functools import cache

from mediarelay.adapters.sqs import ConfirmQueue, DeliveryQueue, SubmitQueue
from mediarelay.usecases.webhooks.request import DeliveryRequester
from mediarelay.wiring import base


@cache
def confirm_queue() -> ConfirmQueue:
    """Return the queue of queries about known tasks."""
    return ConfirmQueue(base.client("sqs"), base.settings().confirm_queue_url)


@cache
def confirm_unknown_queue() -> ConfirmQueue:
    """Return the queue of queries about tasks that only callbacks name."""
    return ConfirmQueue(base.client("sqs"), base.settings().confirm_unknown_queue_url)


@cache
def submit_queue() -> SubmitQueue:
    """Return the queue of intents that wait for the provider."""
    return SubmitQueue(base.client("sqs"), base.settings().submit_queue_url)


@cache
def delivery_queue() -> DeliveryQueue | None:
    """Return the queue of deliveries; None if this deployment delivers no events over HTTP."""
    if base.settings().webhook_delivery != "true":
        return None
    return DeliveryQueue(base.client("sqs"), base.settings().delivery_queue_url)


@cache
def delivery_requester() -> DeliveryRequester:
    """Return what requests deliveries as soon as the stream reports them."""
    return DeliveryRequester(delivery_queue())
