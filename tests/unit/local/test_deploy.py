"""Deploying again: values that a person added to a secret stay."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from local import deploy
from local.deploy import _has
from local.environment import LocalEnvironment

OURS = {"tokens": "ours"}
CLIENT = {"name": "local", "sha256": "x"}


@pytest.mark.parametrize(
    ("found", "ours", "expected"),
    [
        ({"tokens": "ours"}, OURS, True),
        ({"tokens": "other ours"}, OURS, True),
        ({"tokens": "other,ours"}, OURS, True),
        ({"tokens": ["other", "ours"]}, OURS, True),
        ({"tokens": "generated"}, OURS, False),
        ({}, OURS, False),
        ({"clients": [{"name": "web"}, CLIENT]}, {"clients": [CLIENT]}, True),
        ({"clients": [{"name": "web"}]}, {"clients": [CLIENT]}, False),
    ],
)
def test_a_secret_that_has_ours_is_left_alone(found: dict[str, Any], ours: dict[str, Any], *, expected: bool) -> None:
    assert _has(json.dumps(found), ours) is expected


@pytest.mark.parametrize("text", ["", "no json", '["a"]', "7", "null"])
def test_a_secret_that_cannot_be_read_is_written_anew(text: str) -> None:
    assert not _has(text, OURS)


def test_a_build_packages_no_bytecode_of_functions_and_keeps_a_cache_per_python(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bytecode = tmp_path / "functions" / "sweep" / "__pycache__"
    bytecode.mkdir(parents=True)
    (bytecode / "handler.pyc").touch()
    (bytecode.parent / "handler.py").touch()
    called: list[Any] = []
    monkeypatch.setattr(deploy, "ROOT", tmp_path)
    monkeypatch.setattr(deploy, "BUILD_LOCK", tmp_path / ".local" / "build.lock")
    monkeypatch.setattr(deploy, "_make_bucket", lambda _ground: None)
    monkeypatch.setattr(deploy, "_sam", lambda _ground, arguments, _environment=None: called.append(arguments))
    deploy.build(LocalEnvironment(tmp_path / "stack"))
    assert not bytecode.exists()
    assert (bytecode.parent / "handler.py").exists()
    assert called == [
        ["build", "--cache-dir", str(tmp_path / ".local" / "cache" / str(sys.implementation.cache_tag))],
        ["package", "--output-template-file", str(tmp_path / "stack" / "packaged.yaml")],
    ]
