"""`mediarelay circuits`: calls to a provider that Mediarelay holds back because they kept failing."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from mediarelay_cli.api import listed, path
from mediarelay_cli.app import AsJson, app, session
from mediarelay_cli.errors import Exit
from mediarelay_cli.output import ago

circuits = typer.Typer(no_args_is_help=True, help="List the circuit breakers and close an open one.")
app.add_typer(circuits, name="circuits")


@circuits.command("list")
def list_circuits(context: typer.Context, as_json: AsJson = False) -> None:
    """List the circuits. The exit code is 1 if any is open.

    Example: `mediarelay circuits list`
    """
    now = session(context, as_json=as_json)
    found = listed(now.api.get("/circuits"), "circuits")
    moment = datetime.now(UTC)
    opened = [one for one in found if one.get("open_until")]
    if now.printer.as_json:
        now.printer.json(found)
    else:
        rows = [(one.get("circuit"), one.get("failures"), ago(one.get("open_until"), moment) or None) for one in found]
        now.printer.table(("circuit", "failures", "next try"), rows, flexible="circuit")
    if opened:
        raise typer.Exit(Exit.PROBLEM)


@circuits.command()
def close(
    context: typer.Context,
    circuit: Annotated[str, typer.Argument(help="Name of the circuit; see `circuits list`.")],
    as_json: AsJson = False,
) -> None:
    """Close a circuit, so that the next call goes to the provider at once.

    Example: `mediarelay circuits close mps:ProcessMedia`
    """
    now = session(context, as_json=as_json)
    now.printer.show(now.api.post(path("/circuits/{}/close", circuit)), f"{circuit} is closed")
