"""The deployment's template as values, for tests that hold code and template against each other."""

from functools import cache
from pathlib import Path
from typing import Any

from local.expand import Template, parse, translate

ROOT = Path(__file__).parents[1]
TEMPLATE = ROOT / "template.yaml"
REGION = "eu-west-1"


@cache
def template() -> Template:
    """The template as it is written, with its loops expanded."""
    return parse(TEMPLATE.read_text("utf-8"))


@cache
def translated() -> Template:
    """The template after the official transforms, as `sam package` would hand it over."""
    packaged = parse(TEMPLATE.read_text("utf-8"))
    for resource in packaged["Resources"].values():
        for name in {"CodeUri", "ContentUri"} & resource["Properties"].keys():
            resource["Properties"][name] = "s3://bucket/key"
    return translate(packaged, defaults(), REGION)


def defaults() -> dict[str, str]:
    """The parameters with their default values."""
    return {name: str(item["Default"]) for name, item in template()["Parameters"].items()}


def resources(kind: str, source: Template | None = None) -> dict[str, Any]:
    """Properties of all resources of one type, by logical id."""
    found = (source or template())["Resources"].items()
    return {name: resource["Properties"] for name, resource in found if resource["Type"] == kind}


def functions() -> dict[str, Any]:
    """Properties of the functions by the name of their folder."""
    return {Path(item["CodeUri"]).name: item for item in resources("AWS::Serverless::Function").values()}


def variables(function: str) -> dict[str, Any]:
    """The environment a function gets, with the template's references unresolved."""
    common: dict[str, Any] = template()["Globals"]["Function"]["Environment"]["Variables"]
    own: dict[str, Any] = functions()[function].get("Environment", {"Variables": {}})["Variables"]
    return common | own
