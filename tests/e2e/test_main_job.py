"""The main job, deployed: submitted or uploaded, transcoded, called back, confirmed, stored, published."""

from pathlib import Path

import pytest

from engine.probe import probe
from local.client import bucket_host
from local.stack import CLIPS, MUSIC
from mediarelay.domain.tasks.file_url import MAX_KEY_BYTES
from tests.e2e.deployed import TICK, Deployed, until


@pytest.mark.parametrize("name", ["song.mp3", "a b \u00e9 [100%].mp3"])
def test_audio_by_submit(deployed: Deployed, song: Path, tmp_path: Path, name: str) -> None:
    upload = deployed.api_client.upload(MUSIC, deployed.key(name), song)
    created = deployed.api_client.submit_audio(upload, MUSIC)
    assert deployed.api_client.submit_audio(upload, MUSIC)["vid"] == created["vid"]
    task = deployed.outcome(created["vid"])
    assert (task["state"], task["kind"], task["source"]["url"]) == ("succeeded", "audio", upload.url)
    assert {one["name"] for one in task["renditions"]} == {"128000_mp3", "48000_m4a", "0_flac"}
    assert {event["id"] for event in deployed.events(task["vid"], "succeeded")} == {
        deployed.events(task["vid"], "succeeded")[0]["id"]
    }
    assert deployed.events(task["vid"], "succeeded")[0]["data"]["renditions"] == task["renditions"]
    _holds_what_the_ledger_says(deployed, task, tmp_path)


def test_video_by_upload(deployed: Deployed, clip: Path, tmp_path: Path) -> None:
    upload = deployed.api_client.upload(CLIPS, deployed.key("clip.mp4"), clip)
    created = deployed.api_client.track_video(upload)
    task = deployed.outcome(created["vid"])
    assert task["state"] == "succeeded"
    assert {(one["kind"], one["name"]) for one in task["renditions"]} == {
        ("video", "f10"),
        ("video", "f20"),
        ("video", "f30"),
        ("video", "f40"),
        ("cover", "s_270"),
        ("gif", "w_320"),
    }
    assert deployed.events(task["vid"], "succeeded")
    origins = {line["origin"] for line in deployed.api_client.get(f"/tasks/{task['vid']}/history")["observations"]}
    assert origins >= {"track", "claim", "answer"}
    _holds_what_the_ledger_says(deployed, task, tmp_path)


def test_video_without_a_track(deployed: Deployed, clip: Path) -> None:
    upload = deployed.api_client.upload(CLIPS, deployed.key("untracked.mp4"), clip)
    rows = until(lambda: _rows(deployed, "kind=video&state=succeeded", upload.url), "the untracked video")
    assert deployed.events(rows[0]["vid"], "succeeded")


ODD_NAMES = (
    *("a#b.mp3", "a?b.mp3", "100%.mp3", "a%20b.mp3", "a b.mp3", "a+b.mp3", "%E4%BD%A0.mp3", "\u4f60.mp3"),
    *("\U0001f469\u200d\U0001f3a4.mp3", "k" * 780 + ".mp3"),
)


def test_each_odd_key_is_a_task_of_its_own(deployed: Deployed, song: Path) -> None:
    folder = deployed.key("")
    uploads = {name: deployed.api_client.upload(MUSIC, folder + name, song) for name in ODD_NAMES}
    created = {name: deployed.api_client.submit_audio(upload, MUSIC)["vid"] for name, upload in uploads.items()}
    assert len(set(created.values())) == len(ODD_NAMES)
    for name, vid in created.items():
        task = deployed.outcome(vid)
        assert (task["state"], task["source"]["path"]) == ("succeeded", f"/{folder}{name}")
        assert task["source"]["url"] == uploads[name].url
        assert deployed.events(vid, "succeeded")[0]["data"]["source"] == task["source"]
        assert deployed.api_client.get(f"/tasks/{vid}/history")["conflicts"] == []


def test_videos_of_odd_keys_are_found_by_their_url(deployed: Deployed, clip: Path) -> None:
    folder = deployed.key("")
    deployed.configure(transcoder="stub")
    try:
        for name in ("a#b?c%20.mp4", "a#b?c .mp4"):
            upload = deployed.api_client.upload(CLIPS, folder + name, clip)
            vid = deployed.api_client.expect_video(upload.url)["vid"]
            assert deployed.outcome(vid)["source"]["url"] == upload.url
            assert deployed.api_client.track_video(upload)["vid"] == vid
    finally:
        deployed.configure(transcoder="ffmpeg")


