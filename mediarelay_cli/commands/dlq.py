"""`mediarelay dlq`: messages that no function could process."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from mediarelay.domain.operations.queues import DEAD_LETTERS
from mediarelay_cli.api import listed, path
from mediarelay_cli.app import AsJson, app, session
from mediarelay_cli.errors import Exit
from mediarelay_cli.output import ago

dlq = typer.Typer(no_args_is_help=True, help="List, show, redrive and purge the dead-letter queues.")
app.add_typer(dlq, name="dlq")

Queue = Annotated[str, typer.Argument(help="Name of the queue, such as ConfirmDeadLetters; see `dlq list`.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for a confirmation.")]


@dlq.command("list")
def list_queues(context: typer.Context, as_json: AsJson = False) -> None:
    """List the dead-letter queues, and whether their messages can be moved back. The exit code is 1 if any holds one.

    Example: `mediarelay dlq list`
    """
    now = session(context, as_json=as_json)
    found = listed(now.api.get("/dead-letters"), "dead_letters")
    if now.printer.as_json:
        now.printer.json(found)
    else:
        rows = [(one.get("queue"), one.get("messages"), _repair(one.get("queue"))) for one in found]
        now.printer.table(("queue", "messages", "what to do with them"), rows, flexible="what to do with them")
    if any(one.get("messages") for one in found):
        raise typer.Exit(Exit.PROBLEM)


def _repair(name: object) -> str | None:
    queue = DEAD_LETTERS.get(str(name))
    if queue is None:
        return None
    if queue.is_only_copy:
        return "redrive: no other copy exists"
    return "redrive or purge: their work stays due" if queue.sources else "purge: the next run does their work"


@dlq.command()
def show(
    context: typer.Context,
    queue: Queue,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=100, help="Show at most so many messages.")] = 10,
    as_json: AsJson = False,
) -> None:
    """Show messages of a dead-letter queue. They stay in the queue.

    Example: `mediarelay dlq show ConfirmDeadLetters`
    """
    now = session(context, as_json=as_json)
    found = listed(now.api.get(path("/dead-letters/{}/messages", queue), limit=limit), "messages")
    if now.printer.as_json:
        now.printer.json(found)
        return
    for one in found:
        attributes = ", ".join(f"{name}={value}" for name, value in (one.get("attributes") or {}).items())
        now.printer.line(str(one.get("id")), "bold")
        sent = ago(one.get("sent_at"), datetime.now(UTC))
        texts = [("  sent", sent), ("  received", one.get("received")), ("  attributes", attributes)]
        now.printer.fields([*texts, ("  body", one.get("body"))])
    if not found:
        now.printer.note("no message is visible; one that was just received is hidden for some seconds")


@dlq.command()
def redrive(context: typer.Context, queue: Queue, as_json: AsJson = False) -> None:
    """Move all messages of a dead-letter queue back to the queue that they came from.

    Example: `mediarelay dlq redrive ConfirmDeadLetters`
    """
    now = session(context, as_json=as_json)
    moved = 0
    with now.printer.activity(f"moving the messages of {queue}"):
        while True:
            answer = now.api.post(path("/dead-letters/{}/redrive", queue))
            moved += answer.get("moved") or 0
            # A step that moves nothing leaves messages that another receiver holds.
            if not answer.get("moved") or not answer.get("remaining"):
                break
    remaining = answer.get("remaining") or 0
    now.printer.show({"moved": moved, "remaining": remaining}, f"{moved} moved, {remaining} left")
    if remaining:
        raise typer.Exit(Exit.PROBLEM)


@dlq.command()
def purge(context: typer.Context, queue: Queue, yes: Yes = False, as_json: AsJson = False) -> None:
    """Delete all messages of a dead-letter queue. Nothing brings them back.

    Example: `mediarelay dlq purge ScheduleDeadLetters --yes`
    """
    now = session(context, as_json=as_json)
    now.printer.confirm(f"Delete all messages of {queue} for good?", yes=yes)
    done = now.api.post(path("/dead-letters/{}/purge", queue), {"confirm": queue})
    now.printer.show(done, f"{done.get('purged')} deleted")
