"""The command `mediarelay`: its global options, and how it reports errors."""

import os
import sys
from importlib import import_module
from io import TextIOWrapper
from pathlib import Path
from traceback import extract_tb
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from mediarelay_cli import version
from mediarelay_cli.errors import CliError, Exit
from mediarelay_cli.output import Printer
from mediarelay_cli.profiles import choose
from mediarelay_cli.session import Session

# Each module registers its commands with `app`. The order is the order of `--help`.
COMMANDS: tuple[str, ...] = (
    "status",
    "stuck",
    "submit",
    "tasks",
    "task",
    "submissions",
    "songs",
    "replay",
    "replays",
    "quarantine",
    "dlq",
    "circuits",
    "webhooks",
    "events",
    "tail",
    "listen",
    "trigger",
    "urls",
    "secrets",
    "sign",
    "verify",
    "doctor",
    "profile",
)

# What odd data, a full disk or a mistake of ours raises. Those of typer itself are no errors.
UNEXPECTED = (ArithmeticError, AttributeError, LookupError, OSError, RecursionError, TypeError, ValueError)
CODES = (
    "Exit codes: 0 done, 1 found something wrong, 2 wrong command line, 3 could not be done, 130 interrupted, "
    "141 the reader of the output closed it."
)


class Commands(TyperGroup):
    """All commands. An error that a person can act on leaves one or two lines, never a traceback."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of the commands in the order of `COMMANDS`."""
        return sorted(super().list_commands(ctx), key=lambda name: (*COMMANDS, name).index(name))

    def invoke(self, ctx: Any) -> Any:
        """Run a command and turn errors into exit codes."""
        try:
            return super().invoke(ctx)
        except CliError as error:
            report(error)
            raise typer.Exit(error.code) from None
        except KeyboardInterrupt:
            raise typer.Exit(Exit.INTERRUPTED) from None
        except BrokenPipeError:
            raise typer.Exit(Exit.CLOSED) from None
        except UNEXPECTED as error:
            report(unexpected(error))
            raise typer.Exit(Exit.FAILED) from None


def unexpected(error: Exception) -> CliError:
    """Return what to show of an error that no command foresees, such as a field of an answer with another type.

    A traceback would end the command with 1, which means that it found something wrong. The text of the error is left
    out, because it may quote a secret.
    """
    if isinstance(error, OSError):
        return CliError(error.strerror or type(error).__name__, "Check the disk, and where the output goes.")
    place = extract_tb(error.__traceback__)[-1]
    where = f"{Path(place.filename).name}, line {place.lineno}"
    action = "Is the stack as new as this command? If so, report this text as a fault of the command."
    return CliError(f"unexpected: {type(error).__name__} in {where}", action)


app = typer.Typer(
    name="mediarelay",
    cls=Commands,
    help="Operate a Mediarelay stack: submit files, follow tasks, and find out what is stuck and why.",
    epilog=CODES,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"]},
)
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(version())
        raise typer.Exit


@app.callback()
def start(
    context: typer.Context,
    profile: Annotated[str, typer.Option("--profile", "-p", help="Profile to use; see `mediarelay profile`.")] = "",
    stack: Annotated[str, typer.Option(help="CloudFormation stack to use instead of the profile's.")] = "",
    region: Annotated[str, typer.Option(help="AWS region of the stack.")] = "",
    as_json: AsJson = False,
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Choose the stack that the command works with."""
    # Completion and `--help` of a command come here, too. They must work without a readable profile.
    if context.resilient_parsing:
        return
    options = {"name": profile, "stack": stack, "region": region}
    context.obj = Session(lambda: choose(options, os.environ), Printer(as_json=as_json))
    context.call_on_close(context.obj.close)


def session(context: typer.Context, *, as_json: bool = False) -> Session:
    """Return the session of a command. `--json` counts before and after the command's name."""
    found: Session = context.obj
    found.printer.as_json = found.printer.as_json or as_json
    return found


def report(error: CliError) -> None:
    """Print an error and what to do about it to stderr."""
    printer = Printer()
    printer.note(f"mediarelay: {error.message}", "red")
    if error.action:
        printer.note(error.action, "")


def load() -> None:
    """Register all commands with `app`."""
    for name in COMMANDS:
        import_module(f"mediarelay_cli.commands.{name}")


def main() -> None:
    """Run a command and end the process with its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # A terminal in another encoding shows an escape instead of a character that it lacks.
            stream.reconfigure(errors="backslashreplace")
    load()
    code = _ended()
    code = _flushed(code)
    if code == Exit.INTERRUPTED:
        # The interpreter would wait for threads whose calls still run, and their results have nowhere to go.
        os._exit(code)
    sys.exit(code)


def _ended() -> Any:
    """Run the command and return its exit code."""
    if any("\udc80" <= one <= "\udcff" for argument in sys.argv[1:] for one in argument):
        report(CliError("an argument is not in the encoding of this terminal", "Use UTF-8."))
        return Exit.USAGE
    try:
        app(prog_name="mediarelay")
    except SystemExit as end:
        return end.code


def _flushed(code: Any) -> Any:
    """Return the exit code, after all output has left. Python would report a closed pipe in its own words."""
    if sys.stdout is None:  # closed by the shell, with `>&-`
        return code
    is_lost = code == Exit.CLOSED
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        code, is_lost = Exit.CLOSED, True
    except OSError:  # a full disk, which the command has reported
        code, is_lost = Exit.FAILED, True
    if is_lost:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return code
