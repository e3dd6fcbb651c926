"""A function as deployed: its handler, exactly the environment that the template gives it, and AWS by moto."""

import importlib.util
import json
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from random import Random
from types import ModuleType
from typing import Any

import pytest
from moto.secretsmanager.models import secretsmanager_backends
from moto.sqs.models import sqs_backends

from mediarelay.adapters.aws import client
from mediarelay.contracts.backlog import unpack
from mediarelay.domain.due import Due, Duty
from mediarelay.domain.due_item import DueItem
from mediarelay.domain.events import LoggedEvent, Position
from mediarelay.domain.schedule import first_check
from mediarelay.domain.tasks.intent import Intent
from mediarelay.domain.tasks.listing import Selection, TimeOf
from mediarelay.domain.tasks.log import LoggedObservation
from mediarelay.domain.tasks.media import Kind, State
from mediarelay.domain.tasks.origin import PROVING_ORIGINS, Origin
from mediarelay.domain.tasks.replay_job import ReplayJob
from mediarelay.domain.webhooks.delivery import Answer, new_delivery
from mediarelay.signing.standard_webhooks import headers
from mediarelay.signing.tokens import digest
from mediarelay.usecases.tasks.submit import SUBMIT_GRACE
from mediarelay.wiring import base
from mediarelay.wiring.circuit import circuit_breaker
from mediarelay.wiring.publishers import song_publisher
from mediarelay.wiring.relays import relay_endpoint
from mediarelay.wiring.tasks import task_repository
from tests.integration.deployment import PROVIDER, forget
from tests.integration.doubles import Clock
from tests.integration.provider import Site
from tests.integration.song_harness import CALLBACK, WEBHOOK, kms_key
from tests.integration.stores import Stores
from tests.integration.task_harness import waiting
from tests.lambda_context import Context
from tests.stack import REGION, ROOT, defaults, functions, variables

ACCOUNT = "123456789012"
API_URL = f"https://a1b2c3d4e5.execute-api.{REGION}.amazonaws.com"
SECRETS: dict[str, Any] = {
    "PROVIDER_KEYS_SECRET": {
        name: {"secret_id": "AKIDexample", "secret_key": "example-secret-key"} for name in ("cts", "mps")
    },
    "MUSIC_SECRET": {"webhook_secrets": WEBHOOK, "callback_secrets": CALLBACK},
    "CALLBACK_TOKENS_SECRET": {"tokens": "example-callback-token"},
    "WEBHOOK_ENDPOINTS_SECRET": {
        "endpoints": [
            {"name": "shop", "url": "https://192.0.2.1/hooks", "secrets": "whsec_ZXhhbXBsZS13ZWJob29rLXNlY3JldC1rZXk="},
            {
                "name": "songs",
                "url": "https://192.0.2.1/songs",
                "secrets": "whsec_ZXhhbXBsZS13ZWJob29rLXNlY3JldC1rZXk=",
                "types": ["mediarelay.song.*"],
            },
        ]
    },
    "API_CLIENTS_SECRET": {
        "clients": [
            {"name": "reader", "sha256": digest("example-reader-token"), "scopes": ["read"]},
            {"name": "game", "sha256": digest("example-game-token"), "scopes": ["read", "submit", "read:tokens"]},
        ]
    },
}
DEAD_LETTERS = {
    "ConfirmDeadLetters": "CONFIRM_DEAD_LETTERS_URL",
    "SubmitDeadLetters": "SUBMIT_DEAD_LETTERS_URL",
    "CallbackBacklogDeadLetters": "CALLBACK_BACKLOG_DEAD_LETTERS_URL",
    "DeliveryDeadLetters": "DELIVERY_DEAD_LETTERS_URL",
    "DispatchDeadLetters": "DISPATCH_DEAD_LETTERS_URL",
    "ScheduleDeadLetters": "SCHEDULE_DEAD_LETTERS_URL",
}
"""The variable with the URL of each dead-letter queue."""
SIGNED = {"SecretId", "Nonce", "Timestamp", "SignatureMethod", "Signature"}
Call = tuple[str, str]


