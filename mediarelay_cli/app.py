"""The command `mediarelay`: its global options, and how it reports errors."""

import os
import sys
from importlib import import_module
from typing import Annotated

import typer

from mediarelay_cli import version
from mediarelay_cli.errors import CliError, Exit
from mediarelay_cli.output import Printer
from mediarelay_cli.profiles import choose
from mediarelay_cli.session import Session

app = typer.Typer(
    name="mediarelay",
    help="Operate a Mediarelay stack: submit files, follow tasks, and find out what is stuck and why.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)

# Each module registers its commands with `app`. The order is the order of `--help`.
COMMANDS: tuple[str, ...] = ("profile", "sign", "verify")


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(version())
        raise typer.Exit


VERSION_OPTION = typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")


@app.callback()
def start(
    context: typer.Context,
    profile: Annotated[str, typer.Option("--profile", "-p", help="Profile to use; see `mediarelay profile`.")] = "",
    stack: Annotated[str, typer.Option(help="CloudFormation stack to use instead of the profile's.")] = "",
    region: Annotated[str, typer.Option(help="AWS region of the stack.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Choose the stack that the command works with."""
    options = {"name": profile, "stack": stack, "region": region}
    context.obj = Session(choose(options, os.environ), Printer(as_json=as_json))


def session(context: typer.Context, *, as_json: bool = False) -> Session:
    """Return the session of a command. `--json` counts before and after the command's name."""
    found: Session = context.obj
    found.printer.as_json = found.printer.as_json or as_json
    return found


def main() -> None:
    """Run a command. An error that a person can act on leaves one or two lines, never a traceback."""
    for name in COMMANDS:
        import_module(f"mediarelay_cli.commands.{name}")
    try:
        app()
    except CliError as error:
        printer = Printer()
        printer.note(f"mediarelay: {error.message}", "red")
        if error.action:
            printer.note(error.action, "")
        sys.exit(error.code)
    except KeyboardInterrupt:
        sys.exit(Exit.INTERRUPTED)
