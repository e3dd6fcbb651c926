"""docs/webhooks.md: its receiver accepts what Mediarelay sends, and its tables are those of the code."""

import json
import re
import subprocess
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from socket import create_connection
from typing import Any

import pytest

from mediarelay.domain.webhooks.delivery import RETRY_WAITS, DeliveryState
from mediarelay.domain.webhooks.egress import PORTS
from mediarelay.usecases.webhooks.endpoints import webhook_endpoints
from tests.integration.test_webhooks import deliver
from tests.integration.webhook_harness import WebhookHarness, event
from tests.stack import ROOT

PAGE = (ROOT / "docs/webhooks.md").read_text("utf-8")
BLOCKS = {kind: re.findall(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL) for kind in ("json", "python")}
PORT = 18471
UNITS = {"seconds": 1, "minutes": 60, "hours": 3600}


@pytest.fixture
def receiver(tmp_path: Path) -> Any:
    """The page's receiver, in a process of its own."""
    (code,) = BLOCKS["python"]
    file = tmp_path / "receiver.py"
    file.write_text(code.replace("8000", str(PORT)))
    process = subprocess.Popen([sys.executable, "-u", str(file)], stdout=subprocess.PIPE, text=True)
    for _ in range(100):
        with suppress(OSError), create_connection(("127.0.0.1", PORT)):
            break
        time.sleep(0.05)
    yield process
    process.kill()
    process.communicate()


def test_the_receiver_verifies_events(table: str, receiver: "subprocess.Popen[str]") -> None:
    (content,) = map(json.loads, BLOCKS["json"])
    endpoint = content["endpoints"][0] | {"url": f"http://127.0.0.1:{PORT}/"}
    harness = WebhookHarness(table, endpoint, webhook_networks="127.0.0.0/8")
    harness.clock.now = datetime.now(UTC)
    object.__setattr__(harness.deliverer, "sender", harness.client)
    deliver(harness, 1)
    assert [one.state for one in harness.deliveries()] == [DeliveryState.DELIVERED]
    assert receiver.stdout
    assert receiver.stdout.readline() == f"{event(1).type} vid1\n"
    harness.secret.content["endpoints"] = [endpoint | {"secrets": content["endpoints"][1]["secrets"]}]
    deliver(harness, 2)
    assert harness.deliveries()[0].last_status == 401


def test_the_endpoints_are_usable() -> None:
    (content,) = map(json.loads, BLOCKS["json"])
    assert webhook_endpoints(content).faults == ()
    assert len(webhook_endpoints(content).usable) == 2


def test_the_receiver_is_short() -> None:
    (code,) = BLOCKS["python"]
    body = [
        line for line in code.splitlines() if line.strip() and not line.startswith(("from", "if", "    HTTPServer"))
    ]
    assert len(body) <= 15


def test_the_table_of_retries() -> None:
    rows = re.findall(r"^\| \d+ \| (\d+) (seconds|minutes|hours) \|$", PAGE, re.MULTILINE)
    assert [int(number) * UNITS[unit] for number, unit in rows] == [wait.total_seconds() for wait in RETRY_WAITS]


def test_the_ports() -> None:
    assert f"| port | {', '.join(map(str, sorted(PORTS)))} | any |" in PAGE
