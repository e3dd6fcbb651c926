"""Callbacks, polls, submits, timeouts, replays and failures in any order, some of them racing in real threads.

Whatever Hypothesis makes of it: an outcome that the provider stated stays, what is open is due, items are what their
logs say, and once everything works again the task ends as the provider knows it, and subscribers learn it.
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from mediarelay.domain.tasks.media import Kind, State
from mediarelay.errors import BudgetSpent, MediarelayError, ProviderBusy, ProviderClosed, ProviderUnknown
from mediarelay.usecases.tasks.rebuild import Rebuilder
from tests.integration.task_harness import VID, TaskHarness, answer, callback, together

STEPS = ("pending", "probed", "transcoding")
ENDS = ("succeeded", "failed", "superseded")
SILENCE = st.sampled_from(
    [
        ProviderBusy("busy", 4400),
        ProviderUnknown("unknown", 5000),
        ProviderClosed("closed", 4100),
        BudgetSpent("none left"),
        answer("ffff"),
        b"{}",
    ]
)
CLAIMS = st.builds(
    lambda result, changes: callback(result=result, **changes),
    st.sampled_from(["success", "failure"]),
    st.sampled_from([{}, {"app_id": 666}, {"url": "http://evil/1.mp4"}]),
)


class Life(RuleBasedStateMachine):
    """One task from the first word to the last."""

    make_table: Callable[[], str]
    numbers = count()

    def __init__(self) -> None:
        super().__init__()
        self.harness = TaskHarness(self.make_table())
        self.truth = "pending"
        self.reported: State | None = None
        self.answer_with()

    # ── the provider ──

    def answer_with(self) -> None:
        """Let the provider answer what is true."""
        deleted: dict[str, Any] = {"deleted": "yes"} if self.truth == "superseded" else {}
        self.harness.provider.answers[VID] = answer(state="transcoding" if deleted else self.truth, url=None, **deleted)

    @rule(step=st.sampled_from(STEPS + ENDS))
    @precondition(lambda self: self.truth not in ENDS)
    def go_on(self, step: str) -> None:
        self.truth = step
        self.answer_with()

    @rule(silence=SILENCE)
    def fall_silent(self, silence: Any) -> None:
        self.harness.provider.answers[VID] = silence

    @rule()
    def speak_again(self) -> None:
        self.answer_with()

    # ── what happens to us ──

    @rule(body=CLAIMS, kind=st.sampled_from(Kind))
    def claim(self, body: bytes, kind: Kind) -> None:
        self.harness.claim(body, kind)

    @rule()
    def track(self) -> None:
        self.harness.track()

    @rule(kind=st.sampled_from(Kind))
    def confirm(self, kind: Kind) -> None:
        with suppress(MediarelayError):
            self.harness.confirm(kind=kind)

    @rule(body=CLAIMS)
    def race(self, body: bytes) -> None:
        def quietly(job: Callable[[], object]) -> Callable[[], object]:
            def run() -> None:
                with suppress(MediarelayError):
                    job()

            return run

        harness = self.harness
        jobs: list[Callable[[], object]] = [
            lambda: harness.claim(body),
            harness.confirm,
            harness.track,
            lambda: harness.publisher.publish(VID),
        ]
        together([quietly(job) for job in [*jobs, harness.confirm]])

    @rule()
    def tick(self) -> None:
        self.harness.sweep()
        for kind in Kind:
            self.harness.poll(kind)
        for vid, kind in self.harness.take():
            self.harness.confirm(vid, kind)

    @rule()
    def publish(self) -> None:
        with suppress(MediarelayError):
            self.harness.publisher.publish(VID)

    @rule(down=st.booleans())
    def topic(self, *, down: bool) -> None:
        self.harness.topic.down = down

    @rule()
    def replay(self) -> None:
        with suppress(MediarelayError):
            self.harness.replayer.replay(VID, "me")

    @rule(minutes=st.sampled_from([0.1, 1, 5, 31, 600, 1500]))
    def wait(self, minutes: float) -> None:
        self.harness.clock.forward(minutes=minutes)

    # ── what must hold ──

    @invariant()
    def an_outcome_that_was_reported_stays(self) -> None:
        _, task = self.harness.tasks.load(VID)
        if task and task.is_final:
            assert self.reported in {None, task.outcome}
            assert task.outcome == self.truth
            self.reported = task.outcome

    @invariant()
    def what_is_open_or_unheard_is_due(self) -> None:
        _, task = self.harness.tasks.load(VID)
        if task is None:
            return
        received = {(message["subject"], message["type"].rpartition(".")[2]) for message in self.harness.topic.messages}
        if task.outcome is None or (VID, task.outcome.value) not in received:
            assert self.harness.due(), "somebody has to look again"

    @invariant()
    def the_item_is_what_the_log_says(self) -> None:
        record, _ = self.harness.tasks.load(VID)
        if not record.pending:  # else a claim has come that nobody has folded yet
            assert (
                Rebuilder(
                    tasks=self.harness.tasks, store=self.harness.stores.tasks, adopt=self.harness.submitter.adopt
                ).compare(VID)
                == []
            )

    def teardown(self) -> None:
        """Everything works again: the task ends, and everybody hears of it."""
        _, task = self.harness.tasks.load(VID)
        if task is None:
            return
        self.harness.topic.down = False
        self.truth = self.truth if self.truth in ENDS else "succeeded"
        self.answer_with()
        self.harness.replayer.replay(VID, "the end")
        for _ in range(12):
            self.tick()
            self.harness.clock.now += timedelta(minutes=45)
        _, task = self.harness.tasks.load(VID)
        assert task
        assert task.outcome == self.truth
        assert self.harness.topic.messages[-1]["type"] == f"mediarelay.task.{self.truth}"
        assert self.harness.due() == {}


@pytest.mark.parametrize("steps", [25])
def test_any_life_of_a_task_ends_well(make_table: Callable[[], str], steps: int) -> None:
    Life.make_table = staticmethod(make_table)
    run_state_machine_as_test(
        Life,
        settings=settings(
            max_examples=12, stateful_step_count=steps, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
