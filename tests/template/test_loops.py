"""The template's loops and look-ups, expanded as AWS::LanguageExtensions expands them."""

import subprocess
import sys
import tomllib
from json import loads

import pytest
from samcli.yamlhelper import yaml_parse

from local.expand import parse
from tests.stack import ROOT, TEMPLATE, resources, template

LOOPS = "Fn::ForEach::"
WRITTEN = yaml_parse(TEMPLATE.read_text("utf-8"))
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
          Text: !Sub "${Queue} waits"
          Of: [!GetAtt [!Ref Queue, Name], { Ref: !Ref Queue }]
          Limit: !Ref Age
"""


def alarm(queue: str, metric: str) -> dict[str, object]:
    of = [{"Fn::GetAtt": [queue, "Name"]}, {"Ref": queue}]
    return {"Metric": metric, "Text": {"Fn::Sub": f"{queue} waits"}, "Of": of, "Limit": {"Ref": "Age"}}


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
    loops = {name.removeprefix(LOOPS): loop for name, loop in WRITTEN["Resources"].items() if name.startswith(LOOPS)}
    assert {name: list(entries) for name, entries in WRITTEN["Mappings"].items()} == {
        name: values for name, (_, values, _) in loops.items()
    }


def test_no_placeholder_is_left() -> None:
    """AWS replaces a loop's variable in keys, `Fn::Sub` and `Ref` only; sam replaces it in any text."""
    variables = [loop[0] for name, loop in WRITTEN["Resources"].items() if name.startswith(LOOPS)]
    bodies = [str(loop[2]) for name, loop in WRITTEN["Resources"].items() if name.startswith(LOOPS)]
    assert len(variables) == 4
    for variable, body in zip(variables, bodies, strict=True):
        assert body.count(f"${{{variable}}}") == 1, "in the logical id, and nowhere else"
    assert not any("${" in name for name in resources("AWS::CloudWatch::Alarm"))


def test_the_names_of_variables_are_no_resources_or_parameters() -> None:
    variables = {loop[0] for name, loop in WRITTEN["Resources"].items() if name.startswith(LOOPS)}
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
    assert loads(answer.stdout) == template()
