"""Measure the CPU time of one warm invocation of `video_callback`, beside three usual receivers (`baselines/`).

Each receiver is a process of its own, on the layers as built. A stub in another process answers its calls at once, so
only the receiver's own work is measured. Blocks of invocations alternate between the receivers, so that all meet the
same load of the machine. The figures are the minima of blocks, because other load only adds to them. The invocations
log and count as in production.

| case | callbacks | DynamoDB |
| --- | --- | --- |
| new | each about another task | stores the item |
| refused | each about another task, whose callback another execution environment has stored | refuses the condition |
| repeat | the same one again and again | refuses the condition |
"""

import argparse
import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any, cast

from benchmarks.aws_stub import STORED, TOKEN
from benchmarks.figures import goal
from benchmarks.init import Target, baselines, targets
from tests.layers import build
from tests.stack import ROOT

RECEIVER = ROOT / "benchmarks/receiver.py"
EVENT = ROOT / "events/video_callback.json"
# How the vids of a case are made: a number in them makes each callback another task's.
CASES = {"new": "{:030x}", "refused": STORED + "{:024x}", "repeat": STORED}
# The largest accepted ratios of a new callback.
GOALS = {base: goal("warm", base.lower()) for base in ("U3", "U1", "raw")}
FUNCTION = "video_callback"
# Invocations before the first block.
WARM_UP = 50


@dataclass(frozen=True)
class Figure:
    """One warm invocation: the least CPU time in milliseconds, and how many calls of AWS it makes."""

    cpu_ms: float
    calls: float


@dataclass
class Invoker:
    """A receiver in its process, and what its blocks have taken so far.

    `orders` and `answers` are its standard input and output.
    """

    name: str
    case: str
    orders: IO[str]
    answers: IO[str]
    cpu_ms: list[float] = field(default_factory=list)
    calls: list[float] = field(default_factory=list)

    def ask(self, size: int) -> float:
        """Run a block; return the CPU time of one invocation in milliseconds."""
        print(json.dumps([CASES[self.case], size]), file=self.orders, flush=True)
        return float(self.answers.readline()) * 1000

    def measure(self, size: int, port: int) -> None:
        """Run a block and remember its figures."""
        before = calls(port)
        self.cpu_ms.append(self.ask(size))
        self.calls.append((calls(port) - before) / size)


def calls(port: int) -> int:
    """Return how many calls the stub has answered."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("GET", "/count")
    found = int(connection.getresponse().read())
    connection.close()
    return found


@contextmanager
def process(command: Sequence[str | Path], **options: Any) -> Iterator[tuple[IO[str], IO[str]]]:
    """Run Python; yield its standard input and output. The end of its input, at the end of this block, ends it."""
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, *command], stdin=pipe, stdout=pipe, text=True, **options) as started:
        yield cast("IO[str]", started.stdin), cast("IO[str]", started.stdout)


@contextmanager
def stub() -> Iterator[int]:
    """Run the stub; yield its port."""
    with process(["-m", "benchmarks.aws_stub"], cwd=ROOT) as (_, answers):
        yield int(answers.readline())


@contextmanager
def running(target: Target, case: str, port: int) -> Iterator[Invoker]:
    """Run a receiver; yield it when it is warm."""
    environment = target.environment | {
        "PYTHONPATH": ":".join(map(str, target.paths)),
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "CALLBACK_TOKEN": TOKEN,
    }
    module = target.name.lower() if target.name in GOALS else "handler"
    # -S leaves out the site packages of this machine, -P the folder of this file.
    with process(["-S", "-P", "-B", RECEIVER, module], env=environment, cwd=os.sep) as (orders, answers):
        print(json.dumps(json.loads(EVENT.read_text("utf-8"))["event"]), file=orders)
        found = Invoker(target.name, case, orders, answers)
        found.ask(WARM_UP)
        yield found


def measure(chosen: Sequence[tuple[Target, str]], rounds: int, size: int) -> dict[str, Figure]:
    """Return the figures of each receiver and case, by `name: case`."""
    with ExitStack() as stack:
        port = stack.enter_context(stub())
        receivers = [stack.enter_context(running(target, case, port)) for target, case in chosen]
        for _ in range(rounds):
            for receiver in receivers:
                receiver.measure(size, port)
    return {f"{one.name}: {one.case}": Figure(min(one.cpu_ms), statistics.median(one.calls)) for one in receivers}


def receivers(folder: Path, against: Path | None = None) -> list[tuple[Target, str]]:
    """Build the layers; return each baseline with new callbacks, and the function with each case."""
    layers = folder / "layers"
    build(layers)
    usual = [target for target in baselines(layers, folder) if target.name in GOALS]
    usual.append(replace(usual[0], name="raw"))
    functions = targets(layers, [FUNCTION])
    if against:
        other = folder / "other"
        build(other, against)
        functions += targets(other, [FUNCTION], against, " (other)")
    return [(one, "new") for one in usual] + [(one, case) for one in functions for case in CASES]


def table(figures: Mapping[str, Figure]) -> str:
    """Return a table of the figures with their ratios to the baselines."""
    lines = [f"{'receiver':<34}{'CPU ms':>8}{'calls':>7}" + "".join(f"{f'of {base}':>8}" for base in GOALS)]
    for name, figure in figures.items():
        ratios = "".join(f"{ratio(figures, name, base):>8.2f}" for base in GOALS)
        lines.append(f"{name:<34}{figure.cpu_ms:>8.3f}{figure.calls:>7.1f}{ratios}")
    return "\n".join(lines)


def ratio(figures: Mapping[str, Figure], name: str, base: str) -> float:
    """Return the CPU time of a receiver as a ratio to that of a baseline."""
    return figures[name].cpu_ms / figures[f"{base}: new"].cpu_ms


def missed(figures: Mapping[str, Figure]) -> list[str]:
    """Return a line for each ratio that exceeds its goal."""
    found = {base: ratio(figures, f"{FUNCTION}: new", base) for base in GOALS}
    return [f"{found[base]:.2f} of {base}, the goal is {goal}" for base, goal in GOALS.items() if found[base] > goal]


def main() -> int:
    """Print the table, and on stderr each goal that is missed. Return 0."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.warm", description=__doc__)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--size", type=int, default=50, help="invocations of a block")
    parser.add_argument("--against", type=Path, help="another checkout, whose function is measured beside this one")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(receivers(Path(folder), options.against), options.rounds, options.size)
    print(json.dumps({name: vars(one) for name, one in figures.items()}, indent=1) if options.json else table(figures))
    for line in missed(figures):
        print(line, file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
