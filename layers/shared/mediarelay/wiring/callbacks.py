"""Callbacks: the endpoint of one route, and its store, which the backlog and the quarantine use too.

A callback function passes the callbacks of its route, so that it loads no other provider's.
"""

import time
from functools import cache, partial

from mediarelay.adapters.dynamodb.observations import ObservationStore
from mediarelay.adapters.dynamodb.put_client import put_client
from mediarelay.adapters.dynamodb.quarantine import QuarantineStore
from mediarelay.adapters.dynamodb.table import Table
from mediarelay.adapters.sqs import CallbackBacklog
from mediarelay.domain.tasks.origin import Origin
from mediarelay.providers.port import CallbackFormat
from mediarelay.usecases.secret_entries import callback_tokens
from mediarelay.usecases.tasks.receive import CallbackEndpoint, CallbackStore
from mediarelay.usecases.tasks.recent_observations import RecentObservations
from mediarelay.wiring import base
from mediarelay.wiring.access import source_networks

Observations = ObservationStore | RecentObservations


@cache
def callback_store(callbacks: CallbackFormat) -> CallbackStore:
    """Return the store of one route's callbacks from the callback backlog or the quarantine."""
    return _store(callbacks, base.table(), ObservationStore(base.table(), base.settings().raw_body_days))


def _endpoint_store(callbacks: CallbackFormat) -> CallbackStore:
    """Return the store of one route's callbacks from their sender, who waits for it and may repeat them."""
    table = Table(put_client(), base.settings().table_name)
    stored = ObservationStore(table, base.settings().raw_body_days)
    return _store(callbacks, table, RecentObservations(stored, time.monotonic))


def _store(
    callbacks: CallbackFormat, table: Table, observations: ObservationStore | RecentObservations
) -> CallbackStore:
    return CallbackStore(
        callbacks=callbacks,
        observations=observations,
        quarantine=QuarantineStore(table),
        limit=base.settings().max_callback_bytes,
        first_poll_after=base.settings().first_poll_after,
        give_up_after=base.settings().give_up_after,
        clock=base.now,
    )


@cache
def callback_endpoint(callbacks: CallbackFormat) -> CallbackEndpoint:
    """Return the endpoint that accepts the callbacks of one route."""
    return CallbackEndpoint(
        store=_endpoint_store(callbacks),
        # The backlog is needed only while the table is down, so its client is not made during init.
        backlog=CallbackBacklog(partial(base.client, "sqs"), base.settings().callback_backlog_url),
        tokens=base.early_secret("CallbackTokens", base.settings().callback_tokens_secret, callback_tokens),
        networks=source_networks("callback_source_cidrs"),
        # `TRUSTED` lets a callback decide the outcome, so every other spelling of the setting means `CLAIM`.
        origin=Origin.TRUSTED if base.settings().callback_trust == "callback" else Origin.CLAIM,
        clock=base.now,
    )
