"""The documents say what the code does: schemas, tables, links, commands."""

import ast
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from docs.generate import EVENTS, OPENAPI, ROOT, SERVED, main, openapi, stale
from docs.openapi import check_routes, check_scopes, template
from docs.translations import SUFFIX
from mediarelay.aws_lambda.raw_http import problem
from mediarelay.aws_lambda.submits import respond_submitted
from mediarelay.contracts.api.operations import quarantine_page
from mediarelay.contracts.api.tasks import TaskDetails, task_details, task_history, task_page
from mediarelay.contracts.notification import REFUSED, TYPES, refusal_event, task_event
from mediarelay.domain.due import Duty
from mediarelay.domain.page import Page
from mediarelay.domain.quarantine import QuarantinedBody
from mediarelay.domain.tasks.facts import Facts, Fault, Place, Source
from mediarelay.domain.tasks.intent import Intent, Submitted
from mediarelay.domain.tasks.listing import ListedTask
from mediarelay.domain.tasks.log import ClaimSummary, LoggedObservation
from mediarelay.domain.tasks.media import OUTCOMES, Kind, State
from mediarelay.domain.tasks.origin import Origin
from mediarelay.domain.tasks.spec import parse_frame_spec
from mediarelay.domain.tasks.task import Observation, Task, fold
from mediarelay.errors import (
    Malformed,
    NotFound,
    ProviderBusy,
    ProviderClosed,
    ProviderRepeated,
    ProviderUnknown,
)
from mediarelay.providers.cts.parse import parse_query
from mediarelay.providers.cts.wire import BUSY_MODULES, ERRORS
from mediarelay.providers.mps import answers as mps_answers
from mediarelay.providers.observation import observe, read_facts
from tests.stack import functions

NOW = datetime(2026, 11, 21, 7, 5, 36, 693583, UTC)
LISTED = ListedTask(vid="a1", kind=Kind.AUDIO, state=State.LOST, created_at=NOW, updated_at=NOW, position="p")
PAYLOADS = ROOT / "tests" / "contract" / "payloads"
README = ROOT / "README.md"
MAX_README_WORDS = 1100
API, CONFIGURATION, NOTIFICATIONS = (ROOT / "docs" / f"{name}.md" for name in ("api", "configuration", "notifications"))
IN_ROOT = [ROOT / name for name in ("README.md", "README.zh.md", "CONTRIBUTING.md", "events/README.md")]
PAGES = [*IN_ROOT, *sorted((ROOT / "docs").glob("*.md"))]
STATED_ANCHOR = re.compile(r'^#+ <a id="([^"]+)"></a>', re.MULTILINE)
OWN_PAGES = [page for page in PAGES if page.name not in {"engine.md", "fields.md"}]
MODULE = re.compile(r"([\w./-]*python[\d.]*) -m ((?:benchmarks|docs|engine|local|mediarelay|tests)[\w.]*)")


def template_text() -> str:
    return (ROOT / "template.yaml").read_text(encoding="utf-8")


def parameters() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = template()["Parameters"]
    return found


def against(name: str) -> Draft202012Validator:
    """A validator for one of the API's schemas that refuses fields the schema does not name."""
    schemas = {each: closed(schema) for each, schema in openapi()["components"]["schemas"].items()}
    return Draft202012Validator(
        {"$ref": f"#/components/schemas/{name}", "components": {"schemas": schemas}},
        format_checker=Draft202012Validator.FORMAT_CHECKER,
    )


def closed(schema: dict[str, Any]) -> dict[str, Any]:
    return schema | {"additionalProperties": False} if schema.get("properties") is not None else schema


