"""Modules whose code waits until one of their names is read."""

import json
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from threading import Thread
from types import ModuleType

import pytest

from mediarelay.aws_lambda import deferred_imports
from mediarelay.aws_lambda.deferred_imports import DEFERRED, DeferredModule, defer_imports, stop_deferring

PACKAGE = "package_whose_code_waits"


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """A deferred package with two submodules, one of which defines a name of the package."""
    folder = tmp_path / PACKAGE
    folder.mkdir()
    (folder / "__init__.py").write_text(
        "from time import sleep\nRAN = []\nfrom .home import Thing\n"
        "sleep(0.01)\nRAN.append(1)\nlast = 'set at the end'\n"
    )
    (folder / "home.py").write_text("class Thing: pass\n")
    (folder / "other.py").write_text("from . import home\nfrom " + PACKAGE + " import Thing\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(DEFERRED, PACKAGE, {"Thing": "home"})
    defer_imports()
    try:
        yield import_module(PACKAGE)
    finally:
        stop_deferring()
        for name in [name for name in sys.modules if name.startswith(PACKAGE)]:
            del sys.modules[name]


def has_run(module: ModuleType) -> bool:
    return type(module) is ModuleType


def test_submodules_and_their_names_leave_the_package_alone(package: ModuleType) -> None:
    other = import_module(f"{PACKAGE}.other")
    assert other.home is sys.modules[f"{PACKAGE}.home"]
    assert package.Thing is other.Thing is other.home.Thing
    assert not has_run(package)


def test_the_first_read_of_another_name_runs_the_package_once(package: ModuleType) -> None:
    assert package.last == "set at the end"
    assert has_run(package)
    assert package.RAN == [1]
    assert package.__spec__ is not None
    assert package.__loader__ is package.__spec__.loader
    assert not isinstance(package.__loader__, deferred_imports._Loader)


def test_a_name_that_does_not_exist_is_an_attribute_error(package: ModuleType) -> None:
    with pytest.raises(AttributeError, match="absent"):
        package.absent  # noqa: B018 - the read is what is tested
    assert not hasattr(package, "absent")


def test_each_read_of_a_package_that_fails_reports_why(package: ModuleType) -> None:
    code = Path(str(package.__file__))
    right = code.read_text()
    code.write_text("raise LookupError")
    for _ in range(2):
        with pytest.raises(LookupError):
            package.last  # noqa: B018 - the read is what is tested
    # Of another length, so that Python does not take its bytecode for that of the broken one.
    code.write_text(right)
    assert package.last == "set at the end"


def test_threads_wait_until_the_package_has_run(package: ModuleType) -> None:
    found: list[str] = []
    threads = [Thread(target=lambda: found.append(package.last)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert found == ["set at the end"] * 8
    assert package.RAN == [1]


def test_nothing_is_deferred_after_the_cold_start(package: ModuleType) -> None:
    stop_deferring()
    del sys.modules[PACKAGE]
    assert has_run(import_module(PACKAGE))


COMPARED = """
import json, sys
from importlib import import_module
deferred = json.loads(sys.argv[1])
wrong = []
for package, homes in deferred.items():
    module = import_module(package)
    wrong += [name for name, home in homes.items()
              if getattr(module, name) is not getattr(import_module(f"{package}.{home}"), name)]
    # A submodule that is not what the package calls by its name would be found in its place.
    wrong += [f"{package}.{name}" for name in set(vars(module)) - set(homes)
              if f"{package}.{name}" in sys.modules and sys.modules[f"{package}.{name}"] is not vars(module)[name]]
print(json.dumps(wrong))
"""


def test_each_deferred_package_has_the_names_that_it_is_said_to_have() -> None:
    """In a new process, in which nothing is deferred."""
    command = [sys.executable, "-c", COMPARED, json.dumps(DEFERRED)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []


def test_a_deferred_module_looks_like_any_other_to_the_import_system() -> None:
    module = DeferredModule("asyncio")
    assert not hasattr(module, "__path__")
