"""GET /tasks, /tasks/{vid}, /tasks/{vid}/history, /health."""

from mediarelay.contracts.api.views import NoQuery, TaskQuery
from mediarelay.http import Event, Response, respond
from mediarelay.routing import Route, serving
from mediarelay.wiring.clients import task_reader

READER = task_reader()


def page(_event: Event, query: TaskQuery) -> Response:
    """List tasks."""
    return respond(200, READER.page(query))


def task(event: Event, _query: NoQuery) -> Response:
    """Show a task."""
    return respond(200, READER.task(event["pathParameters"]["vid"]))


def history(event: Event, _query: NoQuery) -> Response:
    """Show a task's observations."""
    return respond(200, READER.history(event["pathParameters"]["vid"]))


ROUTES = {
    "GET /tasks": Route(TaskQuery, page),
    "GET /tasks/{vid}": Route(NoQuery, task),
    "GET /tasks/{vid}/history": Route(NoQuery, history),
    "GET /health": Route(NoQuery, lambda _event, _query: respond(200, {"status": "ok"})),
}
handler = serving(ROUTES)
