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
        "cost",
        "A model: quantities counted from real calls (`counted.py`), times public prices (`prices.py`), at a million "
        "callbacks a day.",
        (
            Line("writes", "write units per callback received, confirmed, published", "units", 8),
            Line("callback", "a million callbacks, confirmed and published", "US dollars", 9),
            Line("month", "a month without any task", "US dollars"),
        ),
    ),
)
BY_NAME = {figure.name: figure for figure in FIGURES}
