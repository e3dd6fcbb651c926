"""The HTTP contract: which routes exist, who may call them, and that expanding the API changes nothing else."""

import json
from collections import Counter
from copy import deepcopy
from typing import Any

import pytest

from local.expand import (
    BATCH_OF,
    Template,
    allow_batches,
    drop_expression_alarms,
    expand_apis,
    rename_streams,
    route_keys,
)
from tests.stack import ROOT, resources, template, translated

DOCUMENT = json.loads((ROOT / "docs" / "openapi.json").read_text("utf-8"))

CALLBACK, ALL = "callback", "all"
OPEN = {CALLBACK, ALL}
# Who may call each route: anyone, a sender of callbacks, or a client with this scope.
CONTRACT = {
    "POST /callbacks/video/{token}": CALLBACK,
    "POST /callbacks/audio/{token}": CALLBACK,
    "POST /callbacks/mps/{token}": CALLBACK,
    "POST /callbacks/music": CALLBACK,
    "GET /rooms/{room_id}/songs": "read",
    "GET /rooms/{room_id}/songs/{song_id}": "read",
    "GET /rooms/{room_id}/songs/{song_id}/history": "admin",
    "GET /songs": "read",
    "GET /songs/history": "admin",
    "POST /tasks/audio": "submit",
    "POST /tasks/video": "submit",
    "GET /tasks": "read",
    "GET /tasks/{vid}": "read",
    "GET /tasks/{vid}/history": "read",
    "POST /tasks/audio/batch": "submit",
    "POST /tasks/{vid}/replay": "submit",
    "POST /tasks/replay": "admin",
    "GET /quarantine": "admin",
    "POST /quarantine/replay": "admin",
    "GET /replays": "admin",
    "GET /replays/{id}": "admin",
    "POST /replays/{id}/stop": "admin",
    "GET /submissions": "read",
    "GET /submissions/{id}": "read",
    "POST /submissions/{id}/cancel": "submit",
    "GET /status": "read",
    "GET /stuck": "read",
    "GET /circuits": "admin",
    "POST /circuits/{circuit}/close": "admin",
    "GET /dead-letters": "admin",
    "GET /dead-letters/{queue}/messages": "admin",
    "POST /dead-letters/{queue}/redrive": "admin",
    "POST /dead-letters/{queue}/purge": "admin",
    "GET /events": "read",
    "POST /events/test": "admin",
    "GET /webhooks": "read",
    "POST /webhooks/{name}/enable": "admin",
    "POST /webhooks/{name}/disable": "admin",
    "POST /webhooks/{name}/test": "admin",
    "POST /webhooks/{name}/replay": "admin",
    "GET /webhooks/{name}/deliveries": "read",
    "GET /health": ALL,
    "GET /openapi.json": ALL,
    "GET /console": ALL,
    "GET /console/{file}": ALL,
    "GET /docs/{page}": ALL,
}

DEFAULT = "$default"
# Every GET route answers HEAD, and one route takes what no other does.
HEADS = {route.replace("GET", "HEAD"): who for route, who in CONTRACT.items() if route.startswith("GET ")}
KEYS = CONTRACT | HEADS | {DEFAULT: ALL}
OWNERS = dict.fromkeys(CONTRACT, "ReadLedger") | {
    "POST /callbacks/video/{token}": "VideoCallback",
    "POST /callbacks/audio/{token}": "AudioCallback",
    "POST /callbacks/mps/{token}": "MpsCallback",
    "POST /callbacks/music": "MusicCallback",
    "GET /rooms/{room_id}/songs": "ReadSongs",
    "GET /rooms/{room_id}/songs/{song_id}": "ReadSongs",
    "GET /rooms/{room_id}/songs/{song_id}/history": "ReadSongs",
    "GET /songs": "ReadSongs",
    "GET /songs/history": "ReadSongs",
    "POST /tasks/audio": "SubmitAudio",
    "POST /tasks/audio/batch": "SubmitBatch",
    "POST /tasks/video": "TrackVideo",
    "POST /tasks/{vid}/replay": "Replay",
    "POST /tasks/replay": "Replay",
    "GET /replays": "Replay",
    "GET /replays/{id}": "Replay",
    "POST /replays/{id}/stop": "Replay",
    "GET /submissions": "Submissions",
    "GET /submissions/{id}": "Submissions",
    "POST /submissions/{id}/cancel": "Submissions",
    "GET /quarantine": "Quarantine",
    "POST /quarantine/replay": "Quarantine",
    "GET /console": "Console",
    "GET /console/{file}": "Console",
    "GET /docs/{page}": "Console",
    "GET /status": "Operations",
    "GET /stuck": "Operations",
    "GET /circuits": "Operations",
    "POST /circuits/{circuit}/close": "Operations",
    "GET /dead-letters": "Operations",
    "GET /dead-letters/{queue}/messages": "Operations",
    "POST /dead-letters/{queue}/redrive": "Operations",
    "POST /dead-letters/{queue}/purge": "Operations",
    "GET /events": "ReadEvents",
    "POST /events/test": "ReadEvents",
    **{route: "Webhooks" for route in CONTRACT if " /webhooks" in route},
    DEFAULT: "UnknownRoute",
}
OWNERS |= {route: OWNERS[route.replace("HEAD", "GET")] for route in HEADS}


