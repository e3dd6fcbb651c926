"""The stored results, and the tables that benchmarks/README.md shows of them."""

import json
import os
import platform
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.figures import FIGURES, Line

HERE = Path(__file__).parent
README, RESULTS, PLOTS = HERE / "README.md", HERE / "results", HERE / "plots"
BEGIN, END = "<!-- results: `make bench` writes this part -->", "<!-- end of the results -->"
# Values below this are shown with two digits behind the point.
SHOWN_WITH_DIGITS = 100


@dataclass(frozen=True, slots=True)
class Result:
    """A stored measurement of one figure.

    Attributes:
        figure: The name of the figure.
        values: The values by the name of a line.
        plots: The plots, as JSON.
        before: The values of the older checkout; empty if it was not measured.
        measured_at: When (UTC).
        machine: The processor, the number of its cores, the system.
        python: The version of Python.
    """

    figure: str
    values: Mapping[str, float]
    plots: Sequence[Mapping[str, Any]]
    before: Mapping[str, float]
    measured_at: str
    machine: str
    python: str

    @classmethod
    def now(
        cls, figure: str, values: Mapping[str, float], plots: Sequence[Mapping[str, Any]], before: Mapping[str, float]
    ) -> "Result":
        """Return a result that was measured on this machine just now."""
        at = datetime.now(UTC).isoformat(timespec="minutes")
        return cls(figure, values, plots, before, at, _machine(), platform.python_version())


def _machine() -> str:
    """Name the processor, its cores and the system."""
    cpuinfo = Path("/proc/cpuinfo")
    models = re.findall(r"model name\s*: (.+)", cpuinfo.read_text("utf-8")) if cpuinfo.exists() else []
    processor = models[0] if models else platform.processor() or platform.machine()
    return f"{processor}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}"


def write_result(result: Result) -> None:
    """Store a result over an earlier one of its figure. Without a new "before", the earlier one stays."""
    file = RESULTS / f"{result.figure}.json"
    earlier = json.loads(file.read_text("utf-8"))["before"] if file.exists() and not result.before else {}
    RESULTS.mkdir(exist_ok=True)
    content = asdict(result) | {"before": dict(result.before) or earlier}
    file.write_text(json.dumps(content, indent=1) + "\n", "utf-8")


def read_results() -> list[Result]:
    """Return the stored results in the order of the figures."""
    files = [RESULTS / f"{figure.name}.json" for figure in FIGURES]
    return [Result(**json.loads(file.read_text("utf-8"))) for file in files if file.exists()]


def table(results: Sequence[Result]) -> str:
    """Return a Markdown table of results, with each goal and whether it is met."""
    found = {result.figure: result for result in results}
    lines = ["| figure | unit | before | now | goal | |", "| --- | --- | ---: | ---: | ---: | --- |"]
    lines += [_row(line, found[figure.name]) for figure in FIGURES if figure.name in found for line in figure.lines]
    return "\n".join(lines)


def _row(line: Line, result: Result) -> str:
    now, before = result.values.get(line.name), result.before.get(line.name)
    goal = "" if line.goal is None else f"≤ {shown(line.goal)}"
    met = "" if line.goal is None or now is None else "met" if now <= line.goal else "missed"
    return f"| {line.title.format(**result.values)} | {line.unit} | {shown(before)} | {shown(now)} | {goal} | {met} |"


def shown(value: float | None) -> str:
    """Return a number as the table shows it."""
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= SHOWN_WITH_DIGITS or float(value).is_integer() else f"{value:.2f}"


def write_readme(results: Sequence[Result]) -> None:
    """Replace the generated part of the README."""
    text = README.read_text("utf-8")
    before, after = text.partition(BEGIN)[0], text.partition(END)[2]
    README.write_text(f"{before}{BEGIN}\n\n{_generated(results)}\n\n{END}{after}", "utf-8")


def _generated(results: Sequence[Result]) -> str:
    plots = [plot for result in results for plot in result.plots]
    parts = [table(results), _conditions(results), _methods()]
    return "\n\n".join([*parts, *(f"![{plot['title']}](plots/{plot['name']}.svg)" for plot in plots)])


def _conditions(results: Sequence[Result]) -> str:
    """Name the machine and the date of each result; one line for all that share them."""
    groups: dict[str, list[str]] = {}
    for result in results:
        key = f"{result.measured_at[:10]}, Python {result.python}, {result.machine}"
        groups.setdefault(key, []).append(result.figure)
    return "\n".join(f"- Measured on {key}: {', '.join(names)}." for key, names in groups.items())


def _methods() -> str:
    rows = [f"| `{figure.name}` | {figure.how} |" for figure in FIGURES]
    return "\n".join(["| figure | how it is measured |", "| --- | --- |", *rows])
