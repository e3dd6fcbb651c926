"""`python -m benchmarks.scale`: the load at which each part reaches its limit, and how long a burst takes.

docs/scale.md quotes it. Quotas of AWS are those of us-east-1 without an increase.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from benchmarks.cost import DURATIONS, LANES, NEW_TABLE_WRITES, PARTITION_WRITES, STREAM_RECORDS, WHOLE_CORE_MB
from benchmarks.counted import COUNTED
from benchmarks.measurement import Measurement, Plot
from mediarelay.adapters.dynamodb.event_keys import EVENT_PARTITIONS
from mediarelay.adapters.dynamodb.keys import SHARDS
from mediarelay.domain.budget import Budget
from mediarelay.wiring.ticks import RESERVE_MS
from tests.stack import defaults, functions, template

WRITES: Mapping[str, Mapping[str, int]] = {
    "confirm": {"table": 6, "due": 3, "listing": 2, "outcomes": 1},
    "callback": {"table": 5, "due": 5, "listing": 2, "outcomes": 1},
}
"""Write units of one callback of a tracked task until its publication, by `CallbackTrust`: of the table, of each index.

`tests/integration/test_write_units.py` counts them.
"""
PARTITION_READS = 3000
"""Read units a second that one partition of DynamoDB serves."""
TABLE_WRITES = 40_000
"""Write units a second: the quota of a table."""
LAMBDA_CONCURRENCY, SNS_PUBLISHES, API_REQUESTS = 1000, 30_000, 10_000
MAX_PARALLELIZATION = 10
"""Batches of one shard of a stream that Lambda handles at the same time, at most."""
QUERY_MS, SLOW_QUERY_MS = 150, 8000
"""A query of the provider, as the durations of `confirm` assume it, and a slow one."""
CLAIM_BYTES = 875
"""Of one callback of the documented size, as loading a task reads it."""
READ_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit.

    Attributes:
        name: What is limited.
        load: The callbacks a second that reach it.
        raised: The setting, quota or code that raises it.
    """

    name: str
    load: float
    raised: str


def limits() -> list[Limit]:
    """Return the limits of callbacks about different tasks, the lowest first."""
    return sorted([*_provider(), *_aws(), *_table()], key=lambda one: one.load)


# ── the provider ────────────────────────────────────────────────────────────────────────────────────────────────────


def _most(parameter: str) -> int:
    return int(template()["Parameters"][parameter]["MaxValue"])


def _default(parameter: str) -> int:
    return int(defaults()[parameter])


def unknown_workers() -> int:
    """Return the workers of the queue of unknown tasks, which the template fixes."""
    return int(functions()["confirm"]["Events"]["UnknownMessages"]["Properties"]["ScalingConfig"]["MaximumConcurrency"])


def queries_per_second(calls_per_minute: int, *, known: bool) -> float:
    """Return how many queries a second the call budget allows."""
    return Budget(calls_per_minute, _default("UnknownTaskShare")).queries(known=known) / 60


def seconds(function: str, memory_mb: int) -> float:
    """Return how long one invocation lasts, or a record of a batch: the CPU has a share of a core."""
    took = DURATIONS[function]
    return (took.cpu_ms * max(1, WHOLE_CORE_MB / memory_mb) + took.wait_ms) / 1000


def memory(function: str) -> int:
    """Return the memory of a function in MB."""
    return int(functions()[function].get("MemorySize", template()["Globals"]["Function"]["MemorySize"]))


def confirms_per_second(workers: int, query_ms: float = QUERY_MS, memory_mb: int | None = None) -> float:
    """Return how many messages a second the workers of a confirm queue handle. Without a query: `query_ms` is 0."""
    return workers / (seconds("confirm", memory_mb or memory("confirm")) + (query_ms - QUERY_MS) / 1000)


