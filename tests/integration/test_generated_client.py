"""A client that openapi-python-client generates from our document talks to the real handlers over HTTP."""

import importlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import requests

from local.expand import expand_apis
from tests.integration.deployment import forget
from tests.integration.lambda_sandbox import LambdaSandbox
from tests.integration.provider import Site, serving
from tests.localemu.gateway import Event, Gateway, routes, serve
from tests.stack import ROOT, resources, translated

VID = "5ba52a3a31688f83571c34de9dd44f6c1503372336"
AUDIO = {"url": "http://music-1250000000.cossh.myqcloud.com/a.mp3", "bucketName": "music", "bucketRegion": "sh"}
FOLDERS = {name: Path(item["CodeUri"]).name for name, item in resources("AWS::Serverless::Function").items()}


class HandlerGateway(Gateway):
    """An HTTP API whose functions run in this process."""

    def __init__(self, sandbox: LambdaSandbox, folder: Path) -> None:
        self.sandbox, self.routes = sandbox, list(routes(expand_apis(translated())))
        self.env: Any = SimpleNamespace(folder=folder)

    def _invoke(self, function: str, event: Event) -> Event | None:
        answer: Event = self.sandbox.invoke(FOLDERS[function], event)
        return answer | {"body": json.dumps(answer["body"])} if answer.get("body") else answer


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with serving() as site:
        yield site


@pytest.fixture
def api_url(monkeypatch: pytest.MonkeyPatch, table: str, site: Site, tmp_path: Path) -> Iterator[str]:
    sandbox = LambdaSandbox(monkeypatch, table, site)
    sandbox.given({"now": "2026-03-04T05:06:07+00:00"})
    site.says("AddCtsAudioTask", json.dumps({"code": 0, "message": "", "data": {"vid": VID}}))
    gateway = HandlerGateway(sandbox, tmp_path)
    yield f"http://127.0.0.1:{serve(gateway)}"
    server = gateway.running.pop(str(tmp_path))
    server.shutdown()
    server.server_close()
    forget()


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Import a module of the generated package by its name."""
    folder = tmp_path_factory.mktemp("generated")
    settings = folder / "settings.yml"
    settings.write_text("post_hooks: []\n", "utf-8")
    target = str(folder / "generated_client")
    command = [sys.executable, "-m", "openapi_python_client", "generate", "--meta", "none", "--fail-on-warning"]
    command += ["--path", str(ROOT / "docs" / "openapi.json"), "--output-path", target, "--config", str(settings)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        yield lambda name: importlib.import_module(f"generated_client.{name}")


@pytest.fixture
def connect(package: Any, api_url: str) -> Iterator[Callable[[str], Any]]:
    """Make a client with a token."""
    with ExitStack() as stack:
        make = package("client").AuthenticatedClient
        yield lambda token: stack.enter_context(make(base_url=api_url, token=token))


def test_a_round_trip(package: Any, connect: Callable[[str], Any]) -> None:
    tasks, models, client = "api.tasks", package("models"), connect("example-game-token")

    request = models.AudioTaskRequest.from_dict(AUDIO | {"provider": "cts"})
    created = package(f"{tasks}.submit_audio").sync_detailed(client=client, body=request, idempotency_key="one")
    assert (created.status_code, created.parsed.vid, created.headers["location"]) == (201, VID, f"/tasks/{VID}")
    again = package(f"{tasks}.submit_audio").sync_detailed(client=client, body=request, idempotency_key="one")
    assert (again.status_code, again.headers["idempotency-replayed"]) == (200, "true")

    read = package(f"{tasks}.read_task").sync_detailed(client=client, vid=VID)
    assert (read.parsed.vid, read.parsed.state) == (VID, models.State.PENDING)
    known = {"client": client, "vid": VID, "if_none_match": read.headers["etag"]}
    assert package(f"{tasks}.read_task").sync_detailed(**known).status_code == 304

    states = [models.ListTasksStateItem.PENDING, models.ListTasksStateItem.LOST]
    page = package(f"{tasks}.list_tasks").sync(client=client, state=states, bucket="music")
    assert [task.vid for task in page.tasks] == [VID]


def test_its_refusals_are_problems(package: Any, connect: Callable[[str], Any]) -> None:
    models, client = package("models"), connect("example-reader-token")

    malformed = package("api.tasks.list_tasks").sync(client=client, bucket="\u00a7")
    assert (malformed.code, malformed.field) == (models.ProblemCode.MALFORMED, "bucket")
    missing = package("api.tasks.read_task").sync(client=client, vid="1-none")
    assert (missing.status, missing.code) == (404, models.ProblemCode.NOT_FOUND)
    refused = package("api.operation.list_quarantine").sync(client=client, day=date(2026, 3, 4))
    assert (refused.code, refused.scope) == (models.ProblemCode.MISSING_SCOPE, "admin")
    assert refused.request_id

    assert package("api.tasks.list_tasks").sync(client=connect("unknown")).message == "Forbidden"


def test_head_and_unknown_routes_over_http(api_url: str) -> None:
    bearer = {"Authorization": "Bearer example-reader-token"}
    head = requests.head(f"{api_url}/health", timeout=30)
    assert (head.status_code, head.content) == (200, b"")
    wrong = requests.delete(f"{api_url}/tasks", headers=bearer, timeout=30)
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "GET, HEAD")
    unknown = requests.get(f"{api_url}/nothing", timeout=30)
    assert (unknown.status_code, unknown.json()["code"]) == (404, "no_route")
