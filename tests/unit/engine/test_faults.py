"""Order, repetition, loss: with the stub, so that only the engine itself is looked at."""

import time

import pytest

VIDEO = "cts-1250000000.cossh.myqcloud.com"


def states(engine, vid: str) -> list[int]:
    """Ask until the end; returns the states seen, in order."""
    seen: list[int] = []
    while not seen or seen[-1] not in (4, 5):
        data = engine.call("GetCtsInfo", vid=vid)["data"]
        assert ("result" in data) is (data["status"] == 5)
        if data["status"] not in seen:
            seen.append(data["status"])
        time.sleep(0.02)
    return seen


def settled(engine, vid: str, state: str, count: int = 1) -> list[dict]:
    """Wait until so many callbacks of a task are in a state."""
    deadline = time.monotonic() + 10
    while True:
        shown = [each for each in engine.console(f"callbacks?vid={vid}")["callbacks"] if each["state"] == state]
        if len(shown) >= count:
            return shown
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_the_states_are_seen_in_order(stub) -> None:
    stub.console("config", {"stage_delay": 0.2})
    assert states(stub, stub.upload(VIDEO, "/a.mp4", b"x")) == [1, 2, 3, 5]


def test_the_stub_makes_small_outputs_of_anything(stub, receiver) -> None:
    vid = stub.upload(VIDEO, "/a.mp4", b"whatever")
    data = stub.final("GetCtsInfo", vid)
    assert (data["status"], data["size"]) == (5, 8)
    for info in data["result"]["video"]["info"]:
        status, _, body = stub.request("GET", info["path"], headers={"Host": VIDEO})
        assert (status, len(body)) == (200, info["trans_size"])
    (sent,) = receiver.of(vid)
    assert "callback_type" not in sent


def test_a_folder_is_no_task(stub) -> None:
    folder, empty, odd = (stub.upload(VIDEO, *what) for what in (("/clips/", b""), ("/empty.mp4", b""), ("/x/", b"x")))
    assert stub.call("GetCtsInfo", vid=folder)["code"] == 5000
    assert [stub.call("GetCtsInfo", vid=vid)["code"] for vid in (empty, odd)] == [0, 0]
    status, _, body = stub.request("GET", "/clips/", headers={"Host": VIDEO})
    assert (status, body) == (200, b"")


def test_the_same_file_again_deletes_the_earlier_task(stub, receiver) -> None:
    stub.console("config", {"stage_delay": 0.3})
    first = stub.upload(VIDEO, "/a.mp4", b"x")
    time.sleep(0.1)
    second = stub.upload(VIDEO, "/a.mp4", b"y")
    assert first != second
    assert stub.call("GetCtsInfo", vid=first)["data"]["deleted"] == "yes"
    assert stub.final("GetCtsInfo", second)["deleted"] == "no"
    receiver.of(second)
    data = stub.call("GetCtsInfo", vid=first)["data"]
    assert (data["deleted"], data["status"] in (1, 2, 3)) == ("yes", True)
    assert receiver.seen(first) == []
    assert stub.call("GetCtsInfo", url=data["url"])["data"]["vid"] == second


def test_a_finished_task_is_deleted_too_and_keeps_its_result(stub) -> None:
    first = stub.upload(VIDEO, "/a.mp4", b"x")
    stub.final("GetCtsInfo", first)
    stub.upload(VIDEO, "/a.mp4", b"x")
    data = stub.call("GetCtsInfo", vid=first)["data"]
    assert (data["status"], data["deleted"], "result" in data) == (5, "yes", True)


def test_dropped_callbacks_are_recorded_and_not_sent(stub, receiver) -> None:
    stub.console("faults", {"drop_callbacks": True})
    vid = stub.upload(VIDEO, "/a.mp4", b"x")
    (shown,) = settled(stub, vid, "dropped")
    assert (shown["attempts"], shown["body"]["status"]) == ([], "success")
    assert receiver.seen(vid) == []


def test_copies_are_alike(stub, receiver) -> None:
    stub.console("faults", {"callback_copies": 3})
    vid = stub.upload(VIDEO, "/a.mp4", b"x")
    copies = receiver.of(vid, 3)
    assert copies == [copies[0]] * 3
    assert len(settled(stub, vid, "delivered", 3)) == 3


def test_a_callback_can_come_late(stub, receiver) -> None:
    stub.console("faults", {"callback_delay": 0.5})
    vid = stub.upload(VIDEO, "/a.mp4", b"x")
    stub.final("GetCtsInfo", vid)
    assert receiver.seen(vid) == []
    assert receiver.of(vid)


def test_a_task_can_fail_on_purpose(stub, receiver) -> None:
    stub.console("faults", {"task_error": 122})
    vid = stub.upload(VIDEO, "/a.mp4", b"x")
    assert stub.final("GetCtsInfo", vid)["error_code"] == 122
    assert receiver.of(vid)[0]["detail"]["error_code"] == [122]


def test_a_callback_is_tried_again(stub, receiver) -> None:
    receiver.answers = [503, 302]
    vid = stub.upload(VIDEO, "/a.mp4", b"x")
    (shown,) = settled(stub, vid, "delivered")
    assert [attempt["http_status"] for attempt in shown["attempts"]] == [503, 302, 200]
    assert len(receiver.seen(vid)) == 3


def test_tries_are_bounded(stub, receiver) -> None:
    stub.console("config", {"video_callback_url": "http://127.0.0.1:9/"})
    vid = stub.upload(VIDEO, "/a.mp4", b"x")
    (shown,) = settled(stub, vid, "given_up")
    assert [attempt["http_status"] for attempt in shown["attempts"]] == [None] * 3
    assert all(attempt["error"] for attempt in shown["attempts"])


def test_callbacks_are_json(stub, receiver) -> None:
    vid = stub.upload(VIDEO, "/%E9%9F%B3.mp4", b"x")
    assert receiver.of(vid)[0]["url_f0"] == "/音.mp4"
    path, _, headers = next(got for got in receiver.got if got[1].get("vid") == vid)
    assert (path, headers["Content-Type"]) == ("/video", "application/json; charset=utf-8")


def test_a_bucket_without_the_switch_starts_nothing(stub) -> None:
    vid = stub.upload("music-1250000000.cosgz.myqcloud.com", "/a.mp4", b"x")
    assert stub.call("GetCtsInfo", vid=vid)["code"] == 5000


def test_many_uploads_all_end(stub, receiver) -> None:
    vids = [stub.upload(VIDEO, f"/{i}.mp4", b"x") for i in range(40)]
    for vid in vids:
        assert receiver.of(vid)[0]["status"] == "success"
    assert len(set(vids)) == 40


def test_a_cut_body_is_shown_as_it_was_sent(stub) -> None:
    stub.console("config", {"video_callback_url": "http://127.0.0.1:9/"})
    stub.console("faults", {"callback_corrupt": True})
    vid = stub.upload(VIDEO, "/a.mp4", b"x")
    (shown,) = settled(stub, vid, "given_up")
    assert isinstance(shown["body"], str)


def test_garbage_is_no_json_and_the_call_was_carried_out(stub) -> None:
    vid = stub.upload(VIDEO, "/a.mp4", b"x")
    stub.console("faults", {"api_garbage": True})
    with pytest.raises(ValueError, match="Expecting"):
        stub.call("GetCtsInfo", vid=vid)
