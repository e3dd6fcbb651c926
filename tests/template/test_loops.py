"""The template's loops and look-ups, expanded as AWS::LanguageExtensions expands them."""

import subprocess
import sys
import tomllib
from collections.abc import Iterator
from json import loads
from typing import Any

import pytest
from samcli.yamlhelper import yaml_parse

from local.expand import parse
from tests.stack import ROOT, TEMPLATE, template

WRITTEN = yaml_parse(TEMPLATE.read_text("utf-8"))
LOOPS: dict[str, list[Any]] = {
    name.removeprefix("Fn::ForEach::"): loop
    for name, loop in WRITTEN["Resources"].items()
    if name.startswith("Fn::ForEach::")
}
"""The loops as they are written, by name: variable, values, body."""
SMALL = """
Transform: [AWS::LanguageExtensions, AWS::Serverless-2016-10-31]
Parameters: { Age: { Type: Number } }
Mappings: { Alarms: { First: { Metric: Depth }, Second: { Metric: Age } } }
Resources:
  Other: { Type: Other, Properties: { Limit: !Ref Age } }
  Fn::ForEach::Alarms:
    - Queue
    - [First, Second]
    - ${Queue}Alarm:
        Type: Alarm
        Properties:
          Metric: !FindInMap [Alarms, !Ref Queue, Metric]
          Text: !Sub "${Queue} waits for ${Other}"
          Of: [!GetAtt [!Sub "${Queue}", Name], { Ref: !Sub "${Queue}" }]
          Limit: !Ref Age
"""


def alarm(queue: str, metric: str) -> dict[str, object]:
    of = [{"Fn::GetAtt": [queue, "Name"]}, {"Ref": queue}]
    return {"Metric": metric, "Text": {"Fn::Sub": f"{queue} waits for ${{Other}}"}, "Of": of, "Limit": {"Ref": "Age"}}


def test_a_loop_makes_one_resource_for_each_value() -> None:
    expanded = parse(SMALL)
    found = {name: one["Properties"] for name, one in expanded["Resources"].items()}
    assert found == {
        "Other": {"Limit": {"Ref": "Age"}},
        "FirstAlarm": alarm("First", "Depth"),
        "SecondAlarm": alarm("Second", "Age"),
    }
    assert "Mappings" not in expanded


def test_a_look_up_that_finds_nothing_is_an_error() -> None:
    with pytest.raises(KeyError, match="Third"):
        parse(SMALL.replace("[First, Second]", "[First, Third]"))


def test_every_entry_of_a_mapping_is_used_by_the_loop_of_its_name() -> None:
    assert {name: list(entries) for name, entries in WRITTEN["Mappings"].items()} == {
        name: values for name, (_, values, _) in LOOPS.items()
    }


def test_every_placeholder_is_one_that_aws_replaces() -> None:
    """AWS replaces a loop's variable in keys, `Fn::Sub` and `Ref` only; sam replaces it in any text."""
    for variable, _, body in LOOPS.values():
        assert not list(plain_texts(list(body.values()), f"${{{variable}}}"))


def plain_texts(value: Any, placeholder: str) -> Iterator[str]:
    """Yield the texts outside of `Fn::Sub` that hold a placeholder."""
    if isinstance(value, str) and placeholder in value:
        yield value
    elif isinstance(value, list):
        yield from (text for inner in value for text in plain_texts(inner, placeholder))
    elif isinstance(value, dict) and "Fn::Sub" not in value:
        yield from plain_texts(list(value.values()), placeholder)


def test_the_names_of_variables_are_no_resources_or_parameters() -> None:
    variables = {variable for variable, _, _ in LOOPS.values()}
    assert len(variables) == len(LOOPS)
    assert not variables & (template()["Resources"].keys() | template()["Parameters"].keys())


@pytest.mark.parametrize("name", ["default", "local"])
def test_sam_expands_loops_in_every_configuration(name: str) -> None:
    config = tomllib.loads((ROOT / "samconfig.toml").read_text("utf-8"))
    assert config[name]["global"]["parameters"]["language_extensions"] is True


def test_the_command_writes_the_expanded_template() -> None:
    """`make lint` hands it to checkov."""
    command = [sys.executable, "-m", "local.expand"]
    with TEMPLATE.open() as file:
        answer = subprocess.run(command, stdin=file, cwd=ROOT, capture_output=True, check=True)
    assert loads(answer.stdout) == parse(TEMPLATE.read_text("utf-8"))
