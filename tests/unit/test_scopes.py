"""Tests that belong together run in one worker; the others of a file come in small parts."""

from collections import Counter

from tests.scopes import AT_ONCE, TOGETHER, Scopes


def test_a_group_is_one_scope() -> None:
    scopes = Scopes()
    for start, group in TOGETHER.items():
        assert {scopes.of(f"{start}test_a.py::test_{number}") for number in range(3 * AT_ONCE)} == {group}


def test_a_file_is_split_into_parts_that_stay_the_same() -> None:
    scopes, tests = Scopes(), [f"tests/unit/test_a.py::test_{number}" for number in range(3 * AT_ONCE + 1)]
    first = [scopes.of(test) for test in tests]
    assert sorted(Counter(first).values()) == [1, AT_ONCE, AT_ONCE, AT_ONCE]
    assert [scopes.of(test) for test in reversed(tests)] == first[::-1]
    assert scopes.of("tests/unit/test_b.py::test_0") not in first