def event_validator() -> Draft202012Validator:
    schema = json.loads(EVENTS.read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    strict = schema | {"$defs": {name: closed(each) for name, each in schema["$defs"].items()}}
    return Draft202012Validator(closed(strict), format_checker=Draft202012Validator.FORMAT_CHECKER)


def answer(kind: Kind) -> Facts:
    envelope = json.loads((PAYLOADS / f"{kind}_query.json").read_text(encoding="utf-8"))
    return parse_query(kind, envelope.get("data", envelope))


def observed(facts: Facts, origin: Origin = Origin.ANSWER) -> Task:
    return fold([Observation(origin=origin, digest="0" * 64, at=NOW, facts=facts)])


def rich(kind: Kind) -> Task:
    return observed(replace(answer(kind), faults=(Fault(code=122, message="no gif"), Fault(code="x"), Fault())))


def in_state(state: State) -> Task:
    return observed(replace(answer(Kind.VIDEO), state=state))


def cells(page: Path, heading: str) -> list[list[str]]:
    """The rows of all tables whose head begins with `heading`."""
    tables = re.findall(r"^\| .*\n\|[ -].*\n(?:\|.*\n)*", page.read_text(encoding="utf-8"), re.MULTILINE)
    lines = [line for table in tables if table.startswith(f"| {heading} |") for line in table.splitlines()[2:]]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


class TestGenerated:
    def test_files_are_up_to_date(self):
        assert stale() == [], "run `make docs`"

    def test_check_writes_nothing_and_exits_0(self, capsys):
        before = OPENAPI.stat().st_mtime_ns
        assert main(["--check"]) == 0
        assert OPENAPI.stat().st_mtime_ns == before
        assert capsys.readouterr().out == ""

    def test_check_exits_1_on_drift_and_writing_repairs_it(self, tmp_path, monkeypatch, capsys):
        drifted = tmp_path / "openapi.json"
        drifted.write_text("{}", encoding="utf-8")
        monkeypatch.setattr("docs.generate.OPENAPI", drifted)
        assert main(["--check"]) == 1
        assert "openapi.json: out of date" in capsys.readouterr().out
        assert drifted.read_text(encoding="utf-8") == "{}"
        assert main([]) == 0
        assert main(["--check"]) == 0
        assert drifted.read_text(encoding="utf-8") == OPENAPI.read_text(encoding="utf-8")

    def test_a_route_that_handlers_or_template_lack_is_named(self):
        with pytest.raises(ValueError, match=r"GET /lacking, GET /unserved$"):
            check_routes({"GET /health", "GET /unserved"}, {"GET /health", "GET /lacking"})

    @pytest.mark.parametrize(("scope", "bearer"), [("read", False), (None, True)])
    def test_a_scope_and_an_authorizer_come_together(self, scope, bearer):
        with pytest.raises(ValueError, match=r"contradict each other: GET /a$"):
            check_scopes({"GET /a": scope, "GET /b": "read"}, {"GET /a": bearer, "GET /b": True})

    def test_the_document_that_is_served_is_the_same(self):
        assert json.loads(SERVED.read_text("ascii")) == json.loads(OPENAPI.read_text("utf-8")) == openapi()


class TestOpenApi:
    def test_has_the_routes_of_the_template_and_no_others(self):
        # Read as text, not with the generator's reader.
        events = re.findall(r"Method: ([A-Z]+), Path: \"?(/[^\s,\"]*)\"?", template_text())
        documented = {(method.upper(), path) for path, methods in openapi()["paths"].items() for method in methods}
        assert events
        assert documented == {(method, path) for method, path in events if method != "HEAD"}

    def test_only_routes_without_an_authorizer_are_open(self):
        opened = {
            path
            for path, methods in openapi()["paths"].items()
            for operation in methods.values()
            if operation.get("security") == []
        }
        callbacks = {f"/callbacks/{sender}/{{token}}" for sender in ("video", "audio", "mps")} | {"/callbacks/music"}
        console = {"/console", "/console/{file}", "/docs/{page}"}
        assert opened == callbacks | console | {"/health", "/openapi.json"}

    def test_operations_have_names_of_their_own(self):
        names = [each["operationId"] for methods in openapi()["paths"].values() for each in methods.values()]
        assert len(set(names)) == len(names)

    def test_every_reference_resolves_and_every_schema_is_used(self):
        referred = set(re.findall(r'"#/components/schemas/(\w+)"', OPENAPI.read_text(encoding="utf-8")))
        assert referred == set(openapi()["components"]["schemas"])

    def test_every_schema_is_valid(self):
        for schema in openapi()["components"]["schemas"].values():
            Draft202012Validator.check_schema(schema)

    def test_every_path_parameter_is_described(self):
        for path, methods in openapi()["paths"].items():
            for operation in methods.values():
                described = {each["name"] for each in operation.get("parameters", ()) if each["in"] == "path"}
                assert described == set(re.findall(r"{(\w+)}", path))

    @pytest.mark.parametrize("kind", list(Kind))
    def test_a_rich_task_fits(self, kind):
        view = task_details(rich(kind))
        assert view["renditions"]
        assert view["faults"]
        against("TaskDetails").validate(view)

    @pytest.mark.parametrize("state", list(State))
    def test_a_task_fits_in_every_state(self, state):
        against("TaskDetails").validate(task_details(in_state(state)))

    def test_a_bare_task_with_a_claim_fits(self):
        bare = Facts(vid="a1", kind=Kind.VIDEO, state=State.SUCCEEDED, source=Source())
        view = task_details(observed(bare, Origin.CLAIM))
        assert view["claimed"] == "succeeded"
        against("TaskDetails").validate(view)

    @pytest.mark.parametrize("spec", ["s_270", "0_0", "400_200", "whatever"])
    def test_every_form_of_a_specification_fits(self, spec):
        facts = answer(Kind.VIDEO)
        one = replace(facts.renditions[0], name=spec, spec=parse_frame_spec(spec))
        against("TaskDetails").validate(task_details(observed(replace(facts, renditions=(one,)))))

    def test_an_unknown_field_does_not_fit(self):
        assert not against("TaskDetails").is_valid(task_details(rich(Kind.AUDIO)) | {"token": "x"})

    def test_a_history_fits(self):
        entry = LoggedObservation(vid="a1", kind=Kind.AUDIO, origin=Origin.CLAIM, at=NOW, body=b'{"vid": "a1"}')
        gone = replace(entry, body=None, claim_summary=ClaimSummary(state=State.FAILED, url="http://other"))
        entries = (
            replace(entry, claim_summary=ClaimSummary(state=State.SUCCEEDED)),
            replace(entry, body=b"not JSON"),
            gone,
        )
        shown = ((one, read_facts(one).unreadable) for one in entries)
        view = task_history(fold(observe(entries)), shown)
        assert view["conflicts"]
        against("TaskHistory").validate(view)

    def test_a_page_fits(self):
        for page in (Page((replace(LISTED, url="http://a/b"),), "x"), Page((LISTED,), None)):
            against("TaskPage").validate(task_page(page))

    @pytest.mark.parametrize("vid", ["a1", None])
    def test_an_answer_to_a_submit_fits_and_has_a_documented_status(self, vid):
        answered = respond_submitted(Submitted(vid, Kind.AUDIO, State.EXPECTED, False, "0f" * 24))
        against("SubmitResponse").validate(answered.body)
        tracked = respond_submitted(Submitted("a1", Kind.VIDEO, State.EXPECTED, repeated=False))
        against("SubmitResponse").validate(tracked.body)
        assert str(answered.status_code) in openapi()["paths"]["/tasks/audio"]["post"]["responses"]

    def test_a_page_by_outcome_fits(self):
        against("TaskPage").validate(task_page(Page((replace(LISTED, outcome_at=NOW),), None)))

    @pytest.mark.parametrize("cursor", [None, "a" * 64])
    def test_a_page_of_the_quarantine_fits(self, cursor):
        kept = QuarantinedBody(
            day="2026-11-21", digest="a", handles=(), route="callbacks/video", reason="x", at=NOW, body=b"x"
        )
        view = quarantine_page(Page((kept,), cursor))
        against("QuarantinePage").validate(view)
        assert ("cursor" in view) == (cursor is not None)

    def test_a_day_of_the_quarantine_is_needed(self):
        parameters = openapi()["paths"]["/quarantine"]["get"]["parameters"]
        assert {each["name"]: each.get("required", False) for each in parameters} == {"day": True, "cursor": False}

    def test_relays_are_described_with_their_headers_their_batch_and_their_own_401(self):
        relay = openapi()["paths"]["/callbacks/music"]["post"]
        assert [each["name"] for each in relay["parameters"] if each["in"] == "header"] == [
            "webhook-id",
            "webhook-timestamp",
            "webhook-signature",
        ]
        forms = relay["requestBody"]["content"]["application/json"]["schema"]["anyOf"]
        assert [form["$ref"].rpartition("/")[2] for form in forms] == ["SongRelayRequest", "SongRelaysRequest"]
        other = openapi()["paths"]["/callbacks/video/{token}"]["post"]
        assert relay["responses"]["401"]["description"] != other["responses"]["401"]["description"]
        assert "token" not in relay["responses"]["401"]["description"]

    def test_each_item_of_a_batch_is_described(self):
        schemas = openapi()["components"]["schemas"]
        items = schemas["AudioBatchRequest"]["properties"]["tasks"]["items"]
        assert items == {"$ref": "#/components/schemas/AudioBatchItem"}
        assert "idempotency_key" in schemas["AudioBatchItem"]["properties"]

    def test_what_the_gateway_answers_itself_is_described(self):
        for path, methods in openapi()["paths"].items():
            for operation in methods.values():
                found = operation["responses"]
                for status in ("413", "429", "500", "503"):
                    assert "application/json" in found[status]["content"], path

    @pytest.mark.parametrize("kind", list(Kind))
    def test_the_webhook_is_what_is_published(self, kind):
        (operation,) = (each["post"] for each in openapi()["webhooks"].values())
        content, *others = operation["requestBody"]["content"].values()
        assert others == [content]
        assert content["schema"] == {"$ref": "#/components/schemas/Notification"}
        event = json.loads(task_event(rich(kind), "https://api.example").message)
        schema = {**content["schema"], "components": {"schemas": openapi()["components"]["schemas"]}}
        Draft202012Validator(schema).validate(event)
        assert not Draft202012Validator(schema).is_valid(event | {"data": {}})
        del event["id"]
        assert not Draft202012Validator(schema).is_valid(event)

    def test_a_503_names_everything_that_may_cause_it(self):
        """By what the function of a route has in its environment; a list of songs has no tokens, so it needs no key.

        The status states which secret cannot be read.
        """
        causes = {"_SECRET": "secret", "MUSIC_SECRET": "secret", "_CIDRS": "network", "SONG_TOKEN_KEY_ID": "key that"}
        for function in (one for name, one in functions().items() if name != "operations"):
            names = function.get("Environment", {}).get("Variables", {})
            expected = {word for end, word in causes.items() if any(name.endswith(end) for name in names)}
            for event in function.get("Events", {}).values():
                route = event["Properties"] if event["Type"] == "HttpApi" else {}
                others = {None, "/rooms/{room_id}/songs", "/health", "/openapi.json"}
                if route.get("Path") not in others and route["Method"] != "HEAD":
                    responses = openapi()["paths"][route["Path"]][route["Method"].lower()]["responses"]
                    text = responses["503"]["description"]
                    assert {word for word in causes.values() if word in text} == expected, route["Path"]

    @pytest.mark.parametrize("error", [Malformed("vid", "missing"), NotFound("no task")])
    def test_a_problem_fits(self, error):
        against("Problem").validate(json.loads(problem(error, {})["body"]))


class TestEvents:
    @pytest.mark.parametrize("kind", list(Kind))
    def test_a_rich_notification_fits(self, kind):
        message = task_event(rich(kind), "https://api.example").message
        event_validator().validate(json.loads(message))

    @pytest.mark.parametrize("state", list(TYPES))
    def test_a_notification_of_every_state_fits(self, state):
        event = json.loads(task_event(in_state(state), "https://api.example").message)
        event_validator().validate(event)
        assert not event_validator().is_valid(event | {"data": event["data"] | {"state": "expected"}})

    @pytest.mark.parametrize("client", ["game", None])
    @pytest.mark.parametrize("kind", list(Kind))
    def test_a_refused_submit_fits(self, kind, client):
        request = {"url": "http://a/1.mp3"} | ({} if kind is Kind.VIDEO else {"bucketName": "b", "bucketRegion": "sh"})
        intent = Intent(
            key="room-42",
            client=client,
            kind=kind,
            provider="cts",
            request=request,
            at=NOW,
            refused="provider code 4000",
        )
        event = json.loads(refusal_event(intent, Place(), "https://api.example").message)
        event_validator().validate(event)
        named = {"client": "game", "idempotency_key": "room-42"} if client else {}
        assert {name: event["data"].get(name) for name in named} == named
        assert client or not {"client", "idempotency_key"} & event["data"].keys()
        assert not event_validator().is_valid(event | {"type": "mediarelay.task.failed"})
        assert not event_validator().is_valid(event | {"data": task_details(rich(Kind.VIDEO))})

    @pytest.mark.parametrize("long", ["renditions", "source"])
    def test_a_notification_over_the_limit_fits(self, long):
        facts = answer(Kind.VIDEO)
        many = replace(facts, renditions=facts.renditions * 2000)
        much = (
            many if long == "renditions" else replace(many, source=replace(many.source, url="http://a/" + "b" * 2**19))
        )
        event = json.loads(task_event(observed(much), "https://api.example").message)
        assert event["data"]["renditions_url"] == f"https://api.example/tasks/{facts.vid}"
        assert ("source" in event["data"]) == (long == "renditions")
        event_validator().validate(event)

    @pytest.mark.parametrize("field", ["specversion", "id", "source", "type", "subject", "time", "data"])
    def test_nothing_may_be_missing(self, field):
        event = json.loads(task_event(rich(Kind.AUDIO), "https://api.example").message)
        del event[field]
        assert not event_validator().is_valid(event)

    def test_every_outcome_is_published(self):
        assert set(TYPES) >= OUTCOMES

    def test_the_page_names_the_attributes_and_types(self):
        attributes = task_event(rich(Kind.VIDEO), "https://api.example").attributes
        text = NOTIFICATIONS.read_text(encoding="utf-8")
        assert "The message attributes " + ", ".join(f"`{name}`" for name in list(attributes)[:-1]) in text
        named = " ".join(row[0] for row in cells(NOTIFICATIONS, "type"))
        assert {name for name in TYPES.values() if f".{name}" in named} == set(TYPES.values())
        assert f"`{REFUSED}`" in named


def default(parameter: dict[str, Any]) -> str:
    value = str(parameter.get("Default", ""))
    return f"`{value}`" if value else ""


def allowed(parameter: dict[str, Any]) -> str:
    if "AllowedValues" in parameter:
        return ", ".join(f"`{value}`" for value in parameter["AllowedValues"])
    if "AllowedPattern" in parameter:
        return str(parameter["ConstraintDescription"])
    return f"{parameter['MinValue']} to {parameter['MaxValue']}" if "MinValue" in parameter else ""


class TestCommands:
    def test_every_module_that_a_page_runs_is_there_for_the_python_of_the_project(self):
        pages = [
            *(ROOT / "docs").glob("*.md"),
            ROOT / "README.md",
            ROOT / "CONTRIBUTING.md",
            ROOT / "benchmarks/README.md",
        ]
        named = [one for page in pages for one in MODULE.findall(page.read_text(encoding="utf-8"))]
        assert len(named) > 10
        assert {python for python, _ in named} == {".venv/bin/python"}
        assert [module for _, module in named if find_spec(module) is None] == []


class TestReadme:
    def test_it_is_short(self):
        assert len(README.read_text(encoding="utf-8").split()) <= MAX_README_WORDS

    def test_its_tree_names_the_folders(self):
        tree = re.search(r"```\ntemplate\.yaml.*?```", README.read_text(encoding="utf-8"), re.DOTALL)
        assert tree
        named = re.findall(r"^( *)([\w/.<>]+)", tree[0], re.MULTILINE)[1:]
        package = ROOT / "layers" / "shared" / "mediarelay"
        folders = {name.rstrip("/") for indent, name in named if len(indent) == 4}
        ours = {each.parent.name for each in package.glob("*/__init__.py")}
        assert folders == ours
        halves = {name.rstrip("/") for indent, name in named if len(indent) == 8}
        assert halves == {each.parent.name for each in package.glob("*/*/__init__.py")}

    def test_it_links_every_page(self):
        linked = {(ROOT / path).resolve() for path, _ in links(README)}
        # A translation is where the English page is, and `docs.translations` holds its links.
        assert linked >= {page for page in PAGES if page != README and not page.name.endswith(SUFFIX)}


class TestConfiguration:
    def test_its_parameters_are_the_template_s(self):
        expected = [[f"`{name}`", default(each), allowed(each)] for name, each in parameters().items()]
        rows = cells(CONFIGURATION, "parameter")
        assert [row[:3] for row in rows] == expected
        assert all(row[3] for row in rows)

    def test_its_secrets_have_outputs(self):
        outputs = template()["Outputs"]
        used = {name for page in OWN_PAGES for name in re.findall(r"\$\(out (\w+)\)", page.read_text(encoding="utf-8"))}
        assert used
        assert used <= set(outputs)
        stated = {row[0].strip("`") for row in cells(CONFIGURATION, "secret (output)")}
        assert stated == {name for name in outputs if name.endswith("Secret")}


class TestApi:
    def test_its_routes_are_the_api_s(self):
        documented = {f"{method.upper()} {path}" for path, methods in openapi()["paths"].items() for method in methods}
        assert {row[0].strip("`") for row in cells(API, "route")} == documented

    @pytest.mark.parametrize("state", [state.value for state in State])
    def test_it_names_every_state(self, state):
        assert f"`{state}`" in API.read_text(encoding="utf-8")

    def test_its_example_vid_is_right(self):
        known = json.loads((ROOT / "tests" / "vectors" / "tencent_other.json").read_text(encoding="utf-8"))
        text = API.read_text(encoding="utf-8")
        vector = next(each for each in known if each["name"] == "cts-vid-cos-v5")
        assert vector["x_cos_request_id"] in text
        assert vector["date"] in text

    def test_its_task_and_the_notification_are_json(self):
        (task,) = json_blocks(API)
        (event,) = json_blocks(NOTIFICATIONS)
        against("TaskDetails").validate(task)
        TaskDetails.model_validate(task)
        assert {*event} == {*json.loads(task_event(rich(Kind.AUDIO), "").message)}


def json_blocks(page: Path) -> list[Any]:
    return [
        json.loads(block) for block in re.findall(r"```json\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    ]


class TestArchitecture:
    def test_it_describes_every_function(self):
        described = [
            name for row in cells(ROOT / "docs" / "architecture.md", "function") for name in row[0].split(", ")
        ]
        assert sorted(name.strip("`") for name in described) == sorted(functions())

    def test_its_table_of_errors_has_the_provider_s_codes(self):
        rows = {row[0].strip("`"): row[1] for row in cells(ROOT / "docs" / "architecture.md", "error")}
        for kind in (ProviderBusy, ProviderClosed, ProviderUnknown):
            text = re.sub(r"(\d+) to (\d+)", "", rows[kind.__name__])
            codes = {int(number) for number in re.findall(r"\d{4,}", text)}
            for first, last in re.findall(r"(\d+) to (\d+)", rows[kind.__name__]):
                codes |= {code for code in ERRORS if int(first) <= code <= int(last)}
            modules = BUSY_MODULES if kind is ProviderBusy else set()
            assert codes == {code for code, found in ERRORS.items() if found is kind} | modules

    def test_its_table_of_errors_has_the_codes_of_mps(self):
        rows = {row[0].strip("`"): row[2] for row in cells(ROOT / "docs" / "architecture.md", "error")}
        for kind in (ProviderBusy, ProviderClosed, ProviderRepeated, ProviderUnknown):
            stated = set(re.findall(r"`([^`]+)`", rows[kind.__name__]))
            # `.InvalidUser` stands for `FailedOperation.InvalidUser`, and `AuthFailure*` for all that begin so.
            stated = {f"FailedOperation{one}" if one.startswith(".") else one for one in stated}
            exact = {code for code, found in mps_answers.ERRORS.items() if found is kind}
            prefixes = {f"{prefix.rstrip('.')}*" for prefix, found in mps_answers.PREFIXES.items() if found is kind}
            assert stated == {code for code in exact if f"{code}*" not in prefixes} | prefixes


class TestRunbook:
    def test_its_table_of_duties_is_complete(self):
        named = {name for row in cells(ROOT / "docs" / "runbook.md", "duty") for name in re.findall(r"`(\w+)`", row[0])}
        assert named == {duty.value for duty in Duty}

    def test_queues_named_by_commands_exist(self):
        text = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")
        used = set(re.findall(r"mediarelay dlq \w+ (\w+)", text))
        assert used
        assert used <= set(template()["Resources"])

    def test_it_names_every_metric_with_its_details(self):
        """A query in Logs Insights for a detail that the code does not count finds nothing."""
        code = (ROOT / "layers" / "shared" / "mediarelay").rglob("*.py")
        calls = (node for file in code for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))))
        counted = {
            (name.value, frozenset(detail.arg for detail in call.keywords))
            for call in calls
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in {"count", "measure"}
            for name in ast.walk(call.args[0])
            if isinstance(name, ast.Constant) and isinstance(name.value, str)
        }
        named = {
            (name, frozenset(re.findall(r"`(\w+)`", row[1])))
            for row in cells(ROOT / "docs" / "runbook.md", "metric")
            for name in re.findall(r"`(\w+)`", row[0])
        }
        assert named == counted

    def test_log_lines_that_pages_name_are_written(self):
        """Whoever searches the log for another text finds nothing."""
        text = "\n".join(page.read_text(encoding="utf-8") for page in OWN_PAGES)
        queried = re.findall(r"message (?:= |in \[)([^`\]]+)", text)
        named = set(re.findall(r'"([a-z0-9 ]+)"', "\n".join(queried)))
        named |= set(re.findall(r"log lines?,?\s+`([a-z ]+)`", text))
        assert len(named) > 10
        assert named - set(log_messages()) == set()

    def test_it_has_a_section_for_every_alarm_and_names_every_dead_letter_queue(self):
        text = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")
        resources = template()["Resources"]
        alarms = {name for name, each in resources.items() if each["Type"] == "AWS::CloudWatch::Alarm"}
        assert set(re.findall(r"^### (\w+Alarm)$", text, re.MULTILINE)) == alarms
        assert all(f"`{name}`" in text for name in resources if name.endswith("DeadLetters"))


