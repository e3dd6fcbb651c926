"""`mediarelay replay`: query tasks and publish their outcomes again."""

from math import ceil
from typing import Annotated

import typer

from mediarelay.domain.tasks.listing import TimeOf
from mediarelay.domain.tasks.media import Kind, State
from mediarelay_cli.api import Json, path
from mediarelay_cli.app import AsJson, app, session
from mediarelay_cli.errors import CliError, Exit
from mediarelay_cli.output import count
from mediarelay_cli.session import Session
from mediarelay_cli.times import TIME_HELP, moment


@app.command()
def replay(
    context: typer.Context,
    vids: Annotated[list[str] | None, typer.Argument(metavar="[VID]...", help="Tasks to replay.")] = None,
    state: Annotated[list[State] | None, typer.Option(help="Instead: all in this state; may be repeated.")] = None,
    kind: Annotated[Kind | None, typer.Option(help="Only tasks of this kind.")] = None,
    since: Annotated[str, typer.Option(help=f"Only tasks from then on. {TIME_HELP}")] = "",
    until: Annotated[str, typer.Option(help="Only tasks up to then.")] = "",
    by: Annotated[TimeOf | None, typer.Option("--time", help="The time that the others mean.")] = None,
    rate: Annotated[int, typer.Option(min=1, help="Tasks per minute, for each kind and state.")] = 60,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count the tasks.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for a confirmation.")] = False,
    as_json: AsJson = False,
) -> None:
    """Query the provider about tasks and publish their outcomes again. It counts first, and asks before it starts.

    For example:

    - `mediarelay replay 4124ecf1e5029cc14f5fb4241166b8e61795246506`
    - `mediarelay replay --state lost --state failed --since 2026-11-20 --until 2026-11-21 --dry-run`
    """
    now = session(context, as_json=as_json)
    if bool(vids) == bool(state):
        raise CliError("name either tasks or a state", "For example: mediarelay replay --state lost", Exit.USAGE)
    texts = {"kind": kind, "since": moment(since, "--since"), "until": moment(until, "--until"), "time": by}
    chosen = {name: value for name, value in texts.items() if value}
    if vids and chosen:
        raise CliError(f"--{min(chosen)} goes with --state only", code=Exit.USAGE)
    if vids:
        _replay_tasks(now, vids, dry_run=dry_run, yes=yes)
    else:
        _replay_selection(now, chosen | {"state": state, "rate": rate}, dry_run=dry_run, yes=yes)


def _replay_tasks(now: Session, vids: list[str], *, dry_run: bool, yes: bool) -> None:
    found = [now.api.get(path("/tasks/{}", vid)) for vid in vids]
    if not now.printer.as_json:
        now.printer.table(("vid", "state"), [(one.get("vid"), one.get("state")) for one in found])
    if dry_run:
        _show(now, {"count": len(found), "replays": []})
        return
    now.printer.confirm(f"Replay {count(len(found), 'task')}?", yes=yes)
    made = [now.api.post(path("/tasks/{}/replay", vid), once=True) for vid in vids]
    _show(now, {"count": len(made), "replays": made})


def _replay_selection(now: Session, request: Json, *, dry_run: bool, yes: bool) -> None:
    with now.printer.activity("counting the tasks"):
        counted = now.api.post("/tasks/replay", request | {"dry_run": True})
    number = counted.get("count") or 0
    if dry_run or not number:
        _show(now, counted)
        return
    minutes = ceil(number / request["rate"])
    text = f"Replay {count(number, 'task')} in {count(minutes, 'minute')} or less? Each one is published again."
    now.printer.confirm(text, yes=yes)
    _show(now, now.api.post("/tasks/replay", request, once=True))


def _show(now: Session, done: Json) -> None:
    jobs = [str(one) for one in done.get("jobs") or []]
    started = done.get("replays") or jobs
    words = f"{count(done.get('count') or 0, 'task')} {'requested' if started else 'would be replayed'}"
    now.printer.show(done, words)
    if jobs and not now.printer.as_json:
        now.printer.note("follow with `mediarelay replays list`, stop one with `mediarelay replays stop ID`:")
        for job in jobs:
            now.printer.note(job)
