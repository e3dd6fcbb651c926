"""Each command against an API that answers as documented: what it sends, prints and exits with."""

import json
import re
import shlex
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from typer.main import get_command

from mediarelay_cli import app as cli
from mediarelay_cli.profiles import Profile, choose, save_profile
from tests.unit.cli.conftest import Runner
from tests.unit.cli.fake_api import FakeApi, Reply
from tests.unit.cli.samples import (
    BODY,
    DELIVERY,
    ENDPOINT,
    EVENT,
    HEALTHY,
    HISTORY,
    LISTED,
    MESSAGE,
    OTHER,
    REPLAY,
    ROUTES,
    SONG,
    STUCK,
    SUBMISSION,
    SUBMITTED,
    TASK,
    UNHEALTHY,
    VID,
    at,
)


@pytest.fixture(autouse=True)
def routes(api: FakeApi) -> None:
    api.routes |= ROUTES


def lines(result) -> list[str]:
    assert result.exit_code == 0, result.output
    return [line.rstrip() for line in result.stdout.splitlines()]


def commands(group: Any = None, name: str = "mediarelay") -> Iterator[tuple[str, Any]]:
    """Every command, with its full name."""
    cli.load()
    found = get_command(cli.app) if group is None else group
    for each, command in getattr(found, "commands", {}).items():
        yield f"{name} {each}", command
        yield from commands(command, f"{name} {each}")


LEAVES = [(name, one) for name, one in commands() if not hasattr(one, "commands")]
EXAMPLE = re.compile(r"`(mediarelay [^`]+)`")


class TestHelp:
    @pytest.mark.parametrize("name", [name for name, _ in commands()])
    def test_every_command_explains_itself(self, run, name):
        result = run(*name.split()[1:], "--help")
        assert result.exit_code == 0
        assert "Usage: mediarelay" in result.output

    @pytest.mark.parametrize(("name", "command"), LEAVES, ids=[name for name, _ in LEAVES])
    def test_every_command_has_an_example_that_parses(self, name, command):
        examples = [one for one in EXAMPLE.findall(command.help) if one.startswith(name)]
        assert examples
        for example in examples:
            asked = [word for one in command.params if getattr(one, "prompt", None) for word in (one.opts[0], "typed")]
            command.make_context(name, [*shlex.split(example.removeprefix(name)), *asked]).close()

    @pytest.mark.parametrize(("name", "command"), LEAVES, ids=[name for name, _ in LEAVES])
    def test_every_command_prints_json(self, name, command):
        assert name == "mediarelay profile add" or any("--json" in one.opts for one in command.params)

    def test_commands_come_in_their_stated_order(self, run):
        shown = re.findall(r"^│ ([a-z]+) ", run("--help").output, re.MULTILINE)
        assert [one for one in shown if one in cli.COMMANDS] == list(cli.COMMANDS)

    def test_exit_codes_are_documented(self, run):
        assert "141" in run("--help").output

    def test_help_needs_no_profile(self, run, monkeypatch):
        monkeypatch.setenv("MEDIARELAY_PROFILE", "missing")
        assert run("tasks", "--help").exit_code == 0
        assert run("tasks").exit_code == 2


