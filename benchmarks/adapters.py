"""The figures of modules that also run by themselves, such as `python -m benchmarks.warm`, in the form of the table.

Each module is imported when its figure is measured: some change what they import.
"""

import tempfile
from importlib import import_module
from pathlib import Path

from benchmarks.measurement import Measurement


def warm(*, quick: bool) -> Measurement:
    """Return the CPU time of a warm invocation of a callback function against the baselines, and its calls."""
    module = import_module("benchmarks.warm")
    with tempfile.TemporaryDirectory() as folder:
        found = module.measure(module.receivers(Path(folder)), 5 if quick else 40, 50)
    ours = f"{module.FUNCTION}: new"
    ratios = {base.lower(): module.ratio(found, ours, base) for base in module.GOALS}
    details = {f"ms {name}": one.cpu_ms for name, one in found.items()}
    return Measurement(ratios | {"calls": found[ours].calls} | details)


def dispatch(*, quick: bool) -> Measurement:
    """Return calls of SNS and CPU time per record of a full batch, against one publication per record."""
    module = import_module("benchmarks.dispatch")
    found = module.measure(module.targets(), 4 if quick else 15)
    ours, usual = found["dispatch"], found[module.BASELINE]
    details = {f"ms {name}": one.cpu_ms for name, one in found.items()}
    return Measurement({"sns_calls": ours.sns_calls, "cpu": ours.cpu_ms / usual.cpu_ms} | details)


def confirm(*, quick: bool) -> Measurement:
    """Return the time of 200 queries against the latency bound, and the CPU time of one."""
    module = import_module("benchmarks.confirm")
    found = module.measure(3 if quick else module.ROUNDS)
    details = {f"{part} {name}": getattr(one, part) for name, one in found.items() for part in ("bound", "cpu_ms")}
    return Measurement({"bound": found["mediarelay"].bound, "cpu_ms": found["mediarelay"].cpu_ms} | details)


def engine(*, quick: bool) -> Measurement:
    """Return the CPU time of all renditions of one source, against one run of ffmpeg."""
    module = import_module("benchmarks.engine")
    return Measurement(module.measure(module.QUICK_ROUNDS, module.QUICK_SECONDS) if quick else module.measure())