@pytest.fixture(scope="module")
def expanded() -> Template:
    return expand_apis(translated())


def routes(template: Template) -> dict[str, dict[str, Any]]:
    return {route["RouteKey"]: route for route in resources("AWS::ApiGatewayV2::Route", template).values()}


def test_the_routes_are_those_of_the_contract(expanded: Template) -> None:
    assert route_keys(expanded) == set(KEYS)
    (api,) = resources("AWS::ApiGatewayV2::Api", translated()).values()
    paths = api["Body"]["paths"]
    assert paths.pop(DEFAULT)["x-amazon-apigateway-any-method"]["isDefaultRoute"]
    written = {f"{method.upper()} {path}" for path, item in paths.items() for method in item}
    assert written == set(KEYS) - {DEFAULT}


@pytest.mark.parametrize(("route", "who"), KEYS.items())
def test_only_clients_need_a_bearer_token(expanded: Template, route: str, who: str) -> None:
    (authorizer,) = resources("AWS::ApiGatewayV2::Authorizer", expanded)
    found = routes(expanded)[route]
    guarded = {"AuthorizationType": "CUSTOM", "AuthorizerId": {"Ref": authorizer}}
    assert {name: found[name] for name in guarded if name in found} == ({} if who in OPEN else guarded)


@pytest.mark.parametrize(("route", "who"), CONTRACT.items())
def test_each_route_needs_its_scope(route: str, who: str) -> None:
    """The document is built from the decorators of the handlers, so this table and those must agree."""
    method, path = route.split(" ")
    operation = DOCUMENT["paths"][path][method.lower()]
    assert operation["security"] == ([] if who in OPEN else [{"bearer": [who]}])
    assert ("Needs the scope" in operation.get("description", "")) == (who not in OPEN)


@pytest.mark.parametrize("route", KEYS)
def test_each_route_leads_to_its_function(expanded: Template, route: str) -> None:
    found = routes(expanded)[route]
    integration = expanded["Resources"][found["Target"]["Fn::Join"][1][1]["Ref"]]["Properties"]
    assert f"${{{OWNERS[route]}.Arn}}" in json.dumps(integration["IntegrationUri"])
    assert (integration["IntegrationType"], integration["PayloadFormatVersion"]) == ("AWS_PROXY", "2.0")


def test_the_authorizer(expanded: Template) -> None:
    (authorizer,) = resources("AWS::ApiGatewayV2::Authorizer", expanded).values()
    uri = authorizer.pop("AuthorizerUri")
    assert "${__FunctionArn__}" in json.dumps(uri)
    assert "Authorizer" in json.dumps(uri)
    assert authorizer == {
        "ApiId": {"Ref": "Api"},
        "Name": "Bearer",
        "AuthorizerType": "REQUEST",
        "AuthorizerPayloadFormatVersion": "2.0",
        "EnableSimpleResponses": True,
        "IdentitySource": ["$request.header.Authorization"],
        "AuthorizerResultTtlInSeconds": 0,
    }, "nothing is cached: a token that was taken back is refused at once"


def test_expanding_keeps_every_other_resource() -> None:
    before = deepcopy(translated())
    after = expand_apis(before)
    assert before == translated(), "the argument is left alone"
    assert {name: item for name, item in after.items() if name != "Resources"} == {
        name: item for name, item in before.items() if name != "Resources"
    }
    others = {name: item for name, item in before["Resources"].items() if name != "Api"}
    assert {name: after["Resources"].get(name) for name in others} == others
    made = {after["Resources"][name]["Type"] for name in after["Resources"].keys() - before["Resources"].keys()}
    assert made == {f"AWS::ApiGatewayV2::{part}" for part in ("Route", "Integration", "Authorizer")}