SIMPLE: dict[str, tuple[int, Any]] = {
    "status": (0, HEALTHY),
    "stuck": (1, [STUCK]),
    "tasks": (0, LISTED),
    f"task {VID}": (0, {"task": TASK, "history": HISTORY}),
    "submissions list": (0, [SUBMITTED]),
    f"submissions show {SUBMISSION}": (0, SUBMITTED),
    f"submissions cancel {SUBMISSION}": (0, SUBMITTED | {"state": "cancelled"}),
    "songs room-1": (0, [SONG]),
    "replay --state lost --dry-run": (0, {"count": 123, "jobs": []}),
    "replay --state lost --yes": (0, {"count": 123, "jobs": ["2f6d1a"]}),
    f"replay {VID} --yes": (0, {"count": 1, "replays": [{"vid": VID, "replay": "r1"}]}),
    "replays list": (0, [REPLAY]),
    "replays show 2f6d1a": (0, REPLAY),
    "replays stop 2f6d1a": (0, REPLAY | {"status": "stopped"}),
    "quarantine list": (0, [BODY]),
    "quarantine show 0f3a": (0, BODY),
    "quarantine replay": (0, {"stored": 2, "refused": 0}),
    "dlq list": (1, [{"queue": "ConfirmDeadLetters", "messages": 2}]),
    "dlq show ConfirmDeadLetters": (0, [MESSAGE]),
    "dlq redrive ConfirmDeadLetters": (0, {"moved": 2, "remaining": 0}),
    "dlq purge ConfirmDeadLetters --yes": (0, {"purged": 2}),
    "circuits list": (0, HEALTHY["circuits"]),
    "circuits close mps:ProcessMedia": (0, {"circuit": "mps:ProcessMedia", "failures": 0}),
    "webhooks list": (0, [ENDPOINT]),
    "webhooks deliveries billing": (0, [DELIVERY]),
    "webhooks enable billing": (0, ENDPOINT),
    "webhooks disable billing": (0, ENDPOINT | {"state": "disabled"}),
    "webhooks test billing": (0, {"id": "e-1"}),
    "webhooks replay billing --since 2h --yes": (0, {"queued": 5}),
    "events": (0, [EVENT]),
    "events --test": (0, {"id": "e-1"}),
}
all_simple = pytest.mark.parametrize("line", SIMPLE)


class TestEveryCommand:
    @all_simple
    @pytest.mark.parametrize("before", [True, False])
    def test_prints_nothing_but_json(self, run, line, before):
        result = run(*(["--json", *line.split()] if before else [*line.split(), "--json"]))
        code, value = SIMPLE[line]
        assert (result.exit_code, json.loads(result.stdout)) == (code, value)

    @all_simple
    def test_prints_text_without_control_characters(self, run, line):
        result = run(*line.split())
        assert result.exit_code == SIMPLE[line][0], result.output
        assert result.stdout.strip()
        assert all(one.isprintable() or one == "\n" for one in result.stdout)

    @all_simple
    def test_says_what_is_wrong_when_the_stack_refuses(self, run, api, line):
        problem = {"status": 403, "title": "Forbidden", "code": "missing_scope", "scope": "admin", "request_id": "r-1"}
        api.routes = dict.fromkeys(api.routes, Reply(problem, 403))
        result = run(*line.split())
        assert result.exit_code == 3
        assert result.stdout == ""
        assert "403 Forbidden (request r-1)" in result.stderr
        assert "lacks the scope admin" in result.stderr

    @all_simple
    @pytest.mark.parametrize("body", [b"<html>", {}, {"tasks": 1}])
    def test_survives_answers_of_another_server(self, run, api, line, body):
        api.routes = dict.fromkeys(api.routes, Reply(body))
        result = run(*line.split())
        assert result.exit_code in {0, 1, 3}
        assert "Traceback" not in result.output


