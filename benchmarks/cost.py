"""`python -m benchmarks.cost [TASKS_A_DAY]`: what a stack costs a month on AWS, without the provider's own bill.

A model: the quantities of each path (`counted.py`, counted from real calls) and of the stack, times public prices
(`prices.py`). It ignores AWS's free tiers and data transfer. It assumes a submit, a callback and one read per task, no
songs, and every option at its default. Storage is that of the tasks of a year: nothing deletes tasks, so the line grows
by as much with each further year. The model also compares the design with its alternatives.
"""

import argparse
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from benchmarks.counted import CALLBACK_PATH, COUNTED, PathCost
from benchmarks.measurement import Measurement, Plot
from benchmarks.paths import counted, measure_all
from benchmarks.prices import (
    IA_LOGS,
    IA_READS,
    IA_STORAGE,
    IA_WRITES,
    MILLION,
    PRICED_ON,
    PRICES,
    PROVISIONED_CONCURRENCY_GB_MONTH,
    PROVISIONED_WRITE_HOUR,
    REGION,
    REST_API,
    SNAP_START_CACHE_GB_MONTH,
    Price,
)
from tests.stack import functions, template

DAYS = 365 / 12
TASKS_A_DAY = 1000
MINUTES_A_DAY = 24 * 60
# ── how long an invocation takes ────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Duration:
    """The time of one invocation: CPU time on a whole core, and time that it waits for others, in milliseconds."""

    cpu_ms: float
    wait_ms: float


# A whole core at this memory size, and a share of it in proportion below. Measured: a call of boto3 takes 1 ms of CPU.
# Assumed: a call of DynamoDB takes 5 ms, of SQS 8 ms, of SNS 20 ms, of the provider 150 ms.
WHOLE_CORE_MB = 1769
DURATIONS: Mapping[str, Duration] = {
    "video_callback": Duration(2, 5),
    "music_callback": Duration(4, 20),
    # Of a batch, a record has a read or a read and a write of its own, and shares all other calls.
    "dispatch": Duration(3, 10),
    "confirm": Duration(18, 185),
    "submit_audio": Duration(18, 190),
    "submit_batch": Duration(6, 10),
    "submit_queued": Duration(18, 190),
    "replay": Duration(8, 15),
    "read_ledger": Duration(6, 8),
    "authorizer": Duration(2, 0),
    "deliver_webhooks": Duration(10, 60),
    "poll_video": Duration(20, 80),
    "poll_audio": Duration(20, 80),
    "sweep": Duration(50, 240),
}
# One invocation in so many is a cold start, which takes this long more, whatever the memory: init has a whole core.
COLD_SHARE, INIT_MS = 0.01, 400
CLIENT_FUNCTIONS = ("submit_audio", "submit_batch", "replay", "read_ledger")


@dataclass(frozen=True, slots=True)
class Design:
    """The choices of a deployment that the model knows.

    Attributes:
        memory_mb: Memory of functions that a caller waits for.
        worker_memory_mb: Memory of functions that no caller waits for: queues, stream, schedules.
        stream_records: Records that one invocation of `dispatch` gets.
        confirm_messages: Messages that one invocation of `confirm` gets.
        parallel: Whether `confirm` handles the messages of an invocation at the same time.
        sent_messages: Messages that one call sends to a queue.
        published_messages: Messages that one call publishes.
        prices: The prices.
        monthly: What the choices cost a month whatever the load.
    """

    memory_mb: int = 512
    worker_memory_mb: int = 512
    stream_records: float = 1
    confirm_messages: float = 1
    parallel: bool = False
    sent_messages: float = 1
    published_messages: float = 1
    prices: Mapping[str, Price] = field(default_factory=lambda: PRICES)
    monthly: float = 0

    def memory(self, function: str) -> int:
        """Return the memory of a function in MB."""
        return self.memory_mb if function in WAITED_FOR else self.worker_memory_mb

    def batch(self, function: str) -> float:
        """Return how many records or messages one invocation gets."""
        return {"dispatch": self.stream_records, "confirm": self.confirm_messages}.get(function, 1)

    def gb_seconds(self, function: str) -> float:
        """Return the GB-seconds of an invocation that handles one record or message, as its part of a batch."""
        memory, took = self.memory(function), DURATIONS[function]
        waits = took.wait_ms / (self.batch(function) if self.parallel and function == "confirm" else 1)
        cold = COLD_SHARE * INIT_MS / self.batch(function)
        busy = took.cpu_ms * max(1, WHOLE_CORE_MB / memory)
        return (busy + waits + cold) / 1000 * memory / 1024


