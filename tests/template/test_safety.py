"""What the template promises beside the routes: least privilege, dead letters and alarms, retention, expiry."""

import json
import re
from collections.abc import Iterator
from dataclasses import fields
from datetime import timedelta
from typing import Any

import pytest

from mediarelay.adapters.sqs import MAX_BYTES
from mediarelay.config import Settings
from mediarelay.observability import NAMESPACE, count
from tests.counts import counted
from tests.stack import ROOT, defaults, functions, resources, template, translated, variables

ALARMED = "ApproximateNumberOfMessagesVisible"
KEPT = {
    *("Ledger", "ProviderKeys", "CallbackTokens", "MusicSecret", "ApiClients", "SongTokenKey"),
    "WebhookEndpoints",
    *("CallbackBacklog", "CallbackBacklogDeadLetters"),
}
"""What holds something that is nowhere else."""
BASIC = "service-role/AWSLambdaBasicExecutionRole"
STREAM_READERS = "service-role/AWSLambdaDynamoDBExecutionRole"
QUEUE_READERS = "service-role/AWSLambdaSQSQueueExecutionRole"
TICKS = {"poll_video", "poll_audio", "reconcile", "sweep", "dispatch"}
INTERVALS = {"Reconcile": 5}
"""The minutes between two runs of a schedule, if they are more than one."""
PERSONAL = {
    "dispatch": {BASIC, STREAM_READERS},
    "confirm": {BASIC, QUEUE_READERS},
    "submit_queued": {BASIC, QUEUE_READERS},
    "apply_callback": {BASIC, QUEUE_READERS},
    "deliver_webhooks": {BASIC, QUEUE_READERS},
}
"""Managed policies by function; every other one has what it takes to write logs."""


def lambdas() -> dict[str, Any]:
    return resources("AWS::Lambda::Function", translated())


def roles() -> dict[str, Any]:
    return resources("AWS::IAM::Role", translated())


