"""MPS on the deployed stack: submits, callbacks and their Sign, schedules, partial outcomes, and no key anywhere."""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import requests

from local.client import file_in
from local.stack import APP_ID, BUCKET_REGION, FILMS
from mediarelay.domain.tasks.file_url import CosFile
from mediarelay.domain.tasks.media import Kind
from mediarelay.signing.mps_callback import LIFETIME, callback_sign
from tests import other_system
from tests.e2e.deployed import TICK, TIMEOUT, Deployed, published, until

Json = dict[str, Any]

PAYLOADS = Path(__file__).parents[1] / "contract" / "payloads" / "mps"
SCHEDULED = "scheduled"
CANARY = "CANARY-in-a-callback"


@pytest.fixture(scope="module", autouse=True)
def stub(whole: Deployed) -> Iterator[None]:
    """Files do not matter here: the engine makes them with a stub."""
    whole.configure(transcoder="stub")
    yield
    whole.configure(transcoder="ffmpeg", mps={"schedules": []})


@pytest.fixture
def film(deployed: Deployed) -> str:
    """The key of an uploaded file that no schedule takes."""
    return uploaded(deployed, deployed.key("film.mp4"))


def uploaded(deployed: Deployed, key: str) -> str:
    file = deployed.stack.env.path("source")
    file.write_bytes(b"any bytes will do for the stub")
    deployed.api_client.upload(FILMS, key, file)
    return key


def file_of(key: str) -> CosFile:
    """The file of a key, with the name of its region in API 3.0."""
    return replace(file_in(FILMS, key), region=other_system.REGION)


def request(key: str, *outputs: Any, **changes: Any) -> Json:
    """A request that names no provider."""
    source = {"bucket": f"{FILMS}-{APP_ID}", "region": other_system.REGION, "object": f"/{key}"}
    return {"source": source, "outputs": list(outputs or [10])} | changes


def submit(deployed: Deployed, kind: str, body: Json, key: str | None = None) -> requests.Response:
    headers = deployed.api_client.headers | ({"Idempotency-Key": key} if key else {})
    return deployed.post(f"/tasks/{kind}", json.dumps(body).encode(), headers)


def submitted(deployed: Deployed, body: Json) -> str:
    answer = submit(deployed, "video", body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["vid"])


def origins(deployed: Deployed, vid: str) -> set[str]:
    return {one["origin"] for one in deployed.api_client.get(f"/tasks/{vid}/history")["observations"]}


def listed(deployed: Deployed, key: str, query: str = "kind=video") -> list[Json]:
    """The tasks of a file, as the newest ones are listed."""
    rows = deployed.api_client.get(f"/tasks?{query}&limit=100")["tasks"]
    return [row for row in rows if row.get("url") == file_of(key).url]


def test_a_submit_by_its_source_under_the_default_provider(deployed: Deployed, film: str) -> None:
    snapshot = {"definition": 10, "type": "snapshot"}
    body = request(film, 10, 40, 20000, snapshot, output_dir="/out/", reference="order 7")
    vid = submitted(deployed, body)
    assert vid.startswith(f"{APP_ID}-WorkflowTask-")
    task = deployed.outcome(vid)
    assert (task["state"], task["kind"], task["source"]["url"]) == ("succeeded", "video", file_of(film).url)
    assert (task["reference"], task.get("partial")) == ("order 7", None)
    assert {(one["kind"], one["definition"]) for one in task["renditions"]} == {
        ("video", 10),
        ("video", 40),
        ("gif", 20000),
        ("cover", 10),
    }
    assert deployed.events(vid, "succeeded")[0]["data"] == published(task)
    assert origins(deployed, vid) >= {"submit", "claim", "answer"}
    assert [row["vid"] for row in listed(deployed, film, "kind=video&state=succeeded")] == [vid]
    again = submit(deployed, "video", body)
    assert (again.status_code, again.json()["vid"]) == (200, vid)


@pytest.mark.parametrize(("kind", "names"), [("video", {"f10", "f20", "f30", "f40", "d20000", "d10"}), ("audio", None)])
def test_a_submit_in_the_older_form(deployed: Deployed, film: str, kind: str, names: set[str] | None) -> None:
    body = {"url": file_in(FILMS, film).url, "bucketName": FILMS, "bucketRegion": BUCKET_REGION}
    answer = submit(deployed, kind, body)
    assert answer.status_code == 201, answer.text
    task = deployed.outcome(answer.json()["vid"])
    assert (task["state"], task["source"]["url"], "-" in task["vid"]) == ("succeeded", file_of(film).url, True)
    assert {one["name"] for one in task["renditions"]} == (names or {"d1010", "d1100"})
    assert deployed.events(task["vid"], "succeeded")