class TestStatus:
    def test_a_healthy_stack_fits_on_the_screen(self, run):
        shown = lines(run("status"))
        assert shown[0].startswith("default is healthy")
        assert "due            audio 3 (oldest" in shown[2]

    def test_an_unhealthy_one_exits_1_and_fits_as_well(self, run, api):
        api.routes["GET /status"] = UNHEALTHY
        result = run("status")
        assert result.exit_code == 1
        assert len(result.stdout.splitlines()) < 24
        for part in ("publish 1000+", "OVERDUE", "OPEN", "sweep NOT YET", "1 UNUSABLE", "NOT READABLE", "4 pending"):
            assert part in result.stdout
        assert "and 5 more problems" in result.stdout
        assert "/docs/runbook#confirmdeadletters" in result.stdout

    def test_what_is_wrong_comes_first_in_its_line(self, run, api):
        fine = [{"function": f"function_{n}", "last_run_at": at(-5)} for n in range(9)]
        api.routes["GET /status"] = HEALTHY | {"schedules": [*fine, {"function": "sweep", "late": True}]}
        assert "schedules      sweep NOT YET, function_0" in run("status").stdout

    @pytest.mark.parametrize(
        ("minutes", "calls", "shown"),
        [
            (0, 12, "mps 12 of 100 in this minute, 1 about unknown tasks"),
            (-1, 12, "unused in this minute"),
            (-1, 100, "mps 100 of 100 USED UP in the last minute"),
        ],
    )
    def test_the_minute_before_is_shown_only_if_its_budget_was_used_up(self, run, api, minutes, calls, shown):
        minute = f"{datetime.now(UTC) + timedelta(minutes=minutes):%Y-%m-%dT%H:%M}"
        budget = {"provider": "mps", "minute": minute, "calls": calls, "unknown_calls": 1, "limit": 100}
        api.routes["GET /status"] = HEALTHY | {"budget": [budget]}
        assert f"budget         {shown}" in run("status").stdout

    def test_nothing_overdue_exits_0(self, run, api):
        api.routes["GET /stuck"] = {"items": []}
        assert lines(run("stuck")) == ["Nothing is overdue."]

    def test_stuck_names_reason_and_action(self, run):
        result = run("stuck")
        assert result.exit_code == 1
        assert "6 min overdue for publish, 3 attempts" in result.stdout
        assert "why     the topic refused the message" in result.stdout


class TestTasks:
    def test_filters_go_to_the_api(self, run, api):
        chosen = "--state failed --state lost --kind audio --since 2026-11-20 --until 2026-11-21T08:00:00+08:00"
        run("tasks", *chosen.split(), "--time", "outcome", "--order", "asc", "--bucket", "b", "--url", "u")
        assert api.calls[0].query == {
            "state": "failed,lost",
            "kind": "audio",
            "since": "2026-11-20T00:00:00Z",
            "until": "2026-11-21T00:00:00Z",
            "time": "outcome",
            "order": "asc",
            "bucket": "b",
            "url": "u",
            "limit": "20",
        }

    def test_limit_counts_tasks_over_pages(self, run, api):
        api.routes["GET /tasks"] = {"tasks": [LISTED[0]] * 100, "cursor": "next"}
        assert len(json.loads(run("tasks", "-n", "150", "--json").stdout)) == 150

    @pytest.mark.parametrize("wrong", ["yesterday", "99999999d", "1y", "2026-13-01"])
    def test_a_wrong_time_is_a_wrong_command_line(self, run, wrong):
        result = run("tasks", "--since", wrong)
        assert result.exit_code == 2
        assert f"--since: {wrong} is no time" in result.stderr

    def test_a_wrong_state_names_the_states(self, run):
        result = run("tasks", "--state", "broken")
        assert result.exit_code == 2
        assert "superseded" in result.stderr

    def test_a_task_shows_what_happens_next(self, run, api):
        plan = {"duty": "query", "at": at(170), "attempts": 3, "give_up_at": at(10_000), "published": []}
        api.routes[f"GET /tasks/{VID}"] = TASK | {"state": "transcoding", "claimed": "failed", "next": plan}
        shown = run("task", VID).stdout
        assert "state       transcoding, a callback claims failed" in shown
        assert "next       Mediarelay queries the provider in 2 min (3 attempts so far)" in shown
        assert "records the task as lost, unless an answer arrives before, in 2 h" in shown

    def test_a_task_shows_its_timeline(self, run):
        shown = run("task", VID, "--bodies").stdout
        assert "is about another file" in shown
        assert "(not readable: fps)" in shown
        assert "fault  122 no gif" in shown
        assert '{"x": "\\ud800"}' in shown

    def test_an_overdue_query_is_due_now(self, run, api):
        api.routes[f"GET /tasks/{VID}"] = TASK | {"next": {"duty": "query", "at": at(-130)}}
        assert "queries the provider now: it is due since 2 min" in run("task", VID).stdout

    def test_vids_are_never_shortened(self, run):
        assert OTHER in run("tasks").stdout


