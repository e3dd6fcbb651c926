"""docs/scale.md states what the model computes, and the model what the benchmarks have measured."""

import re

import pytest

from benchmarks import scale
from benchmarks.cost import DURATIONS, PARTITION_WRITES
from benchmarks.counted import COUNTED
from benchmarks.report import read_results
from mediarelay.domain.tasks.lifecycle import MAX_CLAIMS
from mediarelay.usecases.tasks.repository import MAX_SETTLED
from tests.stack import ROOT, defaults

PAGE = (ROOT / "docs/scale.md").read_text("utf-8")
TEXT = " ".join(PAGE.split())
MEASURED = {result.figure: result.values for result in read_results()}
WORKERS = int(defaults()["ConfirmConcurrency"])


def _rows(header: str) -> list[str]:
    """Return the rows of the page's table with a header."""
    lines = PAGE.split(header)[1].splitlines()[2:]
    return lines[: lines.index("")]


@pytest.mark.parametrize(
    ("header", "rows"),
    [
        ("| limit | reached at | what raises it |", scale.limit_rows()),
        ("| what happens to a callback | set | where | callbacks a second then |", scale.step_rows()),
        ("| tasks | `CallsPerMinute` | `ConfirmConcurrency` | last outcome after |", scale.burst_rows()),
        ("| schedule | rows a minute | 10,000 due rows take |", scale.due_rows()),
    ],
    ids=["limits", "steps", "bursts", "due"],
)
def test_a_table_of_the_page_is_that_of_the_model(header: str, rows: list[str]) -> None:
    assert _rows(header) == rows


def _milliseconds(*, cpu_only: bool) -> float:
    waits = DURATIONS["confirm"].wait_ms if cpu_only else 0
    return scale.seconds("confirm", scale.memory("confirm")) * 1000 - waits


SENTENCES = {
    r"occupies a worker of `confirm` for (\S+) ms": _milliseconds(cpu_only=False),
    r"(\S+) ms of CPU time \(": _milliseconds(cpu_only=True),
    r"\((\S+) ms on a whole core, at 256 MB": DURATIONS["confirm"].cpu_ms,
    r"at 256 MB\), (\S+) ms in which the provider answers": scale.QUERY_MS,
    r"and (\S+) ms for the calls of AWS": DURATIONS["confirm"].wait_ms - scale.QUERY_MS,
    r"`ConfirmConcurrency`\) handle (\S+) messages a second": scale.confirms_per_second(WORKERS),
    r"the largest call budget has (\S+) queries a second": scale.queries_per_second(10_000, known=True),
    r"With 256 MB, `confirm` would record (\S+) outcomes": scale.confirms_per_second(100, 0),
    r"`WebhookConcurrency=100`, one endpoint gets (\S+) events a second": scale.deliveries_per_second(100),
    r"`WriteUnitsPerSecond=(\d+)`": scale.WARM_WRITES,
    r"UnitsPerSecond=12000,WriteUnitsPerSecond=(\d+)": scale.WARM_WRITES,
    r'"WriteUnitsPerSecond": (\d+)': scale.WARM_WRITES,
    r"up to (\S+) for `dispatch`": scale.WARM_WRITES / PARTITION_WRITES * scale.MAX_PARALLELIZATION,
    r"suffice: (\S+) for callbacks": 1000 * scale.seconds("video_callback", scale.memory("video_callback")),
    r"names (\S+) tasks\.": scale.BURST * scale.BURST_SECONDS,
    r"(\S+) workers use up a budget of 10,000": scale.ENOUGH_WORKERS,
    r"a poll handles (\S+) rows at most": scale.ticks()["poll_video"],
    r"and the sweep (\S+)\. A poll": scale.ticks()["sweep, publications"],
    r"the sweep publishes (\S+) of them": scale.ticks()["sweep, publications"],
    r"within the same hour, (\S+) events a minute": scale.song_events_per_minute(),
    r"The last `expired` then comes (\S+) hours late": scale.song_delay_hours(),
    r"A relay costs (\S+) write units": COUNTED["song"].writes,
    r"Each query or poll settles (\S+) claims": MAX_SETTLED,
    r"The log keeps the first (\S+) of them": MAX_CLAIMS,
    r"a poll reads (\S+) read units": MEASURED["tick"]["read units of a tick"],
    r"takes (\S+) new callbacks and": PARTITION_WRITES,
    r"new callbacks and (\S+) read units a second": scale.PARTITION_READS,
    r"takes (\S+) read units with 100 callbacks": scale.load_units(100),
    r"read units with 100 callbacks, (\S+) with 5,000": scale.load_units(5_000),
    r"with 5,000 and (\S+) with 10,000\.": scale.load_units(10_000),
    r"The last number is (\S+) s of all": scale.load_units(10_000) / scale.PARTITION_READS,
}


@pytest.mark.parametrize(("pattern", "value"), SENTENCES.items())
def test_a_sentence_of_the_page_states_a_number_of_the_model(pattern: str, value: float) -> None:
    (stated,) = set(re.findall(pattern, TEXT))
    number = float(stated.replace(",", ""))
    assert number == pytest.approx(value, abs=0.05 if "." in stated else 0.5)


def test_the_limits_come_lowest_first() -> None:
    loads = [one.load for one in scale.limits()]
    assert loads == sorted(loads)


def test_each_step_serves_1000_callbacks_a_second() -> None:
    assert min(one.load for one in scale.steps()) == scale.BURST


def test_the_stated_workers_are_the_fewest_that_use_up_the_budget() -> None:
    budget = 60 * scale.queries_per_second(10_000, known=True)
    per_minute = {more: scale.confirmed_per_minute(10_000, scale.ENOUGH_WORKERS + more, known=True) for more in (-1, 0)}
    assert per_minute[-1] < per_minute[0] == budget


@pytest.mark.parametrize(("known", "calls", "workers"), scale.SETTINGS)
def test_a_burst_lasts_as_long_as_its_simulation(known: bool, calls: int, workers: int) -> None:
    minutes = scale.burst_minutes(calls, workers, known=known)
    simulated = scale.drain(scale.confirmed_per_minute(calls, workers, known=known))
    # The simulation counts whole minutes.
    assert minutes - 1e-6 <= simulated[-1][0] < minutes + 1


def test_the_model_reads_as_many_units_as_were_measured() -> None:
    measured = MEASURED["read"]
    assert scale.load_units(int(measured["callbacks"])) == measured["waiting: read units"]


def test_the_bursts_begin_with_the_default_settings() -> None:
    assert scale.SETTINGS[0] == (True, int(defaults()["CallsPerMinute"]), WORKERS)