def test_a_batch_of_both_providers(deployed: Deployed, film: str) -> None:
    older = {"provider": "cts", "url": file_in(FILMS, film).url, "bucketName": FILMS, "bucketRegion": BUCKET_REGION}
    key = {"idempotency_key": deployed.key("batch")}
    tasks = [request(film, 1010) | key, request(film, 1100, provider="mps"), older, request(film, provider="x")]

    def results() -> list[Json]:
        answer = deployed.post("/tasks/audio/batch", json.dumps({"tasks": tasks}).encode(), deployed.api_client.headers)
        assert answer.status_code == 207
        found: list[Json] = answer.json()["results"]
        return found

    assert [one["status"] for one in results()] == [202, 202, 202, 400]

    def vids() -> list[str]:
        found = [str(one["vid"]) for one in results() if one.get("vid")]
        return found if len(found) == len(tasks) - 1 else []

    for vid, is_mps in zip(until(vids, "the queue"), (True, True, False), strict=True):
        assert (deployed.outcome(vid)["state"], "-" in vid) == ("succeeded", is_mps)
        assert deployed.events(vid, "succeeded")


def test_an_answer_that_is_lost_makes_one_task(deployed: Deployed, film: str) -> None:
    deployed.faults(api_garbage=True)
    body, key = request(film), deployed.key("lost")
    assert submit(deployed, "video", body, key).json()["vid"] is None
    deployed.faults()
    until(lambda: submit(deployed, "video", body, key).json()["vid"], "the vid", TICK)
    tasks = requests.get(f"{deployed.stack.env.engine_url}/_engine/tasks", timeout=TIMEOUT).json()["tasks"]
    assert [film in task["url"] for task in tasks].count(True) == 1


# ── callbacks ──


def signed(deployed: Deployed, name: str = "callback_success.json", **changes: Any) -> Json:
    """A callback about a task that does not exist, signed now. It repeats the keys to its source."""
    body = json.loads((PAYLOADS / name).read_text("utf-8"))
    expires = int(time.time() + LIFETIME.total_seconds())
    sign = {"Timestamp": expires, "Sign": callback_sign(expires, deployed.stack.env.keys.notify_key)}
    secrets = {"S3SecretId": CANARY, "S3SecretKey": CANARY}
    s3 = {"S3Bucket": "clips", "S3Region": "us-east-1", "S3Object": "a.mp4"} | secrets
    stated = {"TaskId": f"{APP_ID}-WorkflowTask-{uuid4().hex}t0", "InputInfo": {"Type": "AWS-S3", "S3InputInfo": s3}}
    return body | {"WorkflowTaskEvent": body["WorkflowTaskEvent"] | stated} | sign | changes


def test_a_signed_callback_is_accepted_once(deployed: Deployed) -> None:
    body = signed(deployed)
    receipts = [deployed.callback("mps", json.dumps(body).encode()).json() for _ in range(2)]
    vid = body["WorkflowTaskEvent"]["TaskId"]
    assert receipts == [{"vid": vid, "accepted": True, "duplicate": duplicate} for duplicate in (False, True)]


@pytest.mark.parametrize("change", [{"Sign": "0" * 32}, {"Sign": None}, {"Timestamp": 1700000600}, {"Timestamp": None}])
def test_a_callback_with_a_wrong_sign_leaves_nothing(deployed: Deployed, change: Json) -> None:
    body = signed(deployed, **change)
    answer = deployed.callback("mps", json.dumps(body).encode())
    assert (answer.status_code, answer.json()["title"]) == (401, "Unauthenticated")
    path = f"{deployed.deployment.api_url}/tasks/{body['WorkflowTaskEvent']['TaskId']}"
    assert requests.get(path, headers=deployed.api_client.headers, timeout=TIMEOUT).status_code == 404


def test_callbacks_that_the_engine_signs_with_another_key_are_refused_and_polls_find_the_outcome(
    deployed: Deployed, film: str
) -> None:
    deployed.faults(callback_wrong_sign=True)
    vid = submitted(deployed, request(film))
    until(lambda: deployed.invoke("PollVideo") and deployed.api_client.task(vid)["state"] == "succeeded", vid, TICK)
    assert "claim" not in origins(deployed, vid)


def test_an_event_about_something_else_is_acknowledged_and_kept(deployed: Deployed) -> None:
    mark = uuid4().hex
    secrets = {"NotifyKey": CANARY, "S3SecretKey": CANARY, "NotifyUrl": f"https://example.com/{CANARY}"}
    body = {"EventType": "EditMediaTask", "EditMediaTaskEvent": {"TaskId": mark, "TaskNotifyConfig": secrets}}
    answer = deployed.callback("mps", json.dumps(body).encode())
    assert (answer.status_code, answer.json()) == (200, {"vid": None, "accepted": True, "duplicate": False})
    (found,) = [one for one in quarantined(deployed) if mark in one["body"]]
    assert (found["route"], CANARY in json.dumps(found)) == ("callbacks/mps", False)


