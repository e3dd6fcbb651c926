"""`python -m engine --port 4580 --data DIR [--config FILE]`: serve on 127.0.0.1 until SIGTERM or SIGINT.

The exit code is 0 after a stop. It is 2 if the engine cannot start; one line on stderr then states the reason.
"""

import argparse
import contextlib
import logging
import signal
import socket
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import uvicorn

from engine.app import Engine, build_app
from engine.store import StoreBusy
from engine.transcode import NoFfmpeg
from mediarelay.errors import Malformed

HOST = "127.0.0.1"
CANNOT_START = 2


class Server(uvicorn.Server):
    """A uvicorn server that prints a line when it is ready and leaves the signals to `_serve`."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start serving, then print the line for which callers wait."""
        await super().startup(sockets)
        # With `--port 0` only the socket knows the port.
        port = sockets[0].getsockname()[1] if sockets else self.config.port
        sys.stdout.write(f"engine ready on http://{HOST}:{port}\n")
        sys.stdout.flush()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture nothing: uvicorn would raise the signal again before the engine has closed its store."""
        yield

    def end(self, *_: object) -> None:
        """Stop serving. Running requests have two seconds to finish."""
        self.should_exit = True


def main(argv: Sequence[str] | None = None) -> int:
    """Run the engine and return its exit code."""
    options = _options(argv)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    try:
        # The engine takes its port first, so that a second engine fails before it opens the data directory.
        with _listen(options.port) as listening:
            _serve(Engine.open(options.data, options.config), listening)
    except (Malformed, OSError, StoreBusy, NoFfmpeg) as error:
        sys.stderr.write(f"engine: {error}\n")
        return CANNOT_START
    return 0


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m engine", description="A transcoding service that is compatible with CTS and MPS."
    )
    parser.add_argument("--port", type=int, default=4580, help="0 lets the system choose")
    parser.add_argument("--data", type=Path, required=True, help="the directory that keeps everything")
    parser.add_argument(
        "--config", type=Path, help="JSON; without it the configuration kept in the data directory counts"
    )
    return parser.parse_args(argv)


def _listen(port: int) -> socket.socket:
    listening = socket.socket()
    try:
        # A restarted engine can bind the port at once, although the kernel still holds old connections to it.
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((HOST, port))
        listening.listen(1024)
    except (OSError, OverflowError) as error:
        listening.close()
        raise OSError(f"cannot listen on {HOST}:{port} ({getattr(error, 'strerror', None) or error})") from error
    return listening


def _serve(engine: Engine, listening: socket.socket) -> None:
    config = uvicorn.Config(
        build_app(engine),
        log_level="warning",
        access_log=False,
        server_header=False,
        # The Date of an upload's answer decides the vid of its task, so the buckets set it themselves.
        date_header=False,
        timeout_graceful_shutdown=2,
        lifespan="on",
    )
    server = Server(config)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, server.end)
    server.run(sockets=[listening])


if __name__ == "__main__":
    sys.exit(main())
