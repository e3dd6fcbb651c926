"""Answers of the API, as its contract shows them."""

from datetime import UTC, datetime, timedelta
from typing import Any


def at(seconds: float) -> str:
    """A time that many seconds from now."""
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


VID = "4124ecf1e5029cc14f5fb4241166b8e61795246506"
OTHER = "33436479bd0de52d439d4ff8061c857f1795244735"
SUBMISSION = "8f14e45fceea167a5a36dedd4bea2543" + "0" * 16
URL = "http://music-1250000000.cossh.myqcloud.com/run/%E6%AD%8C%E6%9B%B2.mp3"

HEALTHY: dict[str, Any] = {
    "version": "1.0.0",
    "time": at(0),
    "healthy": True,
    "problems": [],
    "duties": [
        {"duty": "audio", "due": 3, "more": False, "oldest_due_at": at(-5), "overdue": False},
        {"duty": "publish", "due": 0, "more": False, "overdue": False},
    ],
    "circuits": [{"circuit": "mps:ProcessMedia", "provider": "mps", "action": "ProcessMedia", "failures": 0}],
    "budget": [{"provider": "mps", "minute": "2026-11-21T08:00", "calls": 12, "unknown_calls": 1, "limit": 100}],
    "queues": [{"queue": "ConfirmQueue", "messages": 2, "in_flight": 1, "delayed": 0}],
    "dead_letters": [{"queue": "ConfirmDeadLetters", "messages": 0}],
    "schedules": [{"function": "sweep", "last_run_at": at(-12), "every_seconds": 60, "late": False}],
    "secrets": [{"secret": "ApiClients", "usable": 2, "unusable": [], "readable": True}],
    "quarantine": {"day": "2026-11-21", "bodies": 0, "more": False},
    "submissions": {"open": 0, "more": False},
    "endpoints": [],
}
UNHEALTHY = HEALTHY | {
    "healthy": False,
    "problems": [
        {
            "code": "dead_letters",
            "severity": "error",
            "subject": f"ConfirmDeadLetters{n}",
            "detail": "holds 2 messages that no attempt could process, and this sentence is far too long for a line",
            "since": at(-7200),
            "runbook": "/docs/runbook#confirmdeadletters",
        }
        for n in range(12)
    ],
    "duties": [{"duty": "publish", "due": 1000, "more": True, "oldest_due_at": at(-400), "overdue": True}],
    "circuits": [{"circuit": "cts:AddCtsAudioTask", "failures": 7, "open_until": at(130)}],
    "dead_letters": [{"queue": "ConfirmDeadLetters", "messages": 2}],
    "schedules": [{"function": "sweep", "every_seconds": 60, "late": True}],
    "secrets": [
        {"secret": "ApiClients", "usable": 1, "unusable": ["entry 2: no name"], "readable": True},
        {"secret": "MusicSecret", "usable": 0, "unusable": [], "readable": False},
    ],
    "quarantine": {"day": "2026-11-21", "bodies": 1, "more": False},
    "submissions": {"open": 1000, "more": True, "oldest_at": at(-90)},
    "endpoints": [{"name": "billing", "state": "failing", "pending": 4}],
}
STUCK = {
    "type": "task",
    "id": VID,
    "duty": "publish",
    "due_at": at(-400),
    "overdue_seconds": 400,
    "attempts": 3,
    "why": "the topic refused the message",
    "next": "the sweep publishes it within a minute",
    "action": "check the policy of the topic",
}
LISTED = [
    {"vid": VID, "kind": "audio", "state": "succeeded", "url": URL, "created_at": at(-180), "updated_at": at(-170)},
    {"vid": OTHER, "kind": "video", "state": "transcoding", "created_at": at(-7300), "updated_at": at(-7000)},
]
TASK: dict[str, Any] = {
    "vid": VID,
    "kind": "audio",
    "state": "succeeded",
    "partial": True,
    "source": {"url": URL, "place": {}, "size": 5139485, "duration": 8.5, "width": 640, "height": 360},
    "renditions": [
        {
            "kind": "audio",
            "name": "128000_mp3",
            "spec": {},
            "paths": ["/run/歌曲.mp3.128000_mp3.mp3", "/run/b"],
            "dst": {},
            "size": 129295,
            "bitrate": 128000,
        }
    ],
    "faults": [{"code": 122, "message": "no gif"}, {}],
    "submission": SUBMISSION,
    "reference": "order 17",
    "created_at": at(-180),
    "updated_at": at(-170),
    "next": {"duty": None, "published": ["mediarelay.task.succeeded"]},
}
HISTORY = {
    "vid": VID,
    "observations": [
        {"origin": "submit", "at": at(-180), "digest": "a" * 64, "body": {"url": URL}, "unreadable": []},
        {"origin": "reply", "at": at(-175), "digest": "b" * 64, "body": None, "reason": "is about another file"},
        {"origin": "answer", "at": at(-170), "digest": "c" * 64, "body": {"x": "\ud800"}, "unreadable": ["fps"]},
    ],
    "conflicts": [{"subject": "size", "values": {"1": ["claim"], "2": ["answer"]}, "settled": "2"}],
}
SUBMITTED = {
    "id": SUBMISSION,
    "state": "queued",
    "kind": "audio",
    "provider": "mps",
    "request": {"url": URL},
    "created_at": at(-60),
    "next_attempt_at": at(60),
}
SONG = {
    "room_id": "room-1",
    "song_id": "104008",
    "vendor_id": 2,
    "type": "accompaniment",
    "next": "play",
    "why": "the room holds the song",
    "share_ms_left": 125_000,
    "krc_ms_left": 4_000_000,
    "resources": [{"quality": "high", "ms_left": 61_000}],
    "name": "月亮代表我的心",
    "other_segments": [],
    "conflicts": [],
}
BODY = {
    "digest": "0f3a91c2" + "e" * 56,
    "route": "video",
    "reason": "no JSON",
    "at": at(-60),
    "size": 9,
    "body": "not\x1b[2J json",
}
EVENT = {
    "specversion": "1.0",
    "id": "20e84551-bf83-5f85-9030-1407ee15f0de",
    "type": "mediarelay.task.succeeded",
    "subject": VID,
    "time": at(-10),
    "data": {"vid": VID, "source": {"url": URL}},
}
REPLAY = {
    "id": "2f6d1a",
    "kind": "audio",
    "state": "lost",
    "time": "outcome",
    "rate": 60,
    "done": 7,
    "status": "running",
}
ENDPOINT = {"name": "billing", "url": "https://example.com/hook", "types": [], "state": "enabled", "pending": 0}
DELIVERY = {
    "id": EVENT["id"],
    "type": EVENT["type"],
    "subject": VID,
    "state": "failed",
    "attempts": 9,
    "last_status": 500,
    "last_error": "Internal Server Error",
    "created_at": at(-60),
}
MESSAGE = {"id": "m-1", "sent_at": at(-60), "received": 3, "body": '{"vid": "a"}', "attributes": {"kind": "audio"}}

