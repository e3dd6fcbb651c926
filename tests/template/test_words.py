"""What a person reads who deploys or operates the stack: groups, labels and descriptions."""

from typing import Any

import pytest

from tests.stack import TEMPLATE, functions, resources, template

INTERFACE: dict[str, Any] = template()["Metadata"]["AWS::CloudFormation::Interface"]
PARAMETERS: dict[str, Any] = template()["Parameters"]
OUTPUTS: dict[str, Any] = template()["Outputs"]


def test_a_guided_deployment_asks_for_the_parameters_group_by_group() -> None:
    """`sam deploy --guided` takes the order of the parameters, the console that of the groups."""
    groups = INTERFACE["ParameterGroups"]
    assert [name for group in groups for name in group["Parameters"]] == list(PARAMETERS)
    assert len({group["Label"]["default"] for group in groups}) == len(groups)


def test_every_parameter_has_a_label_of_its_own() -> None:
    labels = {name: label["default"] for name, label in INTERFACE["ParameterLabels"].items()}
    assert list(labels) == list(PARAMETERS)
    assert len(set(labels.values())) == len(PARAMETERS)


@pytest.mark.parametrize("name", PARAMETERS)
def test_every_parameter_is_described_in_sentences(name: str) -> None:
    assert PARAMETERS[name]["Description"].endswith(".")


@pytest.mark.parametrize("name", [name for name in PARAMETERS if name.endswith(("Cidrs", "Seconds", "Hours", "Days"))])
def test_a_description_names_the_unit_that_the_parameter_s_name_ends_in(name: str) -> None:
    unit = next(unit for unit in ("Cidrs", "Seconds", "Hours", "Days") if name.endswith(unit))
    word = {"Cidrs": "networks"}.get(unit, unit.lower())
    assert word in PARAMETERS[name]["Description"].lower()


@pytest.mark.parametrize("name", OUTPUTS)
def test_every_output_is_described_in_sentences(name: str) -> None:
    assert OUTPUTS[name]["Description"].endswith(".")


def test_every_function_and_secret_is_described() -> None:
    described = [*functions().values(), *resources("AWS::SecretsManager::Secret").values()]
    assert all(one["Description"] for one in described)


def test_the_api_s_url_comes_from_the_api() -> None:
    assert "execute-api" not in TEMPLATE.read_text("utf-8")
    assert OUTPUTS["ApiUrl"]["Value"] == {"Fn::GetAtt": ["Api", "ApiEndpoint"]}
