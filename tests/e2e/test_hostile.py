"""Forged, malformed and unauthenticated requests against the deployed stack."""

import json
from pathlib import Path

import pytest
import requests

from local.aws import client
from local.client import file_in
from local.stack import CLIPS, MUSIC
from tests.e2e.deployed import TICK, Deployed, until


@pytest.mark.parametrize("kind", ["video", "audio", "mps"])
def test_wrong_token_is_401_and_nothing_is_stored(deployed: Deployed, kind: str) -> None:
    vid = "f" * 32 + "1700000000"
    body = json.dumps({"vid": vid, "status": "success", "detail": {}}).encode()
    answer = deployed.callback(kind, body, token="wrong")
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body.pop("request_id")
    assert body == {
        "type": "/docs/errors#unauthenticated",
        "title": "Unauthenticated",
        "status": 401,
        "code": "unauthenticated",
    }
    assert (
        requests.get(
            f"{deployed.deployment.api_url}/tasks/{vid}", headers=deployed.api_client.headers, timeout=30
        ).status_code
        == 404
    )


@pytest.mark.parametrize(("header", "status"), [(None, 401), ("Bearer wrong", 403), ("Basic d3Jvbmc6", 403)])
def test_clients_need_a_live_token(deployed: Deployed, header: str | None, status: int) -> None:
    headers = {"Authorization": header} if header else {}
    for path in ("/tasks", "/tasks/abc", "/tasks/abc/history"):
        assert requests.get(deployed.deployment.api_url + path, headers=headers, timeout=30).status_code == status
    assert deployed.post("/tasks/audio", b"{}", headers).status_code == status
    assert requests.get(f"{deployed.deployment.api_url}/health", timeout=30).json()["status"] == "ok"


@pytest.mark.parametrize(("forged", "media"), [("fail", "clip"), ("success", "broken")])
def test_a_forged_claim_decides_nothing(
    deployed: Deployed, clip: Path, tmp_path: Path, forged: str, media: str
) -> None:
    deployed.configure(stage_delay=2)
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no media" * 100)
    upload = deployed.api_client.upload(CLIPS, deployed.key("clip.mp4"), clip if media == "clip" else broken)
    vid = deployed.api_client.track_video(upload)["vid"]
    body = json.dumps({"status": forged, "vid": vid, "app_id": 1, "detail": {"error_code": [1]}}).encode()
    assert deployed.callback("video", body).json() == {"vid": vid, "accepted": True, "duplicate": False}
    assert deployed.callback("video", body).json()["duplicate"] is True
    true = {"clip": "succeeded", "broken": "failed"}[media]
    assert deployed.outcome(vid)["state"] == true
    deployed.events(vid, true)
    assert deployed.types(vid) <= {f"mediarelay.task.{true}", "mediarelay.task.started"}


@pytest.mark.parametrize("kind", ["video", "mps"])
@pytest.mark.parametrize("body", [b"", b"not json", b"[]", b'{"vid": "../../x"}', b"[" * 100_000, b"\xff\xfe"])
def test_malformed_callbacks_are_400_and_kept(deployed: Deployed, kind: str, body: bytes) -> None:
    answer = deployed.callback(kind, body)
    assert answer.status_code == 400
    assert answer.json()["field"]


def test_a_new_callback_token_works_without_a_deployment(deployed: Deployed) -> None:
    secrets = client(deployed.stack.env, "secretsmanager")
    name, old = deployed.deployment.outputs["CallbackTokensSecret"], deployed.stack.env.keys.callback_token
    body = json.dumps({"vid": "a" * 42, "status": "success", "detail": {}}).encode()
    assert deployed.callback("audio", body, token="fresh").status_code == 401
    before = json.loads(secrets.get_secret_value(SecretId=name)["SecretString"])
    secrets.put_secret_value(SecretId=name, SecretString=json.dumps(before | {"tokens": f"{old} fresh"}))
    try:
        until(lambda: deployed.callback("audio", body, token="fresh").ok, "the new token", TICK)
        assert deployed.callback("audio", body, token=old).ok
    finally:
        secrets.put_secret_value(SecretId=name, SecretString=json.dumps(before))
    until(lambda: deployed.callback("audio", body, token="fresh").status_code == 401, "the old tokens alone", TICK)


def test_same_key_for_another_request_is_409(deployed: Deployed, song: Path) -> None:
    upload = deployed.api_client.upload(MUSIC, deployed.key("song.mp3"), song)
    deployed.api_client.submit_audio(upload, MUSIC)
    headers = deployed.api_client.headers | {"Idempotency-Key": upload.cos_request_id}
    other = {"provider": "cts", "url": f"{upload.url}.mp3", "bucketName": MUSIC, "bucketRegion": "sh"}
    answer = deployed.post("/tasks/audio", json.dumps(other).encode(), headers)
    assert (answer.status_code, answer.json()["title"]) == (409, "Conflict")


def test_a_refused_submit_says_so_and_frees_its_key(deployed: Deployed) -> None:
    headers = deployed.api_client.headers | {"Idempotency-Key": deployed.key("refused")}
    deployed.faults(api_error=4000)
    for name in ("a.mp3", "b.mp3"):
        body = {"provider": "cts", "url": file_in(MUSIC, name).url, "bucketName": MUSIC, "bucketRegion": "sh"}
        answer = deployed.post("/tasks/audio", json.dumps(body).encode(), headers)
        assert (answer.status_code, answer.json()["title"]) == (422, "Provider refused")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"url": "https://music-1250000000.cossh.myqcloud.com/a.mp3"}, "url"),
        ({"url": "http://music-1250000000.cossh.myqcloud.com:80/a.mp3"}, "url"),
        ({"url": "http://music-1250000000.cossh.myqcloud.com/a.mp3?sign=x"}, "url"),
        ({"url": "http://music-1250000000.cossh.myqcloud.com/%C4%E3.mp3"}, "url"),
        ({"url": "http://example.com/a.mp3"}, "url"),
        ({"bucketName": "other"}, "bucketName"),
        ({"bucketRegion": "gz"}, "bucketRegion"),
    ],
)
@pytest.mark.parametrize("provider", ["cts", "mps"])
def test_what_can_never_be_confirmed_is_refused_at_once(
    deployed: Deployed, provider: str, change: dict[str, str], field: str
) -> None:
    body = {
        "provider": provider,
        "url": file_in(MUSIC, "a.mp3").url,
        "bucketName": MUSIC,
        "bucketRegion": "sh",
    } | change
    answer = deployed.post("/tasks/audio", json.dumps(body).encode(), deployed.api_client.headers)
    assert (answer.status_code, answer.json()["field"]) == (400, field)


def test_no_secret_is_in_any_log(deployed: Deployed) -> None:
    text = deployed.logs()
    keys = deployed.stack.env.keys
    found = [name for name in ("secret_key", "bearer", "callback_token", "music") if getattr(keys, name) in text]
    assert found == []
    assert "ClaimStored" in text, "the logs were not read"
