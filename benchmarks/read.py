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
from tests.integration.task_harness import VID, TaskHarness, answer, callback

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


Found = tuple[Usage, float, int]
"""What a read used, its CPU seconds, and the bytes of the response."""


def read(reader: TaskReader) -> Found:
    """Read the task; return what it used, its CPU seconds, and the bytes of the response."""
    with counting() as usage:
        reader.with_next(VID)
    taken = list[float]()
    for _ in range(ROUNDS):
        with own_time() as seconds:
            body = json.dumps(task_view(*reader.with_next(VID)))
            taken.append(seconds())
    return usage, min(taken), len(body)


def expire(harness: TaskHarness) -> None:
    """Delete the items whose time to live is over, as DynamoDB does within a day or two."""
    client, now = harness.stores.table.client, harness.clock().timestamp()
    for page in client.get_paginator("scan").paginate(TableName=harness.table):
        for item in page["Items"]:
            if int(item.get("expires_at", {"N": "0"})["N"]) in range(1, int(now)):
                client.delete_item(TableName=harness.table, Key={name: item[name] for name in ("pk", "sk")})


def states_of(callbacks: int) -> Mapping[str, Found]:
    """Read a task with so many callbacks: while they wait, once they are settled, and once the surplus has expired."""
    harness = TaskHarness(make_table(f"ledger-{callbacks}"))
    harness.claim(callback())
    with harness.building():
        reader = task_reader()
    (claim,) = (one for one in harness.items() if one["item"]["S"] == "claim")
    fill(harness, claim, 1, callbacks)
    waiting = read(reader)
    harness.clock.forward(seconds=1)
    harness.provider.answers[VID] = answer()
    harness.confirm()
    harness.publisher.publish(VID)
    # One write settles some of them. The polls of the others find the outcome, and settle the next ones.
    while harness.due():
        harness.confirm()
    settled = read(reader)
    harness.clock.forward(seconds=1)
    expire(harness)
    return {"waiting": waiting, "settled": settled, "expired": read(reader)}


def figure(*, quick: bool) -> Measurement:
    """Read tasks with more and more callbacks."""
    with account():
        return _measurement({number: states_of(number) for number in (QUICK_CALLBACKS if quick else CALLBACKS)})


def _measurement(found: Mapping[int, Mapping[str, Found]]) -> Measurement:
    (most, states), base = max(found.items(), key=lambda one: one[0]), found[BASE]
    values: dict[str, float] = {"callbacks": most}
    for state, (used, seconds, size) in states.items():
        before, seconds_before, _ = base[state]
        values |= {
            f"{state}: units": used.read_units / before.read_units,
            f"{state}: cpu": seconds / seconds_before,
            f"{state}: read units": used.read_units,
            f"{state}: cpu seconds": seconds,
            f"{state}: response bytes": size,
        }
    curves = {state: [(number, one[state][0].read_units) for number, one in found.items()] for state in states}
    return Measurement(values, [Plot("read", "A read of one task", "callbacks about it", "read units", curves)])
