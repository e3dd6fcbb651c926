"""What the emulator really made of the template, and that a restart loses nothing."""

import contextlib
from pathlib import Path

import pytest

from local.aws import client
from local.stack import MUSIC
from tests.e2e.conftest import PARAMETERS
from tests.e2e.deployed import Deployed
from tests.stack import resources, translated


def test_everything_asynchronous_is_there(deployed: Deployed) -> None:
    env = deployed.stack.env
    schedules = client(env, "scheduler").list_schedules()["Schedules"]
    assert {one["State"] for one in schedules} == {"ENABLED"}
    assert sorted(one["Target"]["Arn"].split("-")[-2] for one in schedules) == [
        "PollAudio",
        "PollVideo",
        "Reconcile",
        "Sweep",
    ]
    mappings = deployed.functions.list_event_source_mappings()["EventSourceMappings"]
    written = resources("AWS::Lambda::EventSourceMapping", translated()).values()
    assert sorted((one["EventSourceArn"].split(":")[2], one["State"]) for one in mappings) == sorted(
        ("dynamodb" if "StartingPosition" in one else "sqs", "Enabled") for one in written
    )
    table = deployed.deployment.outputs["TableName"]
    time_to_live = client(env, "dynamodb").describe_time_to_live(TableName=table)["TimeToLiveDescription"]
    assert time_to_live == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires_at"}


def test_zz_a_restart_keeps_tasks_and_goes_on(deployed: Deployed, song: Path) -> None:
    if not deployed.stack.emulated_by.keeps_state:
        pytest.skip(f"{deployed.stack.emulated_by.name} loses its state when it stops")
    before = deployed.api_client.submit_audio(
        deployed.api_client.upload(MUSIC, deployed.key("before.mp3"), song), MUSIC
    )["vid"]
    known = deployed.publication(before)
    deployed.events(before, "succeeded")
    deployed.stack.down()
    assert not deployed.stack.running()
    again = deployed.restarted(deployed.stack.up(lambda _name: contextlib.nullcontext(), PARAMETERS))
    assert again.api_client.task(before) == known
    upload = again.api_client.upload(MUSIC, again.key("after.mp3"), song)
    after = again.api_client.submit_audio(upload, MUSIC)["vid"]
    assert again.outcome(after)["state"] == "succeeded"
    assert again.events(after, "succeeded")
