"""The figures: what each one measures, how, and its goals. A figure is an entry here and a module with `figure()`."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the table.

    Attributes:
        name: The key of the value in the measurement.
        title: What the value is.
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
        name: The name on the command line, and that of the module.
        how: How it is measured.
        lines: Its lines of the table.
        slow: Whether even its quick form takes minutes. A quick run of all figures leaves it out.
    """

    name: str
    how: str
    lines: tuple[Line, ...]
    slow: bool = False

    @property
    def module(self) -> str:
        """The module whose `figure(quick=...)` measures it."""
        return f"benchmarks.{self.name}"


FIGURES = (
    Figure(
        "init",
        "CPU time of a new process that imports the handler from the layers as built. Rounds of all functions and "
        "of the baselines alternate. Medians.",
        (
            Line("callbacks_u3", "init CPU, slowest callback function, against U3", "ratio", 0.40),
            Line("callbacks_u1", "init CPU, slowest callback function, against U1", "ratio", 0.62),
            Line("others_u3", "init CPU, slowest other function, against U3", "ratio", 0.65),
        ),
    ),
    Figure(
        "tick",
        "1,000 due tasks, beside 10^3 to 10^6 stored ones that wait in the same index. The client has a sorted index "
        "instead of DynamoDB. Largest table against smallest; rounds alternate, minima.",
        (
            Line("items", "rows that a tick reads, 10^6 stored tasks against 10^3", "ratio", 1),
            Line("units", "read units of a tick, the same", "ratio", 1),
            Line("cpu", "CPU of a tick, the same", "ratio", 1.2),
        ),
    ),
    Figure(
        "read",
        "`GET /tasks/{vid}` on moto with the template's table, largest number of callbacks against 500. CPU time "
        "without the calls to the table; minima of 3.",
        (
            Line("units", "read units of a task with 5,000 callbacks, against 500", "ratio", 1),
            Line("cpu", "CPU of that read, the same", "ratio", 1.2),
            Line("read units", "read units of a task with 5,000 callbacks", "units"),
            Line("cpu seconds", "CPU of that read", "seconds"),
        ),
    ),
    Figure(
        "cost",
        "A model: quantities counted from real calls (`counted.py`), times public prices (`prices.py`), at a million "
        "callbacks a day.",
        (
            Line("received", "write units per callback received", "units", 1),
            Line("writes", "write units per callback received, confirmed, published", "units", 8),
            Line("unknown writes", "the same, of a task that only callbacks name", "units", 8),
            Line("callback", "a million callbacks, confirmed and published", "US dollars", 9),
            Line("unknown", "the same, of tasks that only callbacks name", "US dollars", 9),
            Line("month", "a month without any task", "US dollars"),
        ),
    ),
)
BY_NAME = {figure.name: figure for figure in FIGURES}
