"""`mediarelay tail`: notifications as they come."""

from typing import Annotated

import typer

from mediarelay_cli.app import AsJson, app, session
from mediarelay_cli.commands.events import Types
from mediarelay_cli.feed import Feed, summary
from mediarelay_cli.times import TIME_HELP, moment


@app.command()
def tail(
    context: typer.Context,
    types: Types = None,
    since: Annotated[str, typer.Option(help=f"Begin with those since then. {TIME_HELP}")] = "0s",
    as_json: AsJson = False,
) -> None:
    """Print notifications as they come, until Ctrl-C. With --json, each one is one line of JSON.

    For example:

    - `mediarelay tail --type "mediarelay.task.*"`
    - `mediarelay tail --since 10m --json`
    """
    now = session(context, as_json=as_json)
    feed = Feed(now.api, moment(since, "--since") or "", types or ())
    for event in feed.follow(now.printer.note):
        if now.printer.as_json:
            now.printer.json_line(event)
        else:
            now.printer.line(summary(event))
