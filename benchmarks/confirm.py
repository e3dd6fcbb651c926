"""`python -m benchmarks.confirm`: queries of the provider by many workers, against the latency bound and `requests`.

A server in another process answers each query over TLS after 50 ms. The bound is the time that the waits alone take:
`ceil(QUERIES / WORKERS)` of them, one after another. The clients alternate, so that both meet the same load of the
machine, and the figures are minima: other processes only add time. The budget and the circuit are in memory.
"""

import argparse
import asyncio
import json
import math
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime
from io import StringIO
from itertools import count
from pathlib import Path
from typing import Any

from benchmarks.baselines import queries
from benchmarks.figures import goal
from mediarelay.adapters.https_session import https_session
from mediarelay.adapters.provider_api import ProviderApi
from mediarelay.domain.budget import Budget
from mediarelay.domain.circuit_breaker import Circuit
from mediarelay.domain.tasks.media import Kind
from mediarelay.providers.cts.provider import CTS
from mediarelay.providers.port import Account
from tests.integration.task_harness import QUERIES as ANSWERS
from tests.stack import ROOT
from tests.unit.engine.clients.conftest import make_certificate

QUERIES, WORKERS, WAIT_SECONDS, ROUNDS = 200, 32, 0.05, 9
BOUND_SECONDS = math.ceil(QUERIES / WORKERS) * WAIT_SECONDS
# The goals: wall time over the bound, and CPU milliseconds per query.
GOALS = {name: goal("confirm", name) for name in ("bound", "cpu_ms")}
KEYS = Account("AKIDexample", "secret")
VID = "963f1d40dfdfadfdd9b94e922d5696"
Query = Callable[[str], Mapping[str, Any]]


@dataclass(frozen=True)
class Figures:
    """What 200 queries cost: wall time over the bound, and CPU milliseconds of this process per query."""

    bound: float
    cpu_ms: float


class OpenCircuits:
    """A guard that admits every call."""

    def before_call(self, _circuit: str) -> Circuit:
        """Admit the call."""
        return Circuit()

    def record_refusal(self, _circuit: str) -> None:
        """Record nothing."""

    def record_silence(self, _circuit: str, _seen: Circuit) -> None:
        """Record nothing."""

    record_success = record_silence


def ours(url: str, certificate: Path) -> Query:
    """Return a query by Mediarelay's client."""
    api = ProviderApi(
        provider=CTS,
        url=url,
        region="",
        account=lambda: KEYS,
        spend=lambda _now, _allowance: True,
        budget=Budget(10_000),
        guard=OpenCircuits(),
        clock=lambda: datetime.now(UTC),
        nonce=count(1).__next__,
        session=https_session("mediarelay", str(certificate)),
    )
    return lambda vid: api.query(Kind.VIDEO, vid)


def plain(url: str, certificate: Path) -> Query:
    """Return a query by the usual client."""
    return lambda vid: queries.query(url, str(certificate), KEYS.secret_id, KEYS.secret_key, vid)


CLIENTS: Mapping[str, Callable[[str, Path], Query]] = {"mediarelay": ours, "requests": plain}


def run(query: Query, pool: ThreadPoolExecutor) -> Figures:
    """Carry out the queries; raises `ValueError` if an answer is about another task."""
    cpu, wall = time.process_time(), time.perf_counter()
    # Metrics are published to standard output.
    with redirect_stdout(StringIO()):
        found = list(pool.map(query, [VID] * QUERIES))
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    if any(data["vid"] != VID for data in found):
        raise ValueError("an answer is about another task")
    return Figures(wall / BOUND_SECONDS, cpu / QUERIES * 1000)


def measure(rounds: int = ROUNDS) -> dict[str, Figures]:
    """Return the figures of each client, with open connections."""
    found: dict[str, list[Figures]] = {name: [] for name in CLIENTS}
    with serving() as (url, certificate), ThreadPoolExecutor(WORKERS) as pool:
        clients = {name: client(url, certificate) for name, client in CLIENTS.items()}
        for number in range(rounds + 1):
            for name, query in clients.items():
                figures = run(query, pool)
                # The first round opens the connections.
                if number:
                    found[name].append(figures)
    return {
        name: Figures(min(one.bound for one in all_), min(one.cpu_ms for one in all_)) for name, all_ in found.items()
    }


# ── the server ──────────────────────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def serving() -> Iterator[tuple[str, Path]]:
    """Run the server in another process; yields its URL and its certificate."""
    with tempfile.TemporaryDirectory() as folder:
        certificate = make_certificate(Path(folder))
        command = [sys.executable, "-m", "benchmarks.confirm", "--serve", str(certificate)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as server:
            try:
                port = next(iter(server.stdout or ()), "").strip()
                yield f"https://127.0.0.1:{port}/v2/index.php", certificate
            finally:
                server.terminate()


async def serve(certificate: str) -> None:
    """Answer every request over TLS after a wait; prints the port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = await asyncio.start_server(_answer, "127.0.0.1", 0, ssl=context)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    body = json.dumps({"code": 0, "message": "", "codeDesc": "", "data": ANSWERS[Kind.VIDEO] | {"vid": VID}}).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    while request := await _head(reader):
        await reader.readexactly(int(request.partition("content-length:")[2].split()[0]))
        await asyncio.sleep(WAIT_SECONDS)
        writer.write(head + body)
    writer.close()


async def _head(reader: asyncio.StreamReader) -> str:
    """Read the head of a request in lower case; return an empty one once the client has closed the connection."""
    try:
        return (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    except (asyncio.IncompleteReadError, ConnectionError):
        return ""


def main() -> int:
    """Print the figures of each client, and on stderr each goal that Mediarelay misses. Return 0."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.confirm", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--serve", metavar="CERTIFICATE", help="run the server only")
    options = parser.parse_args()
    if options.serve:
        asyncio.run(serve(options.serve))
    figures = measure(options.rounds)
    for name, one in figures.items():
        print(f"{name:<12}{one.bound:>6.2f} of the bound {one.cpu_ms:>6.2f} ms CPU per query")
    for name, limit in GOALS.items():
        if (found := getattr(figures["mediarelay"], name)) > limit:
            print(f"{name}: {found:.2f}, the goal is {limit}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
