"""`python -m benchmarks.scale`: at which load each limit bites, and how long a burst takes. docs/scale.md quotes it.

The write units of a callback are counted by the real code. Quotas of AWS are those of us-east-1 without an increase.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.cost import DURATIONS, LANES, NEW_TABLE_WRITES, PARTITION_WRITES, STREAM_RECORDS
from benchmarks.counted import CALLBACK_PATH
from benchmarks.measurement import Measurement, Plot
from benchmarks.paths import measure_all
from benchmarks.units import TABLE
from mediarelay.adapters.dynamodb.keys import SHARDS
from mediarelay.wiring.ticks import RESERVE_MS
from tests.stack import defaults, functions, template

PARTITION_READS = 3000
"""Read units a second that one partition of DynamoDB serves."""
TABLE_WRITES = 40_000
"""Write units a second: the quota of a table."""
LAMBDA_CONCURRENCY, SNS_PUBLISHES, KMS_CALLS = 1000, 30_000, 10_000
CLAIM_BYTES = 880
"""Of one callback of the documented size, as loading a task reads it."""
READ_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit.

    Attributes:
        name: What is limited.
        bites_at: The load from which on it limits.
        unit: The unit of the load.
        raised: The setting, quota or code that raises it.
    """

    name: str
    bites_at: float
    unit: str
    raised: str


def limits() -> list[Limit]:
    """Return all limits of the path of a callback, the first to bite first."""
    used = measure_all([CALLBACK_PATH])[CALLBACK_PATH].table.writes
    return sorted([*_provider(), *_aws(used), *_table(used)], key=lambda one: one.bites_at)


def _provider() -> Iterator[Limit]:
    calls, workers = int(defaults()["CallsPerMinute"]), int(defaults()["ConfirmConcurrency"])
    most = int(template()["Parameters"]["CallsPerMinute"]["MaxValue"])
    yield Limit("call budget, default", calls / 60, PER_SECOND, "`CallsPerMinute`")
    yield Limit("call budget, maximum", most / 60, PER_SECOND, "`CallbackTrust=callback`: no query")
    took = (DURATIONS["confirm"].cpu_ms * 7 + DURATIONS["confirm"].wait_ms) / 1000
    yield Limit("workers of the confirm queue", workers / took, PER_SECOND, "`ConfirmConcurrency`")
    yield Limit("the same, if a query takes 8 s", workers / 8, PER_SECOND, "`ConfirmConcurrency`")
    yield Limit("the budget's counter, one item", PARTITION_WRITES, PER_SECOND, "`budget_key`")


PER_SECOND = "callbacks/s"


def _aws(used: Counter[str]) -> Iterator[Limit]:
    rates = template()["Resources"]["Api"]["Properties"]["RouteSettings"]
    rate = rates["POST /callbacks/video/{token}"]["ThrottlingRateLimit"]
    yield Limit("rate of a callback route", rate, PER_SECOND, "`RouteSettings` in template.yaml")
    yield Limit(
        "a new table on demand", NEW_TABLE_WRITES / used[TABLE], PER_SECOND, "`WarmThroughput`, or a slow start"
    )
    yield Limit("quota of the table", TABLE_WRITES / used[TABLE], PER_SECOND, "quota of DynamoDB")
    seconds = (DURATIONS["video_callback"].cpu_ms * 3.5 + DURATIONS["video_callback"].wait_ms) / 1000
    yield Limit("concurrency of Lambda, callbacks alone", LAMBDA_CONCURRENCY / seconds, PER_SECOND, "quota of Lambda")
    yield Limit("publications", SNS_PUBLISHES, PER_SECOND, "quota of SNS")
    # Each lane handles one batch after the other.
    batch = (DURATIONS["dispatch"].cpu_ms * 7 + DURATIONS["dispatch"].wait_ms) * STREAM_RECORDS / 1000
    records = LANES * STREAM_RECORDS / batch
    yield Limit("dispatch, one record after the other", records / 2, PER_SECOND, "`ParallelizationFactor`, at most 10")


def _table(used: Counter[str]) -> Iterator[Limit]:
    due = PARTITION_WRITES * SHARDS / (used["due"] / 2)
    yield Limit(f"due index, {SHARDS} shards of a duty", due, PER_SECOND, "`SHARDS` in keys.py")
    yield Limit("listing of one kind and state", PARTITION_WRITES, PER_SECOND, "`list_key` in task_items.py")
    yield Limit("event log, 4 partitions of a day", PARTITION_WRITES * 4, PER_SECOND, "event_keys.py")
    yield Limit("callbacks about one task", PARTITION_WRITES, PER_SECOND, "nothing: one task is one partition")


# ── bursts ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def load_units(callbacks: int) -> int:
    """Return the read units of one load of a task with so many callbacks."""
    return -(-callbacks * CLAIM_BYTES // READ_BYTES)


def drain(arriving: float, seconds: int, calls_per_minute: int) -> list[tuple[float, float]]:
    """Simulate a burst of callbacks about as many tasks: the waiting confirmations by minute, until none waits."""
    found, waiting, minute = [(0.0, 0.0)], 0.0, 0
    while waiting or minute * 60 < seconds:
        waiting += arriving * max(0, min(60, seconds - minute * 60))
        waiting = max(0.0, waiting - calls_per_minute)
        minute += 1
        found.append((minute, waiting))
    return found


def rows_per_tick(function: str, row_ms: float) -> int:
    """Return how many rows one run of a schedule handles, one after the other."""
    return int((functions()[function]["Timeout"] * 1000 - RESERVE_MS) / row_ms)


# Hiding a row, and sending its message; publishing an outcome: a load, an event, a publication and its mark.
POLL_ROW_MS, PUBLISH_ROW_MS = 20, 60
BURST, BURST_SECONDS = 1000, 60


def figure(*, quick: bool) -> Measurement:  # noqa: ARG001 - the simulation takes seconds
    """Return where the limits bite, and how long bursts take."""
    values = {f"{one.name} ({one.unit})": one.bites_at for one in limits()}
    values |= {f"read units of a load, {number} callbacks": load_units(number) for number in (100, 5_000, 10_000)}
    values |= {f"rows of a tick of {name}": rows for name, rows in ticks().items()}
    budgets = (1_000, 10_000)
    curves = {f"{calls:,} calls per minute": drain(BURST, BURST_SECONDS, calls) for calls in budgets}
    values |= {f"minutes of a burst, {name}": points[-1][0] for name, points in curves.items()}
    title = f"{BURST:,} callbacks a second for {BURST_SECONDS} seconds"
    return Measurement(values, [Plot("burst", title, "minutes", "waiting confirmations", curves)])


def ticks() -> dict[str, int]:
    """Return how many rows one run of each schedule handles."""
    return {
        "poll_video": rows_per_tick("poll_video", POLL_ROW_MS),
        "sweep, publications": rows_per_tick("sweep", PUBLISH_ROW_MS),
    }


def main() -> None:
    """Print the limits as a table of Markdown, and the bursts."""
    print("| limit | bites at | raised by |\n| --- | ---: | --- |")
    for one in limits():
        print(f"| {one.name} | {one.bites_at:,.1f} {one.unit} | {one.raised} |")
    print()
    for name, value in figure(quick=True).values.items():
        print(f"{name}: {value:,.1f}")


if __name__ == "__main__":
    main()
