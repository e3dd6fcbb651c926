"""What holds for all tests: which of them share a worker, and what a process prepares once."""

import gc
import signal
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer.main
from botocore.loaders import JSONFileLoader
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling

from mediarelay.aws_lambda import cold_start
from mediarelay.observability import metrics
from tests import layers as built
from tests.hypothesis_profiles import patient
from tests.scopes import Scopes

# The import began a cold start.
cold_start.end()
# A busy machine takes its time, so no test has a deadline, whatever its own settings add.
settings.register_profile("patient", patient)
settings.load_profile("patient")


class Together(LoadScopeScheduling):
    """What belongs together is one scope. The largest scopes start first, so that the run does not end with one."""

    def __init__(self, config: pytest.Config, log: Any) -> None:
        super().__init__(config, log)
        self._split_scope = Scopes().of


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> Together | None:
    return Together(config, log) if config.getvalue("dist") in {"load", "loadgroup"} else None


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Collect without the garbage collector, and keep it from what was collected: all of that stays until the end."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.fixture(scope="session", autouse=True)
def built_once() -> Iterator[None]:
    """Build the command line once, and read each of botocore's files once, as a process of its own does."""
    command, load = cache(typer.main.get_command), JSONFileLoader.load_file
    read = cache(lambda path: load(JSONFileLoader(), path))

    def load_file(_loader: JSONFileLoader, path: str) -> Any:
        return read(path)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("typer.main.get_command", command)
        patch.setattr("typer.testing._get_command", command)
        patch.setattr(JSONFileLoader, "load_file", load_file)
        yield


@pytest.fixture(scope="session", autouse=True)
def can_be_interrupted() -> None:
    """A job that a shell starts in the background ignores Ctrl-C, and so would the processes that tests start."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def nothing_counted() -> None:
    """Each test counts for itself: Powertools keeps what is counted in the class until it is published."""
    metrics.clear_metrics()


@pytest.fixture(scope="session")
def layers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both layers, in a folder whose name has a space."""
    place = tmp_path_factory.mktemp("both layers")
    bystander = place.parent / "both"
    bystander.mkdir()
    built.build(place)
    assert bystander.is_dir(), "a path was split at its space"
    return place
