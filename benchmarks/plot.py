"""`.venv-bench/bin/python -m benchmarks.plot`: draw the plots of the stored results as SVG.

This is the only module that needs matplotlib, and matplotlib is all that it needs.
"""

from collections.abc import Mapping
from typing import Any

import matplotlib as mpl
from matplotlib import pyplot as plt

from benchmarks.report import PLOTS, read_results

# Dates and random ids would change the file with each run.
SETTINGS = {"svg.hashsalt": "benchmarks", "svg.fonttype": "none", "font.size": 9, "axes.grid": True, "grid.alpha": 0.3}


def draw(plot: Mapping[str, Any]) -> None:
    """Write one plot."""
    figure, axes = plt.subplots(figsize=(6.4, 3.2), layout="constrained")
    for name, points in plot["curves"].items():
        axes.plot(*zip(*points, strict=True), marker="o", markersize=3, label=name)
    axes.set(title=plot["title"], xlabel=plot["x"], ylabel=plot["y"], xscale="log" if plot["log_x"] else "linear")
    axes.set_ylim(bottom=0)
    axes.legend()
    figure.savefig(PLOTS / f"{plot['name']}.svg", metadata={"Date": None})
    plt.close(figure)


def main() -> None:
    """Draw all plots."""
    mpl.use("svg")
    mpl.rcParams.update(SETTINGS)
    PLOTS.mkdir(exist_ok=True)
    for result in read_results():
        for plot in result.plots:
            draw(plot)


if __name__ == "__main__":
    main()
