"""`make bench`: measure the figures, store them in benchmarks/results, and write the tables of benchmarks/README.md.

Examples:
    python -m benchmarks                     all figures
    python -m benchmarks init tick           these two; the README keeps the stored results of the others
    python -m benchmarks --against CHECKOUT  measure an older checkout too, for the column "before"
    python -m benchmarks --quick             fewer rounds, under two minutes; prints the table and stores nothing
    python -m benchmarks --report            write the README from the stored results
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.figures import BY_NAME, FIGURES, Figure
from benchmarks.one import MEASURED
from benchmarks.report import README, Result, read_results, table, write_readme, write_result

ROOT = Path(__file__).parents[1]
# Matplotlib lives in an environment of its own, so that `make test` does not install it.
PLOTTER = ROOT / ".venv-bench/bin/python"


@contextmanager
def import_paths(checkout: Path) -> Iterator[tuple[Path, str]]:
    """Yield a folder and a `PYTHONPATH` with these benchmarks and the product of a checkout.

    An older checkout has no benchmarks, or others. It is measured by the same code as this one.
    """
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "benchmarks").symlink_to(ROOT / "benchmarks")
        yield Path(folder), ":".join(map(str, (folder, checkout / "layers/shared", checkout)))


def measure(figure: Figure, checkout: Path, *, quick: bool) -> dict[str, Any] | None:
    """Measure a figure in a new process; return None if it fails, which stderr explains."""
    command = [sys.executable, "-m", "benchmarks.one", figure.name, *(["--quick"] if quick else [])]
    with import_paths(checkout.resolve()) as (folder, paths):
        environment = os.environ | {"PYTHONPATH": paths}
        done = subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        print(f"{figure.name}: failed in {checkout}", file=sys.stderr)
        return None
    # Functions that ran in the process may have printed lines of their log around it.
    (line,) = (line for line in done.stdout.splitlines() if line.startswith(MEASURED))
    measured: dict[str, Any] = json.loads(line.removeprefix(MEASURED))
    return measured


def run(figure: Figure, against: Path | None, *, quick: bool) -> Result | None:
    """Measure a figure here and in an older checkout. A figure that the older one cannot run has no "before"."""
    print(f"{figure.name} ...", file=sys.stderr, flush=True)
    after = measure(figure, ROOT, quick=quick)
    if after is None:
        return None
    before = measure(figure, against, quick=quick) if against else None
    return Result.now(figure.name, after["values"], after["plots"], before["values"] if before else {})


def main() -> int:
    """Run what the command line names. Return 1 if a figure failed."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("figures", nargs="*", metavar="FIGURE", help=", ".join(BY_NAME))
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--against", type=Path, metavar="CHECKOUT")
    parser.add_argument("--report", action="store_true")
    options = parser.parse_args()
    if unknown := set(options.figures) - BY_NAME.keys():
        parser.error(f"no such figure: {', '.join(sorted(unknown))}")
    chosen = [BY_NAME[name] for name in options.figures] or [one for one in FIGURES if not (options.quick and one.slow)]
    failed = _report([]) if options.report else _run_all(chosen, options.against, quick=options.quick)
    return 1 if failed else 0


def _run_all(chosen: list[Figure], against: Path | None, *, quick: bool) -> int:
    """Measure figures, each stored as soon as it is measured. Return how many failed."""
    results = list[Result]()
    for figure in chosen:
        result = run(figure, against, quick=quick)
        if result:
            results.append(result)
            if not quick:
                write_result(result)
    print(table(results))
    if results and not quick:
        _report(results)
    return len(chosen) - len(results)


def _report(results: list[Result]) -> int:
    """Write the README from all stored results, and the plots if matplotlib is there. Return 0."""
    stored = read_results()
    write_readme(stored)
    if PLOTTER.exists():
        subprocess.run([PLOTTER, "-m", "benchmarks.plot"], cwd=ROOT, check=True)
    else:
        print("no .venv-bench: the plots stay as they are (`make bench` makes it)", file=sys.stderr)
    print(f"{len(results)} new of {len(stored)} results in {README.relative_to(ROOT)}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
