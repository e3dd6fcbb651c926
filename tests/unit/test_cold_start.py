"""What a cold start changes, and that it changes it back."""

import dataclasses
import gc
import marshal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import MAGIC_NUMBER
from pathlib import Path

import pytest

from mediarelay.aws_lambda import cold_start


@pytest.fixture(autouse=True)
def ended() -> Iterator[None]:
    """Every test leaves the process as it was."""
    yield
    cold_start.end()
    gc.unfreeze()


def texts_of_a_class(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts that `dataclasses` compiles for the class of `make`."""
    found: list[str] = []

    def note(text: str, *spaces: dict[str, object]) -> None:
        found.append(text)
        exec(text, *spaces)  # noqa: S102 - as `dataclasses` does

    with monkeypatch.context() as patch:
        patch.setitem(vars(dataclasses), "exec", note)
        make()
    return found


def make() -> type:
    @dataclass(frozen=True, slots=True)
    class Point:
        x: int
        y: int = 2

    return Point


def write(file: Path, version: bytes, texts: list[str], instead: str | None = None) -> Path:
    compiled = {text: marshal.dumps(compile(instead or text, "<string>", "exec")) for text in texts}
    file.write_bytes(marshal.dumps((version, compiled)))
    return file


def test_a_class_gets_the_methods_that_the_build_compiled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = texts_of_a_class(monkeypatch)
    # Python before 3.13 compiles each method by itself.
    broken = write(tmp_path / "broken", MAGIC_NUMBER, texts, instead="raise LookupError")
    cold_start.use_compiled(broken)
    with pytest.raises(LookupError):
        make()
    cold_start.use_compiled(write(tmp_path / "right", MAGIC_NUMBER, texts))
    point = make()(1)
    assert (repr(point).rpartition(".")[2], point == make()(1)) == ("Point(x=1, y=2)", False)
    assert hash(point) == hash((1, 2))


@pytest.mark.parametrize(("version", "texts"), [(b"other", True), (MAGIC_NUMBER, False)])
def test_bytecode_of_another_python_or_class_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: bytes, texts: bool
) -> None:
    known = texts_of_a_class(monkeypatch) if texts else ["def __create_fn__(): pass"]
    cold_start.use_compiled(write(tmp_path / "file", version, known, instead="raise LookupError"))
    assert make()(1).y == 2


def test_a_layer_without_bytecode_starts_as_well(tmp_path: Path) -> None:
    cold_start.use_compiled(tmp_path / "absent")
    assert "exec" not in vars(dataclasses)


def test_the_end_of_a_cold_start_undoes_it(tmp_path: Path) -> None:
    before = list(sys.meta_path)
    cold_start.begin()
    cold_start.use_compiled(write(tmp_path / "file", MAGIC_NUMBER, []))
    assert not gc.isenabled()
    assert sys.meta_path != before
    cold_start.end()
    cold_start.end()
    assert gc.isenabled()
    assert gc.get_freeze_count()
    assert sys.meta_path == before
    assert "exec" not in vars(dataclasses)
