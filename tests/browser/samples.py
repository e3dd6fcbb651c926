"""Answers of the HTTP API for a busy stack, in the form that its contract states."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from random import Random
from typing import Any

Data = dict[str, Any]

VID = "33436479bd0de52d439d4ff8061c857f1795244735"
FAILED_VID = "b24f2af5fb6ed32ea2f18ce8ef7fa4bf1795244790"
HOSTILE_VID = "fffc0ffee0de52d439d4ff8061c857f1795240666f"
SUBMISSION = "5e8f1c2d3b4a59687786a5b4c3d2e1f00f1e2d3c4b5a6978"
QUEUE = "ConfirmDeadLetters"
HOSTILE: tuple[str, ...] = (
    "<script>document.title='owned'</script><img src=x onerror=document.title='owned'>",
    "\u202egnp.exe\u2066 \u05e9\u05dc\u05d5\u05dd",
    "bell\x07 escape\x1b[31m null\x00 end",
    "{{constructor.constructor('document.title=1')()}} ${document.title=2} &amp; %3Cscript%3E",
    "x" * 10_240,
    "javascript:document.title='owned'",
)
OUTCOMES = ("succeeded", "failed", "superseded", "lost")
WEIGHTS = (90, 5, 2, 3)
OPEN = ("expected", "pending", "probed", "transcoding")
PLACE = {"app_id": 1250000000, "bucket": "clips", "region": "sh"}
NAMES = ("keynote", "trailer", "lesson-04", "interview", "match-highlights", "podcast-117", "jingle", "intro")


def iso(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


def vid_of(number: int) -> str:
    return f"{sha256(str(number).encode()).hexdigest()[:32]}{1795000000 + number}"


def listed_tasks(now: datetime, count: int = 640) -> list[Data]:
    """Tasks of the last day, newest first: a few open ones, and the outcomes of a day with a bad hour."""
    random = Random(7)  # noqa: S311 - a picture, not a secret
    tasks = []
    for number in range(count):
        age = timedelta(hours=24 * (number / count) ** 1.15, seconds=random.random() * 60)
        bad = timedelta(hours=7) < age < timedelta(hours=8)
        state = random.choices(OUTCOMES, (40, 45, 2, 13) if bad else WEIGHTS)[0]
        tasks.append(listed_task(number, now - age, OPEN[number % 4] if number < 9 else state))
    return tasks


def listed_task(number: int, at: datetime, state: str) -> Data:
    kind, name = ("audio", "mp3") if number % 5 == 3 else ("video", "mp4")
    task = {
        "vid": {9: VID, 10: FAILED_VID, 11: HOSTILE_VID}.get(number, vid_of(number)),
        "kind": kind,
        "state": {9: "succeeded", 10: "failed", 11: "failed"}.get(number, state),
        "url": f"http://clips-1250000000.cossh.myqcloud.com/in/{NAMES[number % len(NAMES)]}-{number:04d}.{name}",
        "created_at": iso(at - timedelta(seconds=90 + number % 40)),
        "updated_at": iso(at),
    }
    if number == 11:
        task |= {"url": HOSTILE[0]}
    return task | ({"outcome_at": iso(at)} if task["state"] in OUTCOMES else {})


def task_details(listed: Data, now: datetime) -> Data:
    """A task with everything that the console shows."""
    hostile = listed["vid"] == HOSTILE_VID
    details = {name: value for name, value in listed.items() if name not in {"url", "outcome_at"}}
    failed = listed["state"] == "failed"
    return details | {
        "submission": SUBMISSION,
        "reference": HOSTILE[1] if hostile else "order 4009",
        "source": {
            "url": HOSTILE[5] if hostile else listed["url"],
            "place": PLACE,
            "size": 51_394_850,
            "duration": 128.0,
            "width": 1920,
            "height": 1080,
            "bitrate": 3_212_000,
            "format": "mov,mp4",
        },
        "renditions": [] if failed else renditions(),
        "faults": [{"code": HOSTILE[2], "message": one} for one in HOSTILE] if hostile else faults() if failed else [],
        "next": next_of(listed, now),
        **({"progress": 42} if listed["state"] == "transcoding" else {}),
    }


def faults() -> list[Data]:
    return [
        {"code": 30301, "message": "The audio stream cannot be decoded: invalid frame header at 00:01:12"},
        {"code": "FailedOperation.Encoder", "message": "f20: the encoder stopped after 1,732 frames"},
    ]


def renditions() -> list[Data]:
    base = {"dst": PLACE}
    return [
        base
        | rendition("video", "f20", "/out/keynote.f20.mp4", width=1280, height=720, bitrate=1_720_000, size=27_520_110),
        base
        | rendition("video", "f10", "/out/keynote.f10.mp4", width=640, height=360, bitrate=512_000, size=8_192_480),
        base | rendition("audio", "128000_mp3", "/out/keynote.128000_mp3.mp3", bitrate=128_000, size=2_048_240),
        base | rendition("cover", "0_0", "/out/keynote.cover.png", width=1920, height=1080, size=482_113),
    ]


def rendition(kind: str, name: str, path: str, **more: int) -> Data:
    return {"kind": kind, "name": name, "spec": {"type": "original"}, "paths": [path], **more}


def next_of(listed: Data, now: datetime) -> Data:
    if listed["state"] in OUTCOMES:
        return {"attempts": 2, "published": ["mediarelay.task.started", "mediarelay.task.succeeded"]}
    at, end = now + timedelta(seconds=47), now + timedelta(hours=23, minutes=12)
    return {"duty": "query", "at": iso(at), "attempts": 3, "give_up_at": iso(end), "published": []}


def task_history(listed: Data) -> Data:
    created = datetime.fromisoformat(listed["created_at"])
    hostile = listed["vid"] == HOSTILE_VID
    bodies: list[tuple[str, Any]] = [
        ("submit", {"source": {"bucket": "clips-1250000000", "object": "/in/keynote.mp4"}, "outputs": [10, 20]}),
        (
            "claim",
            {
                "vid": listed["vid"],
                "status": 2,
                "callback_type": "transcode",
                "notes": list(HOSTILE) if hostile else [],
            },
        ),
        ("reply", HOSTILE[2] if hostile else {"Response": {"Error": {"Code": "InternalError"}}}),
        ("answer", {"Response": {"TaskType": "WorkflowTask", "Status": "FINISH"}}),
    ]
    observations = [
        {
            "origin": origin,
            "at": iso(created + timedelta(seconds=21 * index)),
            "digest": f"{index:064x}",
            "body": body,
            "unreadable": [],
        }
        for index, (origin, body) in enumerate(bodies)
    ]
    observations[2] |= {
        "unreadable": ["Response.TaskType"],
        "reason": HOSTILE[0] if hostile else "The answer states no task.",
    }
    conflict = {
        "subject": "state",
        "values": {"succeeded": ["claim"], "failed": ["claim", "trusted"]},
        "settled": "failed",
    }
    settled = {"subject": HOSTILE[1], "values": {HOSTILE[0]: ["claim"], "b": ["answer"]}, "settled": None}
    conflicts = {FAILED_VID: [conflict], HOSTILE_VID: [settled]}.get(listed["vid"], [])
    return {"vid": listed["vid"], "observations": observations, "conflicts": conflicts}


def status(now: datetime) -> Data:
    return {
        "version": "1.4.0",
        "time": iso(now),
        "healthy": False,
        "problems": [
            {
                "code": "dead_letters",
                "severity": "error",
                "subject": QUEUE,
                "detail": "12 messages wait in the dead-letter queue. Redrive them after the cause is repaired.",
                "since": iso(now - timedelta(hours=2, minutes=14)),
                "runbook": "/docs/runbook#confirmdeadlettersalarm",
            },
            {
                "code": "circuit_open",
                "severity": "warning",
                "subject": "mps:DescribeTaskDetail",
                "detail": "7 calls in a row failed. The next call follows after the break.",
                "since": iso(now - timedelta(minutes=8)),
                "runbook": "/docs/runbook#providerrefusesalarm",
            },
        ],
        "duties": [
            duty("video", 34, now - timedelta(seconds=12)),
            duty("audio", 6, now - timedelta(seconds=5)),
            duty("publish", 2, now - timedelta(minutes=3, seconds=20), overdue=True),
            duty("submit", 0, None),
            duty("song", 4, now - timedelta(seconds=2)),
        ],
        "circuits": circuits(now)["circuits"],
        "budget": [
            {"provider": "mps", "minute": iso(now)[:16], "calls": 214, "unknown_calls": 9, "limit": 600},
            {"provider": "cts", "minute": iso(now)[:16], "calls": 88, "unknown_calls": 0, "limit": 100},
        ],
        "queues": [
            {"queue": "ConfirmQueue", "messages": 18, "in_flight": 4, "delayed": 0},
            {"queue": "SubmitQueue", "messages": 0, "in_flight": 1, "delayed": 0},
        ],
        "dead_letters": dead_letters()["dead_letters"],
        "schedules": [
            {
                "function": "poll_video",
                "last_run_at": iso(now - timedelta(seconds=31)),
                "every_seconds": 60,
                "late": False,
            },
            {"function": "sweep", "last_run_at": iso(now - timedelta(minutes=4)), "every_seconds": 60, "late": True},
            {
                "function": "reconcile",
                "last_run_at": iso(now - timedelta(minutes=2)),
                "every_seconds": 300,
                "late": False,
            },
        ],
        "secrets": [
            {"secret": "CallbackTokens", "usable": 2, "unusable": [], "readable": True},
            {"secret": "ApiClients", "usable": 5, "unusable": ["entry 3: no scope"], "readable": True},
            {"secret": "MusicSecret", "usable": 0, "unusable": [], "readable": False},
        ],
        "quarantine": {"day": iso(now)[:10], "bodies": 3, "more": False},
        "submissions": {"open": 21, "more": False, "oldest_at": iso(now - timedelta(minutes=6))},
        "endpoints": webhooks(now)["endpoints"],
    }


def duty(name: str, due: int, oldest: datetime | None, *, overdue: bool = False) -> Data:
    shown = {"duty": name, "due": due, "more": False, "overdue": overdue, "failed": 2 if overdue else 0}
    return shown | ({"oldest_due_at": iso(oldest)} if oldest else {})


def circuits(now: datetime) -> Data:
    until = iso(now + timedelta(minutes=4))
    opened = {"circuit": "mps:DescribeTaskDetail", "provider": "mps", "action": "DescribeTaskDetail", "failures": 7}
    closed = {"circuit": "cts:GetCtsInfo", "provider": "cts", "action": "GetCtsInfo", "failures": 2}
    return {"circuits": [opened | {"open_until": until}, closed]}


def dead_letters() -> Data:
    names = {
        QUEUE: 12,
        "SubmitDeadLetters": 0,
        "CallbackBacklogDeadLetters": 0,
        "DispatchDeadLetters": 1,
        "ScheduleDeadLetters": 0,
    }
    return {"dead_letters": [{"queue": queue, "messages": messages} for queue, messages in names.items()]}


def dead_messages(now: datetime) -> Data:
    return {
        "messages": [
            {
                "id": f"7d9f2c{number:02d}-55aa-4c1e-9a51-1f2e3d4c5b6a",
                "sent_at": iso(now - timedelta(hours=2, minutes=number)),
                "received": 6,
                "body": HOSTILE[0] if number == 3 else f'{{"vid": "{vid_of(number)}"}}',
                "truncated": False,
                "attributes": {},
            }
            for number in range(6)
        ]
    }


def stuck(now: datetime) -> Data:
    rows = [
        (
            "task",
            vid_of(2),
            "publish",
            200,
            "The topic refused the message twice.",
            "The sweep publishes it again.",
            "Check the policy of the topic.",
        ),
        (
            "task",
            VID,
            "video",
            95,
            "The circuit of mps:DescribeTaskDetail is open.",
            "The poll queries after the break.",
            "See the runbook: ProviderRefusesAlarm.",
        ),
        (
            "submission",
            SUBMISSION,
            "submit",
            61,
            "The provider has not answered.",
            "The sweep submits it again.",
            "Nothing, unless it stays for an hour.",
        ),
        ("row", "UNREADABLE/0042", "unreadable", 86_400, HOSTILE[0], "Nothing happens by itself.", "Repair the row."),
    ]
    keys = ("type", "id", "duty", "overdue_seconds", "why", "next", "action")
    items: list[Data] = [dict(zip(keys, row, strict=True)) for row in rows]
    return {
        "items": [
            one | {"due_at": iso(now - timedelta(seconds=one["overdue_seconds"])), "attempts": 2} for one in items
        ]
    }


def submissions(now: datetime) -> Data:
    states = ("queued", "open", "completed", "refused", "cancelled")
    return {"submissions": [submission(number, state, now) for number, state in enumerate(states * 3)]}


def submission(number: int, state: str, now: datetime) -> Data:
    shown = {
        "id": SUBMISSION if number == 0 else sha256(f"s{number}".encode()).hexdigest()[:48],
        "state": state,
        "kind": "video",
        "provider": "mps",
        "request": {
            "source": {"bucket": "clips-1250000000", "object": f"/in/lesson-{number:02d}.mp4"},
            "outputs": [10, 20],
        },
        "reference": f"order {5100 + number}",
        "idempotency_key": f"lesson-{number:02d}",
        "client": "uploader",
        "created_at": iso(now - timedelta(minutes=4 * number + 1)),
    }
    more = {
        "queued": {"next_attempt_at": iso(now + timedelta(seconds=38))},
        "open": {"next_attempt_at": iso(now + timedelta(minutes=3))},
        "completed": {"vid": VID},
        "refused": {"reason": "InvalidParameterValue: the template 77 does not exist"},
    }
    return shown | more.get(state, {})


def replays(now: datetime, first: str = "running") -> Data:
    return {
        "replays": [
            {
                "id": sha256(f"r{number}".encode()).hexdigest()[:32],
                "kind": "video",
                "state": "lost",
                "since": iso(now - timedelta(days=2)),
                "until": iso(now - timedelta(days=1)),
                "time": "outcome",
                "rate": 60,
                "done": 118 * (number + 1),
                "status": status,
                "client": "operator",
                "created_at": iso(now - timedelta(minutes=2 + 300 * number)),
            }
            for number, status in enumerate((first, "done", "stopped"))
        ]
    }


def songs(room: str, now: datetime) -> Data:
    if room != "room-7":
        return {"songs": []}
    base = {"room_id": room, "vendor_id": 2, "type": "accompaniment", "other_segments": [], "conflicts": []}
    received = {"received_at": iso(now - timedelta(minutes=2))}
    return {
        "songs": [
            base
            | received
            | {
                "song_id": "6541283",
                "name": "Moon River",
                "singer": "Audrey Hepburn",
                "next": "use",
                "why": "The room acquired the song.",
                "share_ms_left": 540_000,
                "krc_ms_left": 45_000,
                "resources": [
                    {"quality": "320k", "size": 7_340_032, "ms_left": 3_725_000},
                    {"quality": "128k", "size": 2_936_012, "ms_left": 65_000},
                ],
            },
            base
            | {
                "song_id": "7700121",
                "name": HOSTILE[0],
                "next": "give_up",
                "why": "An error that a new request does not solve.",
                "resources": [],
                "error": {"code": 60012, "kind": "permanent", "advice": "The vendor does not offer this song."},
            },
        ]
    }


def quarantine(day: str, now: datetime) -> Data:
    bodies = [
        {
            "digest": f"{number:064x}",
            "route": "video",
            "reason": "no JSON",
            "at": iso(now - timedelta(minutes=9 * number)),
            "size": len(text),
            "body": text[:3000],
        }
        for number, text in enumerate(HOSTILE[:3])
    ]
    return {"bodies": bodies if day == iso(now)[:10] else []}


def webhooks(now: datetime) -> Data:
    ago = iso(now - timedelta(minutes=3))
    return {
        "endpoints": [
            {
                "name": "billing",
                "url": "https://billing.example.com/...",
                "types": ["mediarelay.task.*"],
                "state": "enabled",
                "last_success_at": ago,
                "last_status": 204,
                "pending": 0,
            },
            {
                "name": "search",
                "url": "https://search.example.com/...",
                "types": [],
                "state": "disabled",
                "failing_since": ago,
                "last_status": 503,
                "pending": 41,
            },
            {
                "name": "archive",
                "url": HOSTILE[5],
                "types": [],
                "state": "failing",
                "failing_since": ago,
                "last_status": 500,
                "pending": 7,
            },
        ]
    }


def deliveries(now: datetime) -> Data:
    base = {"type": "mediarelay.task.succeeded", "subject": VID, "created_at": iso(now - timedelta(minutes=5))}
    return {
        "deliveries": [
            base | {"id": "d1", "state": "delivered", "attempts": 1, "last_status": 204, "delivered_at": iso(now)},
            base
            | {
                "id": "d2",
                "state": "pending",
                "attempts": 3,
                "last_error": "timeout after 10 s",
                "next_attempt_at": iso(now + timedelta(minutes=4)),
            },
            base | {"id": "d3", "state": "failed", "attempts": 12, "last_status": 500, "last_error": HOSTILE[0]},
        ]
    }


def event(number: int, at: datetime, listed: Data) -> Data:
    return {
        "specversion": "1.0",
        "id": f"00000000-0000-4000-8000-{number:012d}",
        "source": "https://api.example.com",
        "type": f"mediarelay.task.{listed['state'] if listed['state'] in OUTCOMES else 'started'}",
        "subject": listed["vid"],
        "time": iso(at),
        "datacontenttype": "application/json",
        "mediarelayversion": "1.4.0",
        "data": {name: value for name, value in task_details(listed, at).items() if name != "next"},
    }


def now() -> datetime:
    return datetime.now(UTC)