def log_messages() -> Iterator[str]:
    """The messages of the functions' log lines."""
    for file in (ROOT / "layers" / "shared" / "mediarelay").rglob("*.py"):
        for call in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            match call:
                case ast.Call(func=ast.Attribute(value=ast.Name(id="log" | "logger")), args=[ast.Constant(value), *_]):
                    yield str(value)


def page_name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def slug(heading: str) -> str:
    """The anchor that GitHub makes of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def anchors(text: str) -> set[str]:
    """The anchors of a page, those that a translation states included."""
    return {slug(heading) for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE)} | set(
        STATED_ANCHOR.findall(text)
    )


def links(page: Path) -> Iterator[tuple[str, str]]:
    prose = re.sub(r"```.*?```|`[^`]*`", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", prose):
        if "://" not in target:
            path, _, anchor = target.partition("#")
            yield path, anchor


@pytest.mark.parametrize("page", PAGES, ids=page_name)
class TestPages:
    def test_relative_links_resolve(self, page):
        for path, anchor in links(page):
            target = (page.parent / path).resolve() if path else page
            assert target.is_file(), path
            if anchor:
                assert anchor in anchors(target.read_text(encoding="utf-8")), anchor

    def test_make_targets_exist(self, page):
        text = page.read_text(encoding="utf-8")
        code = "\n".join(re.findall(r"```.*?```|`[^`]*`", text, re.DOTALL))
        makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
        targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
        assert set(re.findall(r"\bmake ([a-z-]+)\b", code)) <= targets


@pytest.mark.parametrize("page", OWN_PAGES, ids=page_name)
def test_files_named_in_a_page_exist(page):
    package = ROOT / "layers" / "shared" / "mediarelay"
    folders = [ROOT, ROOT / "docs", package, package / "contracts"]
    prose = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    names = set(re.findall(r"`((?:[a-z_]+/)*[a-z_]+\.(?:py|yaml|toml|md))`", prose))
    assert {name for name in names if not any((folder / name).is_file() for folder in folders)} == set()
