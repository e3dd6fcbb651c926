"""`python -m benchmarks.init`: measure the CPU time of a cold start, beside two usual receivers (`baselines/`).

Each measurement starts a new process on the layers as built, with bytecode. It is the user and system time of the
interpreter and of the import of the handler, which creates its clients. The rounds are interleaved, so that all
functions meet the same load of the machine, and the figures are medians. No function makes a call: the measurement
omits the secret that some functions read during init.
"""

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import botocore

from benchmarks.figures import goal
from benchmarks.measurement import Measurement
from tests.layers import build
from tests.stack import REGION, ROOT, defaults, functions, variables

CALLBACKS = ("video_callback", "audio_callback", "mps_callback", "music_callback")
# The largest accepted ratios to U1 and to U3, of the callback functions and of all others.
GOALS = {
    "callbacks": (goal("init", "callbacks_u1"), goal("init", "callbacks_u3")),
    "others": (None, goal("init", "others_u3")),
}
ROUNDS, QUICK_ROUNDS = 9, 2
QUICK_OTHERS = ("read_ledger", "dispatch", "confirm")
BASELINES = ROOT / "benchmarks/baselines"
# `_read` would call Secrets Manager. A function without the secrets module needs no replacement.
# The package comes first, as in a handler: a cold start begins with it.
LOAD = """
try:
    import mediarelay.aws_lambda
    from mediarelay.adapters.secrets import Secret
    Secret._read = lambda secret: None
except ImportError:
    pass
import {module}
"""


@dataclass(frozen=True)
class Target:
    """A module to start, the paths of its imports, and its environment variables."""

    name: str
    code: str
    paths: tuple[Path, ...]
    environment: dict[str, str]

    def cpu_ms(self) -> float:
        """Start the module once. Return its CPU time in milliseconds."""
        # -S leaves out the site packages of this machine. -B writes no bytecode, so that all rounds are alike.
        before = _children()
        environment = self.environment | {"PYTHONPATH": ":".join(map(str, self.paths))}
        subprocess.run([sys.executable, "-S", "-B", "-c", self.code], env=environment, check=True, cwd=os.sep)
        return (_children() - before) * 1000


def _children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def targets(layers: Path, names: list[str], tree: Path = ROOT, mark: str = "") -> list[Target]:
    """Return the named functions of a checkout, on its layers. `mark` is appended to their names."""
    place = (*layers.glob("*/python"),)
    return [
        Target(name + mark, LOAD.format(module="handler"), (tree / "functions" / name, *place), _environment(name))
        for name in names
    ]


def baselines(layers: Path, folder: Path) -> list[Target]:
    """Return the two usual receivers, on packages as pip installs them, and the interpreter alone."""
    plain = folder / "plain"
    shutil.copytree(layers / "DependenciesLayer/python", plain)
    # The layer's data of botocore is trimmed. A plain installation has and loads all of it.
    data, whole = plain / "botocore/data", Path(botocore.__file__).parent / "data"
    for service in [path for path in data.iterdir() if path.is_dir()]:
        shutil.rmtree(service)
        shutil.copytree(whole / service.name, service)
    shutil.copy(whole / "endpoints.json", data)
    place = (BASELINES, plain)
    environment = _environment("video_callback")
    usual = [Target(name, f"import {name.lower()}", place, environment) for name in ("U1", "U3")]
    return [Target("interpreter", "pass", (), environment), *usual]


def _environment(function: str) -> dict[str, str]:
    given = {
        name: defaults().get(value.get("Ref", ""), f"arn:aws:example:{name.lower()}")
        for name, value in variables(function).items()
    }
    aws = {"AWS_DEFAULT_REGION": REGION, "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"}
    return given | aws | {"TABLE_NAME": "ledger"}


def measure(chosen: list[Target], rounds: int) -> dict[str, float]:
    """Return the median CPU time of each target in milliseconds. An additional first round warms the file cache."""
    found: dict[str, list[float]] = {target.name: [] for target in chosen}
    for index in range(rounds + 1):
        for target in chosen:
            taken = target.cpu_ms()
            # The first round reads the files from the disk. Later rounds find them in the cache.
            if index:
                found[target.name].append(taken)
    return {name: statistics.median(times) for name, times in found.items()}


def table(medians: dict[str, float]) -> str:
    """Return a table of the medians with their ratios to U1 and U3."""
    lines = [f"{'function':<26}{'CPU ms':>8}{'of U1':>8}{'of U3':>8}"]
    lines += [
        f"{name:<26}{taken:>8.0f}{taken / medians['U1']:>8.2f}{taken / medians['U3']:>8.2f}"
        for name, taken in medians.items()
    ]
    return "\n".join(lines)


def missed(medians: dict[str, float]) -> list[str]:
    """Return a line for each function that exceeds a ratio of `GOALS`."""
    limits = {name: GOALS["callbacks" if name in CALLBACKS else "others"] for name in medians if name in functions()}
    return [
        f"{name}: {medians[name] / medians[base]:.2f} of {base}, the goal is {limit}"
        for name, pair in limits.items()
        for base, limit in zip(("U1", "U3"), pair, strict=True)
        if limit is not None and medians[name] / medians[base] > limit
    ]


def figure(*, quick: bool) -> Measurement:
    """Measure all functions, and return the slowest of each group against the baselines."""
    with tempfile.TemporaryDirectory() as folder:
        layers = Path(folder) / "layers"
        build(layers)
        names = (*CALLBACKS, *QUICK_OTHERS) if quick else sorted(functions())
        chosen = [*baselines(layers, Path(folder)), *targets(layers, [*names])]
        medians = measure(chosen, QUICK_ROUNDS if quick else ROUNDS)
    others = set(names) - set(CALLBACKS)
    values = {
        "callbacks_u3": max(medians[name] for name in CALLBACKS) / medians["U3"],
        "callbacks_u1": max(medians[name] for name in CALLBACKS) / medians["U1"],
        "others_u3": max(medians[name] for name in others) / medians["U3"],
    }
    return Measurement(values | {f"ms {name}": taken for name, taken in medians.items()})


def main() -> int:
    """Print the table, and on stderr each goal that a function misses. Return 0."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.init", description=__doc__)
    parser.add_argument("functions", nargs="*", help="default: all")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--against", type=Path, help="another checkout, whose functions are measured beside these")
    parser.add_argument("--json", action="store_true", help="print the medians as JSON")
    options = parser.parse_args()
    names = options.functions or sorted(functions())
    with tempfile.TemporaryDirectory() as folder:
        layers = Path(folder) / "layers"
        build(layers)
        chosen = [*baselines(layers, Path(folder)), *targets(layers, names)]
        if options.against:
            other = Path(folder) / "other"
            build(other, options.against)
            chosen += targets(other, names, options.against, " (other)")
        medians = measure(chosen, options.rounds)
    print(json.dumps(medians, indent=1) if options.json else table(medians))
    for line in missed(medians):
        print(line, file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
