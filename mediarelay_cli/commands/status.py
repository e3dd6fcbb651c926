"""`mediarelay status`: the whole stack on one screen."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from mediarelay_cli.api import Json
from mediarelay_cli.app import AsJson, app, session
from mediarelay_cli.errors import Exit
from mediarelay_cli.output import Printer, ago, count
from mediarelay_cli.session import Session
from mediarelay_cli.times import repeat

# Problems, so that everything fits on a screen of 24 lines.
MAX_PROBLEMS = 7
LABEL = 13
# Words that stand out in a line, because something is wrong.
MARKS = ("OVERDUE", "FAILED", "OPEN", "LATE", "NOT YET", "USED UP", "UNUSABLE", "NOT READABLE", "failing", "disabled")
STYLES = {"error": "red", "warning": "yellow"}


@app.command()
def status(
    context: typer.Context,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Show it again and again, until Ctrl-C.")] = False,
    every: Annotated[float, typer.Option(min=1, help="Seconds between two updates of --watch.")] = 5,
    as_json: AsJson = False,
) -> None:
    """Show at a glance whether the stack is healthy. The exit code is 1 if it is not.

    For example:

    - `mediarelay status`
    - `mediarelay status --watch --every 10`
    """
    now = session(context, as_json=as_json)
    if watch:
        repeat(now.printer, every, lambda: show(now))
    if not show(now):
        raise typer.Exit(Exit.PROBLEM)


def show(now: Session) -> bool:
    """Print the status of the stack once. Return whether it is healthy."""
    found = now.api.get("/status")
    if now.printer.as_json:
        now.printer.json(found)
    else:
        render(now.printer, found, now.profile.name, now.api_url)
    return bool(found.get("healthy"))


def render(printer: Printer, found: Json, name: str, url: str) -> None:
    """Print a status: its problems first, then one line for each part of the stack."""
    healthy, problems = found.get("healthy"), found.get("problems") or []
    word, style = ("healthy", "green") if healthy else ("not healthy", "bold red")
    printer.clipped(f"{name} is {word}", f"version {found.get('version')}, {found.get('time')}", style)
    for one in problems[:MAX_PROBLEMS]:
        since = f" (since {ago(one['since'], datetime.now(UTC))})" if one.get("since") else ""
        text = f"{one.get('subject')}: {one.get('detail')}{since}"
        printer.clipped(f"{one.get('severity')}".ljust(LABEL), text, STYLES.get(str(one.get("severity")), ""))
    if (hidden := len(problems) - MAX_PROBLEMS) > 0:
        printer.line(f"and {count(hidden, 'more problem')}: mediarelay status --json", "dim")
    printer.line()
    for label, text in lines(found):
        printer.clipped(label.ljust(LABEL), text)
    if problems and problems[0].get("runbook"):
        printer.clipped("what to do".ljust(LABEL), f"mediarelay stuck, {url}{problems[0]['runbook']}")


def lines(found: Json) -> Iterator[tuple[str, str]]:
    """Yield the name of each part of the stack, and its state in words."""
    now = datetime.now(UTC)
    for label, (field, text, empty) in PARTS.items():
        items = found.get(field) or []
        shown = [one for one in (text(one, now) for one in items) if one]
        # What is wrong comes first, because a narrow terminal shortens the line.
        yield label, ", ".join(sorted(shown, key=_is_fine)) or empty
    stored = found.get("quarantine") or {}
    yield "quarantine", f"{_many(stored, 'bodies', 'unreadable body', 'unreadable bodies')} on {stored.get('day')}"
    opened = found.get("submissions") or {}
    oldest = f", oldest {ago(opened['oldest_at'], now)}" if opened.get("oldest_at") else ""
    yield "submissions", f"{_many(opened, 'open', 'open', 'open')}{oldest}"


def _is_fine(text: str) -> bool:
    return not any(mark in text for mark in MARKS)


def _many(item: Mapping[str, Any], field: str, one: str, several: str) -> str:
    number = item.get(field) or 0
    return f"{number}{'+' if item.get('more') else ''} {one if number == 1 else several}"


def _duty(one: Json, now: datetime) -> str:
    if not one.get("due"):
        return ""
    late = (" OVERDUE" if one.get("overdue") else "") + (f" {one['failed']} FAILED" if one.get("failed") else "")
    oldest = f" (oldest {ago(one['oldest_due_at'], now)}{late})" if one.get("oldest_due_at") else late
    return f"{one.get('duty')} {one['due']}{'+' if one.get('more') else ''}{oldest}"


def _circuit(one: Json, now: datetime) -> str:
    if one.get("open_until"):
        return f"{one.get('circuit')} OPEN, next try {ago(one['open_until'], now)}"
    return f"{one.get('circuit')} {count(one.get('failures', 0), 'failure')}" if one.get("failures") else ""


def _budget(one: Json, now: datetime) -> str:
    """Describe one minute of a provider's budget; the minute before is worth a word only if it was used up."""
    is_past = str(one.get("minute")) < f"{now:%Y-%m-%dT%H:%M}"
    if is_past and one.get("calls", 0) < one.get("limit", 0):
        return ""
    when = "USED UP in the last minute" if is_past else "in this minute"
    unknown = f", {one['unknown_calls']} about unknown tasks" if one.get("unknown_calls") else ""
    return f"{one.get('provider')} {one.get('calls')} of {one.get('limit')} {when}{unknown}"


def _queue(one: Json, _now: datetime) -> str:
    counts = {"messages": "waiting", "in_flight": "in flight", "delayed": "delayed"}
    shown = [f"{one[field]} {word}" for field, word in counts.items() if one.get(field)]
    return f"{one.get('queue')} {', '.join(shown)}" if shown else ""


def _dead(one: Json, _now: datetime) -> str:
    return f"{one.get('queue')} {one['messages']}" if one.get("messages") else ""


def _schedule(one: Json, now: datetime) -> str:
    if not one.get("last_run_at"):
        return f"{one.get('function')} NOT YET"
    return f"{one.get('function')} {ago(one['last_run_at'], now)}{' LATE' if one.get('late') else ''}"


def _secret(one: Json, _now: datetime) -> str:
    if not one.get("readable"):
        return f"{one.get('secret')} NOT READABLE"
    unusable: Sequence[object] = one.get("unusable") or []
    return f"{one.get('secret')} {one.get('usable')}" + (f" ({len(unusable)} UNUSABLE)" if unusable else "")


def _endpoint(one: Json, _now: datetime) -> str:
    waiting = f" ({one['pending']} pending)" if one.get("pending") else ""
    return f"{one.get('name')} {one.get('state')}{waiting}"


# Label: the field of the status, how an item of it reads, and what stands there if no item is worth a word.
PARTS = {
    "due": ("duties", _duty, "nothing"),
    "circuits": ("circuits", _circuit, "all closed"),
    "budget": ("budget", _budget, "unused in this minute"),
    "queues": ("queues", _queue, "empty"),
    "dead letters": ("dead_letters", _dead, "none"),
    "schedules": ("schedules", _schedule, "none"),
    "secrets": ("secrets", _secret, "none"),
    "webhooks": ("endpoints", _endpoint, "no endpoint"),
}
