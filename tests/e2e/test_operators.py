"""The console and the command line on a deployed stack, as an operator uses them."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import urllib3
from playwright.sync_api import expect

from local.environment import ROOT
from local.stack import MUSIC
from tests.browser import chromium
from tests.e2e.deployed import Deployed, until

TIMEOUT = 30


@pytest.fixture(scope="module")
def task(whole: Deployed, song: Path) -> dict[str, Any]:
    """An audio task with an outcome."""
    upload = whole.api_client.upload(MUSIC, whole.key("song.mp3"), song)
    return whole.outcome(whole.api_client.submit_audio(upload, MUSIC)["vid"])


def mediarelay(deployed: Deployed, *arguments: str) -> tuple[int, str]:
    """Run the command line for the stack, as a person without AWS access does."""
    environment = os.environ | {
        "PYTHONPATH": f"{ROOT}/layers/shared:{ROOT}",
        "MEDIARELAY_API_URL": deployed.deployment.api_url,
        "MEDIARELAY_TOKEN": deployed.stack.env.keys.bearer,
        "MEDIARELAY_CONFIG": os.devnull,
    }
    command = [sys.executable, "-m", "mediarelay_cli", *arguments]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    return done.returncode, done.stdout + done.stderr


def ask(deployed: Deployed, method: str, path: str) -> urllib3.BaseHTTPResponse:
    """Send a request that the OpenAPI document does not have, or whose answer is no JSON."""
    url, headers = f"{deployed.deployment.api_url}{path}", dict(deployed.api_client.headers)
    return urllib3.request(method, url, headers=headers, timeout=TIMEOUT, retries=False)


def test_the_command_line_shows_a_task_and_what_happens_next(deployed: Deployed, task: dict[str, Any]) -> None:
    code, output = mediarelay(deployed, "task", task["vid"], "--json")
    assert code == 0, output
    assert task["vid"] in output
    code, output = mediarelay(deployed, "task", task["vid"])
    assert code == 0, output
    assert "succeeded" in output


def test_every_event_is_in_the_log_once_it_is_published(deployed: Deployed, task: dict[str, Any]) -> None:
    found = until(
        lambda: [
            json.loads(line)
            for line in mediarelay(deployed, "events", "--since", "1h", "--json")[1].splitlines()
            if task["vid"] in line
        ],
        "the events of the task",
    )
    assert found


def test_another_method_is_405_and_another_path_404(deployed: Deployed) -> None:
    wrong_method = ask(deployed, "DELETE", "/tasks")
    assert (wrong_method.status, wrong_method.headers["allow"]) == (405, "GET, HEAD")
    no_path = ask(deployed, "GET", "/nothing")
    assert (no_path.status, no_path.json()["code"]) == (404, "no_route")
    head = ask(deployed, "HEAD", "/tasks")
    assert (head.status, head.data) == (200, b"")


@pytest.mark.skipif(chromium.executable() is None, reason=chromium.MISSING)
def test_the_console_shows_a_task_of_the_stack(deployed: Deployed, task: dict[str, Any]) -> None:
    complaints: list[str] = []
    with chromium.browser() as browser:
        page = browser.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda line: complaints.append(line.text) if line.type == "error" else None)
        page.goto(f"{deployed.deployment.api_url}/console")
        page.get_by_label("Token").fill(deployed.stack.env.keys.bearer)
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="Overview")).to_be_visible(timeout=60_000)
        page.goto(f"{deployed.deployment.api_url}/console#/tasks/{task['vid']}")
        expect(page.get_by_text(task["vid"]).first).to_be_visible(timeout=60_000)
        expect(page.get_by_text("The provider answered a signed query").first).to_be_visible(timeout=60_000)
        page.close()
    assert complaints == []


def test_alarms_and_problems_lead_to_pages_of_the_stack(deployed: Deployed) -> None:
    for page, text in (("runbook", "OverdueAlarm"), ("errors", "missing_scope")):
        answer = ask(deployed, "GET", f"/docs/{page}")
        assert answer.status == 200
        assert f'id="{text}"' in answer.data.decode()
