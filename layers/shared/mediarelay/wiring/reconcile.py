"""The reconciliation with what the providers list."""

from functools import cache

from mediarelay.adapters.dynamodb.list_cursors import ListCursorStore
from mediarelay.usecases.tasks.reconcile import Reconciler
from mediarelay.wiring import base
from mediarelay.wiring.provider import provider_apis, submitter
from mediarelay.wiring.tasks import task_repository, task_store
from mediarelay.wiring.ticks import wait_for_minute


@cache
def reconciler() -> Reconciler:
    """Return the use case that adds the tasks that providers list."""
    now = base.now()
    apis = provider_apis().apis
    return Reconciler(
        lists={name: api for name, api in apis.items() if api.provider.lists(now, now)},
        tasks=task_repository(),
        known=task_store(),
        cursors=ListCursorStore(base.table()),
        adopt=submitter().adopt,
        wait=wait_for_minute,
        clock=base.now,
    )