def test_expanding_again_changes_nothing(expanded: Template) -> None:
    assert expand_apis(expanded) == expanded


def test_renaming_streams_renames_only_those(expanded: Template) -> None:
    renamed = rename_streams(expanded, 7)["Resources"]
    assert renamed.pop("DispatchChanges7") == expanded["Resources"]["DispatchChanges"]
    assert renamed == {name: item for name, item in expanded["Resources"].items() if name != "DispatchChanges"}


def test_each_route_has_a_limit() -> None:
    (stage,) = resources("AWS::ApiGatewayV2::Stage", translated()).values()
    limits = [stage["DefaultRouteSettings"], *stage["RouteSettings"].values()]
    assert set(stage["RouteSettings"]) <= set(KEYS)
    assert {route for route, who in CONTRACT.items() if who == CALLBACK} <= set(stage["RouteSettings"])
    # HEAD does all the work of GET, so it must not evade its limit.
    for route, limit in stage["RouteSettings"].items():
        if (twin := route.replace("GET ", "HEAD ")) in KEYS:
            assert stage["RouteSettings"].get(twin) == limit
    assert all(limit["ThrottlingBurstLimit"] > 0 and limit["ThrottlingRateLimit"] > 0 for limit in limits)


def test_the_page_states_the_limits() -> None:
    (stage,) = resources("AWS::ApiGatewayV2::Stage", translated()).values()
    limits = {f"`{route}`": limit for route, limit in stage["RouteSettings"].items()}
    limits["a path or a method that does not exist"] = limits.pop(f"`{DEFAULT}`")
    limits["any other, each"] = stage["DefaultRouteSettings"]
    rows = [
        f"| {key} | {one['ThrottlingRateLimit']:,} | {one['ThrottlingBurstLimit']:,} |" for key, one in limits.items()
    ]
    section = (ROOT / "docs" / "api.md").read_text("utf-8").partition("## Rate limits\n")[2].partition("\n## ")[0]
    assert section.rstrip().splitlines()[-len(rows) :] == rows


def test_access_logs_hold_no_token() -> None:
    (stage,) = resources("AWS::ApiGatewayV2::Stage", translated()).values()
    names = set(json.loads(stage["AccessLogSettings"]["Format"]).values())
    assert names == {
        "$context.requestId",
        "$context.routeKey",
        "$context.status",
        "$context.responseLatency",
        "$context.error.responseType",
    }


def test_the_emulator_gets_every_alarm_that_it_can_make() -> None:
    before = translated()["Resources"]
    dropped = before.keys() - drop_expression_alarms(translated())["Resources"].keys()
    watched = {f"{group}{metric}Alarm" for group in ("Callback", "Function") for metric in ("Errors", "Throttles")}
    assert dropped == watched | {"QueueAgeAlarm"}
    assert all("Metrics" in before[name]["Properties"] for name in dropped)


def actions(template: Template) -> list[str]:
    """All actions that the roles allow."""
    policies = [one for role in resources("AWS::IAM::Role", template).values() for one in role.get("Policies", ())]
    stated = [one["Action"] for policy in policies for one in policy["PolicyDocument"]["Statement"]]
    return [action for some in stated for action in ([some] if isinstance(some, str) else some)]


def test_the_emulator_allows_batches_where_aws_does() -> None:
    before, after = Counter(actions(translated())), Counter(actions(allow_batches(translated())))
    added = {BATCH_OF[action]: times for action, times in before.items() if action in BATCH_OF}
    assert after - before == added
    assert before - after == Counter()
    assert not added.keys() & before.keys(), "AWS knows no such actions"


def test_the_authorizer_is_updated_after_the_functions_that_check_scopes() -> None:
    """An earlier version of it checked scopes itself, and its functions did not."""
    guarded = {
        name
        for name, function in template()["Resources"].items()
        for event in function.get("Properties", {}).get("Events", {}).values()
        if event["Type"] == "HttpApi" and event["Properties"].get("Auth", {}).get("Authorizer") != "NONE"
    }
    # CloudFormation refuses a dependency on a resource that a condition leaves out.
    assert set(template()["Resources"]["Authorizer"]["DependsOn"]) == guarded - {"Webhooks"}
