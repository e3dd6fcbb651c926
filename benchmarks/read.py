"""What `GET /tasks/{vid}` costs for a task with 10 to 5,000 callbacks: anyone who has the path token can send them."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from typing import Any
from unittest.mock import patch

from botocore.client import BaseClient

from benchmarks.measurement import Measurement, Plot
from benchmarks.pipeline import account, make_table
from benchmarks.units import Usage, counting
from mediarelay.contracts.api.task_view import task_view
from mediarelay.usecases.tasks.read import TaskReader
from mediarelay.wiring.clients import task_reader
from tests.integration.task_harness import VID, TaskHarness, callback

CALLBACKS, QUICK_CALLBACKS = (10, 500, 1_000, 2_000, 5_000), (10, 500, 1_000)
BASE = 500
"""A read is bounded if it costs no more than with so many callbacks."""
ROUNDS = 3


def fill(harness: TaskHarness, claim: Mapping[str, Any], have: int, want: int) -> None:
    """Store further callbacks about the task: copies of a stored claim under other digests."""
    known = claim["sk"]["S"].rpartition("#")[2]
    for number in range(have, want):
        sk = claim["sk"]["S"].replace(known, sha256(str(number).encode()).hexdigest())
        harness.stores.table.client.put_item(TableName=harness.table, Item={**claim, "sk": {"S": sk}})


@contextmanager
def own_time() -> Iterator[Callable[[], float]]:
    """Yield a function that returns the CPU seconds so far, without those of the calls: there, moto does the work."""
    begun, inside = time.process_time(), [0.0]
    # The one place through which all calls go.
    plain = vars(BaseClient)["_make_api_call"]

    def timed(*args: Any) -> Any:
        start = time.process_time()
        try:
            return plain(*args)
        finally:
            inside[0] += time.process_time() - start

    with patch.object(BaseClient, "_make_api_call", timed):
        yield lambda: time.process_time() - begun - inside[0]


def read(reader: TaskReader) -> tuple[Usage, float, int]:
    """Read the task; return what it used, its CPU seconds, and the bytes of the response."""
    with counting() as usage:
        reader.with_next(VID)
    taken = list[float]()
    for _ in range(ROUNDS):
        with own_time() as seconds:
            body = json.dumps(task_view(*reader.with_next(VID)))
            taken.append(seconds())
    return usage, min(taken), len(body)


def figure(*, quick: bool) -> Measurement:
    """Read a task with more and more callbacks."""
    found: dict[int, tuple[Usage, float, int]] = {}
    with account():
        harness = TaskHarness(make_table("ledger"))
        harness.claim(callback())
        with harness.building():
            reader = task_reader()
        (claim,) = (one for one in harness.items() if one["item"]["S"] == "claim")
        have = 1
        for want in QUICK_CALLBACKS if quick else CALLBACKS:
            fill(harness, claim, have, want)
            have, found[want] = want, read(reader)
    return _measurement(found)


def _measurement(found: dict[int, tuple[Usage, float, int]]) -> Measurement:
    (most, (used, seconds, size)), (base, base_seconds, _) = max(found.items()), found[BASE]
    values = {
        "units": used.read_units / base.read_units,
        "cpu": seconds / base_seconds,
        "callbacks": most,
        "calls": used.calls.total(),
        "read units": used.read_units,
        "items": used.items.total(),
        "cpu seconds": seconds,
        "response bytes": size,
    }
    curves = {
        "read units": [(number, usage.read_units) for number, (usage, _, _) in found.items()],
        "CPU (ms)": [(number, taken * 1000) for number, (_, taken, _) in found.items()],
    }
    return Measurement(values, [Plot("read", "A read of one task", "callbacks about it", "units, ms", curves)])
