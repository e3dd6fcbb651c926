"""`python -m docs.generate [--check]`: write all generated documents.

These are the OpenAPI document, the schema of events, the tables of errors, the reference of the command line, and the
pages that the console serves.

With `--check` the command writes nothing, and exits with 1 if a file is out of date. `functions/read_ledger` serves its
own copy of the OpenAPI document, because a function has only its folder and the layers.
"""

import argparse
import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

from docs import error_codes
from docs.cli_reference import reference
from docs.pages import html_pages
from docs.schemas import Schema, events
from mediarelay.domain.songs import errors as song_errors

ROOT = Path(__file__).resolve().parent.parent
OPENAPI = ROOT / "docs" / "openapi.json"
SERVED = ROOT / "functions" / "read_ledger" / "openapi.json"
ROUTES = ROOT / "functions" / "unknown_route" / "routes.json"
EVENTS = ROOT / "docs" / "events.schema.json"
MUSIC = ROOT / "docs" / "music.md"
ERRORS = ROOT / "docs" / "errors.md"
CLI = ROOT / "docs" / "cli.md"
ERRORS_BEGIN, CODES_BEGIN, COMMANDS_BEGIN = "<!-- errors -->", "<!-- codes -->", "<!-- commands -->"
END = "<!-- end -->"
# Handlers need these variables when they are imported. They make no calls.
ENVIRONMENT = {"AWS_DEFAULT_REGION": "us-east-1", "PROVIDER_ENDPOINT": "https://provider.example.com/"}


@cache
def openapi() -> Schema:
    """Build the OpenAPI document. Raises ValueError with the messages of the process that builds it."""
    # A separate process, because handlers read their environment and create clients when they are imported.
    paths = os.pathsep.join([str(ROOT / "layers" / "shared"), str(ROOT)])
    command = [sys.executable, "-m", "docs.openapi"]
    environment = ENVIRONMENT | {"PYTHONPATH": paths, "PATH": os.environ.get("PATH", "")}
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise ValueError(done.stderr)
    built: Schema = json.loads(done.stdout)
    return built


def texts() -> dict[Path, str]:
    """Return the up-to-date content of each generated file."""
    built = {OPENAPI: openapi(), EVENTS: events(), ROUTES: routes()}
    schemas = {file: json.dumps(content, indent=2, ensure_ascii=False) + "\n" for file, content in built.items()}
    served = json.dumps(openapi(), separators=(",", ":"))
    music = _between(MUSIC.read_text(encoding="utf-8"), ERRORS_BEGIN, _song_errors())
    codes = _between(ERRORS.read_text(encoding="utf-8"), CODES_BEGIN, error_codes.sections())
    commands = _between(CLI.read_text(encoding="utf-8"), COMMANDS_BEGIN, reference())
    markdown = {MUSIC: music, ERRORS: codes, CLI: commands}
    return schemas | markdown | html_pages(markdown) | {SERVED: served}


def routes() -> dict[str, list[str]]:
    """Return the methods of each path. Every GET route answers HEAD, too."""
    methods = {path: {method.upper() for method in operations} for path, operations in openapi()["paths"].items()}
    return {path: sorted(found | ({"HEAD"} if "GET" in found else set())) for path, found in methods.items()}


def _between(page: str, begin: str, text: str) -> str:
    """Return a page with a text between its marks `begin` and `END`."""
    before, _, rest = page.partition(begin)
    return f"{before}{begin}\n\n{text}\n\n{END}{rest.partition(END)[2]}"


def _song_errors() -> str:
    """Return the table of ZEGO's errors."""
    services = {
        code: [str(raw) for raw, own in song_errors.SERVICE_CODES.items() if own == code] for code in song_errors.ERRORS
    }
    rows = [
        f"| {code} | {', '.join(services[code])} | `{kind}` | {advice} |"
        for code, (kind, advice) in sorted(song_errors.ERRORS.items())
    ]
    return "\n".join(["| code | of the service | class | what to do |", "| --- | --- | --- | --- |", *rows])


def stale() -> list[Path]:
    """Return the files that are missing or out of date."""
    return [file for file, text in texts().items() if not file.exists() or file.read_text(encoding="utf-8") != text]


def main(arguments: list[str] | None = None) -> int:
    """Write the files, or with `--check` only compare them. Return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m docs.generate", description="Generate the schemas in docs/.")
    parser.add_argument("--check", action="store_true", help="write nothing, exit 1 if a file is out of date")
    check = parser.parse_args(arguments).check
    behind = stale()
    for file in behind:
        if not check:
            file.write_text(texts()[file], encoding="utf-8")
        sys.stdout.write(f"{os.path.relpath(file, ROOT)}: {'out of date, run `make docs`' if check else 'written'}\n")
    return 1 if check and behind else 0


if __name__ == "__main__":
    sys.exit(main())
