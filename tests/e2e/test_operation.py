"""What operators do, on the deployed stack, with the roles that the template gives."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from local.client import file_in
from local.stack import BUCKET_REGION, MUSIC
from tests.e2e.deployed import TICK, Deployed, until


def post(deployed: Deployed, path: str, body: Any) -> requests.Response:
    return deployed.post(path, json.dumps(body).encode(), deployed.api_client.headers)


@pytest.fixture(scope="module")
def done(whole: Deployed, song: Path) -> str:
    """A task whose outcome was published."""
    vid = str(
        whole.api_client.submit_audio(whole.api_client.upload(MUSIC, whole.key("replayed.mp3"), song), MUSIC)["vid"]
    )
    assert whole.outcome(vid)["state"] == "succeeded"
    assert whole.events(vid, "succeeded")
    return vid


def test_a_replay_is_published_with_an_id_of_its_own(deployed: Deployed, done: str) -> None:
    before = {event["id"] for event in deployed.events(done, "succeeded")}
    answer = post(deployed, f"/tasks/{done}/replay", {})
    assert (answer.status_code, answer.json()["vid"]) == (202, done)
    found = until(
        lambda: [event for event in deployed.events(done, "succeeded") if event["id"] not in before], "the replay"
    )
    assert [event["replay"] for event in found] == [1]
    assert found[0]["data"] == deployed.events(done, "succeeded")[0]["data"]


def test_a_bulk_replay_is_counted_and_carried_out(deployed: Deployed, done: str) -> None:
    rows = deployed.api_client.get("/tasks?time=outcome&state=succeeded,failed&kind=audio&limit=100")["tasks"]
    (ended,) = [row["outcome_at"] for row in rows if row["vid"] == done]
    selection = {"state": ["succeeded", "lost"], "kind": "audio", "since": ended, "until": ended}
    counted = post(deployed, "/tasks/replay", selection | {"dry_run": True})
    assert (counted.status_code, counted.json()["jobs"]) == (200, [])
    assert counted.json()["count"] >= 1
    received = len(deployed.events(done, "succeeded"))
    started = post(deployed, "/tasks/replay", selection)
    assert (started.status_code, len(started.json()["jobs"])) == (202, 2)
    until(lambda: deployed.invoke("Sweep")["replay"], "the sweep", TICK)
    until(lambda: len(deployed.events(done, "succeeded")) > received, "the replay")


def test_a_batch(deployed: Deployed, song: Path) -> None:
    urls = [deployed.api_client.upload(MUSIC, deployed.key(f"{number}.mp3"), song).url for number in range(3)]
    tasks = [{"provider": "cts", "url": url, "bucketName": MUSIC, "bucketRegion": BUCKET_REGION} for url in urls]
    first = post(deployed, "/tasks/audio/batch", {"tasks": [*tasks, {"url": "x"}]})
    assert first.status_code == 207
    assert [one["status"] for one in first.json()["results"]] == [202, 202, 202, 400]

    def named() -> list[str]:
        results = post(deployed, "/tasks/audio/batch", {"tasks": tasks}).json()["results"]
        return [one["vid"] for one in results] if all(one["status"] == 200 for one in results) else []

    for vid in until(named, "the queue"):
        assert deployed.outcome(vid)["state"] == "succeeded"
        assert deployed.events(vid, "succeeded")


def test_a_request_that_is_refused_after_it_was_accepted(deployed: Deployed) -> None:
    url = file_in(MUSIC, f"{deployed.key('x')}.mp3").url
    deployed.faults(api_error=4000)
    batch = {"tasks": [{"provider": "cts", "url": url, "bucketName": MUSIC, "bucketRegion": BUCKET_REGION}]}
    assert post(deployed, "/tasks/audio/batch", batch).json()["results"][0]["status"] == 202
    found = until(lambda: [one for one in deployed.listen() if one["data"].get("url") == url], "the refusal")
    assert {one["type"] for one in found} == {"mediarelay.submit.refused"}
    assert post(deployed, "/tasks/audio/batch", batch).json()["results"][0]["status"] == 422
    deployed.faults()
    assert post(deployed, "/tasks/audio/batch", batch).json()["results"][0]["status"] == 202, "its key is free"


def test_the_quarantine_is_listed_and_read_again(deployed: Deployed) -> None:
    body = f"no callback {deployed.key('x')}"
    assert deployed.callback("video", body.encode()).status_code == 400
    day = f"{datetime.now(UTC):%Y-%m-%d}"
    listed = deployed.api_client.get(f"/quarantine?day={day}")
    assert body in [one["body"] for one in listed["bodies"]]
    again = post(deployed, "/quarantine/replay", {"day": day})
    assert again.status_code == 200
    assert again.json()["stored"] == 0
    assert again.json()["refused"] >= 1


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/tasks/nothing/replay", {}, 404),
        ("/tasks/replay", {"state": "lost", "rate": 0}, 400),
        ("/tasks/replay", {}, 400),
        ("/tasks/replay", {"state": "lost", "since": "2026-01-02T00:00:00Z", "until": "2026-01-01T00:00:00Z"}, 400),
        ("/quarantine/replay", {"day": "today"}, 400),
        ("/tasks/audio/batch", {"tasks": []}, 400),
        ("/tasks/audio/batch", {"tasks": [{}] * 501}, 400),
    ],
)
def test_requests_that_make_no_sense(deployed: Deployed, path: str, body: Any, status: int) -> None:
    answer = post(deployed, path, body)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