def statements(role: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for policy in role.get("Policies", ()):
        found = policy["PolicyDocument"]["Statement"]
        yield from found if isinstance(found, list) else [found]


def number(value: Any) -> int:
    """A number, or the default of the parameter that a reference names."""
    return int(defaults()[value["Ref"]] if isinstance(value, dict) else value)


def target(reference: Any) -> str:
    """The logical id in `!GetAtt X.Arn`."""
    name: str = reference["Fn::GetAtt"][0]
    return name


# ── least privilege (which calls each function needs is shown by tests/integration/test_events.py) ──


@pytest.mark.parametrize("name", sorted(roles()))
def test_no_role_may_do_everything_or_reach_everything(name: str) -> None:
    for statement in statements(roles()[name]):
        assert statement["Effect"] == "Allow"
        text = json.dumps([statement["Action"], statement["Resource"]])
        assert "*" not in text


@pytest.mark.parametrize("name", sorted(functions()))
def test_managed_policies_are_those_of_the_trigger(name: str) -> None:
    (logical,) = (one for one, item in lambdas().items() if functions()[name]["Description"] == item["Description"])
    role = roles()[f"{logical}Role"]
    managed = {json.dumps(arn).split(":policy/")[1].rstrip('"]}') for arn in role["ManagedPolicyArns"]}
    assert managed == PERSONAL.get(name, {BASIC})


# ── every asynchronous edge ──


def dead_letters() -> set[str]:
    """The queues in which undelivered work waits."""
    queues = resources("AWS::SQS::Queue", translated())
    redriven = {
        target(queue["RedrivePolicy"]["deadLetterTargetArn"]) for queue in queues.values() if "RedrivePolicy" in queue
    }
    mappings = resources("AWS::Lambda::EventSourceMapping", translated()).values()
    failed = {
        target(one["DestinationConfig"]["OnFailure"]["Destination"]) for one in mappings if "DestinationConfig" in one
    }
    ticks = {target(one["DeadLetterConfig"]["TargetArn"]) for one in lambdas().values() if "DeadLetterConfig" in one}
    return redriven | failed | ticks


def test_every_queue_is_drained_or_watched() -> None:
    queues = resources("AWS::SQS::Queue", translated())
    assert {name for name, queue in queues.items() if "RedrivePolicy" not in queue} == dead_letters()


@pytest.mark.parametrize("name", sorted(resources("AWS::Lambda::EventSourceMapping", translated())))
def test_every_mapping_ends_somewhere(name: str) -> None:
    mapping = resources("AWS::Lambda::EventSourceMapping", translated())[name]
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    if "StartingPosition" in mapping:
        assert mapping["DestinationConfig"]["OnFailure"]["Destination"]
        assert 0 < mapping["MaximumRetryAttempts"] <= 2, "a record that fails holds up its shard until then"
        assert mapping["BisectBatchOnFunctionError"]
        return
    queue = resources("AWS::SQS::Queue", translated())[target(mapping["EventSourceArn"])]
    timeout = lambdas()[mapping["FunctionName"]["Ref"]]["Timeout"]
    assert queue["RedrivePolicy"]["maxReceiveCount"] >= 5, "below that, throttling alone fills the dead letters"
    assert number(queue["VisibilityTimeout"]) >= 6 * timeout
    dead = resources("AWS::SQS::Queue", translated())[target(queue["RedrivePolicy"]["deadLetterTargetArn"])]
    assert dead["MessageRetentionPeriod"] > queue["MessageRetentionPeriod"]


@pytest.mark.parametrize("name", sorted(resources("AWS::Scheduler::Schedule", translated())))
def test_every_schedule_leads_to_a_function_with_dead_letters(name: str) -> None:
    schedule = resources("AWS::Scheduler::Schedule", translated())[name]
    logical = target(schedule["Target"]["Arn"])
    queue = target(lambdas()[logical]["DeadLetterConfig"]["TargetArn"])
    assert queue in dead_letters()
    minutes = INTERVALS.get(logical, 1)
    assert schedule["ScheduleExpression"] == f"rate({minutes} minute{'s' if minutes > 1 else ''})"
    assert lambdas()[logical]["Timeout"] < 60 * minutes, "a tick ends before the next one"
    once = resources("AWS::Lambda::EventInvokeConfig", translated())[f"{logical}EventInvokeConfig"]
    assert (once["MaximumRetryAttempts"], once["MaximumEventAgeInSeconds"]) == (0, 60), "the next tick does it"
    sends = [json.dumps(one) for one in statements(roles()[f"{logical}Role"])]
    assert any("sqs:SendMessage" in one and queue in one for one in sends)


@pytest.mark.parametrize("queue", sorted(dead_letters()))
def test_every_dead_letter_queue_has_an_alarm(queue: str) -> None:
    dimension = {"Name": "QueueName", "Value": {"Fn::GetAtt": [queue, "QueueName"]}}
    (alarm,) = (one for one in alarms().values() if dimension in one.get("Dimensions", ()))
    assert (alarm["Namespace"], alarm["MetricName"], alarm["Threshold"]) == ("AWS/SQS", ALARMED, 0)
    assert alarm["ComparisonOperator"] == "GreaterThanThreshold"
    assert alarm["AlarmActions"]


# ── alarms ──


def alarms() -> dict[str, Any]:
    return resources("AWS::CloudWatch::Alarm", translated())


def watched(alarm: str, metric: str, dimension: str) -> set[str]:
    """The resources whose metric goes into an alarm's expression, by logical id; each metric is a part of it."""
    expression, *parts = alarms()[alarm]["Metrics"]
    assert "METRICS()" in expression["Expression"]
    assert not any(part["ReturnData"] for part in parts)
    assert len(parts) <= 10, "CloudWatch takes no more in one alarm"
    stats = [part["MetricStat"]["Metric"] for part in parts]
    assert {stat["MetricName"] for stat in stats} == {metric}
    dimensions = [one for stat in stats for one in stat["Dimensions"]]
    assert {one["Name"] for one in dimensions} == {dimension}
    return {one["Value"].get("Ref") or target(one["Value"]) for one in dimensions}


def answering_clients() -> set[str]:
    """The functions whose failure a client sees, and the API's alarm: behind the API, callbacks excepted."""
    return {name for name, path in paths() if not path.startswith("/callbacks")} | {"Authorizer"}


def taking_callbacks() -> set[str]:
    """The functions that callbacks reach first, and the one that drains their backlog."""
    return {name for name, path in paths() if path.startswith("/callbacks")} | {"ApplyCallback"}


def paths() -> Iterator[tuple[str, str]]:
    """Each function behind the API, with each of its paths."""
    for name, item in template()["Resources"].items():
        for event in item["Properties"].get("Events", {}).values():
            if event["Type"] == "HttpApi":
                yield name, event["Properties"].get("Path", "$default")


@pytest.mark.parametrize("metric", ["Errors", "Throttles"])
def test_every_function_that_no_client_waits_for_is_watched(metric: str) -> None:
    own, callbacks = f"Function{metric}Alarm", f"Callback{metric}Alarm"
    groups = [watched(alarm, metric, "FunctionName") for alarm in (own, callbacks)]
    assert not groups[0] & groups[1], "one failure raises one alarm"
    assert groups[0] | groups[1] == set(lambdas()) - answering_clients()
    assert groups[1] == taking_callbacks()
    assert {alarms()[alarm]["Threshold"] for alarm in (own, callbacks)} == {0}


def test_every_queue_that_a_function_drains_is_watched_for_its_age() -> None:
    drained = {name for name, queue in resources("AWS::SQS::Queue").items() if "RedrivePolicy" in queue}
    assert watched("QueueAgeAlarm", "ApproximateAgeOfOldestMessage", "QueueName") == drained


@pytest.mark.parametrize("name", ["ConfirmQueue", "SubmitQueue"])
def test_a_message_that_always_fails_is_a_dead_letter_before_its_age_is_an_alarm(name: str) -> None:
    queue = resources("AWS::SQS::Queue")[name]
    oldest = number(queue["VisibilityTimeout"]) * queue["RedrivePolicy"]["maxReceiveCount"]
    assert alarms()["QueueAgeAlarm"]["Threshold"] >= oldest


def test_failing_requests_and_a_stream_that_waits_are_noticed() -> None:
    requests, stream = alarms()["ApiErrorsAlarm"], alarms()["StreamAgeAlarm"]
    assert (requests["Namespace"], requests["MetricName"]) == ("AWS/ApiGateway", "5xx")
    assert requests["Dimensions"] == [{"Name": "ApiId", "Value": {"Ref": "Api"}}]
    assert (stream["Namespace"], stream["MetricName"]) == ("AWS/Lambda", "IteratorAge")
    assert stream["Dimensions"] == [{"Name": "FunctionName", "Value": {"Ref": "Dispatch"}}]
    (mapping,) = (
        one for one in resources("AWS::Lambda::EventSourceMapping", translated()).values() if "StartingPosition" in one
    )
    assert stream["Threshold"] < mapping["MaximumRecordAgeInSeconds"] * 1000, "before records are dropped"


def test_work_wakes_an_operator_by_what_its_duty_allows() -> None:
    assert alarms()["OverdueAlarm"]["MetricName"] == "Overdue"


@pytest.mark.parametrize("name", sorted(alarms()))
def test_every_alarm_leads_to_its_entry_in_the_runbook(name: str) -> None:
    assert f'${{Api.ApiEndpoint}}/docs/runbook#{name}"' in json.dumps(alarms()[name]["AlarmDescription"])
    # Browsers compare the case of anchors.
    assert f'id="{name}"' in (ROOT / "functions" / "console" / "static" / "docs" / "runbook.html").read_text("utf-8")
    assert alarms()[name]["AlarmActions"] == [
        {"Fn::If": ["HasAlarmTopic", {"Ref": "AlarmTopicArn"}, {"Ref": "AWS::NoValue"}]}
    ]
    expected = "breaching" if "Silent" in name else "notBreaching"
    assert alarms()[name]["TreatMissingData"] == expected


# ── functions, logs, data ──


@pytest.mark.parametrize("name", sorted(lambdas()))
def test_every_function_runs_alike(name: str) -> None:
    function = lambdas()[name]
    assert (function["Runtime"], function["Architectures"]) == ("python3.13", ["arm64"])
    levels = {"ApplicationLogLevel": "INFO", "SystemLogLevel": "WARN"}
    assert function["LoggingConfig"] == {"LogFormat": "JSON", "LogGroup": {"Ref": "Logs"}} | levels
    assert len(function["Layers"]) == 2


def test_no_http_function_outlives_the_gateway() -> None:
    behind_api = [
        item
        for item in functions().values()
        if any(one["Type"] == "HttpApi" for one in item.get("Events", {}).values())
    ]
    assert behind_api
    assert all(item.get("Timeout", 10) < 30 for item in behind_api)


def test_every_log_ends() -> None:
    for group in resources("AWS::Logs::LogGroup", translated()).values():
        assert group["RetentionInDays"] == {"Ref": "LogRetentionDays"}


def test_the_ledger_is_kept_and_what_may_expire_expires() -> None:
    (table,) = resources("AWS::DynamoDB::Table").values()
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}
    assert table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"]
    assert table["DeletionProtectionEnabled"] == {"Fn::If": ["HasDeletionProtection", True, False]}


