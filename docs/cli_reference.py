"""The reference of the command line, from the commands themselves."""

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from typer.main import get_command

from mediarelay_cli.app import app, load

PROGRAM = "mediarelay"
EXAMPLES = re.compile(r"\n*(?:For example:\n|Example: )(?P<examples>.*)", re.DOTALL)


def reference() -> str:
    """Return the reference of all commands in Markdown: usage, arguments, options and examples of each."""
    load()
    found = get_command(app)
    sections = [section for name, command in _commands(found, PROGRAM) for section in _section(name, command)]
    return "\n\n".join([*_options("Options of every command", found), *sections])


def _commands(group: Any, name: str) -> Iterator[tuple[str, Any]]:
    for each in group.list_commands(None):
        command = group.commands[each]
        yield f"{name} {each}", command
        if hasattr(command, "commands"):
            yield from _commands(command, f"{name} {each}")


def _section(name: str, command: Any) -> Iterator[str]:
    text = inspect.cleandoc(command.help or "")
    found = EXAMPLES.search(text)
    level = "###" if hasattr(command, "commands") or name.count(" ") == 1 else "####"
    yield f"{level} {name}"
    yield EXAMPLES.sub("", text)
    if hasattr(command, "commands"):
        return
    examples = re.findall(r"`([^`]+)`", found["examples"]) if found else []
    yield "\n".join(["```", *examples, "```"])
    yield from _options("Argument or option", command)


def _options(title: str, command: Any) -> Iterator[str]:
    rows = [_row(one) for one in command.params if one.name not in {"help", "install_completion", "show_completion"}]
    if rows:
        yield "\n".join([f"| {title} | meaning |", "| --- | --- |", *rows])


def _row(parameter: Any) -> str:
    is_option = parameter.param_type_name == "option"
    names = parameter.opts if is_option else [str(parameter.name).upper()]
    choices = [str(one) for one in getattr(parameter.type, "choices", ())]
    listed = f" One of {', '.join(f'`{one}`' for one in choices)}." if choices else ""
    needed = " Required." if parameter.required and is_option else ""
    text = f"{parameter.help or ''}{listed}{_default(parameter.default)}{needed}"
    return f"| {', '.join(f'`{one}`' for one in names)} | {text.replace('|', ' ')} |"


def _default(value: object) -> str:
    shown = isinstance(value, str | int | float | Path) and not isinstance(value, bool) and value != ""
    return f" Default: `{value}`." if shown else ""