WAITED_FOR = frozenset({"video_callback", "music_callback", "authorizer", *CLIENT_FUNCTIONS})
# The template's stream: at most so many records in a batch, which lasts so long, in so many lanes of a shard.
STREAM_RECORDS, STREAM_WINDOW, STREAM_LANES = 100, 1, 4
# Write units a second of a new table on demand, and of one partition. Each partition is a shard of the stream.
NEW_TABLE_WRITES, PARTITION_WRITES = 4000, 1000
LANES = NEW_TABLE_WRITES // PARTITION_WRITES * STREAM_LANES
# Without a window, Lambda reads a shard so often.
POLL_SECONDS = 0.25
# The load of the figure: a million callbacks a day, of which each is two records of the stream.
CALLBACKS_A_SECOND = MILLION / 86_400


def records_per_batch(window: float) -> float:
    """Return how many records an invocation of `dispatch` gets at that load."""
    return min(STREAM_RECORDS, max(1, 2 * CALLBACKS_A_SECOND * max(window, POLL_SECONDS) / LANES))


# At a low load each record comes alone.
ALONE = Design(worker_memory_mb=256)
TODAY = replace(ALONE, stream_records=records_per_batch(STREAM_WINDOW))
# A line of a log has so many bytes beside its text, and one of the access log so many in all.
LINE_BYTES, ACCESS_LINE_BYTES = 26, 200

# ── quantities ──────────────────────────────────────────────────────────────────────────────────────────────────────


def quantities(path: PathCost, design: Design = ALONE) -> dict[str, float]:
    """Return what one run of a path uses, by the name of the price."""
    clients = sum(path.invocations.get(name, 0) for name in CLIENT_FUNCTIONS)
    used = Counter(path.invocations) + Counter({"authorizer": clients})
    invocations = {name: number / design.batch(name) for name, number in used.items()}
    log_bytes = path.log_bytes + LINE_BYTES * sum(invocations.values()) + ACCESS_LINE_BYTES * path.requests
    return {
        "api_requests": path.requests,
        "invocations": sum(invocations.values()),
        "gb_seconds": sum(number * design.gb_seconds(name) for name, number in used.items()),
        "writes": path.writes,
        "reads": path.reads,
        # A message is sent, and received and deleted with the others of its batch.
        "sqs_requests": path.messages * (1 / _batched(path, "sqs:SendMessageBatch", design, design.sent_messages))
        + path.messages * 2 / design.confirm_messages,
        "publishes": path.publishes / _batched(path, "sns:PublishBatch", design, design.published_messages),
        "log_gb": log_bytes / 1e9,
    }


def _batched(path: PathCost, call: str, design: Design, stated: float) -> float:
    """Return how many messages one call takes: those of a batch of the stream if the path uses such a call."""
    return max(stated, design.stream_records) if call in path.batches else stated


def dollars(used: Mapping[str, float], prices: Mapping[str, Price] = PRICES) -> dict[str, float]:
    """Return what quantities cost, by the name of the price."""
    return {name: number / prices[name].per * prices[name].dollars for name, number in used.items()}


def per_million(path: PathCost, design: Design = TODAY) -> dict[str, float]:
    """Return the dollars of a million runs of a path, by the name of the price."""
    return {name: MILLION * cost for name, cost in dollars(quantities(path, design), design.prices).items()}


