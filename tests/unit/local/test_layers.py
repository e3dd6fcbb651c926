"""All functions of a stack import their layers from one unpacked copy."""

import io
import os
import zipfile
from pathlib import Path
from typing import Any, NoReturn

import pytest

from local import layers
from local.environment import LocalEnvironment
from local.layers import unpack_layers

LAYERS = {"Dependencies1": "key-of-dependencies", "Shared2": "key-of-shared"}


class Bucket:
    """A bucket with a zip file for each layer."""

    def __init__(self) -> None:
        self.reads: list[str] = []

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803 - boto3's names
        self.reads.append(f"{Bucket}/{Key}")
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w") as packed:
            packed.writestr("python/module.py", f"NAME = {Key!r}")
        return {"Body": io.BytesIO(content.getvalue())}


@pytest.fixture
def bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    bucket = Bucket()
    monkeypatch.setattr(layers, "LAYERS", tmp_path / "layers")
    monkeypatch.setattr(layers, "client", lambda _env, _service: bucket)
    return bucket


def _template(**environment: object) -> dict[str, Any]:
    made = {
        name: {"Type": "AWS::Lambda::LayerVersion", "Properties": {"Content": {"S3Bucket": "artifacts", "S3Key": key}}}
        for name, key in LAYERS.items()
    }
    properties = {"Layers": [{"Ref": name} for name in LAYERS], **environment}
    functions = {name: {"Type": "AWS::Lambda::Function", "Properties": properties} for name in ("Sweep", "Poll")}
    return {"Resources": {**made, **functions, "Queue": {"Type": "AWS::SQS::Queue"}}}


def test_each_layer_is_unpacked_once_for_all_functions(tmp_path: Path, bucket: Bucket) -> None:
    env, template = LocalEnvironment(tmp_path), _template(Environment={"Variables": {"TABLE_NAME": "ledger"}})
    adapted = unpack_layers(env, template)["Resources"]
    assert bucket.reads == ["artifacts/key-of-dependencies", "artifacts/key-of-shared"]
    folders = [tmp_path / "layers" / key / "python" for key in reversed(LAYERS.values())]
    assert adapted["Sweep"] == adapted["Poll"]
    assert adapted["Sweep"]["Properties"] == {
        "Environment": {"Variables": {"TABLE_NAME": "ledger", "PYTHONPATH": ":".join(map(str, folders))}}
    }
    assert adapted["Queue"] == template["Resources"]["Queue"]
    assert [(folder / "module.py").read_text() for folder in folders] == [
        "NAME = 'key-of-shared'",
        "NAME = 'key-of-dependencies'",
    ]


def test_a_layer_that_has_not_changed_is_not_unpacked_again(tmp_path: Path, bucket: Bucket) -> None:
    env = LocalEnvironment(tmp_path)
    assert unpack_layers(env, _template()) == unpack_layers(env, _template())
    assert len(bucket.reads) == len(LAYERS)


def test_an_interrupted_copy_is_not_used(tmp_path: Path, bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(zipfile.ZipFile, "extractall", _interrupted)
        with pytest.raises(KeyboardInterrupt):
            unpack_layers(LocalEnvironment(tmp_path), _template())
    unpack_layers(LocalEnvironment(tmp_path), _template())
    assert len(bucket.reads) == 1 + len(LAYERS)


def test_only_a_copy_without_a_recent_deployment_is_removed(tmp_path: Path, bucket: Bucket) -> None:
    unpack_layers(LocalEnvironment(tmp_path), _template())
    used, unused, recent = (layers.LAYERS / name for name in (LAYERS["Shared2"], "unused", "recent"))
    for folder in (unused, recent):
        folder.mkdir()
    for folder in (used, unused):
        os.utime(folder, (0, 0))
    unpack_layers(LocalEnvironment(tmp_path), _template())
    assert [folder.exists() for folder in (used, unused, recent)] == [True, False, True]
    assert len(bucket.reads) == len(LAYERS)


def _interrupted(_: zipfile.ZipFile, draft: Path) -> NoReturn:
    draft.mkdir(parents=True)
    raise KeyboardInterrupt
