"""A cancelled submission is never sent, and a sent one is never reported as cancelled, in whatever order calls go on.

Threads are not needed: each call to the table is a moment at which another client or worker may go on. Seeds decide
which of them runs there, to its end, before the call itself.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from mediarelay.adapters.dynamodb.table import Table
from mediarelay.domain.tasks.intent import ClientKey, Intent, SubmissionState, Submitted, intent_of
from mediarelay.domain.tasks.media import Kind
from mediarelay.errors import BudgetSpent, CircuitOpen, MediarelayError, NotFound, ProviderBusy, ProviderRefused
from tests.integration.task_harness import TaskHarness

REQUEST = {"url": "http://music-1250000000.cossh.myqcloud.com/a.mp3", "bucketName": "music", "bucketRegion": "sh"}
CLIENTS = ("game", "shop", "operator")
# A call that the budget or the circuit prevents is no attempt: the provider never sees the submission.
PREVENTED = (BudgetSpent("none left"), CircuitOpen("open"))
MAX_DEPTH = 1


class SpyProvider:
    """Notes each submission that reaches the provider, and what it answers."""

    def __init__(self, random: Random) -> None:
        self.random, self.seen, self.vids = random, set[str](), 0

    def submit(self, intent: Intent) -> str:
        if self.random.random() < 0.3:
            raise self.random.choice(PREVENTED)
        self.seen.add(intent.submission)
        self.vids += 1
        lost, refused = ProviderBusy("busy", 4400), ProviderRefused("no", 4000)
        answer = self.random.choice((f"v{self.vids}", lost, lost, refused))
        if isinstance(answer, Exception):
            raise answer
        return answer


class Run:
    """One sequence of events, which interrupt each other."""

    def __init__(self, table: str, seed: int) -> None:
        self.random = Random(seed)  # noqa: S311 - a sequence that can be repeated
        self.provider = SpyProvider(self.random)
        self.harness = TaskHarness(table)
        self.harness.deployment = replace(self.harness.deployment, api=self.provider)  # type: ignore[arg-type]
        self.harness.configure()
        self.made: list[str] = []
        self.reported: set[str] = set()
        self.depth = self.keys = 0
        self.fresh()

    def fresh(self) -> None:
        """A new key, or none: then the request is the key. The next events are about it."""
        self.keys += 1
        self.key = self.random.choice((ClientKey("game", f"{self.keys}"), None))
        self.enqueue()

    def submit(self) -> None:
        self.note(self.harness.submitter.submit(Kind.AUDIO, REQUEST, self.key))

    def enqueue(self) -> None:
        self.note(self.harness.registry.enqueue(Kind.AUDIO, REQUEST, self.key))

    def note(self, answer: Submitted) -> None:
        assert answer.submission
        self.made.append(answer.submission)

    def cancel(self) -> None:
        submission, by = self.made[-1], self.random.choice(CLIENTS)
        if self.harness.submissions.cancel(submission, by).state is SubmissionState.CANCELLED:
            self.reported.add(submission)

    def resume(self) -> None:
        self.harness.submitter.resume(intent_of(self.made[-1]))

    def sweep(self) -> None:
        self.harness.sweep()

    def wait(self) -> None:
        self.harness.clock.forward(seconds=self.random.choice([1, 40, 90, 90_000]))

    def step(self) -> None:
        first = (self.fresh, self.fresh, self.submit, self.cancel, self.cancel, self.resume, self.sweep, self.wait)
        between = (self.enqueue, self.cancel, self.resume, self.resume)
        with suppress(MediarelayError):
            self.random.choice(between if self.depth else first)()
        # So that no two submissions of one key have the same time.
        self.harness.clock.forward(microseconds=1)

    def interrupt(self) -> None:
        """Let something else happen between a read and a write of the present event."""
        if self.depth < MAX_DEPTH:
            self.depth += 1
            for _ in range(self.random.choice((0, 0, 1, 2, 3))):
                self.step()
            self.depth -= 1

    def check(self) -> None:
        assert not self.reported & self.provider.seen, "a cancelled submission was sent"
        for submission in self.made:
            with suppress(NotFound):
                found = self.harness.submissions.find(submission)
                assert found.state is not SubmissionState.CANCELLED or submission not in self.provider.seen
                assert submission not in self.reported or found.state is SubmissionState.CANCELLED


@contextmanager
def interrupted(run: Run) -> Iterator[None]:
    """Let a run interrupt itself before each call to the table."""

    def between(plain: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any, **options: Any) -> Any:
            run.interrupt()
            return plain(*given, **options)

        return call

    with pytest.MonkeyPatch.context() as patch:
        for name in ("get", "put", "update", "delete"):
            patch.setattr(Table, name, between(getattr(Table, name)))
        yield


@pytest.mark.parametrize("seed", range(10))
def test_a_submission_is_cancelled_or_sent(make_table: Callable[[], str], seed: int) -> None:
    run = Run(make_table(), seed)
    with interrupted(run):
        for _ in range(60):
            run.step()
    run.check()
    # Everything that is open goes on, and nothing that was cancelled comes back.
    for _ in range(6):
        run.harness.clock.forward(minutes=40)
        with suppress(MediarelayError):
            run.sweep()
    run.check()


def test_the_runs_reach_both_ends(make_table: Callable[[], str]) -> None:
    runs = [Run(make_table(), seed) for seed in range(3)]
    for run in runs:
        with interrupted(run):
            for _ in range(60):
                run.step()
    assert sum(len(run.reported) for run in runs) > 5
    assert sum(len(run.provider.seen) for run in runs) > 5
