"""`mediarelay submit`: sources, uploads, lists that can go on, and waiting for outcomes."""

import json
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

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

    @pytest.mark.parametrize("status", [401, 403, 404, 503])
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
    @given(st.binary(max_size=80), st.lists(st.text(max_size=5), max_size=3))
    def test_no_content_of_the_file_hides_a_later_result(self, tmp_path, content, keys):
        file = tmp_path / "r.jsonl"
        file.write_bytes(content)
        try:
            results = bulk.Results(file, "api")
        except CliError:
            return
        results.append([{"key": key, "status": 201, "api": "api"} for key in keys])
        assert set(keys) <= set(bulk.Results(file, "api").accepted)

    def test_an_api_that_vanishes_keeps_what_was_recorded(self, api, bulk_list):
        seen: list[dict[str, Any]] = []
        client = Api(api.url, "t", wait=lambda _: None)
        api.routes["POST /tasks/audio/batch"] = [batch, Reply({}, 503)]
        results = bulk.Results(bulk_list.with_name("r"), api.url)
        with pytest.raises(CliError):
            bulk.BulkSubmit(client, results, 1, seen.extend).run(bulk.read_items(bulk_list, "audio"))
        client.close()
        assert len(seen) == len(bulk.Results(results.file, api.url).accepted) == 100