def test_what_is_nowhere_else_survives_the_stack_but_not_a_first_deployment_that_failed() -> None:
    written = template()["Resources"].items()
    kept = {name for name, item in written if item.get("UpdateReplacePolicy") == "Retain"}
    assert kept == KEPT
    assert {template()["Resources"][name]["DeletionPolicy"] for name in kept} == {"RetainExceptOnCreate"}


def test_the_protection_of_the_table_is_off_at_first() -> None:
    """Else CloudFormation could not roll back a first deployment that failed."""
    assert defaults()["DeletionProtection"] == "false"


def test_callbacks_have_a_reserve_only_on_request() -> None:
    """An account may have ten concurrent executions in all; a reserve above what is left fails the deployment."""
    reserves = {name: one.get("ReservedConcurrentExecutions") for name, one in functions().items()}
    reserved = {"Fn::If": ["HasCallbackReserve", {"Ref": "CallbackReserve"}, {"Ref": "AWS::NoValue"}]}
    assert {name for name, reserve in reserves.items() if reserve == reserved} == {
        "video_callback",
        "audio_callback",
        "mps_callback",
        "music_callback",
    }
    assert all(reserve in (reserved, None) for reserve in reserves.values())
    assert defaults()["CallbackReserve"] == "0"


def test_a_callback_may_fill_a_message() -> None:
    queues = resources("AWS::SQS::Queue")
    assert {queues[name]["MaximumMessageSize"] for name in ("CallbackBacklog", "CallbackBacklogDeadLetters")} == {
        MAX_BYTES
    }


