"""`mediarelay task VID`: one task, its history, and what happens next."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from mediarelay_cli.api import Json, path
from mediarelay_cli.app import AsJson, app, session
from mediarelay_cli.names import size
from mediarelay_cli.output import Printer, ago, count

# The whole name of a task, because a prefix that is unique today may name two tasks tomorrow.
VID_HELP = "The task's id, in full."
RENDITIONS = ("kind", "name", "size", "picture", "bitrate", "path")
DUTIES = {
    "query": "Mediarelay queries the provider",
    "give_up": "Mediarelay records the task as lost, unless an answer arrives before",
    "publish": "Mediarelay publishes the outcome",
}
ORIGINS = {
    "reply": "the provider's reply, which states nothing",
    "timeout": "no answer within GiveUpAfter",
    "claim": "a callback, which is only a claim",
    "listed": "the provider lists the task",
    "track": "a client tracks the task",
    "submit": "a client submitted the task",
    "trusted": "a trusted callback",
    "answer": "the provider's answer to a signed query",
}


@app.command()
def task(
    context: typer.Context,
    vid: Annotated[str, typer.Argument(help=VID_HELP)],
    bodies: Annotated[bool, typer.Option("--bodies", help="Print the bodies of the history, too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show a task: its renditions and faults, its history, and what happens next and when.

    For example:

    - `mediarelay task 4124ecf1e5029cc14f5fb4241166b8e61795246506`
    - `mediarelay task 4124ecf1e5029cc14f5fb4241166b8e61795246506 --bodies`
    """
    now = session(context, as_json=as_json)
    found, history = now.api.get(path("/tasks/{}", vid)), now.api.get(path("/tasks/{}/history", vid))
    if now.printer.as_json:
        now.printer.json({"task": found, "history": history})
        return
    render(now.printer, found)
    timeline(now.printer, found, history, bodies=bodies)


def render(printer: Printer, found: Json) -> None:
    """Print what is known about a task."""
    source = found.get("source") or {}
    claimed = f", a callback claims {found['claimed']}" if found.get("claimed") else ""
    partial = ", but some outputs failed" if found.get("partial") else ""
    printer.fields(
        [
            ("vid", found.get("vid")),
            ("state", f"{found.get('state')}{claimed}{partial}"),
            ("kind", found.get("kind")),
            ("file", source.get("url") or source.get("path")),
            ("media", media(source)),
            ("reference", found.get("reference")),
            ("submission", found.get("submission")),
        ]
    )
    if renditions := found.get("renditions"):
        printer.line()
        printer.table(RENDITIONS, [_rendition(one) for one in renditions], flexible="path", optional=("bitrate",))
    for fault in found.get("faults") or []:
        printer.wrapped(f"{fault.get('code') or ''} {fault.get('message') or 'no text'}".strip(), "fault  ", "red")


def media(source: Json) -> str:
    """Return size, length and picture of a file, as far as they are known."""
    length = f"{source['duration']:g} s" if isinstance(source.get("duration"), int | float) else None
    return ", ".join(one for one in (size(source.get("size")), length, picture(source)) if one)


def picture(item: Json) -> str | None:
    """Return the size of a picture, such as `640x360`; None if it is unknown."""
    return f"{item['width']}x{item['height']}" if item.get("width") and item.get("height") else None


def _rendition(one: Json) -> list[object]:
    paths = one.get("paths") or []
    bitrate = f"{one['bitrate'] // 1000} kbit/s" if isinstance(one.get("bitrate"), int) else None
    more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
    return [
        one.get("kind"),
        one.get("name"),
        size(one.get("size")),
        picture(one),
        bitrate,
        f"{paths[0]}{more}" if paths else None,
    ]


def timeline(printer: Printer, found: Json, history: Json, *, bodies: bool) -> None:
    """Print the observations of a task, oldest first, then what follows."""
    printer.line()
    for one in history.get("observations") or []:
        origin = str(one.get("origin"))
        printer.wrapped(_observation(one, ORIGINS.get(origin, origin)), f"{_moment(one.get('at'))}  ")
        if bodies:
            printer.json(one.get("body"))
    for one in history.get("conflicts") or []:
        printer.wrapped(f"{one.get('subject')}: {', '.join(one.get('values') or {})}", "contradiction  ", "yellow")
    for label, text in upcoming(found, datetime.now(UTC)):
        printer.wrapped(text, label, "cyan")


def _observation(one: Json, text: str) -> str:
    reason = f": {one['reason']}" if one.get("reason") else ""
    unreadable = f" (not readable: {', '.join(map(str, one['unreadable']))})" if one.get("unreadable") else ""
    return f"{text}{reason}{unreadable}"


def _moment(time: Any) -> str:
    return str(time or "")[:19].replace("T", " ")


def upcoming(found: Json, now: datetime) -> Iterator[tuple[str, str]]:
    """Yield what was published of a task, and what Mediarelay does next and when, each after its label."""
    plan = found.get("next")
    if not isinstance(plan, dict):
        return
    if published := plan.get("published"):
        yield "published  ", ", ".join(map(str, published))
    duty = plan.get("duty")
    if duty is None:
        yield "next       ", "nothing: the task needs nothing more"
        return
    attempts = f" ({count(plan['attempts'], 'attempt')} so far)" if plan.get("attempts") else ""
    yield "next       ", f"{DUTIES.get(str(duty), duty)} {_due(plan.get('at'), now)}{attempts}"
    if plan.get("give_up_at") and duty == "query":
        yield "at last    ", f"{DUTIES['give_up']}, {ago(plan['give_up_at'], now)}"


def _due(at: Any, now: datetime) -> str:
    text = ago(at, now)
    return f"now: it is due since {text.removesuffix(' ago')}" if text.endswith(" ago") else text
