"""What one tick reads and writes, with 10^3 to 10^6 stored tasks of which a fixed number is due.

moto reads all items for each query, so this figure has a client of its own: a due index, sorted as that of DynamoDB.
Everything above the client is the product.
"""

import time
from bisect import bisect_right
from datetime import UTC, datetime, timedelta
from typing import Any

from benchmarks.measurement import Measurement, Plot
from benchmarks.units import Item, Usage, item_bytes
from mediarelay.adapters.dynamodb.codec import encode, epoch
from mediarelay.adapters.dynamodb.due_index import DueIndex
from mediarelay.adapters.dynamodb.keys import shard_of, task_key
from mediarelay.adapters.dynamodb.table import Table
from mediarelay.domain.due import Duty
from mediarelay.usecases.tick import FailureBudget, Tick

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
DUE = 1000
STORED, QUICK_STORED = (1_000, 10_000, 100_000, 1_000_000), (1_000, 100_000)
ROUNDS, QUICK_ROUNDS = 7, 3
# DynamoDB ends a page at 1 MB, which is some 4,000 of these rows.
PAGE_ROWS = 4000
DUTY = Duty.VIDEO
OTHERS = [duty for duty in Duty if duty is not DUTY]


class SortedIndex:
    """A client of DynamoDB that has a due index and nothing else. All rows are task items that wait for one duty."""

    def __init__(self, stored: int) -> None:
        self.reset()
        self.shards: dict[str, list[tuple[int, str]]] = {}
        now = int(NOW.timestamp())
        for number in range(stored):
            vid = f"{number:030x}"
            # The first ones are due. The others wait for a later tick.
            at = now - number if number < DUE else now + number
            self.shards.setdefault(shard_of(DUTY, vid), []).append((at, vid))
        for rows in self.shards.values():
            rows.sort()

    def reset(self) -> None:
        """Give the index its rows back, for the next round."""
        self.usage, self.moved = Usage(), set[str]()

    def query(self, **request: Any) -> dict[str, Any]:
        """Return a page of the rows of a shard that are due."""
        values = request["ExpressionAttributeValues"]
        rows = self.shards.get(values[":shard"]["S"], [])
        first = request.get("ExclusiveStartKey", {"position": 0})["position"]
        last = bisect_right(rows, (int(values[":now"]["N"]), "~"))
        page, sizes = list[Item](), list[int]()
        while first < last and len(page) < PAGE_ROWS:
            at, vid = rows[first]
            first += 1
            if vid not in self.moved:
                page.append(_row(at, vid))
                sizes.append(item_bytes(page[-1]))
        self.usage.calls["Query"] += 1
        self.usage.add_read("due", sizes, consistent=False)
        return {"Items": page} | ({"LastEvaluatedKey": {"position": first}} if first < last else {})

    def update_item(self, **request: Any) -> dict[str, Any]:
        """Move a row to a later time."""
        # Behind every due row. A list could be sorted anew, but that would be the time of this client.
        self.moved.add(request["Key"]["pk"]["S"].partition("#")[2])
        self.usage.calls["UpdateItem"] += 1
        return {}


def _row(at: int, vid: str) -> Item:
    attributes = {"item": "task", "vid": vid, "kind": "video", "due_shard": shard_of(DUTY, vid), "due_at": at}
    return task_key(vid).item | encode(attributes | {"give_up_at": epoch(NOW + timedelta(days=1))})


def run(index: SortedIndex) -> int:
    """Run a tick: take all rows of one duty, and look for rows of all others. Return how many it took."""
    tick = Tick(
        rows=DueIndex(Table(index, "ledger")),
        clock=lambda: NOW,
        time_left=lambda: True,
        visibility_timeout=timedelta(minutes=3),
        jitter=lambda: 0.5,
        record_run=lambda _failed: None,
    )
    taken = list(tick.take(FailureBudget(DUTY, lambda: NOW)))
    return len(taken) + sum(1 for duty in OTHERS for _ in tick.due(duty))


def measure(sizes: tuple[int, ...], rounds: int) -> dict[int, tuple[Usage, float]]:
    """Return what a tick uses with so many stored tasks, and its CPU time in seconds. The rounds alternate."""
    indexes = {size: SortedIndex(size) for size in sizes}
    times: dict[int, list[float]] = {size: [] for size in sizes}
    for _ in range(rounds):
        for size, index in indexes.items():
            index.reset()
            begun = time.process_time()
            taken = run(index)
            times[size].append(time.process_time() - begun)
            if taken != DUE:
                raise AssertionError(f"a tick took {taken} of {DUE} rows")
    return {size: (index.usage, min(times[size])) for size, index in indexes.items()}


def figure(*, quick: bool) -> Measurement:
    """Compare the largest table with the smallest one."""
    found = measure(QUICK_STORED if quick else STORED, QUICK_ROUNDS if quick else ROUNDS)
    (_, (least, base)), (stored, (most, longest)) = min(found.items()), max(found.items())
    values: dict[str, float] = {
        "stored": stored,
        "items": most.items["due"] / least.items["due"],
        "units": most.read_units / least.read_units,
        "calls": most.calls.total() / least.calls.total(),
        "cpu": longest / base,
        "read units of a tick": most.read_units,
        "calls of a tick": most.calls.total(),
    }
    curves = {
        "rows read": [(size, used.items["due"] / least.items["due"]) for size, (used, _) in found.items()],
        "read units": [(size, used.read_units / least.read_units) for size, (used, _) in found.items()],
        "CPU time": [(size, taken / base) for size, (_, taken) in found.items()],
    }
    title = f"A tick with {DUE:,} due tasks"
    plot = Plot("tick", title, "stored tasks", f"against {min(found):,} stored tasks", curves, log_x=True)
    return Measurement(values, [plot])
