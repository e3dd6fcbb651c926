"""The deliberate breaks of `make mutate` still fit the code, so that none of them is a break of nothing."""

import ast
import shutil
from pathlib import Path

import pytest

from local.environment import ROOT
from tests.mutations.__main__ import Mutation, mutations


@pytest.mark.parametrize("mutation", mutations(), ids=lambda mutation: mutation.name)
def test_each_break_can_be_made_and_is_python(mutation: Mutation, tmp_path: Path) -> None:
    broken = tmp_path / mutation.path
    broken.parent.mkdir(parents=True)
    shutil.copy(ROOT / mutation.path, broken)
    mutation.apply(tmp_path)
    ast.parse(broken.read_text(encoding="utf-8"))
    assert all((ROOT / test.partition("::")[0]).exists() for test in mutation.tests)