def _provider() -> Iterator[Limit]:
    calls, most = _default("CallsPerMinute"), _most("CallsPerMinute")
    trusted = "`CallbackTrust=callback`, which needs no query"
    for known, whose in ((True, "known"), (False, "unknown")):
        for number, raised in ((calls, f"`CallsPerMinute`, at most {most:,}"), (most, trusted)):
            load = queries_per_second(number, known=known)
            yield Limit(f"call budget, queries of {whose} tasks, `CallsPerMinute={number}`", load, raised)
    yield from _workers("confirm queue", _default("ConfirmConcurrency"), "`ConfirmConcurrency`, at most 100")
    fixed = "no parameter: `UnknownMessages` of `Confirm` in template.yaml"
    yield from _workers("confirm queue of unknown tasks", unknown_workers(), fixed)
    below = f"not reached: `CallsPerMinute` is at most {most / 60:.0f} a second"
    yield Limit("counter of the call budget, one item", PARTITION_WRITES, below)


def _workers(queue: str, workers: int, raised: str) -> Iterator[Limit]:
    for query_ms, shown in ((QUERY_MS, "150 ms"), (SLOW_QUERY_MS, "8 s")):
        load = confirms_per_second(workers, query_ms)
        yield Limit(f"{queue}: {workers} workers, if a query takes {shown}", load, raised)


# ── AWS ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def dispatches_per_second(lanes: int, memory_mb: int | None = None) -> float:
    """Return the callbacks a second that `dispatch` handles in so many batches at the same time.

    Each callback is two records of the stream. An invocation handles one record after the other.
    """
    batch = seconds("dispatch", memory_mb or memory("dispatch")) * STREAM_RECORDS
    return lanes * STREAM_RECORDS / batch / 2


def deliveries_per_second(workers: int) -> float:
    """Return the events a second that the workers deliver to one endpoint."""
    each = COUNTED["delivery"].invocations["deliver_webhooks"]
    return workers / (seconds("deliver_webhooks", memory("deliver_webhooks")) * each)


def _aws() -> Iterator[Limit]:
    rates = template()["Resources"]["Api"]["Properties"]["RouteSettings"]
    rate = rates["POST /callbacks/video/{token}"]["ThrottlingRateLimit"]
    yield Limit("rate of one callback route", rate, "`RouteSettings` in template.yaml")
    yield Limit("requests of the account's APIs", API_REQUESTS, "quota of API Gateway")
    alone = LAMBDA_CONCURRENCY / seconds("video_callback", memory("video_callback"))
    yield Limit("Lambda, callback functions alone", alone, "quota of Lambda, concurrent executions")
    yield Limit("publications", SNS_PUBLISHES, "quota of SNS")
    raised = "`ParallelizationFactor` in template.yaml, at most 10; more partitions of the table"
    yield Limit("`dispatch`", dispatches_per_second(LANES), raised)
    delivered = deliveries_per_second(_default("WebhookConcurrency"))
    yield Limit("HTTP deliveries to one endpoint", delivered, "`WebhookConcurrency`, at most 100")


def due_index(trust: str) -> float:
    """Return the callbacks a second that the due index serves. Its rows are spread over the shards of two duties."""
    return PARTITION_WRITES * SHARDS / (WRITES[trust]["due"] / 2)


def _table() -> Iterator[Limit]:
    used = WRITES["confirm"]["table"]
    yield Limit(
        "new table on demand", NEW_TABLE_WRITES / used, "`WarmThroughput`, [below](#what-1000-callbacks-a-second-need)"
    )
    yield Limit(f"quota of a table, {TABLE_WRITES:,} write units", TABLE_WRITES / used, "quota of DynamoDB")
    yield Limit(
        f"`due`: {SHARDS} shards for each duty", due_index("confirm"), "`SHARDS` in `adapters/dynamodb/keys.py`"
    )
    listing = "`list_key` in `adapters/dynamodb/task_items.py`"
    yield Limit("`listing`: one partition for each kind and state", PARTITION_WRITES, listing)
    events = PARTITION_WRITES * EVENT_PARTITIONS
    raised = "`EVENT_PARTITIONS` in `adapters/dynamodb/event_keys.py`"
    yield Limit(f"event log: {EVENT_PARTITIONS} partitions for each day", events, raised)


# ── 1,000 callbacks a second ────────────────────────────────────────────────────────────────────────────────────────