class TestReplay:
    def test_counts_and_then_needs_a_confirmation(self, run, api):
        result = run("replay", "--state", "lost")
        assert result.exit_code == 2
        assert "Repeat it with --yes" in result.stderr
        assert [call.body.get("dry_run") for call in api.of("POST /tasks/replay")] == [True]

    def test_sends_the_selection(self, run, api):
        run("replay", "--state", "lost", "--state", "failed", "--since", "2026-11-20", "--rate", "30", "--yes")
        assert [call.body for call in api.of("POST /tasks/replay")][1] == {
            "state": ["lost", "failed"],
            "since": "2026-11-20T00:00:00Z",
            "rate": 30,
        }

    def test_nothing_selected_starts_nothing(self, run, api):
        api.routes["POST /tasks/replay"] = {"count": 0, "jobs": []}
        assert run("replay", "--state", "lost", "--yes").exit_code == 0
        assert len(api.of("POST /tasks/replay")) == 1

    @pytest.mark.parametrize("wrong", [[], [VID, "--state", "lost"], [VID, "--since", "1d"]])
    def test_wants_tasks_or_a_state(self, run, api, wrong):
        assert run("replay", *wrong).exit_code == 2
        assert api.calls == []


class TestOperations:
    def test_a_digest_must_name_one_body(self, run, api):
        api.routes["GET /quarantine"] = {"bodies": [BODY, BODY | {"digest": "0f3a" + "0" * 60}]}
        assert "State more digits" in run("quarantine", "show", "0f3a").stderr
        assert run("quarantine", "show", "0f3a91").exit_code == 0
        assert run("quarantine", "show", "dead").exit_code == 3
        assert run("quarantine", "show", "0").exit_code == 3

    def test_reading_again_goes_through_the_whole_day(self, run, api):
        answers = [{"stored": 2, "refused": 1, "cursor": "c" * 64}, {"stored": 3, "refused": 0}]
        api.routes["POST /quarantine/replay"] = answers
        result = run("quarantine", "replay", "--day", "2026-11-21", "--json")
        assert (result.exit_code, json.loads(result.stdout)) == (1, {"stored": 5, "refused": 1})
        assert [call.body for call in api.calls] == [{"day": "2026-11-21"}, {"day": "2026-11-21", "cursor": "c" * 64}]

    def test_a_redrive_goes_on_while_it_moves_messages(self, run, api):
        answers = [{"moved": 10, "remaining": 5}, {"moved": 3, "remaining": 2}, {"moved": 0, "remaining": 2}]
        api.routes["POST /dead-letters/ConfirmDeadLetters/redrive"] = answers
        result = run("dlq", "redrive", "ConfirmDeadLetters")
        assert (result.exit_code, result.stdout.strip()) == (1, "13 moved, 2 left")

    def test_a_purge_confirms_the_queue(self, run, api):
        assert run("dlq", "purge", "ConfirmDeadLetters").exit_code == 2
        assert api.calls == []
        run("dlq", "purge", "ConfirmDeadLetters", "--yes")
        assert api.calls[0].body == {"confirm": "ConfirmDeadLetters"}

    def test_an_open_circuit_exits_1(self, run, api):
        api.routes["GET /circuits"] = {"circuits": [{"circuit": "a:b", "failures": 5, "open_until": at(110)}]}
        result = run("circuits", "list")
        assert result.exit_code == 1
        assert "in 1 min" in result.stdout

    def test_a_failing_endpoint_exits_1(self, run, api):
        api.routes["GET /webhooks"] = {"endpoints": [ENDPOINT | {"state": "failing", "failing_since": at(-7300)}]}
        result = run("webhooks", "list")
        assert result.exit_code == 1
        assert "2 h ago" in result.stdout

    def test_a_webhook_replay_states_its_time(self, run, api):
        run("webhooks", "replay", "billing", "--since", "2026-11-20", "--until", "2026-11-21", "--failed-only", "--yes")
        times = {"since": "2026-11-20T00:00:00Z", "until": "2026-11-21T00:00:00Z"}
        assert api.calls[0].body == times | {"failed_only": True}

    def test_a_long_webhook_replay_goes_on(self, run, api):
        next_since = "2026-11-20T12:00:00Z"
        api.routes["POST /webhooks/billing/replay"] = [{"queued": 5, "next_since": next_since}, {"queued": 2}]
        assert run("webhooks", "replay", "billing", "--since", "2026-11-20", "--yes").stdout.strip() == "7 queued"
        assert api.calls[1].body["since"] == next_since

    def test_songs_show_the_time_that_is_left(self, run):
        shown = run("songs", "room-1").stdout
        for left in ("2:05", "1:06:40", "1:01"):
            assert left in shown

    def test_one_song_of_a_room_may_show_tokens(self, run, api):
        api.routes["GET /songs"] = SONG
        assert json.loads(run("songs", "a/b%", "--song", "1", "--tokens", "--json").stdout) == [SONG]
        assert api.calls[0].query == {"room_id": "a/b%", "song_id": "1", "tokens": "true"}


