"""`mediarelay events`: notifications that were published."""

from itertools import islice
from typing import Annotated

import typer

from mediarelay_cli.api import Json
from mediarelay_cli.app import AsJson, app, session
from mediarelay_cli.feed import Feed
from mediarelay_cli.names import file_name
from mediarelay_cli.session import Session
from mediarelay_cli.times import TIME_HELP, moment

Types = Annotated[
    list[str] | None, typer.Option("--type", help="Only this type; `mediarelay.task.*` is a pattern; may be repeated.")
]
# Of every type, so that a row fits into 80 columns without it.
PREFIX = "mediarelay."
COLUMNS = ("time", "type", "subject", "file")


@app.command()
def events(
    context: typer.Context,
    types: Types = None,
    since: Annotated[str, typer.Option(help=f"From then on. {TIME_HELP}")] = "1h",
    limit: Annotated[int, typer.Option("--limit", "-n", min=0, help="List at most so many; 0 lists all.")] = 100,
    send_test: Annotated[bool, typer.Option("--test", help="Publish a test notification instead.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the notifications that were published, oldest first.

    For example:

    - `mediarelay events --since 1d --type mediarelay.task.failed`
    - `mediarelay events --test`
    """
    now = session(context, as_json=as_json)
    if send_test:
        done = now.api.post("/events/test", once=True)
        now.printer.show(done, f"published mediarelay.test as {done.get('id')}")
        return
    found = _read(now, Feed(now.api, moment(since, "--since") or "", types or ()), limit)
    if now.printer.as_json:
        now.printer.json(found)
    else:
        now.printer.table(COLUMNS, [_row(one) for one in found], flexible="file", optional=("file",))


def _read(now: Session, feed: Feed, limit: int) -> list[Json]:
    found, more = list[Json](), True
    with now.printer.activity("reading notifications"):
        while more and (not limit or len(found) < limit):
            page, more = feed.read()
            found += page
    return list(islice(found, limit or None))


def _row(event: Json) -> list[object]:
    data = event.get("data") or {}
    url = (data.get("source") or {}).get("url") or data.get("url")
    kind = str(event.get("type")).removeprefix(PREFIX)
    return [str(event.get("time"))[:19], kind, event.get("subject"), file_name(url)]