class LambdaSandbox:
    """One function's surroundings; `calls` notes what it did as (IAM action, logical resource)."""

    def __init__(self, patch: pytest.MonkeyPatch, table: str, site: Site) -> None:
        self.patch, self.site, self.clock = patch, site, Clock()
        self.calls: set[Call] = set()
        self.queue, self.submits, self.backlog = (
            _queue(f"{table}-{name}") for name in ("confirm", "submit", "backlog")
        )
        self.unknown, self.deliveries = _queue(f"{table}-unknown"), _queue(f"{table}-deliveries")
        self.inbox = _queue(f"{table}-inbox")
        self.topic = client("sns").create_topic(Name=table)["TopicArn"]
        inbox = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{table}-inbox"
        client("sns").subscribe(TopicArn=self.topic, Protocol="sqs", Endpoint=inbox)
        self.values = {"TABLE_NAME": table, "CONFIRM_QUEUE_URL": self.queue, "TOPIC_ARN": self.topic}
        self.values |= {
            "CONFIRM_UNKNOWN_QUEUE_URL": self.unknown,
            "SUBMIT_QUEUE_URL": self.submits,
            "CALLBACK_BACKLOG_URL": self.backlog,
            "DELIVERY_QUEUE_URL": self.deliveries,
        }
        self.dead_letters = {name: _queue(f"{table}-{name}") for name in DEAD_LETTERS}
        self.values |= {DEAD_LETTERS[name]: url for name, url in self.dead_letters.items()}
        self.values["SONG_TOKEN_KEY_ID"] = kms_key()
        self.values |= {
            "API_URL": API_URL,
            "PROVIDER_ENDPOINT": site.url,
            "MPS_ENDPOINT": f"http://{site.host}",
        } | PROVIDER
        self.values |= {name: _secret(f"{table}-{name}", value) for name, value in SECRETS.items()}
        self.settings("sweep")
        self.stores = Stores()

    def given(self, given: Mapping[str, Any]) -> None:
        """Bring about the state that an event's file describes."""
        self.values |= given.get("settings", {})
        self.settings("sweep")
        self.stores = Stores()
        for name, write in (
            ("log", self._log),
            ("intents", self._request),
            ("relays", self._relay),
            ("events", self._publish),
        ):
            for one in given.get(name, ()):
                write(one)
        for job in given.get("jobs", ()):
            self.stores.replays.create_job(_job(job))
        for kept in given.get("quarantine", ()):
            at = datetime.fromisoformat(kept["at"])
            self.stores.quarantine.put(kept["body"].encode(), kept["reason"], kept["route"], at)
        for action, refusals in given.get("refusals", {}).items():
            self._refuse(action, refusals, given["now"])
        self._operate(given)
        for action, answer in given.get("provider", {}).items():
            self.site.says(action, json.dumps(answer))
        self.clock.now = datetime.fromisoformat(given["now"])
        if given.get("ledger") == "down":
            self.values["TABLE_NAME"] = "gone"

    def _operate(self, given: Mapping[str, Any]) -> None:
        """Store dead letters, the last runs of schedules, and which endpoints an operator disabled."""
        for queue, messages in given.get("dead_letters", {}).items():
            for message in messages:
                client("sqs").send_message(QueueUrl=self.dead_letters[queue], MessageBody=json.dumps(message))
        for function, at in given.get("runs", {}).items():
            self.stores.runs.record(function, datetime.fromisoformat(at), {})
        for endpoint in given.get("disabled", ()):
            self.stores.endpoints.disable(endpoint, "disabled by operator", datetime.fromisoformat(given["now"]))

    def _request(self, request: Mapping[str, Any]) -> None:
        intent = Intent(
            key=request["key"],
            client=request.get("client"),
            kind=Kind(request["kind"]),
            provider=request.get("provider", "cts"),
            request=request["request"],
            at=datetime.fromisoformat(request["at"]),
            queued=request.get("queued", False),
        )
        duty = Duty.SUBMIT_QUEUED if intent.queued else Duty.SUBMIT
        self.stores.intents.create(intent, Due(duty, intent.at + SUBMIT_GRACE))
        if "vid" in request:
            self.stores.intents.assign_vid(intent, request["vid"], intent.at)
            self.stores.intents.complete(intent)
        if "refused" in request:
            due = Due(Duty.PUBLISH, intent.at + SUBMIT_GRACE)
            self.stores.intents.mark_refused(intent, request["refused"], intent.at, due)

    def _relay(self, one: Mapping[str, Any]) -> None:
        """Store a relay; what is marked as followed was said already."""
        self.clock.now = datetime.fromisoformat(one["at"])
        self.settings("music_callback")
        body, timestamp = json.dumps(one["relay"]).encode(), str(int(self.clock().timestamp()))
        signed = headers(WEBHOOK, "m", timestamp, body)
        (receipt,) = relay_endpoint().receive(signed, "192.0.2.1", lambda: body)
        self.settings("sweep")
        if one.get("followed"):
            song_publisher().publish_due(receipt.relay.key)
            _messages(self.inbox)

    def _publish(self, one: Mapping[str, Any]) -> None:
        """Put an event into the log, and its deliveries by the endpoints that they are for."""
        at = datetime.fromisoformat(one["at"])
        event = LoggedEvent(Position(at, one["id"]), one["type"], json.dumps(_cloud_event(one)))
        self.stores.events.append(event, deliver="deliveries" not in one)
        for name, state in one.get("deliveries", {}).items():
            delivery = new_delivery(name, event, at)
            self.stores.deliveries.create(delivery)
            if state == "failed":
                self.stores.deliveries.fail(delivery, Answer(410))

    def _refuse(self, action: str, refusals: int, now: str) -> None:
        self.clock.now = datetime.fromisoformat(now)
        for _ in range(refusals):
            circuit_breaker().record_refusal(action)

    def _log(self, line: Mapping[str, Any]) -> None:
        """Write one line of the log; what is not marked as unseen is folded into the task item too."""
        self.clock.now = datetime.fromisoformat(line["at"])
        kind, origin = Kind(line["kind"]), Origin(line["origin"])
        body = json.dumps(line["body"]).encode()
        entry = LoggedObservation(vid=line["vid"], kind=kind, origin=origin, at=self.clock(), body=body)
        if line.get("unseen"):
            self.stores.tasks.append(
                entry, first_check(kind, entry.at, base.settings().first_poll_after, known=origin in PROVING_ORIGINS)
            )
        else:
            task_repository().add(entry)

    def environment(self, function: str) -> dict[str, str]:
        """What the template puts into the function's environment."""
        given, otherwise = variables(function).items(), defaults()
        return {name: self.values.get(name) or otherwise[reference["Ref"]] for name, reference in given}

    def settings(self, function: str) -> None:
        """Make the environment the function's, and forget everything built from another one."""
        for name in _all_variables():
            self.patch.delenv(name, raising=False)
        for name, value in self.environment(function).items():
            self.patch.setenv(name, value)
        forget()
        self.patch.setattr(base, "now", self.clock)
        self.patch.setattr(base, "random", Random(0))  # noqa: S311 - the same each time

    def handler(self, function: str) -> ModuleType:
        """Load a function's handler."""
        self.settings(function)
        path = ROOT / "functions" / function / "handler.py"
        spec = importlib.util.spec_from_file_location(f"{function}_handler", path)
        assert spec
        assert spec.loader
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    def invoke(self, function: str, event: Any) -> Any:
        """Load a function and call it once, noting its calls; a JSON body of the result is parsed."""
        services = ("dynamodb", "sqs", "sns", "secretsmanager", "kms")
        for service in services:
            client(service).meta.events.register("before-parameter-build", self._note, self.topic)
        try:
            result = self.handler(function).handler(json.loads(json.dumps(event)), Context())
        finally:
            for service in services:
                client(service).meta.events.unregister("before-parameter-build", unique_id=self.topic)
        json.dumps(result)
        is_json = bool(result.get("body")) and "json" in result["headers"].get("content-type", "")
        return result | {"body": json.loads(result["body"])} if is_json else result

    def _note(self, params: Mapping[str, Any], model: Any, **_: Any) -> None:
        # IAM knows no action of its own for a batch of messages.
        name = {"PublishBatch": "Publish", "SendMessageBatch": "SendMessage"}.get(model.name, model.name)
        action = f"{model.service_model.endpoint_prefix.split('.')[0]}:{name}"
        self.calls.add((action, self._resource(params)))

    def _resource(self, params: Mapping[str, Any]) -> str:
        if "TableName" in params:
            return "Ledger" + (f"/index/{params['IndexName']}" if "IndexName" in params else "")
        # A batch of reads names its tables only here.
        if "RequestItems" in params:
            return "Ledger"
        if "SecretId" in params:
            (name,) = (name for name, value in self.values.items() if value == params["SecretId"])
            return {
                "PROVIDER_KEYS_SECRET": "ProviderKeys",
                "CALLBACK_TOKENS_SECRET": "CallbackTokens",
                "MUSIC_SECRET": "MusicSecret",
                "WEBHOOK_ENDPOINTS_SECRET": "WebhookEndpoints",
            }.get(name, "ApiClients")
        if "KeyId" in params:
            return "SongTokenKey"
        # No policy allows a queue that is gone, so no sample can call one unseen.
        return {
            **{url: name for name, url in self.dead_letters.items()},
            self.queue: "ConfirmQueue",
            self.unknown: "ConfirmUnknownQueue",
            self.submits: "SubmitQueue",
            self.backlog: "CallbackBacklog",
            self.deliveries: "DeliveryQueue",
            self.topic: "Notifications",
        }.get(params.get("QueueUrl") or params["TopicArn"], "gone")

    def after(self) -> dict[str, Any]:
        """What the function left behind, without what is empty."""
        left = {
            "tasks": self._states(),
            "due": {what: sorted(one.due_at.isoformat() for one in rows) for what, rows in self._due().items()},
            "queue": [json.loads(body) for body in _messages(self.queue)],
            "unknown": [json.loads(body) for body in _messages(self.unknown)],
            "submits": [json.loads(body) for body in _messages(self.submits)],
            "deliveries": [json.loads(body) for body in _messages(self.deliveries)],
            "retry": [_captured(json.loads(body)) for body in _messages(self.backlog)],
            "dead_letters": {
                name: bodies
                for name, url in self.dead_letters.items()
                if (bodies := [*map(json.loads, _messages(url))])
            },
            "quarantine": self._quarantined(),
            "topic": [_publication(json.loads(body)) for body in _messages(self.inbox)],
            "provider": [{name: sent[name] for name in sent if name not in SIGNED} for sent in self.site.requests],
        }
        return {name: found for name, found in left.items() if found}

    def _quarantined(self) -> list[str]:
        """The bodies that could not be read."""
        found = self.stores.quarantine.bodies(f"{self.clock.now:%Y-%m-%d}", "")
        return sorted(kept.body.decode() for kept in found)

    def _due(self) -> dict[str, list[DueItem]]:
        return waiting(self.stores.due_index)

    def items(self) -> list[dict[str, Any]]:
        """The raw content of the table."""
        found: list[dict[str, Any]] = client("dynamodb").scan(TableName=self.stores.table.name)["Items"]
        return found

    def _states(self) -> dict[str, str]:
        """The state of every task, with everything that was said about it."""
        vids = sorted(self.stores.tasks.vids())
        self.settings("sweep")
        tasks = {vid: task_repository().load(vid)[1] for vid in vids}
        return {vid: task.state.value for vid, task in tasks.items() if task}


