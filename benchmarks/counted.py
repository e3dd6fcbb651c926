"""What each path uses, as counted from real calls (`tests/integration/test_write_units.py` compares both)."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PathCost:
    """What one path uses.

    Attributes:
        calls: Calls to DynamoDB.
        writes: Write units, with those of the indexes.
        reads: Read units.
        invocations: Invocations by function, each with one record or message.
        messages: Messages through queues.
        publishes: Publications to the topic.
        log_bytes: What the functions write to their log. The code may use up to a tenth less or more.
        requests: Requests of the API.
        kept_bytes: What the table and its indexes store from then on, until the operator deletes it. The same applies.
        batches: The calls of the path that take the messages of a whole batch, such as `sns:PublishBatch`.
    """

    calls: int
    writes: int
    reads: float
    invocations: Mapping[str, float]
    messages: int = 0
    publishes: int = 0
    log_bytes: int = 0
    requests: int = 0
    kept_bytes: int = 0
    batches: frozenset[str] = frozenset()


CALLBACK_PATH = "callback, confirmed and published"
CONFIRMED = {"video_callback": 1, "dispatch": 2, "confirm": 1}
PUBLISHED = frozenset({"sns:PublishBatch"})
QUEUED = frozenset({"sqs:SendMessageBatch"})
QUERIED = PUBLISHED | QUEUED
COUNTED: Mapping[str, PathCost] = {
    "callback": PathCost(1, 2, 0, {"video_callback": 1}, log_bytes=253, requests=1, kept_bytes=1300),
    "duplicate": PathCost(1, 1, 0, {"video_callback": 1}, log_bytes=259, requests=1),
    CALLBACK_PATH: PathCost(
        11, 12, 5, CONFIRMED, messages=1, publishes=1, batches=QUERIED, log_bytes=837, requests=1, kept_bytes=1098
    ),
    "unknown task: the same": PathCost(
        11, 10, 5, CONFIRMED, messages=1, publishes=1, batches=QUERIED, log_bytes=837, requests=1, kept_bytes=2276
    ),
    "submit": PathCost(9, 17, 2, {"submit_audio": 1}, log_bytes=271, requests=1, kept_bytes=2690),
    "batch, per task": PathCost(
        11,
        18,
        3,
        {"submit_batch": 1, "dispatch": 1, "submit_queued": 1},
        messages=1,
        log_bytes=271,
        requests=1,
        kept_bytes=2814,
        batches=QUEUED,
    ),
    "replay": PathCost(
        13,
        11,
        6,
        {"replay": 1, "dispatch": 2, "confirm": 1},
        messages=1,
        publishes=1,
        batches=QUERIED,
        log_bytes=759,
        requests=1,
        kept_bytes=265,
    ),
    "song": PathCost(
        6, 10, 2, {"music_callback": 1, "dispatch": 1}, publishes=2, batches=PUBLISHED, log_bytes=485, requests=1
    ),
    "delivery": PathCost(
        10,
        13,
        5,
        {"deliver_webhooks": 2, "dispatch": 1},
        messages=1,
        log_bytes=271,
        kept_bytes=190,
        batches=QUEUED,
    ),
    "read": PathCost(1, 0, 1, {"read_ledger": 1}, requests=1),
    "tick": PathCost(67, 3, 34, {"poll_video": 1, "poll_audio": 1, "sweep": 1}, log_bytes=476, kept_bytes=493),
}
