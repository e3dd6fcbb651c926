"""`mediarelay submit`: sources, uploads, lists that can go on, and waiting for outcomes."""

import json
import os
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mediarelay.contracts.json_objects import read_object
from mediarelay.domain.tasks.file_url import parse_url
from mediarelay_cli import bulk
from mediarelay_cli.api import Api
from mediarelay_cli.errors import CliError
from mediarelay_cli.sources import Options, cos_request, request_of
from tests.unit.cli.fake_api import Call, FakeApi, Reply
from tests.unit.cli.samples import OTHER, SUBMISSION, URL, VID

CREATED = Reply({"vid": VID, "kind": "audio", "state": "pending", "submission": SUBMISSION}, 201)
ACCEPTED = Reply({"vid": None, "kind": "audio", "state": "pending", "submission": SUBMISSION}, 202)
REFUSED = Reply({"title": "Bad request", "code": "malformed", "detail": "must begin with http://", "field": "url"}, 400)


def batch(call: Call) -> Reply:
    """Accept each item of a batch, except those without a source."""
    results: list[dict[str, Any]] = []
    for index, one in enumerate(call.body["tasks"]):
        fine = {"status": 202, "submission": SUBMISSION, "state": "pending"}
        results.append({"index": index} | (fine if "url" in one else {"status": 400, "detail": "url: is required"}))
    return Reply({"results": results}, 207)


@pytest.fixture
def bulk_list(tmp_path: Path) -> Path:
    file = tmp_path / "list.jsonl"
    file.write_text("".join(json.dumps({"url": f"{URL}{n}", "idempotency_key": f"k{n}"}) + "\n" for n in range(250)))
    return file


def records(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.with_name(file.name + ".results.jsonl").read_text().splitlines()]


class TestSources:
    @pytest.mark.parametrize(
        ("source", "fields", "kind", "body"),
        [
            (URL, {}, "audio", {"url": URL, "bucketName": "music", "bucketRegion": "sh"}),
            (URL.replace("mp3", "mp4"), {}, "video", {"url": URL.replace("mp3", "mp4")}),
            ("https://example.com/a.mp4?x=1", {}, "video", {"source": {"url": "https://example.com/a.mp4?x=1"}}),
            (
                "cos://films-1250000000/in/a b.mp4",
                {},
                "video",
                {"source": {"bucket": "films-1250000000", "region": "ap-shanghai", "object": "/in/a b.mp4"}},
            ),
            (
                "cos://music-1250000000/歌.mp3",
                {"provider": "cts"},
                "audio",
                {
                    "url": "http://music-1250000000.cossh.myqcloud.com/%E6%AD%8C.mp3",
                    "bucketName": "music",
                    "bucketRegion": "sh",
                    "provider": "cts",
                },
            ),
            (
                "s3://songs/a.mp3",
                {"outputs": [1010]},
                "audio",
                {
                    "source": {"s3_bucket": "songs", "s3_region": "ap-shanghai", "s3_object": "/a.mp3"},
                    "outputs": [1010],
                },
            ),
        ],
    )
    def test_each_form_becomes_its_request(self, source, fields, kind, body):
        request = request_of(source, Options(region="ap-shanghai", fields=fields))
        assert (request.kind, request.body) == (kind, body)

    @pytest.mark.parametrize(
        "source", ["cos://bucket", "s3:///key.mp3", "http://[", "https://x/unknown", "nothing.mp3"]
    )
    def test_another_form_is_a_wrong_command_line(self, run, api, source):
        result = run("submit", source)
        assert result.exit_code == 2
        assert api.calls == []

    @given(
        st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40).filter(
            lambda k: k[0] not in "/\\"
        )
    )
    def test_the_url_of_an_object_names_its_key(self, key):
        if key.endswith("/") or {".", ".."} & set(key.replace("\\", "/").split("/")):
            return
        file = parse_url(cos_request("music-1250000000", "ap-shanghai", key, "audio")["url"])
        assert (file.key, file.bucket, file.region) == (key, "music", "sh")