def _job(job: Mapping[str, Any]) -> ReplayJob:
    bounds = {name: datetime.fromisoformat(job[name]) for name in ("since", "until") if name in job}
    time = TimeOf(job.get("time", "created"))
    chosen = Selection(kind=Kind(job["kind"]), state=State(job["state"]), time=time, **bounds)
    at = datetime.fromisoformat(job["at"])
    return ReplayJob(identity=job["job"], selection=chosen, rate=job["rate"], by=job["by"], at=at)


def _cloud_event(one: Mapping[str, Any]) -> dict[str, Any]:
    """A notification that an earlier version published."""
    return {
        "specversion": "1.0",
        "id": one["id"],
        "source": API_URL,
        "type": one["type"],
        "subject": one["subject"],
        "time": one["at"],
        "datacontenttype": "application/json",
        "mediarelayversion": "0.9.0",
        "data": one.get("data", {}),
    }


def _captured(message: Mapping[str, str]) -> dict[str, str]:
    route, origin, at, body = unpack(message)
    return {"route": route, "origin": origin, "at": at.isoformat(), "body": body.decode()}


@cache
def _all_variables() -> frozenset[str]:
    """The variables that any function gets."""
    return frozenset(name for names in map(variables, functions()) for name in names)


def _queue(name: str) -> str:
    """Make a queue by moto's own function: each test needs a dozen, and boto3 takes ten times as long."""
    sqs_backends[ACCOUNT][REGION].create_queue(name)
    return f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{name}"


def _secret(name: str, value: Any) -> str:
    manager = secretsmanager_backends[ACCOUNT][REGION]
    made = manager.create_secret(name, json.dumps(value), None, None, None, None, None, [], force_overwrite=False)
    return str(json.loads(made)["ARN"])


def _messages(url: str) -> list[str]:
    answer = client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10)
    return [message["Body"] for message in answer.get("Messages", ())]


def _publication(envelope: Mapping[str, Any]) -> dict[str, Any]:
    attributes = {name: value["Value"] for name, value in envelope.get("MessageAttributes", {}).items()}
    return {"message": json.loads(envelope["Message"]), "attributes": attributes}
