"""`mediarelay stuck`: what is overdue, why, and what to do about it."""

from itertools import islice
from typing import Annotated

import typer

from mediarelay.domain.due import Duty
from mediarelay_cli.api import Json
from mediarelay_cli.app import AsJson, app, session
from mediarelay_cli.errors import Exit
from mediarelay_cli.output import Printer, count, duration


@app.command()
def stuck(
    context: typer.Context,
    duty: Annotated[list[Duty] | None, typer.Option(help="Only items of this duty; may be repeated.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Show at most so many items.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Show everything that is overdue, oldest first, with the reason in words. The exit code is 1 if anything is.

    For example:

    - `mediarelay stuck`
    - `mediarelay stuck --duty publish --json`
    """
    now = session(context, as_json=as_json)
    pages = now.api.pages("/stuck", "items", duty=",".join(duty or ()) or None, limit=min(limit, 100))
    items = list(islice(pages, limit + 1))
    if now.printer.as_json:
        now.printer.json(items[:limit])
    else:
        render(now.printer, items, limit)
    if items:
        raise typer.Exit(Exit.PROBLEM)


def render(printer: Printer, items: list[Json], limit: int) -> None:
    """Print one block for each overdue item."""
    if not items:
        printer.line("Nothing is overdue.", "green")
    for one in items[:limit]:
        printer.line(f"{one.get('type')} {one.get('id')}", "bold")
        overdue = f"{duration(one.get('overdue_seconds') or 0)} overdue for {one.get('duty')}"
        attempts = f", {count(one['attempts'], 'attempt')}" if one.get("attempts") is not None else ""
        printer.fields([("  since", overdue + attempts), *((f"  {name}", one.get(name)) for name in DETAILS)])
    if len(items) > limit:
        printer.note(f"there are more: --limit {limit * 10}")


DETAILS = ("why", "next", "action")