class TestOneSource:
    def test_a_submit_shows_its_task(self, run, api):
        api.routes["POST /tasks/audio"] = CREATED
        result = run("submit", URL, "--key", "song-1", "--reference", "r", "--output", "1010", "--json")
        assert json.loads(result.stdout) == {"source": URL, "kind": "audio", "status": 201} | {
            "vid": VID,
            "state": "pending",
            "submission": SUBMISSION,
        }
        assert api.calls[0].headers["idempotency-key"] == "song-1"
        assert api.calls[0].body["outputs"] == [1010]

    def test_without_a_key_the_request_is_the_key(self, run, api):
        api.routes["POST /tasks/audio"] = Reply(CREATED.body, 200)
        assert "a new --key submits new content" in run("submit", URL).stdout.replace("\n", " ")
        assert "idempotency-key" not in api.calls[0].headers

    def test_a_refused_one_exits_1_and_the_others_are_submitted(self, run, api):
        api.routes["POST /tasks/audio"] = [REFUSED, CREATED]
        result = run("submit", URL, URL + ".mp3")
        assert result.exit_code == 1
        assert "url: must begin with http://" in result.stdout
        assert "1 of 2 accepted" in result.stdout

    @pytest.mark.parametrize(
        "arguments", [[], [URL, "--from", "x"], [URL, URL, "--key", "k"], ["--from", "none.jsonl"]]
    )
    def test_a_wrong_command_line_sends_nothing(self, run, api, arguments):
        assert run("submit", *arguments).exit_code == 2
        assert api.calls == []

    def test_a_key_that_no_header_can_carry_is_refused(self, run, api):
        assert "ASCII" in run("submit", URL, "--key", "ключ").stderr
        assert api.calls == []


