"""GET /console, GET /console/{file}, GET /docs/{page}: serve the console and the pages that alarms and errors link to.

The files are public. All data of the console comes from the other routes, with the token of whoever uses it.
"""

from pathlib import Path

from mediarelay.aws_lambda.http import TextResponse, api_resolver
from mediarelay.aws_lambda.observability import observed
from mediarelay.aws_lambda.static_files import file_response, read_files
from mediarelay.contracts.api.base import FileInPath, PageInPath
from mediarelay.contracts.api.responses import ALWAYS, NO_FILE, NOT_MODIFIED, text_response

STATIC = Path(__file__).parent / "static"
CONSOLE = read_files(STATIC)
DOCS = read_files(STATIC / "docs")
FILE_TYPES = sorted({file.media_type.partition(";")[0] for file in CONSOLE.values()})
app = api_resolver()


@app.get(
    "/console",
    scope=None,
    operation_id="openConsole",
    tags=["console"],
    summary="Open the console",
    responses=text_response("The page; it asks for a bearer token", "text/html") | NOT_MODIFIED | ALWAYS,
)
def open_console() -> TextResponse:
    """Return the page of the console."""
    return file_response(CONSOLE, "index.html", app.current_event.raw_event)


@app.get(
    "/console/<file>",
    scope=None,
    operation_id="readConsoleFile",
    tags=["console"],
    summary="Read a script or a style sheet of the console",
    responses=text_response("The file", *FILE_TYPES) | NOT_MODIFIED | NO_FILE | ALWAYS,
)
def read_console_file(file: FileInPath) -> TextResponse:
    """Return a file of the console."""
    return file_response(CONSOLE, file, app.current_event.raw_event)


@app.get(
    "/docs/<page>",
    scope=None,
    operation_id="readDocument",
    tags=["console"],
    summary="Read the runbook, or what an error code means",
    description="Alarms link to `/docs/runbook`. The `type` of a problem is a reference to `/docs/errors`.",
    responses=text_response("The document", "text/html") | NOT_MODIFIED | NO_FILE | ALWAYS,
)
def read_document(page: PageInPath) -> TextResponse:
    """Return a document of this version."""
    return file_response(DOCS, f"{page}.html", app.current_event.raw_event)


handler = observed(app.resolve)
