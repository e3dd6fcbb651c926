"""`mediarelay listen` and `tail`: every notification arrives, signed, and failures are shown and bounded."""

import json
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator

import pytest

from mediarelay.signing.standard_webhooks import verifies
from mediarelay_cli.api import Api, Refused
from mediarelay_cli.commands.listen import Forwarder, outcome
from mediarelay_cli.errors import CliError
from mediarelay_cli.feed import Feed, summary
from tests.unit.cli.conftest import COMMAND, ROOT
from tests.unit.cli.fake_api import FakeApi, Reply, serving
from tests.unit.cli.samples import EVENT, VID

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture
def hook() -> Iterator[FakeApi]:
    with serving() as fake:
        fake.routes["POST /hook"] = Reply({})
        yield fake


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    waits: list[float] = []
    monkeypatch.setattr("mediarelay_cli.commands.listen.time.sleep", waits.append)
    return waits


def wait_until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 90
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


class TestForwarding:
    def test_a_notification_arrives_signed_by_standard_webhooks(self, hook):
        result = Forwarder(f"{hook.url}/hook", SECRET).deliver(EVENT | {"note": "歌 \ud800"})
        assert (result["delivered"], result["status"], result["attempts"]) == (True, 200, 1)
        headers = hook.calls[0].headers
        body = json.dumps(EVENT | {"note": "歌 \ud800"}, separators=(",", ":")).encode()
        signed = (headers["webhook-signature"], [SECRET], headers["webhook-id"], headers["webhook-timestamp"])
        assert verifies(*signed, body)
        assert headers["webhook-id"] == EVENT["id"]
        assert headers["content-type"] == "application/cloudevents+json"
        assert abs(int(headers["webhook-timestamp"]) - time.time()) < 10

    @pytest.mark.parametrize("status", [408, 425, 429, 500, 503])
    def test_a_failure_that_may_pass_is_tried_three_times(self, hook, waits, status):
        hook.routes["POST /hook"] = Reply({}, status)
        result = Forwarder(f"{hook.url}/hook", SECRET).deliver(EVENT)
        assert (result["delivered"], result["status"], result["attempts"]) == (False, status, 3)
        assert waits == [1.0, 3.0]
        assert outcome(result).startswith(f"{status} in ")
        assert outcome(result).endswith("3 attempts")

    @pytest.mark.parametrize("status", [301, 400, 401, 404])
    def test_another_answer_is_final(self, hook, waits, status):
        hook.routes["POST /hook"] = Reply({}, status)
        assert Forwarder(f"{hook.url}/hook", SECRET).deliver(EVENT)["attempts"] == 1
        assert waits == []

    def test_a_second_attempt_may_succeed(self, hook, waits):
        hook.routes["POST /hook"] = [Reply({}, 500), Reply({}, 204)]
        result = Forwarder(f"{hook.url}/hook", SECRET).deliver(EVENT)
        assert (result["delivered"], result["attempts"]) == (True, 2)

    def test_a_closed_port_is_no_traceback(self, waits):
        with socket.create_server(("127.0.0.1", 0)) as server:
            url = f"http://127.0.0.1:{server.getsockname()[1]}/hook"
        assert outcome(Forwarder(url, SECRET).deliver(EVENT)) == "connection refused, 3 attempts"

    @pytest.mark.parametrize("option", [["--forward-to", "a:3000"], ["--forward-to", "http://a", "--secret", "!"]])
    def test_a_wrong_command_line_starts_nothing(self, run, api, option):
        assert run("listen", *option).exit_code == 2
        assert api.calls == []


class TestFeed:
    @pytest.fixture
    def feed(self, api: FakeApi) -> Iterator[Feed]:
        client = Api(api.url, "t", wait=lambda _: None, jitter=lambda: 0.0)
        yield Feed(client, "2026-11-21T08:00:00Z")
        client.close()

    def test_it_goes_on_from_the_cursor_and_waits_when_there_is_nothing(self, api, feed):
        api.routes["GET /events"] = [
            {"events": [EVENT | {"id": f"{n}"} for n in range(100)], "cursor": "c1", "more": True},
            {"events": [], "cursor": "c2"},
            {"events": [EVENT], "cursor": "c3"},
        ]
        waits: list[float] = []
        stream = feed.follow(lambda _: None, waits.append)
        assert [next(stream)["id"] for _ in range(101)][-1] == EVENT["id"]
        assert [call.query["after"] for call in api.calls] == ["2026-11-21T08:00:00Z", "c1", "c2"]
        assert len(waits) == 1

    def test_a_stack_that_is_away_for_a_while_is_asked_again(self, api, feed):
        api.routes["GET /events"] = [*[Reply({}, 503)] * 5, Reply(b"<html>"), {"events": [EVENT], "cursor": "c"}]
        notes: list[str] = []
        assert next(feed.follow(notes.append, lambda _: None)) == EVENT
        assert len(notes) == 2

    def test_a_refusal_ends_it(self, api, feed):
        api.routes["GET /events"] = Reply({"title": "Forbidden"}, 403)
        with pytest.raises(Refused):
            next(feed.follow(lambda _: None))

    def test_a_page_without_events_is_no_feed(self, api, feed):
        api.routes["GET /events"] = {"cursor": "c"}
        with pytest.raises(CliError):
            feed.read()

    @pytest.mark.parametrize("event", [{}, {"data": None}, {"data": {"source": {"url": "http://["}}}, EVENT])
    def test_any_event_has_a_summary(self, event):
        assert isinstance(summary(event), str)


class TestProcess:
    def test_notifications_reach_the_receiver_until_ctrl_c(self, environment, api, hook):
        api.routes["GET /events"] = [{"events": [EVENT], "cursor": "c1"}, {"events": [], "cursor": "c1"}]
        arguments = ["listen", "--forward-to", f"{hook.url}/hook", "--since", "1h"]
        process = subprocess.Popen(
            [*COMMAND, *arguments], env=environment, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        wait_until(lambda: hook.calls and len(api.calls) > 1)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=90)
        assert process.returncode == 130
        assert "signing secret is whsec_" in err
        assert f"mediarelay.task.succeeded  {VID}" in out
        assert "-> 200 in" in out
        secret = err.partition("secret is ")[2].split()[0]
        headers, body = hook.calls[0].headers, json.dumps(EVENT, separators=(",", ":")).encode()
        signed = (headers["webhook-signature"], [secret], headers["webhook-id"], headers["webhook-timestamp"])
        assert verifies(*signed, body)
