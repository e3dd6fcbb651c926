"""Songs on the deployed stack: every variant of a relay, what a room reads, what is said, no token anywhere else."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
import requests

from mediarelay.signing.zego import callback_signature
from tests.e2e.deployed import TICK, Deployed, until

PAYLOADS = Path(__file__).parents[1] / "contract" / "payloads" / "zego"
LIFE = 14_000
"""Milliseconds: time enough to be read, and soon over."""
VARIANTS = sorted(path.stem for path in PAYLOADS.glob("*.json") if path.stem not in {"empty", "service_error"})


def relay(deployed: Deployed, name: str, **changes: Any) -> dict[str, Any]:
    result = json.loads((PAYLOADS / f"{name}.json").read_text("utf-8"))
    result["data"] = result.get("data", {}) | changes
    return {"room_id": deployed.key("room").replace("/", "-"), "vendor_id": 1, "song_id": "104008", "result": result}


def songs(deployed: Deployed, room: str, path: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = deployed.api_client.get(f"/rooms/{room}/songs{path}")["songs"]
    return found


def said(deployed: Deployed, room: str) -> list[str]:
    received = [event for event in deployed.listen() if event["subject"].startswith(f"{room}/")]
    return [event["type"].rpartition(".")[2] for event in received]


@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_is_ready_and_can_be_used(deployed: Deployed, name: str) -> None:
    message = relay(deployed, name)
    (receipt,) = deployed.api_client.relay(message)["results"]
    assert (receipt["accepted"], receipt["duplicate"]) == (True, False)
    assert deployed.api_client.relay(message)["results"][0]["duplicate"] is True
    (song,) = songs(deployed, message["room_id"])
    assert (song["next"], song["song_id"], song["type"]) == ("use", "104008", receipt["type"])
    assert song["resources"][0]["ms_left"] > 0
    until(lambda: "ready" in said(deployed, message["room_id"]), "the notification")


@pytest.mark.parametrize("name", ["empty", "service_error"])
def test_a_failure(deployed: Deployed, name: str) -> None:
    message = relay(deployed, name) | {"resource_type": "accompaniment"}
    deployed.api_client.relay(message)
    (song,) = songs(deployed, message["room_id"], "/104008")
    assert song["error"]["advice"]
    until(lambda: said(deployed, message["room_id"]) == ["failed"], "the notification")


@pytest.mark.parametrize("scheme", ["webhooks", "zego"])
@pytest.mark.parametrize(
    ("fault", "statuses", "after"),
    [
        ("nothing", [200], "use"),
        ("empty", [200], "give_up"),
        ("expired", [200], "acquire"),
        ("duplicates", [200] * 3, "use"),
        ("out_of_order", [200] * 2, "use"),
        ("wrong_signature", [401], None),
        ("error", [200], "give_up"),
    ],
)
def test_what_the_engine_s_game_server_does_wrong(
    deployed: Deployed, scheme: str, fault: str, statuses: list[int], after: str | None
) -> None:
    order = {"room_id": deployed.key("room").replace("/", "-"), "scheme": scheme, "fault": fault}
    answer = requests.post(f"{deployed.stack.env.engine_url}/_engine/music", json=order, timeout=30)
    assert answer.json() == {"statuses": statuses}
    assert [song["next"] for song in songs(deployed, order["room_id"])] == ([after] if after else [])


def test_a_song_runs_out(deployed: Deployed) -> None:
    lives = {"share_token_ttl": 11_000, "resources": [{"resource_id": "x", "quality": "hq", "resource_ttl": 11_000}]}
    message = relay(deployed, "song", **lives)
    deployed.api_client.relay(message)
    room = message["room_id"]
    first = songs(deployed, room)[0]["share_ms_left"]
    assert songs(deployed, room)[0]["share_ms_left"] < first <= 10_000
    until(lambda: deployed.invoke("Sweep") and "expired" in said(deployed, room), "the end", TICK)
    assert songs(deployed, room)[0]["next"] == "acquire"
    assert set(said(deployed, room)) == {"ready", "expiring", "expired"}


def test_with_zego_s_fields_in_a_batch(deployed: Deployed) -> None:
    first, second = relay(deployed, "song"), relay(deployed, "accompaniment")
    secret, now, nonce = (
        deployed.stack.env.keys.music,
        int(time.time()),
        7407715855877898783 + time.time_ns() % 10**6,
    )
    proof = {"Signature": callback_signature(secret, now, nonce), "Timestamp": now, "Nonce": nonce}
    answer = deployed.post("/callbacks/music", json.dumps({"relays": [first, second]} | proof).encode())
    assert [one["duplicate"] for one in answer.json()["results"]] == [False, False]
    again = deployed.post("/callbacks/music", json.dumps({"relays": [second]} | proof).encode())
    assert again.status_code == 401, "the nonce was for another message"


@pytest.mark.parametrize("headers", [{}, {"webhook-id": "m", "webhook-timestamp": "1", "webhook-signature": "v1,AAAA"}])
def test_what_is_not_proved_is_401_and_leaves_nothing(deployed: Deployed, headers: dict[str, str]) -> None:
    message = relay(deployed, "song")
    answer = deployed.post("/callbacks/music", json.dumps(message).encode(), headers)
    assert (answer.status_code, answer.json()["title"]) == (401, "Unauthenticated")
    assert songs(deployed, message["room_id"]) == []


def test_marked_tokens_are_where_they_belong_and_nowhere_else(deployed: Deployed) -> None:
    """A result comes as an object or as its text; both rooms wait for their end together."""
    refusals: dict[str, str] = {}
    rooms = [_marked(deployed, form, refusals) for form in (dict, json.dumps)]
    until(
        lambda: deployed.invoke("Sweep") and all("expired" in said(deployed, room) for room in rooms), "the end", TICK
    )
    day = time.strftime("%Y-%m-%d", time.gmtime())
    shown = json.dumps(deployed.api_client.get(f"/quarantine?day={day}")) + deployed.stored() + deployed.logs()
    for room in rooms:
        assert {"ready", "expired"} <= set(said(deployed, room))
        assert "CANARY" not in json.dumps(songs(deployed, room, "/104008?tokens=true"))
        shown += json.dumps([songs(deployed, room), songs(deployed, room, "/104008"), refusals[room]])
    shown += json.dumps(deployed.received)
    assert "RelayStored" in shown, "the logs were not read"
    assert "CANARY" not in shown


def _marked(deployed: Deployed, form: Callable[[Any], Any], refusals: dict[str, str]) -> str:
    """Relay marked tokens in one form, hold what is shown of them while they live, and return the room."""
    marks = {"share_token": "CANARY-share", "krc_token": "CANARY-krc"}
    resources = [{"resource_id": "CANARY-id", "share_token": "CANARY-old", "quality": "normal", "resource_ttl": LIFE}]
    lives = {"token_ttl": LIFE, "share_token_ttl": LIFE, "krc_token_ttl": LIFE}
    message = relay(deployed, "accompaniment", **marks, **lives, resources=resources)
    message["result"] = form(message["result"])
    room: str = message["room_id"]
    deployed.api_client.relay(message)
    bad = json.dumps(message | {"vendor_id": "x"})
    with pytest.raises(Exception, match="400") as refused:
        deployed.api_client.relay(json.loads(bad))
    refusals[room] = str(refused.value)
    (shown,) = songs(deployed, room, "/104008?tokens=true")
    assert {name: shown[name] for name in marks} == marks
    assert shown["resources"][0]["share_token"] == "CANARY-old"
    assert "CANARY-id" not in json.dumps(shown)
    history = deployed.api_client.get(f"/rooms/{room}/songs/104008/history")
    assert history["relays"][0]["resource_ids"] == ["CANARY-id"]
    assert json.dumps(history).count("CANARY") == 1
    return room


def test_tokens_need_their_scope(deployed: Deployed) -> None:
    room = relay(deployed, "song")["room_id"]
    url = f"{deployed.deployment.api_url}/rooms/{room}/songs/1?tokens=true"
    assert requests.get(url, timeout=30).status_code == 401
    assert requests.get(url, headers=deployed.api_client.headers, timeout=30).status_code == 404


def test_a_room_and_a_song_with_odd_names(deployed: Deployed) -> None:
    """A path may arrive decoded or not, so odd names go by the query; a percent sign is understood either way."""
    room, song = f"50% {deployed.key('room').replace('/', '-')}", "a%2Fb/c?d#e&f=+ü"
    message = relay(deployed, VARIANTS[0], song_id=song) | {"room_id": room}
    deployed.api_client.relay(message)
    query = urlencode({"room_id": room, "song_id": song}, quote_via=quote)
    (found,) = deployed.api_client.get(f"/songs?{query}")["songs"]
    assert (found["room_id"], found["song_id"]) == (room, song)
    (found,) = songs(deployed, quote(room, safe=""))
    assert (found["room_id"], found["song_id"]) == (room, song)
