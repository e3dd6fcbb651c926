"""One ffmpeg process decodes a source once and makes all of its outputs. After a failure each output has its own."""

from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks.engine import BUCKET, by_engine, by_ffmpeg, make_source
from engine import attempt
from engine.attempt import Attempt
from engine.failures import Failure, TaskFailed
from engine.model import TaskKind
from engine.transcode import Handle


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("source") / "source.mp4"
    make_source(file, 1)
    return file


def test_one_process_with_one_input_makes_every_output_of_a_source(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands: list[Sequence[str]] = []
    run = Handle.run

    def count(handle: Handle, command: Sequence[str], *rest: Any) -> None:
        commands.append(command)
        run(handle, command, *rest)

    monkeypatch.setattr(Handle, "run", count)
    by_engine(source, tmp_path, 1)
    (command,) = commands
    assert command.count("-i") == 1
    specs = [*BUCKET.video_specs, *BUCKET.gifs, *(cover.spec for cover in BUCKET.covers)]
    assert all(list(tmp_path.glob(f"out.{spec}.*")) for spec in specs)


def test_the_baseline_of_the_benchmark_makes_as_many_outputs(source: Path, tmp_path: Path) -> None:
    ours, plain = tmp_path / "ours", tmp_path / "plain"
    for folder, way in ((ours, by_engine), (plain, by_ffmpeg)):
        folder.mkdir()
        way(source, folder, 1)
    assert _suffixes(ours.glob("out*")) == _suffixes(plain.iterdir())


def _suffixes(files: Any) -> list[str]:
    return sorted(file.suffix for file in files)


class Transcoder:
    """Cannot make the outputs of one name; notes the names of each process."""

    def __init__(self, broken: str) -> None:
        self.broken = broken
        self.processes: list[list[str]] = []

    def make(self, _facts: object, targets: Sequence[Any], *_: object) -> None:
        self.processes.append([target.name for target in targets])
        if self.broken in self.processes[-1]:
            raise TaskFailed(Failure.ENCODER, self.broken)


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[TaskKind, str], tuple[Attempt, Transcoder]]:
    def make(kind: TaskKind, broken: str) -> tuple[Attempt, Transcoder]:
        transcoder, parts, config = Transcoder(broken), SimpleNamespace(), SimpleNamespace(transcoder="counted")
        monkeypatch.setitem(attempt._TRANSCODERS, "counted", lambda _config: transcoder)
        one = Attempt(parts, SimpleNamespace(kind=kind), Handle(), tmp_path, config)  # type: ignore[arg-type]
        return one, transcoder

    return make


TARGETS: Any = [SimpleNamespace(name=name) for name in ("f10", "f20", "gif")]


def test_a_failed_output_costs_one_process_for_each_output_and_fails_no_other_one(
    made: Callable[[TaskKind, str], tuple[Attempt, Transcoder]],
) -> None:
    one, transcoder = made(TaskKind.WORKFLOW, "f20")
    left = one._make(None, TARGETS)  # type: ignore[arg-type]
    assert [target.name for target in left] == ["f10", "gif"]
    assert [failed.name for failed in one.failed] == ["f20"]
    assert transcoder.processes == [["f10", "f20", "gif"], ["f10"], ["f20"], ["gif"]]


@pytest.mark.parametrize("kind", [TaskKind.VIDEO, TaskKind.SCHEDULE])
def test_without_a_failure_there_is_one_process(
    made: Callable[[TaskKind, str], tuple[Attempt, Transcoder]], kind: TaskKind
) -> None:
    one, transcoder = made(kind, "none")
    assert one._make(None, TARGETS) == TARGETS  # type: ignore[arg-type]
    assert transcoder.processes == [["f10", "f20", "gif"]]


def test_a_failed_output_fails_a_task_of_cts_at_once(
    made: Callable[[TaskKind, str], tuple[Attempt, Transcoder]],
) -> None:
    one, transcoder = made(TaskKind.VIDEO, "f20")
    with pytest.raises(TaskFailed):
        one._make(None, TARGETS)  # type: ignore[arg-type]
    assert len(transcoder.processes) == 1
