"""Template against code: a function gets every setting that it reads, and none of its own that it does not."""

from types import SimpleNamespace
from typing import Any

import pytest

from mediarelay.adapters.aws import CONFIG
from mediarelay.config import Settings
from mediarelay.wiring import base
from mediarelay.wiring.ticks import tick
from tests.integration.lambda_sandbox import LambdaSandbox
from tests.lambda_context import Context
from tests.stack import functions, template, variables

TICKS = {"poll_video", "poll_audio", "sweep"}


class Watched:
    """Settings that note which of them were read."""

    def __init__(self, settings: Settings, names: set[str]) -> None:
        self._settings, self._names = settings, names

    def __getattr__(self, name: str) -> Any:
        self._names.add(name.upper())
        return getattr(self._settings, name)


@pytest.mark.parametrize("function", sorted(functions()))
def test_settings_that_are_read_are_given(
    lambda_sandbox: LambdaSandbox, monkeypatch: pytest.MonkeyPatch, function: str
) -> None:
    read: set[str] = set()
    watched = SimpleNamespace(read=lambda: Watched(Settings.read(), read))
    monkeypatch.setattr(base, "Settings", watched)
    # Only then is the URL of its queue read.
    lambda_sandbox.values["WEBHOOK_DELIVERY"] = "true"
    lambda_sandbox.handler(function)
    if function in TICKS:
        tick(Context(), "sweep")
    given, common = set(variables(function)), set(template()["Globals"]["Function"]["Environment"]["Variables"])
    assert read <= given
    assert given - common <= read


def test_a_ledger_that_hangs_leaves_a_callback_time_for_the_queue() -> None:
    config: Any = CONFIG
    longest = config.retries["total_max_attempts"] * (config.connect_timeout + config.read_timeout)
    assert 2 * longest < functions()["video_callback"]["Timeout"]
    assert longest < functions()["apply_callback"]["Timeout"]