ROUTE_RATE, WARM_WRITES, WORKER_MB = 1500, 8000, 1024


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a callback, with the setting that it needs for 1,000 callbacks a second.

    Attributes:
        name: What happens to the callback.
        setting: The setting and its value.
        place: Where to set it.
        load: The callbacks a second that the step serves then.
    """

    name: str
    setting: str
    place: str
    load: float


def steps() -> list[Step]:
    """Return the steps of a callback from receiving to publishing.

    `CallbackTrust` is `callback`, because the call budget does not allow so many queries.
    """
    used, workers = WRITES["callback"], _most("ConfirmConcurrency")
    lanes = WARM_WRITES // PARTITION_WRITES * MAX_PARALLELIZATION
    dispatched, confirmed = dispatches_per_second(lanes, WORKER_MB), confirms_per_second(workers, 0, WORKER_MB)
    warm, memory_size = f"`WriteUnitsPerSecond={WARM_WRITES}`", f"`MemorySize: {WORKER_MB}`"
    parallel, anchor = f"`ParallelizationFactor: {MAX_PARALLELIZATION}`", "`&worker_memory` in template.yaml"
    due = min(WARM_WRITES / used["due"], due_index("callback"))
    routes = "each callback route in `RouteSettings` of `Api` in template.yaml"
    return [
        Step("API Gateway accepts it", f"`ThrottlingRateLimit: {ROUTE_RATE}`", routes, ROUTE_RATE),
        Step("the table stores it", warm, "the command below", WARM_WRITES / used["table"]),
        Step("the index `due` stores it", warm, "the command below", due),
        Step("`dispatch` and `confirm` get CPU time", memory_size, anchor, min(dispatched, confirmed)),
        Step("`dispatch` reads it", parallel, "event `Changes` of `Dispatch` in template.yaml", dispatched),
        Step("the provider need not confirm it", "`CallbackTrust=callback`", "parameter", float("inf")),
        Step("`confirm` records its outcome", f"`ConfirmConcurrency={workers}`", "parameter", confirmed),
        Step("the index `listing` shows it", "nothing", "", PARTITION_WRITES),
        Step("`dispatch` publishes it", "nothing", "quota of SNS", SNS_PUBLISHES),
    ]


# ── bursts ──────────────────────────────────────────────────────────────────────────────────────────────────────────

BURST, BURST_SECONDS = 1000, 60
ENOUGH_WORKERS = 42
"""So many workers of the confirm queue use up the largest call budget."""
SETTINGS = ((True, 100, 4), (True, 10_000, 4), (True, 10_000, ENOUGH_WORKERS), (False, 100, 4), (False, 10_000, 4))
"""Whether the tasks of a burst are known, `CallsPerMinute` and `ConfirmConcurrency`."""


def confirmed_per_minute(calls_per_minute: int, workers: int, *, known: bool) -> float:
    """Return how many tasks a minute get their outcome: the call budget or the workers decide."""
    handled = confirms_per_second(workers if known else unknown_workers())
    return 60 * min(handled, queries_per_second(calls_per_minute, known=known))


def burst_minutes(calls_per_minute: int, workers: int, *, known: bool) -> float:
    """Return the minutes until all tasks of a burst have their outcome."""
    return BURST * BURST_SECONDS / confirmed_per_minute(calls_per_minute, workers, known=known)


def drain(per_minute: float) -> list[tuple[float, float]]:
    """Simulate a burst of callbacks about as many tasks: the waiting confirmations by minute, until none waits."""
    found, waiting, minute = [(0.0, 0.0)], 0.0, 0
    while waiting or minute * 60 < BURST_SECONDS:
        waiting += BURST * max(0, min(60, BURST_SECONDS - minute * 60))
        waiting = max(0.0, waiting - per_minute)
        minute += 1
        found.append((minute, waiting))
    return found


# ── one task, and due rows ──────────────────────────────────────────────────────────────────────────────────────────


def load_units(callbacks: int) -> int:
    """Return the read units of one load of a task with so many callbacks."""
    return -(-callbacks * CLAIM_BYTES // READ_BYTES)


# Hiding a row, and sending its message; publishing an outcome: a load, an event, a publication and its mark.
POLL_ROW_MS, PUBLISH_ROW_MS = 20, 60
DUE_ROWS = 10_000


def rows_per_tick(function: str, row_ms: float) -> int:
    """Return how many rows one run of a schedule handles, one after the other."""
    return int((functions()[function]["Timeout"] * 1000 - RESERVE_MS) / row_ms)


def ticks() -> dict[str, int]:
    """Return how many rows one run of each schedule handles."""
    return {
        "poll_video": rows_per_tick("poll_video", POLL_ROW_MS),
        "sweep, publications": rows_per_tick("sweep", PUBLISH_ROW_MS),
    }


def due_rates() -> dict[str, float]:
    """Return how many due rows a minute each schedule completes; it runs once a minute."""
    polled = {
        f"a poll, {'known' if known else 'unknown'} tasks, `CallsPerMinute={calls}`, "
        f"{workers if known else unknown_workers()} workers": min(
            ticks()["poll_video"], confirmed_per_minute(calls, workers, known=known)
        )
        for known, calls, workers in SETTINGS
    }
    return polled | {"`sweep`, publications that the stream missed": ticks()["sweep, publications"]}


SONGS, SONG_MINUTES, SWEPT_EVENTS = 100_000, 60, 2
"""So many songs expire within so many minutes; the sweep publishes so many events of each."""


def song_events_per_minute() -> float:
    """Return how many events of songs become due in a minute."""
    return SONGS * SWEPT_EVENTS / SONG_MINUTES


def song_delay_hours() -> float:
    """Return by how many hours the sweep publishes the last of them late."""
    return (SONGS * SWEPT_EVENTS / ticks()["sweep, publications"] - SONG_MINUTES) / 60


# ── output ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def shown(value: float) -> str:
    """Return a load or a duration as the page states it: two digits below 10, whole numbers above."""
    if value == float("inf"):
        return "no limit"
    return f"{value:.2g}" if value < 10 else f"{value:,.0f}"  # noqa: PLR2004


def shown_minutes(minutes: float) -> str:
    """Return a duration in minutes, or in hours from three on."""
    return f"{shown(minutes)} min" if minutes < 180 else f"{minutes / 60:.3g} h"  # noqa: PLR2004


def limit_rows() -> list[str]:
    """Return the rows of the table of limits, in Markdown."""
    return [f"| {one.name} | {shown(one.load)} | {one.raised} |" for one in limits()]


def step_rows() -> list[str]:
    """Return the rows of the table of steps."""
    return [f"| {one.name} | {one.setting} | {one.place} | {shown(one.load)} |" for one in steps()]


def due_rows() -> list[str]:
    """Return the rows of the table of schedules."""
    return [f"| {name} | {shown(rate)} | {shown_minutes(DUE_ROWS / rate)} |" for name, rate in due_rates().items()]


def burst_rows() -> list[str]:
    """Return the rows of the table of bursts."""
    return [
        f"| {'known' if known else 'unknown'} | {calls:,} | {workers if known else 'any'} "
        f"| {shown_minutes(burst_minutes(calls, workers, known=known))} |"
        for known, calls, workers in SETTINGS
    ]


def figure(*, quick: bool) -> Measurement:  # noqa: ARG001 - the model takes milliseconds
    """Return the limits, and how long bursts take."""
    values = {f"{one.name} (callbacks/s)": one.load for one in limits()}
    values |= {f"read units of a load, {number} callbacks": load_units(number) for number in (100, 5_000, 10_000)}
    values |= {f"rows of a tick of {name}": rows for name, rows in ticks().items()}
    values |= {f"due rows a minute, {name}": rate for name, rate in due_rates().items()}
    values["hours by which the last event of a song is late"] = song_delay_hours()
    curves = {}
    for known, calls, workers in SETTINGS:
        used = workers if known else unknown_workers()
        name = f"{'known' if known else 'unknown'} tasks, {calls:,} calls per minute, {used} workers"
        values[f"minutes of a burst, {name}"] = burst_minutes(calls, workers, known=known)
        # The curves of the default budget are ten times as long as all others.
        if calls > _default("CallsPerMinute"):
            curves[name] = drain(confirmed_per_minute(calls, workers, known=known))
    title = f"{BURST:,} callbacks a second for {BURST_SECONDS} seconds"
    return Measurement(values, [Plot("burst", title, "minutes", "waiting confirmations", curves)])


def main() -> None:
    """Print the tables of docs/scale.md, and all values."""
    for rows in (limit_rows(), step_rows(), burst_rows(), due_rows()):
        print("\n".join(rows), end="\n\n")
    for name, value in figure(quick=True).values.items():
        print(f"{name}: {value:,.2f}")


if __name__ == "__main__":
    main()
