"""The deployment's template as values, for tests that hold code and template against each other.

The template is read and expanded once. Each caller gets its own copy, which it may change. Tests ask
thousands of times, so it is a copy of no more than they ask for.
"""

from collections.abc import Callable
from copy import deepcopy
from functools import cache, wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from local.expand import Template, parse, translate

ROOT = Path(__file__).parents[1]
TEMPLATE = ROOT / "template.yaml"
REGION = "eu-west-1"
NO_VALUE = {"Ref": "AWS::NoValue"}
EXCLUDED = object()
"""What a condition leaves out."""
P = ParamSpec("P")
T = TypeVar("T")


def copied(find: Callable[P, T]) -> Callable[P, T]:
    """Find each value once, and return a copy of it."""
    found: Any = cache(find)

    @wraps(find)
    def copy(*args: P.args, **kwargs: P.kwargs) -> T:
        value: T = deepcopy(found(*args, **kwargs))
        return value

    return copy


@copied
def template(*, webhooks: bool = True) -> Template:
    """The template as it is written, with its loops expanded and its own table, with HTTP delivery or without."""
    return with_conditions(parse(TEMPLATE.read_text("utf-8")), webhooks=webhooks)


def with_conditions(written: Template, *, webhooks: bool, own_table: bool = True) -> Template:
    """Choose what a deployment has, with HTTP delivery or without, and with its own table or an existing one."""
    chosen: Template = with_condition(written, "HasWebhooks", holds=webhooks)
    found: Template = with_condition(chosen, "MakesLedger", holds=own_table)
    return found


def with_condition(value: Any, condition: str, *, holds: bool) -> Any:
    """Choose the branches of a condition, and leave out what it excludes."""
    match value:
        case {"Fn::If": [str(name), then, otherwise]} if name == condition:
            chosen = then if holds else otherwise
            return EXCLUDED if chosen == NO_VALUE else with_condition(chosen, condition, holds=holds)
        case {"Condition": str(name)} if name == condition and not holds:
            return EXCLUDED
        case dict():
            settled = {name: with_condition(inner, condition, holds=holds) for name, inner in value.items()}
            return {name: inner for name, inner in settled.items() if inner is not EXCLUDED}
        case list():
            found = [with_condition(inner, condition, holds=holds) for inner in value]
            return [inner for inner in found if inner is not EXCLUDED]
    return value


@copied
def translated(*, webhooks: bool = True) -> Template:
    """The template after the official transforms, as `sam package` would hand it over."""
    return with_conditions(translated_as_written(), webhooks=webhooks)


@copied
def translated_as_written() -> Template:
    """The template after the official transforms, with its conditions."""
    packaged = parse(TEMPLATE.read_text("utf-8"))
    for resource in packaged["Resources"].values():
        for name in {"CodeUri", "ContentUri"} & resource["Properties"].keys():
            resource["Properties"][name] = "s3://bucket/key"
    return translate(packaged, defaults(), REGION)


@copied
def defaults() -> dict[str, str]:
    """The parameters with their default values."""
    return {name: str(item["Default"]) for name, item in template()["Parameters"].items()}


def resources(kind: str, source: Template | None = None) -> dict[str, Any]:
    """Properties of all resources of one type, by logical id."""
    return _resources(kind) if source is None else _of_kind(source, kind)


@copied
def _resources(kind: str) -> dict[str, Any]:
    return _of_kind(template(), kind)


def _of_kind(source: Template, kind: str) -> dict[str, Any]:
    found = source["Resources"].items()
    return {name: resource["Properties"] for name, resource in found if resource["Type"] == kind}


@copied
def functions() -> dict[str, Any]:
    """Properties of the functions by the name of their folder."""
    return {Path(item["CodeUri"]).name: item for item in resources("AWS::Serverless::Function").values()}


@copied
def variables(function: str) -> dict[str, Any]:
    """The environment a function gets, with the template's references unresolved."""
    common: dict[str, Any] = template()["Globals"]["Function"]["Environment"]["Variables"]
    own: dict[str, Any] = functions()[function].get("Environment", {"Variables": {}})["Variables"]
    return common | own
