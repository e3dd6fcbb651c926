"""The harness of the benchmarks: its figures, its table, and what a tick reads."""

import pytest

from benchmarks import tick
from benchmarks.cost import ALTERNATIVES, compare
from benchmarks.figures import FIGURES, Figure
from benchmarks.report import BEGIN, END, README, Result, read_results, shown, table


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.name)
def test_each_figure_has_a_function_that_measures_it(figure: Figure) -> None:
    assert callable(figure.function)


def test_a_tick_reads_the_same_whatever_is_stored() -> None:
    found = [used for used, _ in tick.measure((1_000, 30_000), 1).values()]
    assert found[0] == found[1]
    assert found[0].items["due"] == tick.DUE


def test_the_table_says_which_goals_are_met() -> None:
    result = Result.now("cost", {"writes": 8, "callback": 9.5}, [], {"writes": 14})
    found = table([result])
    assert "| units | 14 | 8 | ≤ 8 | met |" in found
    assert "| US dollars |  | 9.50 | ≤ 9 | missed |" in found


@pytest.mark.parametrize(("value", "text"), [(None, ""), (0.5, "0.50"), (1, "1"), (12345.6, "12,346"), (20, "20")])
def test_numbers_of_the_table(value: float | None, text: str) -> None:
    assert shown(value) == text


def test_titles_name_the_numbers_that_were_measured() -> None:
    found = table([Result.now("read", {"callbacks": 1000, "expired: read units": 22}, [], {})])
    assert "| read units of a task that had 1,000 callbacks | units |  | 22 |" in found
    assert "{" not in table(read_results())


def test_the_readme_has_a_place_for_the_results() -> None:
    text = README.read_text("utf-8")
    assert text.index(BEGIN) < text.index(END)
    assert {result.figure for result in read_results()} <= {figure.name for figure in FIGURES}


def test_the_model_compares_every_alternative() -> None:
    found = compare()
    assert found.keys() > ALTERNATIVES.keys()
    assert all(million > 0 for million, _ in found.values())
