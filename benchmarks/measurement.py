"""What a benchmark returns: plain values by name, and curves to plot."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Plot:
    """Curves over one axis.

    Attributes:
        name: The name of the file that shows them, without its suffix.
        title: What the plot shows.
        x, y: The labels of the axes, with units.
        curves: Points `(x, y)` by the name of a curve.
        log_x: Whether the x axis is logarithmic.
    """

    name: str
    title: str
    x: str
    y: str
    curves: Mapping[str, Sequence[tuple[float, float]]]
    log_x: bool = False


@dataclass(frozen=True, slots=True)
class Measurement:
    """The result of one figure.

    Attributes:
        values: Values by the name of a line of the table (`benchmarks/figures.py`). Other names are details, which only
            the JSON file shows.
        plots: What to plot.
    """

    values: Mapping[str, float]
    plots: Sequence[Plot] = field(default=())
