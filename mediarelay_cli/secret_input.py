"""Reads secrets from a file, stdin or a hidden prompt: never from arguments, which shells and `ps` show."""

import sys

import typer

from mediarelay_cli.errors import CliError, Exit
from mediarelay_cli.http_message import read_bytes


def read_secret(file: str, label: str) -> str:
    """Return a secret from a file (`-`: stdin), or ask for it. One line break at its end is not a part of it.

    Raises `CliError` if it is empty, or not text.
    """
    try:
        text = read_bytes(file).decode() if file else _ask(label)
    except UnicodeDecodeError as error:
        raise CliError(f"{label}: not UTF-8 text", code=Exit.USAGE) from error
    if not (found := text.removesuffix("\n").removesuffix("\r")):
        raise CliError(f"{label}: empty", "Give it at the prompt, or in a file (see --help).", Exit.USAGE)
    return found


def _ask(label: str) -> str:
    if not sys.stdin.isatty():
        return typer.get_text_stream("stdin").readline()
    return str(typer.prompt(label, hide_input=True, err=True))