def _sum(parts: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {name: sum(part.get(name, 0) for part in parts) for part in parts for name in part}


# A task in the life of this stack: submitted, claimed by a callback, confirmed by a query, published, read.
LIFE = ("submit", CALLBACK_PATH, "read")
PER_TASK: Mapping[str, float] = _sum([quantities(COUNTED[name]) for name in LIFE])
# The polls and the sweep run once a minute, reconcile every five minutes.
TICKS_A_DAY = MINUTES_A_DAY * (3 + 1 / 5)
PER_DAY: Mapping[str, float] = _sum(
    [
        {name: number * MINUTES_A_DAY for name, number in quantities(COUNTED["tick"]).items()},
        {
            # Reconcile.
            "invocations": MINUTES_A_DAY / 5,
            "gb_seconds": MINUTES_A_DAY / 5 * 0.1,
            "schedules": TICKS_A_DAY,
            # Lambda keeps five receive calls of 20 s open for each of the four queues.
            "sqs_requests": MINUTES_A_DAY * 15 * 4,
            # Each warm environment reads its secrets every five minutes.
            "secret_calls": MINUTES_A_DAY / 5 * 8,
        },
    ]
)
PER_MONTH: Mapping[str, float] = {"metrics": 13, "alarm_metrics": 44, "secrets": 5, "keys": 1}
# Nothing deletes tasks, so storage grows with each month. Real answers may be larger than those of the samples.
STORED_GB_PER_TASK = sum(COUNTED[name].kept_bytes for name in LIFE) / 1e9
STORED_DAYS = 365


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the bill: a price, how many units a month has, and what they cost in US dollars."""

    price: Price
    quantity: float

    @property
    def dollars(self) -> float:
        """The cost of the line."""
        return self.quantity / self.price.per * self.price.dollars


def bill(tasks_a_day: float) -> list[Line]:
    """Return the lines of a month's bill with so many tasks a day, in the order of `PRICES`."""
    return [Line(price, _quantity(name, tasks_a_day)) for name, price in PRICES.items()]


def total(tasks_a_day: float) -> float:
    """Return the dollars of a month with so many tasks a day."""
    return sum(line.dollars for line in bill(tasks_a_day))


def _quantity(name: str, tasks_a_day: float) -> float:
    if name == "stored_gb":
        return tasks_a_day * STORED_DAYS * STORED_GB_PER_TASK
    a_day = PER_TASK.get(name, 0) * tasks_a_day + PER_DAY.get(name, 0)
    return a_day * DAYS + PER_MONTH.get(name, 0)


# ── alternatives ────────────────────────────────────────────────────────────────────────────────────────────────────

MEMORY_SIZES = (128, 192, 256, 384, 512, 768, 1024, 1769)
CALLBACK_FUNCTIONS, ALL_FUNCTIONS = 4, 28
# The share of provisioned capacity that a load with quiet nights uses.
USED_SHARE = 0.2


def _priced(**prices: Price) -> Callable[[Design], Design]:
    return lambda design: replace(design, prices={**design.prices, **prices})


def _monthly(dollars_a_month: float) -> Callable[[Design], Design]:
    return lambda design: replace(design, monthly=design.monthly + dollars_a_month)


def _with(**changes: float) -> Callable[[Design], Design]:
    return lambda design: replace(design, **changes)  # type: ignore[arg-type]


PROVISIONED_WRITES = Price(
    "DynamoDB provisioned", "write units", PROVISIONED_WRITE_HOUR / 3600 / USED_SHARE * MILLION, MILLION
)
ALTERNATIVES: Mapping[str, Callable[[Design], Design]] = {
    "as it is": lambda design: design,
    "each callback alone, as at a low load": _with(stream_records=1),
    "no batching window in the stream": _with(stream_records=records_per_batch(0)),
    "one call of SendMessageBatch per batch": _with(sent_messages=TODAY.stream_records),
    "one call of PublishBatch per batch": _with(published_messages=TODAY.stream_records),
    "5 messages per invocation of confirm, one after the other": _with(confirm_messages=5),
    "5 messages per invocation of confirm, at the same time": _with(confirm_messages=5, parallel=True),
    "REST API": _priced(api_requests=REST_API),
    "table class Standard-IA": _priced(writes=IA_WRITES, reads=IA_READS, stored_gb=IA_STORAGE),
    f"provisioned writes, {USED_SHARE:.0%} used": _priced(writes=PROVISIONED_WRITES),
    "log class infrequent access": _priced(log_gb=IA_LOGS),
    "provisioned concurrency of 1 for callback functions": _monthly(
        PROVISIONED_CONCURRENCY_GB_MONTH * CALLBACK_FUNCTIONS * TODAY.memory_mb / 1024
    ),
    "SnapStart for all functions": _monthly(SNAP_START_CACHE_GB_MONTH * ALL_FUNCTIONS * TODAY.memory_mb / 1024),
    **{f"{size} MB for all functions": _with(memory_mb=size, worker_memory_mb=size) for size in MEMORY_SIZES},
    **{f"{size} MB for functions that no caller waits for": _with(worker_memory_mb=size) for size in MEMORY_SIZES},
}


def direct_to_queue(path: PathCost = COUNTED[CALLBACK_PATH]) -> PathCost:
    """Return the path if the API put each callback into a queue, from which a function takes ten at a time.

    The sender would get 200 for everything: no 400 for a body that names no task, no 403, no `duplicate`.
    """
    others = {name: number for name, number in path.invocations.items() if name != "video_callback"}
    return replace(path, invocations=others | {"video_callback": 0.1}, messages=path.messages + 1)


def compare() -> dict[str, tuple[float, float]]:
    """Return the dollars of a million callbacks, and those of a month whatever the load, for each alternative."""
    path = COUNTED[CALLBACK_PATH]
    designs = {name: change(TODAY) for name, change in ALTERNATIVES.items()}
    found = {name: (sum(per_million(path, design).values()), design.monthly) for name, design in designs.items()}
    return found | {"callbacks directly to a queue": (sum(per_million(direct_to_queue()).values()), 0)}


def figure(*, quick: bool) -> Measurement:  # noqa: ARG001 - counting takes seconds
    """Return the dollars of the paths as this checkout runs and deploys them, and of the alternatives."""
    used = measure_all()
    found = {name: counted(usage) for name, usage in used.items()}
    design = deployed()
    paths = {f"$ {name}": sum(per_million(path, design).values()) for name, path in found.items()}
    parts = {f"$ callback: {name}": cost for name, cost in per_million(found[CALLBACK_PATH], design).items()}
    others = {f"$ with {name}": million for name, (million, _) in compare().items()}
    values = {
        "callback": paths[f"$ {CALLBACK_PATH}"],
        "unknown": paths["$ unknown task: the same"],
        "task": sum(paths[f"$ {name}"] for name in LIFE),
        "stored": sum(found[name].kept_bytes for name in LIFE) / 1e3,
        "received": used["callback"].table.writes["table"],
        "writes": found[CALLBACK_PATH].writes,
        "unknown writes": found["unknown task: the same"].writes,
        "month": total(0),
    }
    return Measurement(values | paths | parts | others, [_memory_plot()])


def deployed() -> Design:
    """Return the design that the template of this checkout states, at the load of the figure."""
    common, workers = template()["Globals"]["Function"]["MemorySize"], functions()["confirm"]
    source = functions()["dispatch"]["Events"]["Changes"]["Properties"]
    window = source.get("MaximumBatchingWindowInSeconds", 0)
    memory = workers.get("MemorySize", common)
    return Design(memory_mb=common, worker_memory_mb=memory, stream_records=records_per_batch(window))


def _memory_plot() -> Plot:
    paths = {"callback alone": "callback", "callback, confirmed and published": CALLBACK_PATH}
    curves = {
        title: [
            (size, per_million(COUNTED[name], replace(TODAY, memory_mb=size, worker_memory_mb=size))["gb_seconds"])
            for size in MEMORY_SIZES
        ]
        for title, name in paths.items()
    }
    return Plot("memory", "Lambda duration, dollars per million", "memory of all functions (MB)", "US dollars", curves)


def task_per_million() -> float:
    """Return the dollars of a million tasks, each submitted, claimed by a callback, confirmed, published and read."""
    return sum(sum(per_million(COUNTED[name]).values()) for name in LIFE)


def _tasks_a_day() -> float:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cost", description=__doc__)
    parser.add_argument("tasks_a_day", nargs="?", type=number, default=TASKS_A_DAY, help="such as 50000 or 50,000")
    found: float = parser.parse_args().tasks_a_day
    return found


def number(text: str) -> float:
    """Read a number that is not negative, with or without commas. Raises `ValueError`."""
    found = float(text.replace(",", ""))
    if not 0 <= found < float("inf"):
        raise ValueError(text)
    return found


def main() -> None:
    """Print the bill, the paths and the alternatives."""
    tasks = _tasks_a_day()
    print(f"{tasks:,.0f} tasks a day in {REGION}, prices of {PRICED_ON}, storage of the tasks of a year\n")
    for line in bill(tasks):
        print(f"{line.price.service:45}{line.quantity:>14,.1f} {line.price.unit:18}{line.dollars:>8.2f} $")
    print(f"{'together':78}{total(tasks):>8.2f} $\n\nA million runs of a path, without storage")
    for name, path in COUNTED.items():
        parts = per_million(path)
        shown = ", ".join(f"{part} {cost:.2f}" for part, cost in sorted(parts.items(), key=lambda one: -one[1]) if cost)
        print(f"{name:45}{sum(parts.values()):>8.2f} $  ({shown})")
    print(f"{'together: ' + ', '.join(LIFE):45}{task_per_million():>8.2f} $")
    print("\nA million callbacks, confirmed and published, and what is added a month")
    for name, (million, monthly) in compare().items():
        print(f"{name:62}{million:>8.2f} ${monthly:>8.2f} $")


if __name__ == "__main__":
    main()