class TestEvents:
    def test_pages_are_read_until_one_is_not_full(self, run, api):
        pages = [{"events": [EVENT] * 100, "cursor": "c1", "more": True}, {"events": [EVENT] * 3, "cursor": "c2"}]
        api.routes["GET /events"] = pages
        assert len(json.loads(run("events", "-n", "0", "--since", "2026-11-20", "--json").stdout)) == 103
        assert [call.query["after"] for call in api.calls] == ["2026-11-20T00:00:00Z", "c1"]

    def test_types_go_to_the_api(self, run, api):
        run("events", "--type", "mediarelay.song.*", "--type", "mediarelay.test")
        assert api.calls[0].query["type"] == "mediarelay.song.*,mediarelay.test"


class TestProfiles:
    def test_no_stack_is_explained(self, run, monkeypatch):
        monkeypatch.delenv("MEDIARELAY_API_URL")
        monkeypatch.delenv("MEDIARELAY_TOKEN")
        result = run("status")
        assert result.exit_code == 2
        assert "make up" in result.stderr

    def test_a_profile_is_saved_for_its_owner_and_listed_without_its_token(
        self, run, environment, tmp_path, monkeypatch
    ):
        monkeypatch.setenv("MEDIARELAY_CONFIG", str(tmp_path / "own" / "profiles.ini"))
        assert run("profile", "add", "default", "--token", "100%s", "--stack", "m").exit_code == 0
        assert (tmp_path / "own" / "profiles.ini").stat().st_mode & 0o777 == 0o600
        shown = run("profile", "list").stdout
        assert "default" in shown
        assert "100%" not in shown

    @pytest.mark.parametrize(
        ("options", "variables", "url", "stack"),
        [
            ({}, {}, "http://a", "s"),
            ({"stack": "other"}, {}, "", "other"),
            ({}, {"MEDIARELAY_STACK": "other"}, "", "other"),
            ({}, {"MEDIARELAY_STACK": "other", "MEDIARELAY_API_URL": "http://b"}, "http://b", "other"),
            ({"stack": "other"}, {"MEDIARELAY_API_URL": "http://b"}, "", "other"),
        ],
    )
    def test_a_named_stack_is_not_hidden_by_another_url(self, tmp_path, options, variables, url, stack):
        file = tmp_path / "profiles.ini"
        save_profile(file, Profile(name="default", api_url="http://a", stack="s", token="t"))
        found = choose(options, {"MEDIARELAY_CONFIG": str(file)} | variables)
        assert (found.api_url, found.stack, found.token) == (url, stack, "t")

    @pytest.mark.parametrize("text", ["[a]\nunknown = 1", "no section", "\xff\xfe", "[a]\nstack = 1\n[a]"])
    def test_a_damaged_file_is_named_and_stays(self, run, tmp_path, monkeypatch, text):
        file = tmp_path / "profiles.ini"
        file.write_bytes(text.encode("latin-1"))
        monkeypatch.setenv("MEDIARELAY_CONFIG", str(file))
        for command in (("tasks",), ("profile", "add", "x", "--token", "t")):
            result = run(*command)
            assert (result.exit_code, "not readable" in result.stderr) == (2, True)
        assert file.read_bytes() == text.encode("latin-1")


def test_runner_is_the_only_way_in(run: Runner) -> None:
    assert run("no-such-command").exit_code == 2
