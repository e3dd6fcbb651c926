"""The figures: what each one measures, how, and its goals. A figure is an entry here and a module with `figure()`."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

from benchmarks.measurement import Measurement


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the table.

    Attributes:
        name: The key of the value in the measurement.
        title: What the value is. Other values of the measurement may stand in braces, as in a format string.
        unit: Its unit; "ratio" for a ratio to a baseline of the same run.
        goal: The largest value that is good enough; None if there is no goal.
    """

    name: str
    title: str
    unit: str
    goal: float | None = None


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure.

    Attributes:
        name: The name on the command line.
        how: How it is measured.
        lines: Its lines of the table.
        measured_by: The function `(*, quick) -> Measurement`, as `module:function`; None: `figure` of the module of
            this name.
        slow: Whether even its quick form takes minutes. A quick run of all figures leaves it out.
    """

    name: str
    how: str
    lines: tuple[Line, ...]
    measured_by: str | None = None
    slow: bool = False

    @property
    def function(self) -> Callable[..., Measurement]:
        """The function that measures it."""
        module, _, name = (self.measured_by or f"benchmarks.{self.name}:figure").partition(":")
        found: Callable[..., Measurement] = getattr(import_module(module), name)
        return found


FIGURES = (
    Figure(
        "init",
        "CPU time of a new process that imports the handler from the layers as built. Rounds of all functions and "
        "of the baselines alternate. Medians.",
        (
            Line("callbacks_u3", "init CPU, slowest callback function, against U3", "ratio", 0.40),
            Line("callbacks_u1", "init CPU, slowest callback function, against U1", "ratio", 0.62),
            Line("others_u3", "init CPU, slowest other function, against U3", "ratio", 0.65),
            Line("ms video_callback", "init CPU of `video_callback`", "ms"),
        ),
    ),
    Figure(
        "warm",
        "CPU time of the process of `video_callback` per warm invocation, beside the baselines. A stub in another "
        "process answers for AWS. Blocks alternate, minima.",
        (
            Line("u3", "warm CPU per callback, against U3", "ratio", 0.22),
            Line("u1", "warm CPU per callback, against U1", "ratio", 0.55),
            Line("raw", "warm CPU per callback, against a raw signed request", "ratio", 4),
            Line("ms video_callback: new", "warm CPU per callback", "ms"),
            Line("calls", "calls of AWS per callback received", "calls", 1),
        ),
        "benchmarks.adapters:warm",
    ),
    Figure(
        "dispatch",
        "A full batch of 100 records of the stream, beside a function that publishes each record by itself. A stub "
        "answers for AWS. Rounds alternate, medians.",
        (
            Line("sns_calls", "SNS calls per outcome in a full stream batch", "calls", 0.1),
            Line("cpu", "CPU per record, against one publication per record", "ratio", 0.2),
        ),
        "benchmarks.adapters:dispatch",
    ),
    Figure(
        "confirm",
        "200 queries over TLS by 32 workers. A server in another process answers after 50 ms. The bound is the time of "
        "the waits alone. Clients alternate, minima.",
        (
            Line("bound", "200 confirms at 50 ms over TLS, against the latency bound", "ratio", 1.15),
            Line("cpu_ms", "CPU of one such confirm", "ms", 1),
        ),
        "benchmarks.adapters:confirm",
    ),
    Figure(
        "hang",
        "20 open tasks, a poll each minute for an hour, and a provider that cannot be reached.",
        (Line("messages", "confirm-queue messages per open task while the provider hangs for an hour", "messages", 2),),
    ),
    Figure(
        "engine",
        "CPU time of all renditions of one source by the engine, beside one ffmpeg run with the same outputs. Rounds "
        "alternate, medians.",
        (Line("ratio", "engine: all renditions of one source, against one ffmpeg run", "ratio", 1.05),),
        "benchmarks.adapters:engine",
    ),
    Figure(
        "tick",
        "1,000 due tasks, beside 10^3 to 10^6 stored ones that wait in the same index. The client has a sorted index "
        "instead of DynamoDB. Largest table against smallest; rounds alternate, minima.",
        (
            Line("items", "rows that a tick reads, {stored:,.0f} stored tasks against 1,000", "ratio", 1),
            Line("units", "read units of a tick, the same", "ratio", 1),
            Line("cpu", "CPU of a tick, the same", "ratio", 1.2),
        ),
    ),
    Figure(
        "read",
        "`GET /tasks/{vid}` on moto with the template's table, largest number of callbacks against 500. CPU time "
        "without the calls to the table; minima of 3.",
        (
            Line(
                "expired: units",
                "read units of a task that had {callbacks:,.0f} callbacks, against one that had 500",
                "ratio",
                1,
            ),
            Line("settled: cpu", "CPU of that read as soon as the callbacks are settled, the same", "ratio", 1.2),
            Line("expired: read units", "read units of a task that had {callbacks:,.0f} callbacks", "units"),
            Line("waiting: read units", "the same, while all of them wait for the first query", "units"),
        ),
    ),
    Figure(
        "cost",
        "A model: quantities counted from real calls (`counted.py`), times public prices (`prices.py`), at a million "
        "callbacks a day.",
        (
            Line("received", "write units of the table per callback received", "units", 1),
            Line("writes", "write units per callback received, confirmed, published (table and indexes)", "units", 8),
            Line("unknown writes", "the same, of a task that only callbacks name", "units", 8),
            Line("callback", "a million callbacks, confirmed and published", "US dollars", 9),
            Line("unknown", "the same, of tasks that only callbacks name", "US dollars", 9),
            Line("task", "a million tasks: submit, callback, outcome, one read", "US dollars"),
            Line("stored", "what a task leaves in the table for good, with its index entries", "KB"),
            Line("month", "a month without any task", "US dollars"),
        ),
    ),
    Figure(
        "scale",
        "Quotas and rates of the template, divided by what a callback uses. docs/scale.md explains them.",
        (),
    ),
)
BY_NAME = {figure.name: figure for figure in FIGURES}


def goal(figure: str, line: str) -> float:
    """Return the goal of a line; raises ValueError if it has none."""
    found = next(one.goal for one in BY_NAME[figure].lines if one.name == line)
    if found is None:
        raise ValueError(f"{figure}: {line} has no goal")
    return found
