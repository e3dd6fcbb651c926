"""Run a command of the command line in this process."""

import io
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from unittest.mock import patch

from mediarelay_cli.app import main


class Input(io.TextIOWrapper):
    """A stdin with text and bytes, that is no terminal."""

    def __init__(self, text: str) -> None:
        super().__init__(io.BytesIO(text.encode()), encoding="utf-8")


def run(*arguments: str, stdin: str = "", program: Callable[[], None] = main) -> tuple[int, str, str]:
    """Return the exit code, stdout and stderr."""
    out, err = io.StringIO(), io.StringIO()
    replaced = patch.multiple(sys, argv=["mediarelay", *arguments], stdin=Input(stdin))
    with replaced, redirect_stdout(out), redirect_stderr(err):
        try:
            program()
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
    return code, out.getvalue(), err.getvalue()
