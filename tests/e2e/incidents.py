"""Incidents that a test can cause on the local stack, and what an operator removes to end them.

Each incident is a context: it breaks something, hands over what the commands of the runbook need, and leaves the stack
as it was.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import requests

from local.aws import client
from local.client import file_in
from local.deploy import function_name
from local.environment import STACK
from local.stack import BUCKET_REGION, MUSIC
from mediarelay.adapters.dynamodb.keys import shard_of
from mediarelay.contracts.backlog import pack
from mediarelay.domain.circuit_breaker import THRESHOLD
from mediarelay.domain.due import Duty
from mediarelay.domain.tasks.origin import Origin
from tests.e2e.deployed import TIMEOUT, Deployed, until
from tests.integration.webhook_receiver import receiving

LONG_AGO = timedelta(hours=2)


def nothing() -> None:
    """The cause ended by itself."""


@dataclass(frozen=True)
class Incident:
    """What a test needs to know of an incident.

    Attributes:
        seen: Texts that the commands of the part Look print.
        variables: The shell variables that the page names.
        end_cause: What the operator does outside of the command line: repair a receiver, put keys, start a schedule.
        is_made_good: Whether the work that waited is done.
    """

    seen: tuple[str, ...]
    variables: Mapping[str, str] = field(default_factory=dict)
    end_cause: Callable[[], object] = nothing
    is_made_good: Callable[[], bool] = lambda: True


Cause = Callable[[Deployed], AbstractContextManager[Incident]]


# ── dead letters ─────────────────────────────────────────────────────────────────────────────────────────────────────


def new_vid() -> str:
    """Return the id of a task that no provider has."""
    return uuid4().hex + "1700000000"


def dead_letter(queue: str, message: Callable[[], Mapping[str, Any]]) -> Cause:
    """A message in a dead-letter queue."""

    @contextmanager
    def cause(deployed: Deployed) -> Iterator[Incident]:
        sqs, text = client(deployed.stack.env, "sqs"), json.dumps(message())
        url = physical_id(deployed, queue)
        sqs.send_message(QueueUrl=url, MessageBody=text)
        try:
            yield Incident(seen=("sent",))
        finally:
            sqs.purge_queue(QueueUrl=url)

    return cause


def physical_id(deployed: Deployed, resource: str) -> str:
    """The name, or for a queue the URL, of a resource of the template."""
    described = client(deployed.stack.env, "cloudformation").describe_stack_resource(
        StackName=STACK, LogicalResourceId=resource
    )
    return str(described["StackResourceDetail"]["PhysicalResourceId"])


def is_known(deployed: Deployed, vid: str) -> bool:
    """Whether the ledger has a task."""
    url = f"{deployed.deployment.api_url}/tasks/{vid}"
    return requests.get(url, headers=deployed.api_client.headers, timeout=TIMEOUT).ok


@contextmanager
def stored_callback(deployed: Deployed) -> Iterator[Incident]:
    """A callback that no function could store."""
    vid = new_vid()
    body = json.dumps({"vid": vid, "status": "success", "detail": {}}).encode()
    message = pack("callbacks/audio", Origin.CLAIM, datetime.now(UTC), body)
    with dead_letter("CallbackBacklogDeadLetters", lambda: message)(deployed):
        yield Incident(seen=(vid,), is_made_good=lambda: is_known(deployed, vid))


DEAD_LETTERS: dict[str, Callable[[], Mapping[str, Any]]] = {
    "ConfirmDeadLetters": lambda: {"vid": new_vid(), "kind": "audio"},
    "SubmitDeadLetters": lambda: {"intent": "lost"},
    "DispatchDeadLetters": lambda: {"DDBStreamBatchInfo": {"batchSize": 1}},
    "DeliveryDeadLetters": lambda: {"event": "lost"},
    "ScheduleDeadLetters": lambda: {"requestContext": {"condition": "RetriesExhausted"}},
}


# ── schedules and duties ─────────────────────────────────────────────────────────────────────────────────────────────


def silent(function: str, folder: str) -> Cause:
    """A schedule whose last run was hours ago. Its next run ends the incident; here, an operator starts it."""

    @contextmanager
    def cause(deployed: Deployed) -> Iterator[Incident]:
        with paused(deployed, function):
            deployed.invoke(function)
            key = {"pk": {"S": f"TICK#{folder}"}, "sk": {"S": "TICK"}}
            update(deployed, key, at={"S": (datetime.now(UTC) - LONG_AGO).isoformat()})
            yield Incident(seen=(f"{folder} last ran at",), end_cause=lambda: deployed.invoke(function))

    return cause


@contextmanager
def paused(deployed: Deployed, function: str) -> Iterator[None]:
    """Disable the schedule of a function, so that no run of it ends an incident while a test looks."""
    scheduler = client(deployed.stack.env, "scheduler")
    pages = scheduler.get_paginator("list_schedules").paginate()
    names = [schedule["Name"] for page in pages for schedule in page["Schedules"]]
    found = scheduler.get_schedule(Name=next(name for name in names if f"-{function}" in name))
    # An update replaces the whole schedule.
    settings = {name: found[name] for name in ("Name", "ScheduleExpression", "FlexibleTimeWindow", "Target")}
    scheduler.update_schedule(**settings, State="DISABLED")
    try:
        yield
    finally:
        scheduler.update_schedule(**settings, State="ENABLED")


@contextmanager
def overdue(deployed: Deployed) -> Iterator[Incident]:
    """A task that should be recorded as lost, and a sweep that does not run."""
    with silent("Sweep", "sweep")(deployed) as sweep:
        vid = tracked(deployed)
        make_due(deployed, vid, Duty.GIVE_UP)
        seen = (vid, "sweep has not completed a run since", "records it as lost")
        yield Incident(seen=seen, variables={"VID": vid}, end_cause=sweep.end_cause)


@contextmanager
def unreadable_row(deployed: Deployed) -> Iterator[Incident]:
    """A task item that no function can read, and no sweep that repairs it before the operator looks."""
    vid = tracked(deployed)

    def end_cause() -> None:
        deployed.invoke("Sweep")
        table, copies = client(deployed.stack.env, "dynamodb"), _waiting(deployed, Duty.UNREADABLE)
        for item in copies:
            table.delete_item(TableName=_table(deployed), Key={name: item[name] for name in ("pk", "sk")})

    with paused(deployed, "Sweep"):
        make_due(deployed, vid, Duty.UNREADABLE, state={"N": "7"})
        yield Incident(
            seen=(vid, "the row cannot be read"),
            variables={"VID": vid},
            end_cause=end_cause,
            is_made_good=lambda: deployed.api_client.task(vid)["state"] == "expected",
        )


def tracked(deployed: Deployed) -> str:
    """Track a task. No queue knows of it, so only a schedule changes its row."""
    vid = new_vid()
    answer = deployed.post("/tasks/video", json.dumps({"vid": vid}).encode(), deployed.api_client.headers)
    assert answer.status_code == 201, answer.text
    return vid


def make_due(deployed: Deployed, vid: str, duty: Duty, **changes: Any) -> None:
    """Let a task wait for a duty since some hours, and change other attributes of its row."""
    key = {"pk": {"S": f"TASK#{vid}"}, "sk": {"S": "TASK"}}
    at = str(int((datetime.now(UTC) - LONG_AGO).timestamp()))
    update(deployed, key, due_shard={"S": shard_of(duty, vid)}, due_at={"N": at}, **changes)


def _waiting(deployed: Deployed, duty: Duty) -> list[dict[str, Any]]:
    return [item for item in deployed.items() if item.get("due_shard", {}).get("S", "").startswith(f"{duty}#")]


def update(deployed: Deployed, key: Mapping[str, Any], **values: Any) -> None:
    """Set attributes of a row of the table."""
    client(deployed.stack.env, "dynamodb").update_item(
        TableName=_table(deployed),
        Key=key,
        UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in values),
        ExpressionAttributeNames={f"#{name}": name for name in values},
        ExpressionAttributeValues={f":{name}": value for name, value in values.items()},
    )


def _table(deployed: Deployed) -> str:
    return deployed.deployment.outputs["TableName"]


# ── the provider, secrets, settings, endpoints ───────────────────────────────────────────────────────────────────────


@contextmanager
def refusing_provider(deployed: Deployed) -> Iterator[Incident]:
    """A provider that refuses all keys."""
    deployed.faults(api_error=4100)
    for number in range(THRESHOLD):
        url = file_in(MUSIC, deployed.key(f"{number}.mp3")).url
        request = {"provider": "cts", "url": url, "bucketName": MUSIC, "bucketRegion": BUCKET_REGION}
        deployed.post("/tasks/audio", json.dumps(request).encode(), deployed.api_client.headers)
    opened = until(lambda: [one for one in _circuits(deployed) if one.get("open_until")], "an open circuit")
    circuit = str(opened[0]["circuit"])
    yield Incident(seen=(circuit, "in "), variables={"CIRCUIT": circuit}, end_cause=deployed.faults)
    deployed.faults()


def _circuits(deployed: Deployed) -> list[dict[str, Any]]:
    return list(deployed.api_client.get("/circuits")["circuits"])


@contextmanager
def unusable_secret(deployed: Deployed) -> Iterator[Incident]:
    """A secret of relays without an entry."""
    with changed_secret(deployed, "MusicSecret", {"webhook_secrets": "", "callback_secrets": ""}):
        until(lambda: "MusicSecret" in _unusable(deployed), "the cache of the secret")
        yield Incident(seen=("MusicSecret",), variables={"KIND": "webhook-secret"})


def _unusable(deployed: Deployed) -> set[str]:
    found = deployed.api_client.get("/status")["secrets"]
    return {str(one["secret"]) for one in found if not one["usable"]}


@contextmanager
def changed_secret(deployed: Deployed, output: str, value: Mapping[str, Any]) -> Iterator[None]:
    """Another value of a secret while the context lasts."""
    secrets, secret = client(deployed.stack.env, "secretsmanager"), deployed.deployment.outputs[output]
    before = secrets.get_secret_value(SecretId=secret)["SecretString"]
    secrets.put_secret_value(SecretId=secret, SecretString=json.dumps(value))
    try:
        yield
    finally:
        secrets.put_secret_value(SecretId=secret, SecretString=before)


@contextmanager
def unreadable_setting(deployed: Deployed) -> Iterator[Incident]:
    """A function with a setting that is no number."""
    functions, name = client(deployed.stack.env, "lambda"), function_name(deployed.stack.env, "ApplyCallback")
    before = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]

    def put(value: str) -> None:
        variables = before | {"GIVE_UP_AFTER": value}
        functions.update_function_configuration(FunctionName=name, Environment={"Variables": variables})

    put("three days")
    try:
        yield Incident(seen=("GIVE_UP_AFTER",), end_cause=lambda: put(before["GIVE_UP_AFTER"]))
    finally:
        put(before["GIVE_UP_AFTER"])


@contextmanager
def disabled_endpoint(deployed: Deployed) -> Iterator[Incident]:
    """An endpoint that is gone (410), and comes back."""
    with receiving() as receiver:
        receiver.status = 410
        url, secret = f"http://127.0.0.1:{receiver.port}/", "whsec_" + "QUJD" * 11
        endpoints = {"endpoints": [{"name": "shop", "url": url, "secrets": secret}]}
        with changed_secret(deployed, "WebhookEndpointsSecret", endpoints):
            until(lambda: _endpoints(deployed), "the cache of the secret")
            deployed.post("/webhooks/shop/test", b"{}", deployed.api_client.headers)
            until(lambda: _endpoints(deployed)[0]["state"] == "disabled", "an endpoint that is disabled")
            yield Incident(
                seen=("disabled", "410"),
                variables={"ENDPOINT": "shop"},
                end_cause=lambda: setattr(receiver, "status", 204),
                # The test that it refused, and the one after that.
                is_made_good=lambda: len({one.headers["webhook-id"] for one in receiver.received}) > 1,
            )


def _endpoints(deployed: Deployed) -> list[dict[str, Any]]:
    return list(deployed.api_client.get("/webhooks")["endpoints"])


CAUSES: dict[str, Cause] = {
    **{f"{queue}Alarm": dead_letter(queue, message) for queue, message in DEAD_LETTERS.items()},
    "CallbackBacklogDeadLettersAlarm": stored_callback,
    "PollVideoSilentAlarm": silent("PollVideo", "poll_video"),
    "PollAudioSilentAlarm": silent("PollAudio", "poll_audio"),
    "ReconcileSilentAlarm": silent("Reconcile", "reconcile"),
    "SweepSilentAlarm": silent("Sweep", "sweep"),
    "OverdueAlarm": overdue,
    "RowsUnreadableAlarm": unreadable_row,
    "ProviderRefusesAlarm": refusing_provider,
    "SecretUnusableAlarm": unusable_secret,
    "SettingUnreadableAlarm": unreadable_setting,
    "WebhookDisabledAlarm": disabled_endpoint,
}
"""The incidents by the alarms that they raise."""