def test_the_longest_key_ends_in_the_outcome_of_the_engine(deployed: Deployed, song: Path) -> None:
    folder = deployed.key("")
    upload = deployed.api_client.upload(MUSIC, folder + "\u540d" * ((MAX_KEY_BYTES - len(folder)) // 3), song)
    task = deployed.outcome(deployed.api_client.submit_audio(upload, MUSIC)["vid"])
    assert (task["state"], task["source"]["url"]) in {("succeeded", upload.url), ("failed", upload.url)}


@pytest.mark.parametrize("kind", ["audio", "video"])
def test_file_that_is_no_media(deployed: Deployed, tmp_path: Path, kind: str) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"this is no media file\n" * 100)
    upload = deployed.api_client.upload(CLIPS if kind == "video" else MUSIC, deployed.key("broken.mp4"), broken)
    created = (
        deployed.api_client.track_video(upload) if kind == "video" else deployed.api_client.submit_audio(upload, MUSIC)
    )
    task = deployed.outcome(created["vid"])
    assert (task["state"], task.get("renditions", [])) == ("failed", [])
    assert task["faults"][0]["code"]
    assert deployed.events(task["vid"], "failed")[0]["data"]["faults"] == task["faults"]


def test_resubmit_supersedes(deployed: Deployed, song: Path) -> None:
    deployed.configure(stage_delay=2)
    key = deployed.key("twice.mp3")
    first = deployed.api_client.submit_audio(deployed.api_client.upload(MUSIC, key, song), MUSIC)
    second = deployed.api_client.submit_audio(deployed.api_client.upload(MUSIC, key, song), MUSIC)
    assert first["vid"] != second["vid"]
    assert deployed.outcome(second["vid"])["state"] == "succeeded"
    until(
        lambda: deployed.invoke("PollAudio") and deployed.api_client.task(first["vid"])["state"] == "superseded",
        "superseded",
        TICK,
    )
    assert deployed.events(first["vid"], "superseded")
    assert deployed.types(first["vid"]) <= {"mediarelay.task.superseded", "mediarelay.task.started"}


def test_lost_callback_is_found_by_the_poll(deployed: Deployed, clip: Path, song: Path) -> None:
    deployed.faults(drop_callbacks=True)
    video = deployed.api_client.track_video(deployed.api_client.upload(CLIPS, deployed.key("silent.mp4"), clip))
    audio = deployed.api_client.submit_audio(deployed.api_client.upload(MUSIC, deployed.key("silent.mp3"), song), MUSIC)
    for function, vid in (("PollVideo", video["vid"]), ("PollAudio", audio["vid"])):
        until(lambda: _polled(deployed, function, vid) == "succeeded", function, TICK)  # noqa: B023
        assert deployed.events(vid, "succeeded")
        history = deployed.api_client.get(f"/tasks/{vid}/history")["observations"]
        assert "claim" not in {line["origin"] for line in history}


def test_the_sweep_publishes_an_outcome_that_the_stream_lost(deployed: Deployed, song: Path) -> None:
    mappings = deployed.functions.list_event_source_mappings()["EventSourceMappings"]
    stream = next(one["UUID"] for one in mappings if ":dynamodb:" in one["EventSourceArn"])
    deployed.functions.update_event_source_mapping(UUID=stream, Enabled=False)
    try:
        upload = deployed.api_client.upload(MUSIC, deployed.key("unheard.mp3"), song)
        vid = deployed.api_client.submit_audio(upload, MUSIC)["vid"]
        until(lambda: _polled(deployed, "PollAudio", vid) == "succeeded", "the poll", TICK)
        assert deployed.types(vid) == set()
        # The callback guards the outcome until its poll; then the sweep publishes it.
        until(lambda: _polled(deployed, "PollAudio", vid) and _swept(deployed, vid), "the sweep", TICK)
    finally:
        deployed.functions.update_event_source_mapping(UUID=stream, Enabled=True)


def _polled(deployed: Deployed, function: str, vid: str) -> str:
    deployed.invoke(function)
    return deployed.api_client.task(vid)["state"]


def _swept(deployed: Deployed, vid: str) -> bool:
    deployed.invoke("Sweep")
    return "mediarelay.task.succeeded" in deployed.types(vid)


def _rows(deployed: Deployed, query: str, url: str) -> list[dict[str, str]]:
    return [row for row in deployed.api_client.get(f"/tasks?{query}&limit=100")["tasks"] if row.get("url") == url]


def _holds_what_the_ledger_says(deployed: Deployed, task: dict, folder: Path) -> None:
    for rendition in task["renditions"]:
        if rendition["kind"] not in {"video", "audio"}:
            continue
        file = folder / Path(rendition["paths"][0]).name
        size = deployed.api_client.download(bucket_host(rendition["dst"]["bucket"]), rendition["paths"][0], file)
        facts = probe(file)
        assert size == rendition["size"] == facts.size
        assert facts.duration == pytest.approx(task["source"]["duration"], abs=1)
        if facts.video:
            assert (facts.video.width, facts.video.height) == (rendition["width"], rendition["height"])
            assert facts.bitrate == pytest.approx(rendition["bitrate"], abs=1024)
        elif "bitrate" in rendition:
            assert rendition["bitrate"] == pytest.approx(int(rendition["name"].split("_")[0]), rel=0.25)