def quarantined(deployed: Deployed) -> list[Json]:
    found: list[Json] = deployed.api_client.get(f"/quarantine?day={datetime.now(UTC):%Y-%m-%d}")["bodies"]
    return found


# ── tasks that nobody submitted here ──


@pytest.fixture
def schedule(deployed: Deployed) -> None:
    """A schedule of the provider that takes each upload to a folder."""
    keys = deployed.stack.env.keys
    url = f"{deployed.deployment.api_url}/callbacks/mps/{keys.callback_token}"
    made = {
        "id": 24,
        "bucket": FILMS,
        "region": BUCKET_REGION,
        "prefix": SCHEDULED,
        "outputs": {"TranscodeTaskSet": [{"Definition": 10}]},
        "output_dir": "/by-schedule/",
        "notify": {"NotifyType": "URL", "NotifyMode": "Finish", "NotifyUrl": url, "NotifyKey": keys.notify_key},
    }
    deployed.configure(mps={"schedules": [made]})


@pytest.mark.usefixtures("schedule")
@pytest.mark.parametrize("callbacks", ["delivered", "dropped"])
def test_an_upload_that_a_schedule_takes_is_found(deployed: Deployed, callbacks: str) -> None:
    deployed.faults(drop_callbacks=callbacks == "dropped")
    key = uploaded(deployed, f"{SCHEDULED}/{deployed.key('upload.mp4')}")
    (row,) = until(lambda: found_by_list(deployed, key, reconcile=callbacks == "dropped"), "the upload", TICK)
    task = deployed.outcome(row["vid"])
    assert (task["state"], f"{APP_ID}-ScheduleTask-" in task["vid"]) == ("succeeded", True)
    assert [one["paths"][0].startswith("/by-schedule/") for one in task["renditions"]] == [True]
    assert deployed.events(task["vid"], "succeeded")
    assert {"claim", "listed"} & origins(deployed, task["vid"]) == (
        {"claim"} if callbacks == "delivered" else {"listed"}
    )


def test_a_task_of_another_system_is_found(deployed: Deployed, film: str) -> None:
    vid = other_system.submit(deployed.stack.env, Kind.VIDEO, request(film, 10, reference="not ours"))
    (row,) = until(lambda: found_by_list(deployed, film, reconcile=True), "the task", TICK)
    assert (row["vid"], deployed.outcome(vid)["reference"]) == (vid, "not ours")
    assert deployed.events(vid, "succeeded")


def found_by_list(deployed: Deployed, key: str, *, reconcile: bool) -> list[Json]:
    if reconcile:
        deployed.invoke("Reconcile")
        deployed.invoke("PollVideo")
    return listed(deployed, key)


# ── outcomes, and what is stored of them ──


def test_a_partial_outcome(deployed: Deployed, film: str) -> None:
    deployed.faults(failed_sub_tasks=["transcode_20"])
    task = deployed.outcome(submitted(deployed, request(film, 10, 20)))
    assert (task["state"], task["partial"]) == ("succeeded", True)
    assert ([one["name"] for one in task["renditions"]], len(task["faults"])) == (["f10"], 1)
    assert deployed.events(task["vid"], "succeeded")[0]["data"] == published(task)


def test_no_output_is_a_failure(deployed: Deployed, film: str) -> None:
    deployed.faults(failed_sub_tasks=["transcode_"])
    task = deployed.outcome(submitted(deployed, request(film, 10, 20)))
    assert (task["state"], task.get("partial"), task["renditions"]) == ("failed", None, [])
    assert deployed.events(task["vid"], "failed")[0]["data"]["faults"] == task["faults"]


def test_zz_no_key_is_stored_shown_or_logged(deployed: Deployed, film: str) -> None:
    vid = submitted(deployed, request(film))
    deployed.outcome(vid)
    history = deployed.api_client.get(f"/tasks/{vid}/history")
    shown = json.dumps([history, quarantined(deployed), deployed.received])
    places = {"answers": shown, "table": deployed.stored(), "logs": deployed.logs()}
    assert vid in shown
    assert vid in places["table"]
    assert "ClaimStored" in places["logs"]
    keys = deployed.stack.env.keys
    secrets = {name: getattr(keys, name) for name in ("notify_key", "secret_key", "callback_token")} | {"mark": CANARY}
    found = [(name, place) for name, secret in secrets.items() for place, text in places.items() if secret in text]
    assert found == []
