"""The client of the API: what it repeats, what it sends, and what it says about answers it cannot use."""

import socket
import threading
from collections.abc import Iterator

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mediarelay_cli.api import ATTEMPTS, Api, Refused, listed, path
from mediarelay_cli.errors import CliError
from tests.unit.cli.fake_api import FakeApi, Reply


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def client(api: FakeApi, waits: list[float]) -> Iterator[Api]:
    client = Api(api.url, "secret", wait=waits.append, jitter=lambda: 0.0)
    yield client
    client.close()


BUSY = Reply({"title": "Provider unavailable", "status": 503}, 503)


class TestRepeats:
    def test_a_busy_stack_is_asked_again(self, api, client, waits):
        api.routes["GET /status"] = [BUSY, BUSY, {"healthy": True}]
        assert client.get("/status") == {"healthy": True}
        assert waits == [0.5, 1.0]

    def test_the_stated_wait_counts_up_to_half_a_minute(self, api, client, waits):
        limited = [Reply({}, 429, {"Retry-After": text}) for text in ("7", "9999", "soon", "²")]
        api.routes["GET /status"] = [*limited, {}]
        client.get("/status")
        assert waits == [7.0, 30.0, 2.0, 4.0]

    def test_the_last_refusal_is_reported(self, api, client, waits):
        api.routes["GET /status"] = BUSY
        with pytest.raises(Refused, match="503 Provider unavailable") as refused:
            client.get("/status")
        assert len(waits) == ATTEMPTS - 1
        assert "mediarelay status" in refused.value.action

    def test_what_has_an_effect_each_time_is_sent_once(self, api, client, waits):
        api.routes["POST /tasks/replay"] = BUSY
        with pytest.raises(Refused):
            client.post("/tasks/replay", {}, once=True)
        assert (len(api.calls), waits) == (1, [])

    def test_a_limited_call_has_no_effect_and_is_repeated(self, api, client):
        api.routes["POST /tasks/replay"] = [Reply({}, 429), {"count": 1}]
        assert client.post("/tasks/replay", {}, once=True) == {"count": 1}

    def test_a_connection_that_breaks_off_leaves_open_what_happened(self, waits):
        with socket.create_server(("127.0.0.1", 0)) as server:
            server.settimeout(5)
            client = Api(f"http://127.0.0.1:{server.getsockname()[1]}", "t", wait=waits.append)

            def close_at_once(*_: object) -> None:
                server.accept()[0].close()

            thread = threading.Thread(target=close_at_once)
            thread.start()
            with pytest.raises(CliError, match="no whole answer") as error:
                client.post("/tasks/replay", {}, once=True)
            thread.join()
        assert "may have been carried out" in error.value.action
        client.close()

    @pytest.mark.parametrize(
        "broken",
        [
            Reply(b"plain", 200, {"Content-Encoding": "gzip"}),
            Reply(b"5\r\n{", 200, {"Transfer-Encoding": "chunked", "Connection": "close"}),
            Reply(b"{", 200, {"Content-Length": "90", "Connection": "close"}),
        ],
        ids=["gzip", "half a chunk", "half a body"],
    )
    def test_an_answer_that_is_not_whole_leaves_open_what_happened(self, api, client, broken):
        api.routes["POST /tasks/replay"] = broken
        with pytest.raises(CliError, match="no whole answer") as error:
            client.post("/tasks/replay", {}, once=True)
        assert ("may have been carried out" in error.value.action, len(api.calls)) == (True, 1)
        api.routes["GET /status"] = [broken, {"healthy": True}]
        assert client.get("/status") == {"healthy": True}

    @pytest.mark.parametrize("once", [True, False])
    def test_an_unreachable_stack_is_named(self, waits, once):
        with socket.create_server(("127.0.0.1", 0)) as server:
            url = f"http://127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(CliError, match="does not answer"):
            Api(url, "t", wait=waits.append).post("/x", once=once)
        assert len(waits) == ATTEMPTS - 1


