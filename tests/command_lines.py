"""Check the commands of a page without running them: their syntax, and whether their names and options exist."""

import json
import re
import shlex
import subprocess
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import botocore.session
from botocore import xform_name
from botocore.exceptions import UnknownServiceError
from botocore.model import ServiceModel, Shape
from botocore.validate import ParamValidator
from typer.main import get_command

from mediarelay_cli.app import app, load

# Options of every command of the AWS CLI.
GLOBAL = {
    "query",
    "output",
    "region",
    "profile",
    "endpoint-url",
    "no-paginate",
    "max-items",
    "cli-input-json",
    "no-cli-pager",
}
# Options that the AWS CLI names differently from the API.
RENAMED = {("sns", "subscribe"): {"endpoint": "notification-endpoint"}}
# Commands that the AWS CLI has beside the operations of the API.
CUSTOM = {("configure",), ("s3",), ("logs", "tail"), ("cloudformation", "deploy")}
# The end of a command in a shell.
END = ";|&()<>\n"


def wrong(commands: str) -> list[str]:
    """Return what is wrong with commands of a shell. With prompts (`$ `), the other lines are output."""
    if prompted := re.findall(r"^\$ ((?:.*\\\n)*.*)$", commands, re.MULTILINE):
        commands = "\n".join(prompted)
    parsed = subprocess.run(["bash", "-n"], input=commands, capture_output=True, text=True, check=False)
    found = [parsed.stderr] if parsed.returncode else []
    joined = commands.replace("\\\n", " ")
    found += [problem for words in _commands(joined, "aws") for problem in wrong_aws(words)]
    return found + [problem for words in _commands(joined, "mediarelay") for problem in wrong_mediarelay(words)]


def _commands(text: str, name: str) -> Iterator[list[str]]:
    """Yield the words after each call of a program, also those in `$(...)`."""
    for found in re.finditer(rf"(?:^|[;|&(]|\bif|\bdo|\bfor|\b\w+=\S+)[ \t]*{name}[ \t]+", text, re.MULTILINE):
        lexer = shlex.shlex(text[found.end() :], posix=True, punctuation_chars=END)
        lexer.whitespace, lexer.whitespace_split, lexer.commenters = " \t", True, ""
        yield list(_until_end(lexer))


def _until_end(lexer: shlex.shlex) -> Iterator[str]:
    try:
        for word in lexer:
            if set(word) <= set(END) or word.startswith("#"):
                return
            yield word
    except ValueError:
        # The call stands in a quoted text that ends after it.
        return


@cache
def _service(name: str) -> ServiceModel | None:
    try:
        return botocore.session.get_session().get_service_model(name)
    except UnknownServiceError:
        return None


def wrong_aws(words: list[str]) -> list[str]:
    """Return what is wrong with a call of the AWS CLI: its service, its operation, its options, or a value in JSON."""
    service, operation, *options = words
    if CUSTOM & {(service,), (service, operation)}:
        return []
    model = _service(service)
    if model is None:
        return [f"aws {service}: no such service"]
    if operation == "wait":
        return _wrong_wait(service, model, options)
    names = {xform_name(one, "-"): one for one in model.operation_names}
    if operation not in names:
        return [f"aws {service} {operation}: no such operation"]
    shape = model.operation_model(names[operation]).input_shape
    problems = _wrong_options(shape, options, RENAMED.get((service, operation), {}))
    return [f"aws {service} {operation} {one}" for one in problems]


def _wrong_wait(service: str, model: ServiceModel, options: list[str]) -> list[str]:
    loader = botocore.session.get_session().get_component("data_loader")
    waiters = loader.load_service_model(service, "waiters-2")["waiters"]
    names = {xform_name(name, "-"): one["operation"] for name, one in waiters.items()}
    if options[0] not in names:
        return [f"aws {service} wait {options[0]}: no such state"]
    found = _wrong_options(model.operation_model(names[options[0]]).input_shape, options[1:], {})
    return [f"aws {service} wait {options[0]} {one}" for one in found]


def _wrong_options(shape: Shape | None, options: list[str], renamed: Mapping[str, str]) -> Iterator[str]:
    stated = {xform_name(name, "-"): one for name, one in getattr(shape, "members", {}).items()}
    members = {renamed.get(name, name): one for name, one in stated.items()}
    flags = {f"no-{name}" for name, one in members.items() if one.type_name == "boolean"}
    used = set[str]()
    for place, word in enumerate(options):
        if not word.startswith("--"):
            continue
        name = word[2:]
        used.add(name.removeprefix("no-") if name in flags else name)
        if name in members:
            yield from (f"{word}: {one}" for one in _wrong_value(members[name], options[place + 1 : place + 2]))
        elif name not in GLOBAL | flags:
            yield f"{word}: no such option"
    needed = (xform_name(one, "-") for one in getattr(shape, "required_members", []))
    required = {renamed.get(one, one) for one in needed}
    yield from (f"--{one}: missing" for one in sorted(required - used) if "cli-input-json" not in used)


def _wrong_value(shape: Shape, value: list[str]) -> list[str]:
    """Check a value of several parts, in JSON or as `Name=value,Name=value`."""
    if not value or shape.type_name not in {"structure", "map", "list"} or "$" in value[0]:
        return []
    if value[0][0] in "{[":
        report = ParamValidator().validate(json.loads(value[0]), shape)
        return [report.generate_report()] if report.has_errors() else []
    names = set(re.findall(r"(?:^|,)(\w+)=", value[0])) if shape.type_name == "structure" else set()
    return [f"{name}: no such name" for name in sorted(names - set(getattr(shape, "members", {})))]


def wrong_mediarelay(words: list[str]) -> list[str]:
    """Return which command or option of `mediarelay` does not exist."""
    command = _program()
    options, rest = _options(command), list(words)
    while rest:
        word = rest.pop(0)
        commands = getattr(command, "commands", {})
        if word in commands:
            command = commands[word]
            options |= _options(command)
        elif commands and not word.startswith("-"):
            return [f"mediarelay {word}: no such command"]
        elif word.startswith("--") and word.partition("=")[0] not in options:
            return [f"mediarelay {command.name} {word}: no such option"]
        elif options.get(word) is False:
            rest = rest[1:]
    return []


@cache
def _program() -> Any:
    load()
    return get_command(app)


def _options(command: Any) -> dict[str, bool]:
    """Return the options of a command, each with whether it is a flag."""
    found = {"--help": True}
    for one in command.params:
        if one.param_type_name == "option":
            found |= dict.fromkeys([*one.opts, *one.secondary_opts], one.is_flag)
    return found
