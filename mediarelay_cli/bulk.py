"""Submit a list of files: in batches, several at once, and so that an interrupted run can go on.

Each result is one line of a file beside the list. A second run reads it and skips what was accepted before.

    list.jsonl                  {"url": "http://...", "idempotency_key": "song-18"}
    list.jsonl.results.jsonl    {"key": "song-18", "digest": "...", "line": 1, "status": 202, "submission": "..."}
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from io import SEEK_END, TextIOWrapper
from itertools import islice
from pathlib import Path
from threading import Lock
from typing import BinaryIO, TextIO

import typer

from mediarelay.contracts.json_objects import MAX_DEPTH, read_object
from mediarelay.domain.tasks.media import Kind
from mediarelay.errors import Malformed
from mediarelay_cli.api import Api, Json
from mediarelay_cli.errors import CliError, Exit
from mediarelay_cli.http_message import STDIN
from mediarelay_cli.sources import KINDS
from mediarelay_cli.submitting import accepted, is_header_text, submit_batch, submit_one

# Items of one call. The API takes 500, but smaller batches show progress earlier and lose less when interrupted.
BATCH = 100
# Bytes of one call, and of one item. A call that is too large would be refused with all of its items.
MAX_BATCH_BYTES = 1024 * 1024
MAX_ITEM_BYTES = 64 * 1024
# A batch holds its items two levels deep. One that is too deep would make the API refuse all others.
MAX_ITEM_DEPTH = MAX_DEPTH - 2
SUFFIX = ".results.jsonl"
OWN_KEYS = ("idempotency_key", "kind")


@dataclass(frozen=True, kw_only=True)
class Item:
    """One line of a list: the body to submit, or the reason why it is none.

    Attributes:
        key: Names the item in the results: its idempotency key, or the digest.
        digest: Identifies what is submitted. Two lines with one key and two digests are two requests; the API decides.
        size: The bytes of the line.
        idempotency_key: The key that the line states; empty if it states none.
    """

    line: int
    key: str
    digest: str
    size: int = 0
    kind: str = ""
    body: Json = field(default_factory=dict)
    idempotency_key: str = ""
    flaw: str = ""

    @property
    def is_batchable(self) -> bool:
        """Whether a batch may hold it: the API takes batches of audio files only."""
        return not self.flaw and self.kind == "audio"


def read_items(file: Path, kind: str) -> Iterator[Item]:
    """Yield the items of a list, one per line that is not blank. `kind` is that of lines that state none.

    The file `-` is stdin. Raises `CliError` if the file cannot be read.
    """
    try:
        with _opened(file) as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield parse(number, line, kind)
    except (OSError, UnicodeDecodeError) as error:
        action = "A list has one JSON object per line, in UTF-8."
        raise CliError(f"{file}: {_why(error)}", action, Exit.USAGE) from error


def _opened(file: Path) -> TextIO:
    if str(file) == STDIN:
        return TextIOWrapper(typer.get_binary_stream("stdin"), "utf-8-sig")
    return file.open(encoding="utf-8-sig")


def results_file(file: Path, stated: Path | None) -> Path:
    """Return the file of results. Raises `CliError` if a list has no place of its own, or would be overwritten."""
    if stated is None:
        if str(file) == STDIN or file.is_fifo():
            raise CliError(
                "a list from a pipe has no file beside it", "Name the file of results by --results.", Exit.USAGE
            )
        return file.with_name(file.name + SUFFIX)
    if stated.exists() and file.exists() and stated.samefile(file):
        raise CliError("--results names the list itself", "Name another file by --results.", Exit.USAGE)
    return stated


def _why(error: Exception) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else "not UTF-8"


def parse(number: int, line: str, kind: str) -> Item:
    """Read a line of a list."""
    size = len(line.encode("utf-8", "surrogatepass"))
    if size > MAX_ITEM_BYTES:
        return _flawed(number, line, f"has more than {MAX_ITEM_BYTES // 1024} KiB")
    try:
        stated = read_object(line.encode(), MAX_ITEM_DEPTH)
    except Malformed as error:
        return _flawed(number, line, f"is no JSON object that the API reads: {error}")
    chosen, own = stated.get("kind", kind), stated.get("idempotency_key", "")
    if flaw := _flaw(chosen, own):
        return _flawed(number, line, flaw)
    body = {name: value for name, value in stated.items() if name not in OWN_KEYS}
    digest = _digest(json.dumps([chosen, body], sort_keys=True))
    return Item(line=number, key=own or digest, digest=digest, size=size, kind=chosen, body=body, idempotency_key=own)


def _flaw(kind: object, key: object) -> str:
    """Return what is wrong with the kind and the idempotency key of a line; empty if nothing is."""
    if kind not in KINDS:
        return "has a kind that is neither video nor audio"
    if not isinstance(key, str):
        return "has an idempotency_key that is no text"
    if kind == Kind.VIDEO and not is_header_text(key):
        return "has an idempotency_key that no header can carry; a video needs one of printable ASCII"
    return ""


def _flawed(number: int, line: str, flaw: str) -> Item:
    return Item(line=number, key=_digest(line), digest=_digest(line), flaw=f"line {number} {flaw}")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


class Results:
    """The file of results: what earlier runs against this API have done, and what this one does."""

    def __init__(self, file: Path, api_url: str) -> None:
        self.file, self.api_url = file, api_url
        self._lock = Lock()
        # A record without a digest has an older form.
        self.accepted: dict[tuple[str, str], Json] = {
            (one["key"], str(one.get("digest", one["key"]))): one for one in self._read() if accepted(one)
        }

    def of(self, item: Item) -> Json | None:
        """Return the record of an item that was accepted before."""
        return self.accepted.get((item.key, item.digest))

    def _read(self) -> Iterator[Json]:
        try:
            lines = self.file.read_text("utf-8").splitlines() if self.file.exists() else []
        except (OSError, UnicodeDecodeError) as error:
            raise CliError(f"{self.file}: {_why(error)}", "Name another file by --results.", Exit.USAGE) from error
        for line in lines:
            try:
                found = json.loads(line)
            except (ValueError, RecursionError):
                continue  # A run that was killed leaves half a line.
            if isinstance(found, dict) and isinstance(found.get("key"), str) and found.get("api") == self.api_url:
                yield found

    def append(self, results: Iterable[Json]) -> None:
        """Add results to the file. Threads may share it. Raises `CliError` if that is not possible."""
        text = "".join(json.dumps(one) + "\n" for one in results)
        try:
            with self._lock, self.file.open("a+b") as file:
                file.write((text if _at_line_end(file) else f"\n{text}").encode())
        except OSError as error:
            raise CliError(f"{self.file}: {_why(error)}", "Name another file by --results.", Exit.USAGE) from error


def _at_line_end(file: BinaryIO) -> bool:
    """Return whether a file is empty or ends with a whole line, so that the next one does not continue half a line."""
    if not file.seek(0, SEEK_END):
        return True
    file.seek(-1, SEEK_END)
    return file.read() == b"\n"


@dataclass
class BulkSubmit:
    """Submits items, `concurrency` calls at once, and records each result.

    `report` gets the records of each finished call, and those of skipped items.
    """

    api: Api
    results: Results
    concurrency: int
    report: Callable[[list[Json]], None]
    interrupted: Callable[[], None] = lambda: None

    def run(self, items: Iterable[Item]) -> None:
        """Submit all items. Raises `CliError` if the API refuses or does not answer; a later run goes on."""
        units = self._units(items)
        pool = ThreadPoolExecutor(self.concurrency)
        running = set[Future[list[Json]]]()
        try:
            self._drain(units, pool, running)
        except (KeyboardInterrupt, CliError) as error:
            if isinstance(error, KeyboardInterrupt):
                self.interrupted()
            # Each thread records what it has sent. A second Ctrl-C ends the wait for them.
            pool.shutdown(wait=True, cancel_futures=True)
            self._finish(running)
            raise
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _drain(self, units: Iterator[list[Item]], pool: ThreadPoolExecutor, running: set[Future[list[Json]]]) -> None:
        while True:
            for unit in islice(units, self.concurrency - len(running)):
                running.add(pool.submit(self._submit, unit))
            if not running:
                return
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            # The results of all finished calls count, also if one of them raises.
            for future in sorted(done, key=lambda one: one.exception() is not None):
                running.discard(future)
                self.report(future.result())

    def _finish(self, running: set[Future[list[Json]]]) -> None:
        for future in running:
            if not future.cancelled() and future.exception() is None:
                self.report(future.result())

    def _units(self, items: Iterable[Item]) -> Iterator[list[Item]]:
        """Yield what one call sends: a batch of audio files, or one video."""
        batch = list[Item]()
        for item in self._open(items):
            if not item.is_batchable:
                yield [item]
                continue
            if len(batch) == BATCH or sum(one.size for one in batch) + item.size > MAX_BATCH_BYTES:
                yield batch
                batch = []
            batch.append(item)
        if batch:
            yield batch

    def _open(self, items: Iterable[Item]) -> Iterator[Item]:
        """Yield the items that no earlier run and no earlier line of the list has submitted."""
        seen = set[tuple[str, str]]()
        for item in items:
            known, identity = self.results.of(item), (item.key, item.digest)
            if known or identity in seen:
                self.report([{**(known or {"key": item.key}), "line": item.line, "skipped": True}])
                continue
            seen.add(identity)
            yield item

    def _send(self, unit: list[Item]) -> list[Json]:
        first = unit[0]
        if first.flaw:
            return [{"status": 0, "detail": first.flaw}]
        if first.is_batchable:
            keyed = [({"idempotency_key": one.idempotency_key} if one.idempotency_key else {}) for one in unit]
            return submit_batch(self.api, [one.body | key for one, key in zip(unit, keyed, strict=True)])
        return [submit_one(self.api, first.kind, first.body, first.idempotency_key)]

    def _submit(self, unit: list[Item]) -> list[Json]:
        """Send a unit and record its results in the same thread, which Ctrl-C does not interrupt in between."""
        found = self._send(unit)
        shared = {"api": self.api.url}
        about = ({"key": one.key, "digest": one.digest, "line": one.line, "kind": one.kind} | shared for one in unit)
        records = [who | result for who, result in zip(about, found, strict=True)]
        self.results.append(records)
        return records