def test_access_logs_need_no_entry_in_the_account_s_resource_policy() -> None:
    name = resources("AWS::Logs::LogGroup")["AccessLogs"]["LogGroupName"]["Fn::Sub"]
    assert name.startswith("/aws/vendedlogs/")


def test_indexes_hold_what_their_readers_read() -> None:
    (table,) = resources("AWS::DynamoDB::Table").values()
    held = {
        index["IndexName"]: {key["AttributeName"] for key in index["KeySchema"]}
        | set(index["Projection"]["NonKeyAttributes"])
        for index in table["GlobalSecondaryIndexes"]
    }
    assert held == {
        "due": {"due_shard", "due_at", "vid", "kind", "item", "at", "give_up_at"},
        "listing": {"list_key", "list_at", "vid", "kind", "state", "url", "created_at", "updated_at"},
        "outcomes": {"list_key", "outcome_at", "vid", "kind", "state", "url", "created_at", "updated_at"},
    }


# ── environment ──


@pytest.mark.parametrize("name", sorted(functions()))
def test_every_variable_is_a_setting(name: str) -> None:
    assert {variable.lower() for variable in variables(name)} <= {field.name for field in fields(Settings)}


IDS_OF_SECRETS = [{"Fn::GetAtt": [secret, "Id"]} for secret in resources("AWS::SecretsManager::Secret")]


@pytest.mark.parametrize("name", sorted(functions()))
def test_no_variable_holds_a_secret(name: str) -> None:
    """Only names of secrets are in the environment; the functions read the values themselves."""
    named = {
        variable: value
        for variable, value in variables(name).items()
        if "SECRET" in variable and variable != "SECRET_CACHE_SECONDS"
    }
    assert [value for value in named.values() if value not in IDS_OF_SECRETS] == []
    assert "resolve:secretsmanager" not in json.dumps(variables(name))