class TestUpload:
    @pytest.fixture
    def file(self, tmp_path: Path) -> Path:
        file = tmp_path / "my clip.mp4"
        file.write_bytes(b"media")
        return file

    @pytest.fixture
    def engine(self, api: FakeApi, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeApi:
        section = f"[local]\napi_url = {api.url}\ntoken = t\ncos_endpoint = {api.url}\n"
        (tmp_path / "up").mkdir()
        (tmp_path / "up" / "profile.ini").write_text(section)
        monkeypatch.delenv("MEDIARELAY_API_URL")
        monkeypatch.delenv("MEDIARELAY_TOKEN")
        headers = {"x-cos-request-id": "NWE5", "Date": "Mon, 26 Feb 2018 08:25:37 GMT"}
        api.routes["PUT /uploads/my clip.mp4"] = Reply(b"", headers=headers)
        api.routes["POST /tasks/video"] = CREATED
        return api

    def test_a_file_goes_to_the_bucket_and_then_to_the_provider(self, run, engine, file):
        assert run("submit", str(file), "--bucket", "films-1250000000", "--output", "10").exit_code == 0
        put, post = engine.calls
        assert (put.headers["host"], put.body) == ("films-1250000000.cossh.myqcloud.com", b"media")
        assert post.body == {"url": "http://films-1250000000.cossh.myqcloud.com/uploads/my%20clip.mp4", "outputs": [10]}
        assert post.headers["idempotency-key"] == "NWE5"

    def test_a_video_of_cts_is_tracked_by_its_upload(self, run, engine, file):
        run("submit", str(file), "--bucket", "clips-1250000000", "--provider", "cts", "--reference", "r")
        assert engine.calls[1].body == {
            "url": "http://clips-1250000000.cossh.myqcloud.com/uploads/my%20clip.mp4",
            "cos_request_id": "NWE5",
            "date": "Mon, 26 Feb 2018 08:25:37 GMT",
            "reference": "r",
        }

    def test_a_stack_on_aws_names_coscli(self, run, api, file):
        result = run("submit", str(file), "--bucket", "films-1250000000")
        assert (result.exit_code, api.calls) == (2, [])
        assert "coscli cp" in result.stderr

    @pytest.mark.parametrize("bucket", [[], ["--bucket", "films"], ["--bucket", "-1"]])
    def test_the_bucket_must_be_named(self, run, engine, file, bucket):
        assert run("submit", str(file), *bucket).exit_code == 2
        assert engine.calls == []

    def test_a_folder_is_no_file(self, run, engine, tmp_path):
        (tmp_path / "a.mp4").mkdir()
        result = run("submit", str(tmp_path / "a.mp4"), "--bucket", "films-1250000000")
        assert (result.exit_code, engine.calls) == (2, [])


class TestLists:
    def test_audio_goes_in_batches(self, run, api, bulk_list):
        api.routes["POST /tasks/audio/batch"] = batch
        result = run("submit", "--from", str(bulk_list))
        assert result.exit_code == 0, result.output
        assert sorted(len(call.body["tasks"]) for call in api.calls) == [50, 100, 100]
        assert "250 of 250 accepted" in result.stdout
        found = records(bulk_list)
        assert {one["key"] for one in found} == {f"k{n}" for n in range(250)}
        assert {(one["line"], one["key"]) for one in found} == {(n + 1, f"k{n}") for n in range(250)}

    def test_a_second_run_sends_only_what_was_not_accepted(self, run, api, bulk_list):
        refusing = {"k7", "k203"}

        def some(call: Call) -> Reply:
            answer = batch(call)
            for one, item in zip(answer.body["results"], call.body["tasks"], strict=True):
                if item["idempotency_key"] in refusing:
                    one.update({"status": 503, "detail": "busy"})
            return answer

        api.routes["POST /tasks/audio/batch"] = some
        first = run("submit", "--from", str(bulk_list))
        assert first.exit_code == 1
        assert "248 of 250 accepted" in first.stdout
        assert "line 8 (k7)  " in first.stdout
        api.calls.clear()
        refusing.clear()
        second = run("submit", "--from", str(bulk_list))
        assert second.exit_code == 0
        assert [[one["idempotency_key"] for one in call.body["tasks"]] for call in api.calls] == [["k7", "k203"]]
        assert "250 of 250 accepted (248 in an earlier run)" in second.stdout

    def test_results_of_another_stack_do_not_count(self, run, api, bulk_list):
        api.routes["POST /tasks/audio/batch"] = batch
        run("submit", "--from", str(bulk_list))
        results = bulk_list.with_name("list.jsonl.results.jsonl")
        results.write_text(results.read_text().replace(api.url, "https://other.example"))
        api.calls.clear()
        run("submit", "--from", str(bulk_list))
        assert sum(len(call.body["tasks"]) for call in api.calls) == 250

    def test_half_a_line_of_a_killed_run_does_no_harm(self, run, api, bulk_list):
        results = bulk_list.with_name("list.jsonl.results.jsonl")
        results.write_text('{"key": "k0", "status": 2')
        api.routes["POST /tasks/audio/batch"] = batch
        assert run("submit", "--from", str(bulk_list)).exit_code == 0
        assert len(results.read_text().splitlines()) == 251
        api.calls.clear()
        assert run("submit", "--from", str(bulk_list)).exit_code == 0
        assert api.calls == []

    def test_videos_go_one_by_one_with_their_keys(self, run, api, tmp_path):
        file = tmp_path / "v.jsonl"
        file.write_text('{"url": "u1", "kind": "video", "idempotency_key": "a"}\n{"url": "u2", "kind": "video"}\n')
        api.routes["POST /tasks/video"] = CREATED
        assert run("submit", "--from", str(file)).exit_code == 0
        sent = {call.body["url"]: call.headers.get("idempotency-key") for call in api.calls}
        assert sent == {"u1": "a", "u2": None}

    def test_flawed_lines_fail_and_the_others_go(self, run, api, tmp_path):
        file = tmp_path / "v.jsonl"
        lines = ["{", "[1]", '{"kind": "picture"}', '{"idempotency_key": 7}', "", '{"url": "u"}', "[" * 99_999]
        file.write_text("\ufeff" + "\n".join(lines), encoding="utf-8")
        api.routes["POST /tasks/audio/batch"] = batch
        result = run("submit", "--from", str(file), "--json")
        found = [json.loads(line) for line in result.stdout.splitlines()]
        assert result.exit_code == 1
        assert {one["line"]: one["status"] for one in found} == {1: 0, 2: 0, 3: 0, 4: 0, 6: 202, 7: 0}

    def test_the_same_line_twice_is_one_task(self, run, api, tmp_path):
        file = tmp_path / "v.jsonl"
        file.write_text('{"url": "u", "reference": "r"}\n{"reference": "r", "url": "u"}\n')
        api.routes["POST /tasks/audio/batch"] = batch
        assert run("submit", "--from", str(file)).exit_code == 0
        assert [len(call.body["tasks"]) for call in api.calls] == [1]

    @pytest.mark.parametrize("other", [{"url": "u2"}, {"url": "u1", "kind": "video"}])
    def test_one_key_of_two_requests_is_for_the_api_to_decide(self, run, api, tmp_path, other):
        file = tmp_path / "v.jsonl"
        lines = [json.dumps(one | {"idempotency_key": "k"}) + "\n" for one in ({"url": "u1"}, other)]
        api.routes |= {"POST /tasks/audio/batch": batch, "POST /tasks/video": CREATED}
        file.write_text(lines[0])
        run("submit", "--from", str(file))
        file.write_text("".join(lines))
        assert "2 of 2 accepted (1 in an earlier run)" in run("submit", "--from", str(file)).stdout
        assert len(api.calls) == 2

    @pytest.mark.parametrize(
        "line",
        [
            '{"url": NaN}',
            '{"url": "a", "url": "b"}',
            '{"url": ' + "[" * 30 + "]" * 30 + "}",
            json.dumps({"url": "u" * bulk.MAX_ITEM_BYTES}),
            '{"url": "u", "kind": "video", "idempotency_key": "\u00e9"}',
            '{"url": "u", "kind": "video", "idempotency_key": " k"}',
            '{"url": ' + "9" * 5000 + "}",
        ],
        ids=["no number", "a name twice", "deep", "large", "no ASCII", "blank", "long number"],
    )
    def test_a_line_that_would_spoil_the_call_of_others_fails_alone(self, run, api, tmp_path, line):
        file = tmp_path / "v.jsonl"
        file.write_text(f'{{"url": "u1"}}\n{line}\n{{"url": "u2"}}\n')
        api.routes["POST /tasks/audio/batch"] = batch
        result = run("submit", "--from", str(file), "--json")
        found = {one["line"]: one["status"] for one in map(json.loads, result.stdout.splitlines())}
        assert (result.exit_code, found) == (1, {1: 202, 2: 0, 3: 202})
        assert [one["url"] for call in api.calls for one in call.body["tasks"]] == ["u1", "u2"]

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
        )
        | st.just("k" * 9)
    )
    def test_the_api_reads_each_line_that_goes_into_a_batch(self, value):
        item = bulk.parse(1, json.dumps({"url": value}), "audio")
        assert item.flaw or read_object(json.dumps({"tasks": [item.body]}, allow_nan=False).encode())

    def test_a_batch_of_large_lines_stays_below_the_limit_of_a_call(self, run, api, tmp_path):
        file = tmp_path / "v.jsonl"
        long = "r" * (bulk.MAX_ITEM_BYTES - 100)
        file.write_text("".join(json.dumps({"url": f"u{n}", "reference": long}) + "\n" for n in range(40)))
        api.routes["POST /tasks/audio/batch"] = batch
        assert "40 of 40 accepted" in run("submit", "--from", str(file)).stdout
        assert len(api.calls) > 1
        assert all(len(json.dumps(call.body)) < bulk.MAX_BATCH_BYTES + 1000 for call in api.calls)

    def test_a_list_comes_from_stdin(self, run, api, tmp_path):
        api.routes["POST /tasks/audio/batch"] = batch
        lines = '\ufeff{"url": "u1"}\n\n{"url": "u2"}\n'
        without = run("submit", "--from", "-", text=lines)
        assert (without.exit_code, api.calls) == (2, [])
        assert "--results" in without.stderr
        for _ in range(2):
            result = run("submit", "--from", "-", "--results", str(tmp_path / "r"), text=lines)
            assert "2 of 2 accepted" in result.stdout
        assert len(api.calls) == 1

    def test_a_pipe_is_read_once(self, run, api, tmp_path):
        pipe = tmp_path / "pipe"
        os.mkfifo(pipe)
        writer = threading.Thread(target=pipe.write_text, args=('{"url": "u"}\n',))
        writer.start()
        api.routes["POST /tasks/audio/batch"] = batch
        result = run("submit", "--from", str(pipe), "--results", str(tmp_path / "r"))
        writer.join()
        assert "1 of 1 accepted" in result.stdout

    def test_results_never_go_into_the_list(self, run, api, bulk_list, tmp_path):
        link = tmp_path / "link"
        link.symlink_to(bulk_list)
        before = bulk_list.read_bytes()
        result = run("submit", "--from", str(bulk_list), "--results", str(link))
        assert (result.exit_code, api.calls, bulk_list.read_bytes()) == (2, [], before)

    @pytest.mark.parametrize(
        "results",
        [
            [{"index": [0], "status": 202}, {"index": "0", "status": 202}],
            [{"index": 0, "status": "202"}],
            [{"index": 0, "status": None}],
        ],
    )
    def test_odd_results_of_a_batch_are_no_acceptance(self, run, api, tmp_path, results):
        (tmp_path / "v").write_text('{"url": "u"}\n')
        api.routes["POST /tasks/audio/batch"] = Reply({"results": results}, 207)
        assert "0 of 1 accepted" in run("submit", "--from", str(tmp_path / "v")).stdout

    @pytest.mark.parametrize("status", [302, 401, 403, 404, 407, 503])
    def test_what_refuses_everything_ends_the_run(self, run, api, bulk_list, status):
        api.routes["POST /tasks/audio/batch"] = Reply({"title": "no"}, status)
        result = run("submit", "--from", str(bulk_list), "--concurrency", "1")
        assert result.exit_code == 3
        assert "run the same command again" in result.stderr
        assert len({json.dumps(call.body) for call in api.calls}) == 1

    def test_a_batch_that_is_refused_fails_its_items(self, run, api, bulk_list):
        api.routes["POST /tasks/audio/batch"] = [Reply({"title": "Content too large"}, 413), batch]
        assert "150 of 250 accepted" in run("submit", "--from", str(bulk_list), "--concurrency", "1").stdout

    def test_an_answer_without_a_result_for_each_item_is_a_failure(self, run, api, bulk_list):
        api.routes["POST /tasks/audio/batch"] = {"results": []}
        assert "0 of 250 accepted" in run("submit", "--from", str(bulk_list)).stdout

    def test_at_most_so_many_calls_run_at_once(self, run, api, bulk_list, monkeypatch):
        monkeypatch.setattr(bulk, "BATCH", 10)
        running, most, lock = 0, 0, threading.Lock()

        def slow(call: Call) -> Reply:
            nonlocal running, most
            with lock:
                running += 1
                most = max(most, running)
            threading.Event().wait(0.02)
            with lock:
                running -= 1
            return batch(call)

        api.routes["POST /tasks/audio/batch"] = slow
        run("submit", "--from", str(bulk_list), "--concurrency", "3")
        assert 2 <= most <= 3
        assert len(api.calls) == 25

    def test_options_of_one_request_do_not_go_with_a_list(self, run, api, bulk_list):
        result = run("submit", "--from", str(bulk_list), "--output-dir", "/x/", "--key", "k")
        assert (result.exit_code, api.calls) == (2, [])
        assert "output_dir, key" in result.stderr

    @pytest.mark.parametrize("content", [b"\xff\xfe\x00", None])
    def test_an_unreadable_list_is_a_wrong_command_line(self, run, tmp_path, content):
        file = tmp_path / "x.jsonl"
        file.mkdir() if content is None else file.write_bytes(content)
        assert run("submit", "--from", str(file)).exit_code == 2

    def test_unwritable_results_name_the_way_out(self, run, api, bulk_list, tmp_path):
        api.routes["POST /tasks/audio/batch"] = batch
        result = run("submit", "--from", str(bulk_list), "--results", str(tmp_path / "none" / "r.jsonl"))
        assert result.exit_code == 2
        assert "Name another file by --results" in result.stderr


