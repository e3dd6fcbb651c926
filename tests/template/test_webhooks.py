"""HTTP delivery is optional: without it nothing of it is deployed, and the rest is the same."""

import json
from typing import Any

from local.expand import expand_apis
from tests.stack import EXCLUDED, resources, template, translated, translated_as_written, with_condition

OWN = {"DeliveryQueue", "DeliveryDeadLetters", "WebhookEndpoints", "DeliverWebhooks", "Webhooks"}
OWN |= {"DeliveryDeadLettersAlarm", "WebhookDisabledAlarm"}


def references(value: Any) -> set[str]:
    """The resources that a part of the template names."""
    text = json.dumps(value)
    return {name for name in OWN if f'"{name}"' in text or f"${{{name}" in text}


def test_nothing_of_it_is_deployed_by_default() -> None:
    assert template()["Parameters"]["WebhookDelivery"]["Default"] == "false"
    left = template(webhooks=False)
    assert template()["Resources"].keys() - left["Resources"].keys() == OWN
    assert references({"Resources": left["Resources"], "Outputs": left["Outputs"]}) == set()


def test_the_translation_names_nothing_that_is_not_deployed() -> None:
    assert references(translated(webhooks=False)["Resources"]) == set()


def test_the_routes_of_an_expanded_api_have_the_condition() -> None:
    expanded = expand_apis(translated_as_written())
    found = {
        item["Properties"]["RouteKey"]: item.get("Condition")
        for item in expanded["Resources"].values()
        if item["Type"] == "AWS::ApiGatewayV2::Route"
    }
    assert {key for key, condition in found.items() if condition == "HasWebhooks"} == {
        key for key in found if " /webhooks" in key
    }
    made = with_condition(expanded, "HasWebhooks", holds=False)
    assert references(made["Resources"]) == set()
    assert EXCLUDED not in resources("AWS::ApiGatewayV2::Integration", made).values()
