"""`mediarelay quarantine`: bodies that could not be read."""

from datetime import UTC, datetime
from itertools import islice
from typing import Annotated

import typer

from mediarelay_cli.api import Json
from mediarelay_cli.app import AsJson, app, session
from mediarelay_cli.errors import CliError, Exit
from mediarelay_cli.output import ago, count
from mediarelay_cli.session import Session
from mediarelay_cli.times import today

quarantine = typer.Typer(no_args_is_help=True, help="List and show unreadable bodies, and read them again.")
app.add_typer(quarantine, name="quarantine")

COLUMNS = ("digest", "route", "at", "size", "reason")
DIGEST = 12
MIN_DIGEST = 4
Day = Annotated[str, typer.Option(help="The day on which the bodies arrived (UTC); by default today.")]


@quarantine.command("list")
def list_bodies(
    context: typer.Context,
    day: Day = "",
    limit: Annotated[int, typer.Option("--limit", "-n", min=0, help="List at most so many; 0 lists all.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List the unreadable bodies of a day, each with the reason.

    Example: `mediarelay quarantine list --day 2026-11-21`
    """
    now = session(context, as_json=as_json)
    found = list(islice(now.api.pages("/quarantine", "bodies", day=day or today()), limit or None))
    if now.printer.as_json:
        now.printer.json(found)
    else:
        now.printer.table(COLUMNS, [_row(one) for one in found], flexible="reason", optional=("size",))


def _row(one: Json) -> list[object]:
    at = ago(one.get("at"), datetime.now(UTC))
    return [str(one.get("digest"))[:DIGEST], one.get("route"), at, one.get("size"), one.get("reason")]


@quarantine.command()
def show(
    context: typer.Context,
    digest: Annotated[str, typer.Argument(help="The digest, or its beginning as `list` prints it.")],
    day: Day = "",
    as_json: AsJson = False,
) -> None:
    """Show an unreadable body: the reason, and its beginning as text.

    Example: `mediarelay quarantine show 0f3a91c2 --day 2026-11-21`
    """
    now = session(context, as_json=as_json)
    found = _find(now, digest.lower(), day or today())
    if now.printer.as_json:
        now.printer.json(found)
        return
    now.printer.fields([(name, found.get(name)) for name in COLUMNS])
    now.printer.line()
    now.printer.line(str(found.get("body")))


def _find(now: Session, digest: str, day: str) -> Json:
    bodies = now.api.pages("/quarantine", "bodies", day=day)
    matches = [one for one in bodies if len(digest) >= MIN_DIGEST and str(one.get("digest")).startswith(digest)]
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise CliError(f"{count(len(matches), 'body')} begin with {digest}", "State more digits.", Exit.USAGE)
    raise CliError(f"no body of {day} has the digest {digest}", "See `mediarelay quarantine list --day DAY`.")


@quarantine.command()
def replay(context: typer.Context, day: Day = "", as_json: AsJson = False) -> None:
    """Read the bodies of a day again. The exit code is 1 if any is still unreadable.

    Example: `mediarelay quarantine replay --day 2026-11-21`
    """
    now = session(context, as_json=as_json)
    done, cursor = {"stored": 0, "refused": 0}, ""
    while True:
        request = {"day": day or today()} | ({"cursor": cursor} if cursor else {})
        answer = now.api.post("/quarantine/replay", request)
        done = {name: total + (answer.get(name) or 0) for name, total in done.items()}
        cursor = str(answer.get("cursor") or "")
        if not cursor:
            break
    now.printer.show(done, f"{done['stored']} stored, {done['refused']} still unreadable")
    if done["refused"]:
        raise typer.Exit(Exit.PROBLEM)