class TestWaiting:
    @pytest.fixture(autouse=True)
    def _fast(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("mediarelay_cli.submitting.FIRST_PAUSE", 0.01)

    def test_a_task_is_followed_to_its_outcome(self, run, api):
        api.routes["POST /tasks/audio"] = CREATED
        api.routes[f"GET /tasks/{VID}"] = [{"state": "pending"}, {"state": "transcoding"}, {"state": "succeeded"}]
        result = run("submit", URL, "--wait")
        assert result.exit_code == 0
        assert f"succeeded: {VID}" in result.stdout
        assert len(api.of(f"GET /tasks/{VID}")) == 3

    def test_a_failed_task_exits_1_with_its_fault(self, run, api):
        api.routes["POST /tasks/audio"] = CREATED
        api.routes[f"GET /tasks/{VID}"] = {"state": "failed", "faults": [{"code": 7, "message": "no audio stream"}]}
        result = run("submit", URL, "--wait")
        assert result.exit_code == 1
        assert "no audio stream" in result.stdout

    def test_a_202_is_followed_by_its_submission(self, run, api):
        api.routes["POST /tasks/audio"] = ACCEPTED
        api.routes[f"GET /submissions/{SUBMISSION}"] = [{"state": "queued"}, {"state": "completed", "vid": OTHER}]
        api.routes[f"GET /tasks/{OTHER}"] = {"state": "succeeded"}
        assert OTHER in run("submit", URL, "--wait").stdout

    def test_a_refusal_that_comes_later_exits_1(self, run, api):
        api.routes["POST /tasks/audio"] = ACCEPTED
        api.routes[f"GET /submissions/{SUBMISSION}"] = {"state": "refused", "reason": "no such bucket"}
        result = run("submit", URL, "--wait")
        assert result.exit_code == 1
        assert "no such bucket" in result.stdout

    def test_a_wait_that_fails_still_shows_what_was_submitted(self, run, api):
        api.routes["POST /tasks/audio"] = CREATED
        result = run("submit", URL, "--wait", "--json")
        assert (result.exit_code, json.loads(result.stdout)["vid"]) == (3, VID)

    def test_the_wait_ends_at_its_timeout(self, run, api):
        api.routes["POST /tasks/audio"] = CREATED
        api.routes[f"GET /tasks/{VID}"] = {"state": "transcoding"}
        result = run("submit", URL, "--wait", "--timeout", "0.05")
        assert result.exit_code == 1
        assert "transcoding" in result.stdout


class TestResults:
    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
    @example(b"[" * 99_999, [])
    @example(b'{"key": "k", "api": "api", "status": "201"}', [])
    @example(b'{"key": "k", "api": "api", "status": null}', [])
    @given(st.binary(max_size=80), st.lists(st.text(max_size=5), max_size=3))
    def test_no_content_of_the_file_hides_a_later_result(self, tmp_path, content, keys):
        file = tmp_path / "r.jsonl"
        file.write_bytes(content)
        try:
            results = bulk.Results(file, "api")
        except CliError:
            return
        results.append([{"key": key, "status": 201, "api": "api"} for key in keys])
        assert {(key, key) for key in keys} <= set(bulk.Results(file, "api").accepted)

    def test_an_api_that_vanishes_keeps_what_was_recorded(self, api, bulk_list):
        seen: list[dict[str, Any]] = []
        client = Api(api.url, "t", wait=lambda _: None)
        api.routes["POST /tasks/audio/batch"] = [batch, Reply({}, 503)]
        results = bulk.Results(bulk_list.with_name("r"), api.url)
        with pytest.raises(CliError):
            bulk.BulkSubmit(client, results, 1, seen.extend).run(bulk.read_items(bulk_list, "audio"))
        client.close()
        assert len(seen) == len(bulk.Results(results.file, api.url).accepted) == 100

    @pytest.mark.parametrize("moment", range(1, 80, 5))
    def test_ctrl_c_in_any_line_keeps_the_record_of_what_was_sent(self, api, bulk_list, moment):
        client = Api(api.url, "t", wait=lambda _: None)
        api.routes["POST /tasks/audio/batch"] = batch
        results = bulk.Results(bulk_list.with_name("r"), api.url)
        left = moment

        def trace(frame: FrameType, event: str, _: object) -> Any:
            nonlocal left
            if frame.f_code.co_filename != bulk.__file__ or frame.f_code.co_name not in {"_drain", "_record", "append"}:
                return trace if event == "call" else None
            left -= event == "line"
            if left == 0:
                raise KeyboardInterrupt
            return trace

        sys.settrace(trace)
        try:
            bulk.BulkSubmit(client, results, 2, lambda _: None).run(bulk.read_items(bulk_list, "audio"))
        except KeyboardInterrupt:
            pass
        finally:
            sys.settrace(None)
        client.close()
        sent = sum(len(call.body["tasks"]) for call in api.calls)
        assert len(bulk.Results(results.file, api.url).accepted) == sent
