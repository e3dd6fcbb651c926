"""The commands of the pages, run on the deployed stack as a reader would run them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from local.__main__ import profile
from local.aws import client
from local.environment import ROOT
from local.processes import free_port
from mediarelay_cli.profiles import LOCAL_PROFILE, save_profile
from tests.e2e.deployed import Deployed
from tests.pages import Shell, run_page, shell


@pytest.fixture
def secrets_as_before(deployed: Deployed) -> Iterator[None]:
    """Put all secrets back, because the how-tos rotate them and the engine knows the ones before."""
    manager = client(deployed.stack.env, "secretsmanager")
    names = [value for name, value in deployed.deployment.outputs.items() if name.endswith("Secret")]
    before = {name: manager.get_secret_value(SecretId=name)["SecretString"] for name in names}
    yield
    for name, value in before.items():
        manager.put_secret_value(SecretId=name, SecretString=value)


@pytest.fixture
def reader(deployed: Deployed, tmp_path: Path) -> Iterator[Shell]:
    """A shell in the checkout, and the profile that `make up` would have saved."""
    save_profile(tmp_path / LOCAL_PROFILE, profile(deployed.deployment))
    with shell(tmp_path / "shell", tmp_path, {"PORT": str(free_port())}) as started:
        yield started


@pytest.mark.parametrize("page", ["tutorial", "how-to"])
@pytest.mark.usefixtures("secrets_as_before")
def test_every_command_of_a_page_works(page: str, reader: Shell) -> None:
    run_page(ROOT / "docs" / f"{page}.md", reader)
