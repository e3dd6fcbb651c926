"""POST /tasks/{vid}/replay, POST /tasks/replay: have tasks asked about and announced anew."""

from mediarelay.contracts.api.views import NoBody, ReplayJobs, ReplayRequest
from mediarelay.http import Event, Response, client_name, respond
from mediarelay.routing import Route, serving
from mediarelay.wiring.clients import replayer

REPLAYER = replayer()


def one(event: Event, _body: NoBody) -> Response:
    """Replay a task: 202 `{"vid", "replay"}`."""
    vid = event["pathParameters"]["vid"]
    return respond(202, {"vid": vid, "replay": REPLAYER.replay(vid, client_name(event))})


def many(event: Event, wish: ReplayRequest) -> Response:
    """Replay the tasks of a selection: 202 `{"count", "jobs"}`; or only count them: 200."""
    chosen = wish.selections()
    count = REPLAYER.count(chosen)
    jobs = [] if wish.dry_run else REPLAYER.start(chosen, wish.rate, client_name(event))
    return respond(202 if jobs else 200, ReplayJobs(count=count, jobs=jobs).model_dump())


ROUTES = {
    "POST /tasks/{vid}/replay": Route(NoBody, one),
    "POST /tasks/replay": Route(ReplayRequest, many),
}
handler = serving(ROUTES)
