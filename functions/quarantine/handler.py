"""GET /quarantine, POST /quarantine/replay: see what could not be read, and read it again."""

from mediarelay.contracts.api.views import QuarantineQuery, QuarantineReplayRequest, Rerun, quarantine_view
from mediarelay.http import Event, Response, respond
from mediarelay.routing import Route, serving
from mediarelay.wiring.clients import quarantine

QUARANTINE = quarantine()


def kept(_event: Event, query: QuarantineQuery) -> Response:
    """List some of what one day left: 200 `{"bodies", "cursor"}`."""
    return respond(200, quarantine_view(*QUARANTINE.page(query.day, query.cursor)))


def again(_event: Event, wish: QuarantineReplayRequest) -> Response:
    """Read some of what one day left again: 200 `{"stored", "refused", "cursor"}`."""
    found = Rerun.model_validate(QUARANTINE.rerun(wish.day, wish.cursor))
    return respond(200, found.model_dump(exclude_none=True))


ROUTES = {
    "GET /quarantine": Route(QuarantineQuery, kept),
    "POST /quarantine/replay": Route(QuarantineReplayRequest, again),
}
handler = serving(ROUTES)