class TestRequests:
    def test_token_and_version_are_sent(self, api, client):
        api.routes["GET /status"] = {}
        client.get("/status")
        assert api.calls[0].headers["authorization"] == "Bearer secret"
        assert api.calls[0].headers["user-agent"].startswith("mediarelay-cli/")

    def test_a_netrc_entry_does_not_replace_the_token(self, api, client, tmp_path, monkeypatch):
        netrc = tmp_path / "netrc"
        netrc.write_text("machine 127.0.0.1 login other password wrong\n")
        netrc.chmod(0o600)
        monkeypatch.setenv("NETRC", str(netrc))
        assert requests.utils.get_netrc_auth(api.url) == ("other", "wrong")
        api.routes["GET /status"] = {}
        client.get("/status")
        assert api.calls[0].headers["authorization"] == "Bearer secret"

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
    @given(name=st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(lambda one: one.strip(".")))
    def test_a_name_stays_one_segment_of_the_path(self, api, client, name):
        api.calls.clear()
        api.routes[f"POST /circuits/{name}/close"] = {}
        client.post(path("/circuits/{}/close", name))
        assert api.calls[0].path == f"/circuits/{name}/close"
        assert not api.calls[0].query

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
    @given(url=st.text(max_size=40), token=st.text(max_size=20))
    def test_no_url_or_token_ends_in_another_error(self, url, token):
        with pytest.raises(CliError) as error:
            Api(f"http://[{url}", token, wait=lambda _: None).get("/status")
        assert len(token) < 4 or token not in error.value.message.replace(url, "")

    def test_a_token_that_no_header_can_carry_is_not_printed(self, api, waits):
        with pytest.raises(CliError, match="cannot be sent") as error:
            Api(api.url, "geheim\nü", wait=waits.append).get("/status")
        assert "geheim" not in error.value.message

    @pytest.mark.parametrize("name", ["", ".", ".."])
    def test_a_name_that_leads_to_another_route_is_refused(self, name):
        with pytest.raises(CliError, match="no name or id"):
            path("/tasks/{}/replay", name)


class TestAnswers:
    @pytest.mark.parametrize("body", [b"<html>no</html>", b"", b"[1]", b"null", b"\xff\xfe", b'{"a":', b"[" * 100_000])
    def test_what_is_no_json_object_is_no_mediarelay(self, api, client, body):
        api.routes["GET /status"] = Reply(body)
        with pytest.raises(CliError, match="no JSON object") as error:
            client.get("/status")
        assert "URL of a Mediarelay API" in error.value.action

    def test_a_redirect_is_not_followed(self, api, client):
        api.routes["POST /x"] = Reply({}, 301, {"Location": "https://elsewhere.example/x"})
        with pytest.raises(CliError, match="redirects to https://elsewhere"):
            client.post("/x")
        assert len(api.calls) == 1

    @pytest.mark.parametrize(
        ("status", "problem", "message", "action"),
        [
            (400, {"detail": "state: must be text", "field": "state"}, "400 state: must be text", ""),
            (400, {"detail": "is required", "field": "url"}, "400 url: is required", ""),
            (403, {"code": "missing_scope", "scope": "admin", "title": "Forbidden"}, "403 Forbidden", "scope admin"),
            (403, {"message": "Forbidden"}, "403 Forbidden", "does not know this token"),
            (404, {"message": "Not Found"}, "404 Not Found", "as new as this command"),
            (404, {"code": "not_found", "detail": "no task"}, "404 no task", "Check the name"),
            (409, {"detail": "d", "request_id": "r-1"}, "409 d (request r-1)", ""),
            (500, {}, "500", "function's log"),
        ],
    )
    def test_a_problem_says_what_to_do(self, status, problem, message, action):
        error = Refused(status, problem, "http://api")
        assert error.message.startswith(message)
        assert action in error.action

    def test_an_answer_without_its_list_is_refused(self):
        for page in ({}, {"tasks": None}, {"tasks": [1]}):
            with pytest.raises(CliError, match="no list of tasks"):
                listed(page, "tasks")

    def test_pages_follow_the_cursor_and_end(self, api, client):
        pages = [{"tasks": [{"n": 1}], "cursor": "a"}, {"tasks": [{"n": 2}], "cursor": "b"}, {"tasks": [{"n": 3}]}]
        api.routes["GET /tasks"] = pages
        assert [one["n"] for one in client.pages("/tasks", "tasks", kind="audio")] == [1, 2, 3]
        assert [call.query.get("cursor") for call in api.calls] == [None, "a", "b"]
        assert all(call.query["kind"] == "audio" for call in api.calls)

    def test_a_cursor_that_does_not_move_ends_the_list(self, api, client):
        api.routes["GET /tasks"] = {"tasks": [{}], "cursor": "same"}
        assert len(list(client.pages("/tasks", "tasks"))) == 2
