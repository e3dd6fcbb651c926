"""One deployed stack for all end-to-end tests: emulated AWS, the real template, the engine with real ffmpeg."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.emulators import MINISTACK
from local.environment import LocalEnvironment
from local.processes import free_port
from local.samples import samples
from local.stack import Stack, stopped_at_the_end
from tests.answers import holding
from tests.e2e.deployed import Deployed
from tests.localemu.emulator import LOCALEMU

PARAMETERS = {"FirstPollAfter": "3", "WebhookDelivery": "true", "WebhookNetworks": "127.0.0.0/8"}
EMULATORS = {emulator.name: emulator for emulator in (MINISTACK, LOCALEMU)}


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    emulator = EMULATORS[os.environ.get("EMULATOR", MINISTACK.name)]
    stack = Stack(LocalEnvironment(tmp_path_factory.mktemp("stack"), free_port(), free_port()), emulated_by=emulator)
    with stopped_at_the_end(stack):
        deployment = stack.up(lambda _name: contextlib.nullcontext(), PARAMETERS)
        with holding(deployment.api_url):
            yield Deployed.of(stack, deployment)


@pytest.fixture
def deployed(whole: Deployed) -> Iterator[Deployed]:
    yield whole
    whole.faults()
    whole.configure(stage_delay=0)


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return samples(tmp_path_factory.mktemp("clip"), seconds=2)[0].file


@pytest.fixture(scope="session")
def song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return samples(tmp_path_factory.mktemp("song"), seconds=2)[1].file
