"""What `make run` follows and says: only its own tasks, how far they are, why they wait, and when it gives up."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from local import run
from local.environment import LocalError
from local.run import MAX_ANSWER_WAIT, MAX_WAIT, Watch
from local.stack import Stack
from tests.unit.local.test_console import EVENT, FAILED, TASK, Recorded

OPEN = {"vid": "a1", "state": "pending"}
Answer = dict[str, Any]


class Api:
    """Stands in for the deployed API and the engine. The time of the screen decides what they answer."""

    def __init__(self, clock: Callable[[], float], done_at: float = 30, spent: bool | None = None) -> None:
        self.clock, self.done_at, self.spent = clock, done_at, spent
        self.deployment = SimpleNamespace(env=None)
        self.percent: Callable[[], int] = lambda: 0

    def task(self, _vid: str) -> Answer:
        return TASK if self.clock() > self.done_at else OPEN

    def engine_percents(self) -> dict[str, int]:
        return {"a1": self.percent(), "of-another-run": 50}

    def has_spent_budget(self, _provider: str) -> bool | None:
        return self.spent


class Topic:
    """Delivers an event once the task has its outcome, and before that those of other runs."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.foreign = iter([{"subject": "b2", "type": "mediarelay.task.lost", "id": "f" * 36}])

    def events(self) -> Iterator[Answer]:
        yield from self.foreign
        if self.api.clock() > self.api.done_at:
            yield EVENT


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Recorded:
    """A screen whose clock moves while the command sleeps, and whose thread looks then."""
    found = Recorded()

    def sleep(seconds: float) -> None:
        found.clock.now += seconds
        found.break_silence()

    monkeypatch.setattr(run, "time", SimpleNamespace(monotonic=found.clock, sleep=sleep))
    monkeypatch.setattr(Stack, "require_running", lambda _self: None)
    return found


def watch(screen: Recorded, **changes: Any) -> Watch:
    api = Api(screen.clock, **changes)
    return Watch(api, Topic(api), screen)  # type: ignore[arg-type]


def answers(*vids: str | None, retry_after: float = 30) -> Callable[[], Answer]:
    found = itertools.chain(vids, itertools.repeat(vids[-1]))
    return lambda: {"vid": next(found), "retry_after": retry_after}


def test_a_run_is_never_silent_for_5_seconds_and_shows_the_percentage(screen: Recorded) -> None:
    one = watch(screen)
    one.api_client.percent = lambda: int(screen.clock.now)  # type: ignore[attr-defined]
    one.expect(answers("a1"), "clip.mp4", "mps")
    one.follow(60)
    beats = [line for line in screen.lines() if "…" in line and "clip.mp4: pending" in line]
    times = [float(line.split()[0]) for line in beats]
    assert len(times) >= 6
    assert max(after - before for before, after in itertools.pairwise([0.0, *times])) < 5
    shown = [int(line.split()[-2]) for line in beats]
    assert shown == sorted(shown)
    assert shown[-1] > 20


def test_only_the_news_of_this_run_are_printed(screen: Recorded) -> None:
    one = watch(screen, done_at=3)
    one.expect(answers("a1"), "clip.mp4", "mps")
    one.follow(60)
    said = [line for line in screen.lines() if "notification" in line]
    assert said == ["   3.5 s notification clip.mp4: mediarelay.task.succeeded (d45369b2…)"]


@pytest.mark.parametrize(
    ("spent", "reason"), [(True, "own call budget"), (False, "the provider has not"), (None, "or Mediarelay's own")]
)
def test_a_stored_request_is_repeated_and_the_reason_is_named(
    screen: Recorded, spent: bool | None, reason: str
) -> None:
    one = watch(screen, spent=spent)
    one.expect(answers(None, None, "a1"), "clip.mp4", "mps")
    assert 60 <= screen.clock.now < 62, "as long as Retry-After says, twice"
    text = " ".join(screen.lines())
    assert text.count("Asking again in 30 s.") == 2
    assert reason in text


@pytest.mark.parametrize("retry_after", [0.1, 30, 1e6])
def test_a_promise_is_not_awaited_for_ever(screen: Recorded, retry_after: float) -> None:
    with pytest.raises(LocalError, match="has stored the request, but has no task"):
        watch(screen).expect(answers(None, retry_after=retry_after), "clip.mp4", "mps")
    assert MAX_ANSWER_WAIT <= screen.clock.now <= 2 * MAX_ANSWER_WAIT + 1


def test_a_slow_task_that_advances_is_followed_to_its_end(screen: Recorded) -> None:
    one = watch(screen, done_at=10 * MAX_WAIT)
    one.api_client.percent = lambda: int(screen.clock.now / MAX_WAIT * 9)  # type: ignore[attr-defined]
    one.expect(answers("a1"), "clip.mp4", "mps")
    one.follow(MAX_WAIT)
    assert screen.clock.now > 10 * MAX_WAIT


def test_a_task_that_stands_still_ends_the_run(screen: Recorded) -> None:
    one = watch(screen, done_at=1e9)
    one.expect(answers("a1"), "clip.mp4", "mps")
    with pytest.raises(LocalError, match=r"no change for 180 s, still missing: an outcome of clip\.mp4"):
        one.follow(MAX_WAIT)
    assert screen.clock.now < MAX_WAIT + 1


@pytest.mark.parametrize(("stays", "command"), [(True, "mediarelay task a1"), (False, "make up")])
def test_a_failed_task_ends_the_run_with_its_faults(screen: Recorded, *, stays: bool, command: str) -> None:
    one = watch(screen)
    one.names, one.tasks = {"a1": "clip.mp4"}, {"a1": FAILED}
    with pytest.raises(LocalError, match="not succeeded: clip"):
        run._report(one, Path("out"), stays=stays)
    text = "\n".join(screen.lines())
    assert "902 the source is not a readable media file" in text
    assert command in text
    assert "arrived" not in text
