"""`mediarelay submit`: submit files, one or thousands, and follow them until their outcomes."""

from pathlib import Path
from typing import Annotated, Any

import typer

from mediarelay.domain.tasks.media import Kind
from mediarelay_cli import bulk
from mediarelay_cli.api import Json
from mediarelay_cli.app import AsJson, app, session
from mediarelay_cli.errors import CliError, Exit
from mediarelay_cli.output import count
from mediarelay_cli.progress import Progress
from mediarelay_cli.session import Session
from mediarelay_cli.sources import Options, Request, is_file, request_of, uploader
from mediarelay_cli.submitting import Follower, accepted, submit_one, succeeded

# Failures that are shown one by one; the file of results holds all.
MAX_SHOWN = 10


@app.command()
def submit(
    context: typer.Context,
    sources: Annotated[
        list[str] | None,
        typer.Argument(metavar="[FILE_OR_URL]...", help="URLs, cos:// or s3:// objects, or files to upload."),
    ] = None,
    from_file: Annotated[
        Path | None,
        typer.Option("--from", help="A list instead: one JSON object per line, the body of a submit; `-` is stdin."),
    ] = None,
    kind: Annotated[Kind | None, typer.Option(help="By default what the name says; in a list, audio.")] = None,
    provider: Annotated[str, typer.Option(help="`mps` or `cts`; by default the stack's.")] = "",
    output: Annotated[list[int] | None, typer.Option(help="Template of an output; may be repeated.")] = None,
    output_dir: Annotated[str, typer.Option(help="Folder of the outputs, such as /out/.")] = "",
    destination: Annotated[str, typer.Option(help="Bucket and region of the outputs, as BUCKET:REGION.")] = "",
    reference: Annotated[str, typer.Option(help="Your own text; task and notifications show it.")] = "",
    idempotency_key: Annotated[str, typer.Option("--key", help="Idempotency key, for a single source.")] = "",
    bucket: Annotated[str, typer.Option(help="Bucket to upload files to, such as films-1250000000.")] = "",
    bucket_region: Annotated[str, typer.Option(help="Region of the bucket or of a cos:// object.")] = "ap-shanghai",
    folder: Annotated[str, typer.Option(help="Folder of the bucket to upload to.")] = "uploads",
    results: Annotated[Path | None, typer.Option(help="File of results; by default beside the list.")] = None,
    concurrency: Annotated[int, typer.Option(min=1, max=32, help="Calls at the same time.")] = 4,
    wait: Annotated[bool, typer.Option("--wait", help="Follow the tasks until their outcomes.")] = False,
    timeout: Annotated[float, typer.Option(min=0, help="Seconds to wait at most; 0 waits without end.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Submit files. The exit code is 1 if any is refused, or with --wait, if any task does not succeed.

    A list is submitted in batches, and can go on where it was interrupted: run the same command again.
    A file is uploaded first, to a local stack only. On COS, upload it with `coscli`.

    For example:

    - `mediarelay submit http://music-1250000000.cossh.myqcloud.com/song.mp3 --wait`
    - `mediarelay submit clip.mp4 --bucket films-1250000000 --provider mps --output 10 --output 20`
    - `mediarelay submit cos://films-1250000000/in/clip.mp4 --bucket-region ap-shanghai --key clip-17`
    - `mediarelay submit --from list.jsonl --wait`
    """
    now = session(context, as_json=as_json)
    texts = {"provider": provider, "output_dir": output_dir, "reference": reference, "outputs": output}
    fields = {name: value for name, value in texts.items() if value} | _destination(destination)
    follow = Follower(now.api, concurrency)
    if bool(sources) == bool(from_file):
        raise CliError("name either sources or a list", "For example: mediarelay submit --from list.jsonl", Exit.USAGE)
    if from_file:
        _refuse_fields(fields, idempotency_key)
        done = _submit_list(now, from_file, results, kind or Kind.AUDIO, concurrency)
    else:
        options = Options(kind=kind or "", bucket=bucket, region=bucket_region, fields=fields)
        done = _submit_sources(now, sources or [], options, folder, idempotency_key)
    try:
        if wait:
            _wait(now, follow, done, timeout)
    finally:
        # What was submitted is worth knowing, also if the wait fails.
        _report(now, done, waited=wait, listed=bool(from_file))
    if not all(succeeded(one, waited=wait) for one in done):
        raise typer.Exit(Exit.PROBLEM)


def _destination(stated: str) -> Json:
    if not stated:
        return {}
    bucket, _, region = stated.rpartition(":")
    if not bucket or not region:
        raise CliError(f"--destination {stated}: no bucket and region", "Write BUCKET:REGION.", Exit.USAGE)
    return {"destination": {"bucket": bucket, "region": region}}


def _refuse_fields(fields: Json, key: str) -> None:
    named = [*fields, *(["key"] if key else [])]
    if named:
        action = "State them in the list: each line is the body of a submit."
        raise CliError(f"a list does not go with {', '.join(named)}", action, Exit.USAGE)


def _submit_sources(now: Session, sources: list[str], options: Options, folder: str, key: str) -> list[Json]:
    if key and len(sources) > 1:
        raise CliError("--key goes with a single source", "Use --from for a list with keys.", Exit.USAGE)
    # Everything that is wrong about the command line shows before the first call.
    uploaders = {one: uploader(now.profile.cos_endpoint, options, one) for one in sources if is_file(one)}
    requests = {one: request_of(one, options) for one in sources if not is_file(one)}
    done = list[Json]()
    for source in sources:
        with now.printer.activity(f"submitting {source}"):
            uploading = uploaders.get(source)
            name = f"{folder.strip('/')}/{Path(source).name}".lstrip("/")
            request = uploading.upload(Path(source), name, options) if uploading else requests[source]
            done.append(_submit(now, request, key))
    return done


def _submit(now: Session, request: Request, key: str) -> Json:
    result = submit_one(now.api, request.kind, request.body, key or request.key)
    return {"source": request.source, "kind": request.kind} | result


def _submit_list(now: Session, file: Path, results: Path | None, kind: str, concurrency: int) -> list[Json]:
    known = bulk.Results(bulk.results_file(file, results), now.api.url)
    # Read once: a pipe has no second time, and a list that changes meanwhile would be two lists.
    done, items = list[Json](), list(bulk.read_items(file, kind))
    with Progress(now.printer, "submitting", len(items)) as progress:

        def report(records: list[Json]) -> None:
            done.extend(records)
            failed = sum(not accepted(one) for one in records if not one.get("skipped"))
            progress.add(len(records), failed=failed, skipped=sum(bool(one.get("skipped")) for one in records))

        def interrupted() -> None:
            now.printer.note("waiting for calls that were sent; Ctrl-C again ends at once")

        try:
            bulk.BulkSubmit(now.api, known, concurrency, report, interrupted).run(items)
        except (CliError, KeyboardInterrupt):
            now.printer.note(f"{count(len(done), 'item')} done; run the same command again to go on")
            raise
    now.printer.note(f"results: {known.file}")
    # An item that the list names twice was submitted once.
    return [one for one in done if "status" in one or not one.get("skipped")]


def _wait(now: Session, follow: Follower, done: list[Json], timeout: float) -> None:
    with Progress(now.printer, "waiting for outcomes", len(done)) as progress:
        follow.follow(done, timeout, lambda ended, _total: progress.add(ended - progress.done))


def _report(now: Session, done: list[Json], *, waited: bool, listed: bool) -> None:
    if now.printer.as_json:
        for one in done:
            now.printer.json_line(one)
        return
    failed = [one for one in done if not succeeded(one, waited=waited)]
    for one in failed[:MAX_SHOWN] if listed else done:
        now.printer.wrapped(*_line(one, waited=waited))
    if listed and len(failed) > MAX_SHOWN:
        now.printer.note(f"and {count(len(failed) - MAX_SHOWN, 'more failure')}")
    skipped = sum(bool(one.get("skipped")) for one in done)
    before = f" ({skipped} in an earlier run)" if skipped else ""
    verb = "succeeded" if waited else "accepted"
    now.printer.line(f"{len(done) - len(failed)} of {len(done)} {verb}{before}", "red" if failed else "green")


def _line(one: Json, *, waited: bool) -> tuple[Any, str, str]:
    """Return the text about a result, its label and its style."""
    where = one.get("source") or f"line {one.get('line')} ({one.get('key')})"
    named = one.get("vid") or (f"submission {one['submission']}" if one.get("submission") else "")
    repeated = ", submitted before: a new --key submits new content" if one.get("repeated") else ""
    texts = [str(text) for text in (one.get("state"), named, one.get("detail")) if text]
    return f"{': '.join(texts)}{repeated}", f"{where}  ", "" if succeeded(one, waited=waited) else "red"
