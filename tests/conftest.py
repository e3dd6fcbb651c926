"""Which tests share a worker: those that use one deployed stack, build the layers once, or build on what others found.

pytest 9.2 no longer takes the suffix by which `--dist loadgroup` of pytest-xdist 3.8 tells its groups apart.
"""

from pathlib import Path

import pytest
from xdist.scheduler import LoadScopeScheduling

from mediarelay.aws_lambda import cold_start
from mediarelay.observability import metrics
from tests import layers as built

# The import began a cold start.
cold_start.end()
TOGETHER = {
    "tests/browser/": "browser",
    "tests/e2e/": "deployed",
    "tests/chaos/": "chaos",
    "tests/template/test_layers.py": "layers",
    "tests/integration/test_runtime.py": "layers",
    "tests/integration/test_events.py": "events",
}


class Together(LoadScopeScheduling):
    """Every test by itself, except those that belong together."""

    def _split_scope(self, nodeid: str) -> str:
        return next((group for start, group in TOGETHER.items() if nodeid.startswith(start)), nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> Together | None:
    return Together(config, log) if config.getvalue("dist") in {"load", "loadgroup"} else None


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
