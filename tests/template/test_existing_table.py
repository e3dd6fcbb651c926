"""A deployment with an existing table uses that table everywhere, and makes none."""

import json
from typing import Any

import pytest

from tests.stack import TEMPLATE, resources, translated_as_written, with_conditions

OTHER = with_conditions(translated_as_written(), webhooks=True, own_table=False)


def policies() -> list[tuple[str, Any]]:
    return [
        (name, statement["Resource"])
        for name, role in resources("AWS::IAM::Role", OTHER).items()
        for policy in role.get("Policies", ())
        for statement in policy["PolicyDocument"]["Statement"]
        if "dynamodb:" in json.dumps(statement["Action"])
    ]


def test_nothing_refers_to_the_table_of_the_stack() -> None:
    """A reference to a resource that a condition leaves out fails the deployment."""
    assert "Ledger" not in OTHER["Resources"]
    used = json.dumps([OTHER["Resources"], OTHER["Outputs"]])
    assert '"Ref": "Ledger"' not in used
    assert '"Fn::GetAtt": ["Ledger"' not in used
    assert "${Ledger" not in used


@pytest.mark.parametrize(("role", "resource"), policies())
def test_a_role_reaches_the_existing_table(role: str, resource: Any) -> None:
    for one in resource if isinstance(resource, list) else [resource]:
        assert one["Fn::Sub"][1] == {"Name": {"Ref": "ExistingTable"}}


def test_functions_and_stream_use_the_existing_table() -> None:
    for function in resources("AWS::Lambda::Function", OTHER).values():
        assert function["Environment"]["Variables"]["TABLE_NAME"] == {"Ref": "ExistingTable"}
    (mapping,) = (
        one for one in resources("AWS::Lambda::EventSourceMapping", OTHER).values() if "StartingPosition" in one
    )
    assert mapping["EventSourceArn"] == {"Ref": "ExistingTableStream"}


def test_the_table_of_the_stack_stays_when_an_update_stops_using_it() -> None:
    assert "UpdateReplacePolicy: Retain" in TEMPLATE.read_text("utf-8")
    assert translated_as_written()["Resources"]["Ledger"]["DeletionPolicy"] == "RetainExceptOnCreate"
