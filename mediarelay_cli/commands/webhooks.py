"""`mediarelay webhooks`: endpoints that Mediarelay delivers notifications to, and their deliveries."""

from datetime import UTC, datetime
from itertools import islice
from typing import Annotated

import typer

from mediarelay_cli.api import Json, listed, path
from mediarelay_cli.app import AsJson, app, session
from mediarelay_cli.errors import Exit
from mediarelay_cli.output import ago
from mediarelay_cli.times import TIME_HELP, moment

webhooks = typer.Typer(no_args_is_help=True, help="List webhook endpoints and deliveries; test and replay them.")
app.add_typer(webhooks, name="webhooks")

COLUMNS = ("name", "state", "pending", "last status", "last success", "failing", "url")
DELIVERIES = ("id", "type", "state", "attempts", "status", "next", "error")
Name = Annotated[str, typer.Argument(help="Name of the endpoint; see `webhooks list`.")]


@webhooks.command("list")
def list_endpoints(context: typer.Context, as_json: AsJson = False) -> None:
    """List the endpoints. The exit code is 1 if any is failing or disabled.

    Example: `mediarelay webhooks list`
    """
    now = session(context, as_json=as_json)
    found = listed(now.api.get("/webhooks"), "endpoints")
    if now.printer.as_json:
        now.printer.json(found)
    else:
        optional = ("last success", "failing", "last status")
        now.printer.table(COLUMNS, [_endpoint(one) for one in found], flexible="url", optional=optional)
    if any(one.get("state") != "enabled" for one in found):
        raise typer.Exit(Exit.PROBLEM)


def _endpoint(one: Json) -> list[object]:
    times = [ago(one.get(name), datetime.now(UTC)) for name in ("last_success_at", "failing_since")]
    return [one.get("name"), one.get("state"), one.get("pending"), one.get("last_status"), *times, one.get("url")]


@webhooks.command()
def deliveries(
    context: typer.Context,
    name: Name,
    state: Annotated[str, typer.Option(help="`pending`, `delivered` or `failed`.")] = "",
    limit: Annotated[int, typer.Option("--limit", "-n", min=0, help="List at most so many; 0 lists all.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List deliveries to an endpoint, with the last error of each.

    Example: `mediarelay webhooks deliveries billing --state failed`
    """
    now = session(context, as_json=as_json)
    pages = now.api.pages(
        path("/webhooks/{}/deliveries", name), "deliveries", state=state or None, limit=min(limit or 100, 100)
    )
    found = list(islice(pages, limit or None))
    if now.printer.as_json:
        now.printer.json(found)
    else:
        now.printer.table(DELIVERIES, [_delivery(one) for one in found], flexible="error", optional=("next", "status"))


def _delivery(one: Json) -> list[object]:
    texts = [one.get(name) for name in ("id", "type", "state", "attempts", "last_status")]
    return [*texts, ago(one.get("next_attempt_at"), datetime.now(UTC)), one.get("last_error")]


@webhooks.command()
def enable(context: typer.Context, name: Name, as_json: AsJson = False) -> None:
    """Enable an endpoint that was disabled after failures.

    Example: `mediarelay webhooks enable billing`
    """
    _change(context, name, "enable", f"{name} is enabled", as_json=as_json)


@webhooks.command()
def disable(context: typer.Context, name: Name, as_json: AsJson = False) -> None:
    """Disable an endpoint: it gets nothing until it is enabled again.

    Example: `mediarelay webhooks disable billing`
    """
    _change(context, name, "disable", f"{name} is disabled", as_json=as_json)


@webhooks.command("test")
def send_test(context: typer.Context, name: Name, as_json: AsJson = False) -> None:
    """Send a test notification to an endpoint.

    Example: `mediarelay webhooks test billing`
    """
    _change(context, name, "test", f"a test notification for {name} is on its way", as_json=as_json)


def _change(context: typer.Context, name: str, action: str, done: str, *, as_json: bool) -> None:
    now = session(context, as_json=as_json)
    answer = now.api.post(path("/webhooks/{}/{}", name, action), once=action == "test")
    now.printer.show(answer, done)


@webhooks.command()
def replay(
    context: typer.Context,
    name: Name,
    since: Annotated[str, typer.Option(help=f"From then on. {TIME_HELP}")],
    until: Annotated[str, typer.Option(help="Up to then; by default up to now.")] = "0s",
    failed_only: Annotated[bool, typer.Option("--failed-only", help="Only what was not delivered.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for a confirmation.")] = False,
    as_json: AsJson = False,
) -> None:
    """Deliver the notifications of some time to an endpoint again.

    Example: `mediarelay webhooks replay billing --since 2h --failed-only`
    """
    now = session(context, as_json=as_json)
    times = {"since": moment(since, "--since"), "until": moment(until, "--until")}
    now.printer.confirm(f"Deliver the notifications since {times['since']} to {name} again?", yes=yes)
    queued = 0
    while times["since"]:
        answer = now.api.post(path("/webhooks/{}/replay", name), times | {"failed_only": failed_only}, once=True)
        queued += answer.get("queued") or 0
        times["since"] = answer.get("next_since")
    now.printer.show({"queued": queued}, f"{queued} queued")
