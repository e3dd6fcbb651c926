"""`mediarelay tasks`: the tasks of a stack, and their changes as they come."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Annotated, Any

import typer

from mediarelay.domain.tasks.listing import Order, TimeOf
from mediarelay.domain.tasks.media import Kind, State
from mediarelay_cli.api import Json
from mediarelay_cli.app import AsJson, app, session
from mediarelay_cli.names import file_name
from mediarelay_cli.output import ago
from mediarelay_cli.session import Session
from mediarelay_cli.times import TIME_HELP, moment

COLUMNS = ("vid", "state", "kind", "created", "file")
MAX_PAGE = 100
EVERY = 5.0
# The API has no index of changes: it reads the tasks since then each time.
FOLLOWED = "1d"
# A task may become visible in the index some seconds after its change.
OVERLAP = timedelta(seconds=30)


@app.command()
def tasks(
    context: typer.Context,
    state: Annotated[list[State] | None, typer.Option(help="Only tasks in this state; may be repeated.")] = None,
    kind: Annotated[Kind | None, typer.Option(help="Only tasks of this kind.")] = None,
    since: Annotated[str, typer.Option(help=f"Only tasks from then on. {TIME_HELP}")] = "",
    until: Annotated[str, typer.Option(help="Only tasks up to then.")] = "",
    by: Annotated[TimeOf | None, typer.Option("--time", help="The time that is meant; by default created.")] = None,
    order: Annotated[Order | None, typer.Option(help="Newest (desc, by default) or oldest first.")] = None,
    bucket: Annotated[str, typer.Option(help="Only tasks of files in this bucket.")] = "",
    url: Annotated[str, typer.Option(help="Only tasks of this file.")] = "",
    limit: Annotated[int, typer.Option("--limit", "-n", min=0, help="List at most so many; 0 lists all.")] = 20,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with each change, until Ctrl-C.")] = False,
    as_json: AsJson = False,
) -> None:
    """List tasks, newest first.

    --follow prints each change of a task that was created in the last day, or since --since. With --json, each one is
    one line of JSON.

    For example:

    - `mediarelay tasks --state failed --state lost --since 1d`
    - `mediarelay tasks --bucket clips --limit 0 --json`
    - `mediarelay tasks --follow`
    """
    now = session(context, as_json=as_json)
    times = {"since": moment(since, "--since"), "until": moment(until, "--until")}
    texts = {"state": ",".join(state or ()), "kind": kind, "time": by, "order": order}
    texts |= {"bucket": bucket, "url": url}
    query = {name: value for name, value in (times | texts).items() if value}
    if follow:
        _follow(now, {"since": moment(FOLLOWED, "--since")} | query)
    pages = now.api.pages("/tasks", "tasks", limit=min(limit or MAX_PAGE, MAX_PAGE), **query)
    # A page of a filter without an index may be empty, so one row can take many calls.
    with now.printer.activity("reading tasks"):
        found = list(islice(pages, limit or None))
    if now.printer.as_json:
        now.printer.json(found)
    else:
        now.printer.table(COLUMNS, [_row(one) for one in found], flexible="file", optional=("kind",))


def _row(task: Json) -> list[object]:
    created = ago(task.get("created_at"), datetime.now(UTC))
    return [task.get("vid"), task.get("state"), task.get("kind"), created, file_name(task.get("url"))]


def _follow(now: Session, query: Json) -> None:
    for task in changes(now, query):
        if now.printer.as_json:
            now.printer.json_line(task)
        else:
            texts = [task.get("updated_at"), task.get("vid"), task.get("state"), file_name(task.get("url"))]
            now.printer.line("  ".join(str(one) for one in texts if one))


def changes(now: Session, query: Json) -> Iterator[Json]:
    """Yield each task of a query when it changes, from now on."""
    since, seen = datetime.now(UTC), dict[str, Any]()
    while True:
        asked = datetime.now(UTC)
        after = (since - OVERLAP).isoformat().replace("+00:00", "Z")
        found = list(now.api.pages("/tasks", "tasks", changed_since=after, limit=MAX_PAGE, **query))
        for task in sorted(found, key=lambda one: str(one.get("updated_at"))):
            if seen.get(str(task.get("vid"))) != task.get("updated_at"):
                seen[str(task.get("vid"))] = task.get("updated_at")
                yield task
        since = asked
        time.sleep(EVERY)
