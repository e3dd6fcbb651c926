"""`mediarelay submissions`: requests to submit a file, also those that have no task yet."""

from datetime import UTC, datetime
from itertools import islice
from typing import Annotated

import typer

from mediarelay.domain.tasks.media import Kind
from mediarelay_cli.api import Json, path
from mediarelay_cli.app import AsJson, app, session
from mediarelay_cli.names import file_name
from mediarelay_cli.output import Printer, ago

submissions = typer.Typer(no_args_is_help=True, help="List, show and cancel submissions: what the API has accepted.")
app.add_typer(submissions, name="submissions")

COLUMNS = ("id", "state", "kind", "created", "file")
FIELDS = ("id", "state", "kind", "provider", "reference", "idempotency_key", "client", "vid", "reason")
TIMES = ("created_at", "updated_at", "next_attempt_at")
Id = Annotated[str, typer.Argument(help="The submission's id, 48 hexadecimal digits.")]


@submissions.command("list")
def list_submissions(
    context: typer.Context,
    state: Annotated[str, typer.Option(help="`queued`, `open`, `completed`, `refused` or `cancelled`.")] = "",
    kind: Annotated[Kind | None, typer.Option(help="Only tasks of this kind.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=0, help="List at most so many; 0 lists all.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List submissions, newest first.

    For example:

    - `mediarelay submissions list --state open`
    - `mediarelay submissions list --state refused --json`
    """
    now = session(context, as_json=as_json)
    pages = now.api.pages(
        "/submissions", "submissions", state=state or None, kind=kind or None, limit=min(limit or 100, 100)
    )
    found = list(islice(pages, limit or None))
    if now.printer.as_json:
        now.printer.json(found)
    else:
        now.printer.table(COLUMNS, [_row(one) for one in found], flexible="file", optional=("kind",))


@submissions.command()
def show(context: typer.Context, submission: Id, as_json: AsJson = False) -> None:
    """Show a submission: its task, or when Mediarelay tries again.

    Example: `mediarelay submissions show 8f14e45fceea167a5a36dedd4bea2543aaaabbbbccccdddd`
    """
    now = session(context, as_json=as_json)
    _print(now.printer, now.api.get(path("/submissions/{}", submission)))


@submissions.command()
def cancel(context: typer.Context, submission: Id, as_json: AsJson = False) -> None:
    """Cancel a submission for which no task exists or may exist.

    Example: `mediarelay submissions cancel 8f14e45fceea167a5a36dedd4bea2543aaaabbbbccccdddd`
    """
    now = session(context, as_json=as_json)
    _print(now.printer, now.api.post(path("/submissions/{}/cancel", submission)))


def _print(printer: Printer, found: Json) -> None:
    if printer.as_json:
        printer.json(found)
        return
    now = datetime.now(UTC)
    times = [(name.removesuffix("_at").replace("_", " "), ago(found.get(name), now)) for name in TIMES]
    printer.fields([*((name, found.get(name)) for name in FIELDS), ("file", source_of(found)), *times])


def source_of(submission: Json) -> str | None:
    """Return the URL or the object that a submission is about."""
    request = submission.get("request") or {}
    source = request.get("source") or {}
    found = request.get("url") or source.get("url") or source.get("object") or source.get("s3_object")
    return None if found is None else str(found)


def _row(one: Json) -> list[object]:
    created = ago(one.get("created_at"), datetime.now(UTC))
    return [one.get("id"), one.get("state"), one.get("kind"), created, file_name(source_of(one))]
