"""`mediarelay doctor`: the smoke test after a deployment."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mediarelay_cli.app import AsJson, app, session
from mediarelay_cli.errors import CliError, Exit
from mediarelay_cli.session import Session

if TYPE_CHECKING:
    from mediarelay_cli.doctor.model import Check, Result

STYLES = {"ok": "green", "warning": "yellow", "error": "red", "skipped": "dim"}
WIDTH = len("skipped")


@app.command()
def doctor(
    context: typer.Context,
    only: Annotated[list[str] | None, typer.Option(help="Run only this check; several times for several.")] = None,
    skip: Annotated[list[str] | None, typer.Option(help="Do not run this check; several times for several.")] = None,
    list_: Annotated[bool, typer.Option("--list", help="List the checks.")] = False,
    as_json: AsJson = False,
) -> None:
    """Check a deployed stack: settings, secrets, clocks, providers, callbacks, notifications, schedules, drift.

    It posts a callback that names no task (the quarantine keeps one a day), a relay that is too large (which leaves
    nothing), and a test notification, which subscribers receive. Each provider gets one signed query.

    Examples: `mediarelay doctor`, `mediarelay doctor --skip drift --json`
    """
    from mediarelay_cli.doctor.checks import CHECKS  # noqa: PLC0415 - it imports boto3 and requests

    current = session(context, as_json=as_json)
    chosen = [one for one in CHECKS if one.name in (only or [one.name]) and one.name not in (skip or [])]
    if unknown := {*(only or []), *(skip or [])} - {one.name for one in CHECKS}:
        raise CliError(f"there is no check {min(unknown)}", "List them with --list.", Exit.USAGE)
    if list_:
        _print_list(current, chosen)
        return
    if _examine(current, chosen):
        raise typer.Exit(Exit.PROBLEM)


def _print_list(current: Session, checks: "list[Check]") -> None:
    if current.printer.as_json:
        current.printer.json([{"name": one.name, "title": one.title} for one in checks])
    else:
        current.printer.table(("name", "title"), [[one.name, one.title] for one in checks])


def _examine(current: Session, checks: "list[Check]") -> bool:
    """Run the checks and print their results; return whether one of them is an error."""
    found = []
    for check, result in _results(current, checks):
        found.append({"check": check.name, **_fields(result)})
        if not current.printer.as_json:
            _print(current, check, result)
    has_error = any(one["status"] == "error" for one in found)
    if current.printer.as_json:
        current.printer.json({"healthy": not has_error, "checks": found})
    else:
        counts = {status: sum(one["status"] == status for one in found) for status in STYLES}
        current.printer.line(", ".join(f"{number} {status}" for status, number in counts.items() if number))
    return has_error


def _results(current: Session, checks: "list[Check]") -> "Iterator[tuple[Check, Result]]":
    from mediarelay_cli.doctor.model import Stack  # noqa: PLC0415 - it imports requests

    stack = Stack(current)
    for check in checks:
        with current.printer.activity(check.title):
            results = list(check.results(stack))
        yield from ((check, result) for result in results)


def _fields(result: "Result") -> dict[str, Any]:
    found = {"status": str(result.status), "detail": result.detail, "action": result.action}
    return {name: value for name, value in found.items() if value}


def _print(current: Session, check: "Check", result: "Result") -> None:
    current.printer.line(f"{result.status:{WIDTH}}  {check.name}: {result.detail}", STYLES[result.status])
    if result.action and result.status != "ok":
        current.printer.line(f"{'':{WIDTH}}  {result.action}")