def test_every_secret_is_read_by_a_function() -> None:
    read = [value for name in functions() for value in variables(name).values()]
    assert [secret for secret in IDS_OF_SECRETS if secret not in read] == []


def test_no_parameter_is_a_secret() -> None:
    assert not [name for name, item in template()["Parameters"].items() if item.get("NoEcho")]


def test_the_defaults_are_those_of_the_code() -> None:
    stated = {
        variable: value["Ref"]
        for name in functions()
        for variable, value in variables(name).items()
        if value.get("Ref") in template()["Parameters"]
    }
    assert len(stated) >= 7
    for variable, parameter in stated.items():
        own = getattr(Settings(), variable.lower())
        default = template()["Parameters"][parameter]["Default"]
        assert own in {"", timedelta(seconds=default) if isinstance(own, timedelta) else type(own)(default)}


def test_a_provider_that_refuses_us_raises_an_alarm() -> None:
    """On the metric that both polls count while a circuit is open."""
    (alarm,) = (one for one in alarms().values() if one.get("MetricName") == "CircuitOpen")
    assert (alarm["Namespace"], alarm["Threshold"], alarm["Statistic"]) == (NAMESPACE, 0, "Sum")


def test_every_metric_of_ours_that_an_alarm_watches_is_published_with_the_alarm_s_dimensions(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """An alarm on a metric that nobody publishes, or with other dimensions, stays green whatever happens."""
    own = [one for one in alarms().values() if one.get("Namespace") == NAMESPACE]
    code = "\n".join(path.read_text("utf-8") for path in (ROOT / "layers/shared/mediarelay").rglob("*.py"))
    assert len(own) >= 5
    for alarm in own:
        assert re.search(rf'\b(count|measure)\("{alarm["MetricName"]}"[,)]', code)
        count(alarm["MetricName"], detail="some detail")
    (blob,) = counted(capsys).blobs
    (published,) = blob["_aws"]["CloudWatchMetrics"]
    assert published["Namespace"] == NAMESPACE
    assert {one["Name"] for one in published["Metrics"]} == {alarm["MetricName"] for alarm in own}
    for alarm in own:
        watched = {one["Name"]: one["Value"] for one in alarm["Dimensions"]}
        assert published["Dimensions"] == [list(watched)]
        assert watched == {name: blob[name] for name in watched}


def test_no_visibility_timeout_is_shorter_than_the_work_it_covers() -> None:
    """Six times as long where a queue waits for it, as AWS asks of a visibility timeout."""
    least = int(template()["Parameters"]["VisibilityTimeout"]["MinValue"])
    assert least >= max(item.get("Timeout", 10) for name, item in functions().items() if name not in TICKS)
    queues = resources("AWS::SQS::Queue", translated()).values()
    hiding = [queue for queue in queues if queue.get("VisibilityTimeout") == {"Ref": "VisibilityTimeout"}]
    assert hiding
    assert least >= 6 * max(functions()[name]["Timeout"] for name in ("confirm", "submit_queued"))


@pytest.mark.parametrize("name", sorted(resources("AWS::Scheduler::Schedule", translated())))
def test_a_schedule_that_cannot_run_is_noticed(name: str) -> None:
    goal = resources("AWS::Scheduler::Schedule", translated())[name]["Target"]
    assert goal["DeadLetterConfig"] == {"Arn": {"Fn::GetAtt": ["ScheduleDeadLetters", "Arn"]}}
    alarm = resources("AWS::CloudWatch::Alarm", translated())[f"{target(goal['Arn'])}SilentAlarm"]
    assert alarm["Dimensions"] == [{"Name": "FunctionName", "Value": {"Ref": target(goal["Arn"])}}]
    assert (alarm["MetricName"], alarm["Threshold"], alarm["ComparisonOperator"]) == (
        "Invocations",
        1,
        "LessThanThreshold",
    )
    assert alarm["TreatMissingData"] == "breaching"
