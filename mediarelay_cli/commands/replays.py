"""`mediarelay replays`: bulk replays that run, and how to stop one."""

from datetime import UTC, datetime
from itertools import islice
from typing import Annotated

import typer

from mediarelay_cli.api import Json, path
from mediarelay_cli.app import AsJson, app, session
from mediarelay_cli.output import Printer, ago

replays = typer.Typer(no_args_is_help=True, help="List, show and stop bulk replays; `mediarelay replay` starts one.")
app.add_typer(replays, name="replays")

COLUMNS = ("id", "status", "state", "kind", "done", "rate", "created")
FIELDS = ("id", "status", "state", "kind", "since", "until", "time", "rate", "done", "client", "created_at")
Id = Annotated[str, typer.Argument(help="The replay's id.")]


@replays.command("list")
def list_replays(
    context: typer.Context,
    limit: Annotated[int, typer.Option("--limit", "-n", min=0, help="List at most so many; 0 lists all.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List bulk replays and their progress.

    Example: `mediarelay replays list`
    """
    now = session(context, as_json=as_json)
    found = list(islice(now.api.pages("/replays", "replays"), limit or None))
    if now.printer.as_json:
        now.printer.json(found)
    else:
        rows = [[one.get(name) for name in COLUMNS[:-1]] + [_created(one)] for one in found]
        now.printer.table(COLUMNS, rows, optional=("rate", "kind"))


@replays.command()
def show(context: typer.Context, replay: Id, as_json: AsJson = False) -> None:
    """Show a bulk replay.

    Example: `mediarelay replays show 2f6d1a`
    """
    now = session(context, as_json=as_json)
    _print(now.printer, now.api.get(path("/replays/{}", replay)))


@replays.command()
def stop(context: typer.Context, replay: Id, as_json: AsJson = False) -> None:
    """Stop a bulk replay. Tasks that it has requested already are replayed.

    Example: `mediarelay replays stop 2f6d1a`
    """
    now = session(context, as_json=as_json)
    _print(now.printer, now.api.post(path("/replays/{}/stop", replay)))


def _print(printer: Printer, found: Json) -> None:
    if printer.as_json:
        printer.json(found)
    else:
        printer.fields([(name, found.get(name)) for name in FIELDS])


def _created(one: Json) -> str:
    return ago(one.get("created_at"), datetime.now(UTC))
