"""POST /tasks/{vid}/replay, POST /tasks/replay: have tasks asked about and announced anew."""

from typing import Any

from mediarelay.contracts.api import ReplayJobs, ReplayWish, read
from mediarelay.http import Event, Response, answering, client_name, json_object, respond
from mediarelay.root import replayer

REPLAYER = replayer()


def one(event: Event) -> Response:
    """Replay a task."""
    vid = event["pathParameters"]["vid"]
    return respond(202, {"vid": vid, "replay": REPLAYER.replay(vid, client_name(event))})


def many(event: Event) -> Response:
    """Replay the tasks of a selection, or only count them."""
    wish = read(ReplayWish, json_object(event))
    chosen = wish.selections()
    count = REPLAYER.count(chosen)
    jobs = [] if wish.dry_run else REPLAYER.start(chosen, wish.rate, client_name(event))
    return respond(202 if jobs else 200, ReplayJobs(count=count, jobs=jobs).model_dump())


@answering
def handler(event: Event, _context: Any) -> Response:
    """Answer `{"vid", "replay"}` or `{"count", "jobs"}`: 202, 200 for a dry run."""
    return (one if event["routeKey"] == "POST /tasks/{vid}/replay" else many)(event)