ROUTES: dict[str, Any] = {
    "GET /status": HEALTHY,
    "GET /stuck": {"items": [STUCK]},
    "GET /tasks": {"tasks": LISTED},
    f"GET /tasks/{VID}": TASK,
    f"GET /tasks/{VID}/history": HISTORY,
    f"POST /tasks/{VID}/replay": {"vid": VID, "replay": "r1"},
    "POST /tasks/replay": lambda call: {"count": 123, "jobs": [] if call.body.get("dry_run") else ["2f6d1a"]},
    "GET /submissions": {"submissions": [SUBMITTED]},
    f"GET /submissions/{SUBMISSION}": SUBMITTED,
    f"POST /submissions/{SUBMISSION}/cancel": SUBMITTED | {"state": "cancelled"},
    "GET /songs": {"songs": [SONG]},
    "GET /replays": {"replays": [REPLAY]},
    "GET /replays/2f6d1a": REPLAY,
    "POST /replays/2f6d1a/stop": REPLAY | {"status": "stopped"},
    "GET /quarantine": {"bodies": [BODY]},
    "POST /quarantine/replay": {"stored": 2, "refused": 0},
    "GET /dead-letters": {"dead_letters": [{"queue": "ConfirmDeadLetters", "messages": 2}]},
    "GET /dead-letters/ConfirmDeadLetters/messages": {"messages": [MESSAGE]},
    "POST /dead-letters/ConfirmDeadLetters/redrive": {"moved": 2, "remaining": 0},
    "POST /dead-letters/ConfirmDeadLetters/purge": {"purged": 2},
    "GET /circuits": {"circuits": HEALTHY["circuits"]},
    "POST /circuits/mps:ProcessMedia/close": {"circuit": "mps:ProcessMedia", "failures": 0},
    "GET /webhooks": {"endpoints": [ENDPOINT]},
    "GET /webhooks/billing/deliveries": {"deliveries": [DELIVERY]},
    "POST /webhooks/billing/enable": ENDPOINT,
    "POST /webhooks/billing/disable": ENDPOINT | {"state": "disabled"},
    "POST /webhooks/billing/test": {"id": "e-1"},
    "POST /webhooks/billing/replay": {"queued": 5},
    "GET /events": {"events": [EVENT], "cursor": "c1"},
    "POST /events/test": {"id": "e-1"},
}
