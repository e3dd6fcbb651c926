"""Turn a packaged SAM template into plain CloudFormation that the emulator understands.

AWS applies two transforms to the template, AWS::LanguageExtensions and then AWS::Serverless. This module applies both
with sam's own code. The emulator ignores the OpenAPI `Body` of an HTTP API and would create no route. This module
replaces the Body by equivalent Integration, Route and Authorizer resources.

`python -m local.expand <template.yaml` prints the template with its loops expanded, as JSON.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import boto3
from samcli.lib.cfn_language_extensions.models import TemplateProcessingContext
from samcli.lib.cfn_language_extensions.processors.foreach import ForEachProcessor
from samcli.yamlhelper import yaml_parse
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

Template = dict[str, Any]
# The emulator asks for the permission of the call itself.
BATCH_OF = {"sns:Publish": "sns:PublishBatch", "sqs:SendMessage": "sqs:SendMessageBatch"}
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "x-amazon-apigateway-any-method")


def parse(text: str) -> Template:
    """Parse a template, expand `Fn::ForEach` and resolve `Fn::FindInMap`, as AWS::LanguageExtensions does.

    References to parameters stay, because the emulator resolves them.
    """
    context = TemplateProcessingContext(fragment=yaml_parse(text))
    ForEachProcessor().process_template(context)
    mappings = context.fragment.pop("Mappings", {})
    expanded: Template = _resolve(context.fragment, mappings)
    return expanded


def _resolve(value: Any, mappings: Template) -> Any:
    """Replace each `Fn::FindInMap` by its value, and each `Fn::Sub` without a variable by its text.

    A loop that has substituted its own names leaves such texts.
    """
    match value:
        case {"Fn::FindInMap": [mapping, key, attribute]}:
            return mappings[mapping][key][attribute]
        case {"Fn::Sub": str(text)} if "${" not in text:
            return text
        case dict():
            return {name: _resolve(inner, mappings) for name, inner in value.items()}
        case list():
            return [_resolve(inner, mappings) for inner in value]
    return value


def translate(template: Template, parameters: Mapping[str, str], region: str) -> Template:
    """Apply the official SAM transform. `parameters` are the values of the template's parameters."""
    # The template names no managed policy, so the transform gets an empty map of them and makes no call.
    session = boto3.Session(region_name=region)
    translator = Translator({}, Parser(), boto_session=session)
    translated: Template = translator.translate(template, dict(parameters))
    return translated


def expand_apis(template: Template) -> Template:
    """Return the template with resources instead of the Body of each HTTP API."""
    resources: Template = {}
    for name, resource in template["Resources"].items():
        if resource["Type"] == "AWS::ApiGatewayV2::Api" and "Body" in resource["Properties"]:
            resources |= _expand(name, resource)
        else:
            resources[name] = resource
    return template | {"Resources": resources}


def drop_expression_alarms(template: Template) -> Template:
    """Return the template without alarms on a metric expression, which the emulator refuses."""
    resources = {name: resource for name, resource in template["Resources"].items() if not _is_expression(resource)}
    return template | {"Resources": resources}


def allow_batches(template: Template) -> Template:
    """Return the template with a permission for each call of a batch. AWS asks for that of a single message."""
    return {**template, "Resources": _allow_batches(template["Resources"])}


def _allow_batches(value: Any) -> Any:
    match value:
        case {"Effect": "Allow", "Action": str() | list() as action, **rest}:
            actions = [action] if isinstance(action, str) else action
            batches = [BATCH_OF[one] for one in actions if one in BATCH_OF]
            return {"Effect": "Allow", "Action": [*actions, *batches], **_allow_batches(rest)}
        case dict():
            return {name: _allow_batches(inner) for name, inner in value.items()}
        case list():
            return [_allow_batches(inner) for inner in value]
    return value


def _is_expression(resource: Template) -> bool:
    return resource["Type"] == "AWS::CloudWatch::Alarm" and "Metrics" in resource["Properties"]


def rename_streams(template: Template, stamp: int) -> Template:
    """Append `stamp` to the logical ids of stream mappings, so that a deployment replaces them.

    The emulator saves the position of a mapping but not the stream. After a restart, the old mapping would wait for
    records that never arrive.
    """
    resources = {
        f"{name}{stamp}" if _reads_stream(resource) else name: resource
        for name, resource in template["Resources"].items()
    }
    return template | {"Resources": resources}


def _reads_stream(resource: Template) -> bool:
    return resource["Type"] == "AWS::Lambda::EventSourceMapping" and "StartingPosition" in resource["Properties"]


def route_keys(template: Template) -> set[str]:
    """Return the routes of an expanded template that its parameters ask for, as `METHOD /path`."""
    routes = (item for item in template["Resources"].values() if item["Type"] == "AWS::ApiGatewayV2::Route")
    return {route["Properties"]["RouteKey"] for route in routes if _holds(template, route.get("Condition", ""))}


def _holds(template: Template, condition: str) -> bool:
    """Return whether the condition of a route holds. It compares a parameter, whose default is its value here."""
    match template.get("Conditions", {}).get(condition):
        case {"Fn::Equals": [{"Ref": name}, expected]}:
            return bool(template["Parameters"][name]["Default"] == expected)
    return True


def _expand(name: str, api: Template) -> Template:
    body = api["Properties"]["Body"]
    properties = {key: value for key, value in api["Properties"].items() if key not in {"Body", "FailOnWarnings"}}
    properties |= {"Name": body["info"]["title"], "ProtocolType": "HTTP"}
    schemes = body.get("components", {}).get("securitySchemes", {})
    parts = {f"{name}Authorizer{key}": _authorizer(name, key, scheme) for key, scheme in schemes.items()}
    for number, (key, operation, condition) in enumerate(_operations(body)):
        made = _route(name, f"{name}Route{number}", key, operation)
        parts |= {part: resource | condition for part, resource in made.items()}
    return {name: api | {"Properties": properties}} | parts


def _operations(body: Template) -> Iterator[tuple[str, Template, Template]]:
    """Yield each route, its operation, and the attribute `Condition` of its resources, if it has one."""
    for path, conditional in body["paths"].items():
        item, of_path = _branch(conditional)
        for method in METHODS:
            if method in item:
                operation, of_method = _branch(item[method])
                yield _route_key(method, path), operation, of_path | of_method


def _branch(value: Template) -> tuple[Template, Template]:
    """Return what a value is if it is there, and its condition. SAM writes an event of a conditional function so."""
    match value:
        case {"Fn::If": [condition, then, {"Ref": "AWS::NoValue"}]}:
            return then, {"Condition": condition}
    return value, {}


def _route_key(method: str, path: str) -> str:
    # SAM writes the route that takes what no other does as any method of this path.
    if path == "$default":
        return path
    return f"{'ANY' if method.startswith('x-') else method.upper()} {path}"


def _route(api: str, name: str, key: str, operation: Template) -> Template:
    integration = operation["x-amazon-apigateway-integration"]
    route: Template = {
        "ApiId": {"Ref": api},
        "RouteKey": key,
        "Target": {"Fn::Join": ["/", ["integrations", {"Ref": f"{name}Integration"}]]},
    }
    # SAM marks a route without an authorizer by the scheme NONE.
    for scheme in (name for security in operation.get("security", []) for name in security if name != "NONE"):
        route |= {"AuthorizationType": "CUSTOM", "AuthorizerId": {"Ref": f"{api}Authorizer{scheme}"}}
    return {
        f"{name}Integration": {
            "Type": "AWS::ApiGatewayV2::Integration",
            "Properties": {
                "ApiId": {"Ref": api},
                "IntegrationType": "AWS_PROXY",
                "IntegrationUri": _branch(integration["uri"])[0],
                "PayloadFormatVersion": integration["payloadFormatVersion"],
            },
        },
        name: {"Type": "AWS::ApiGatewayV2::Route", "Properties": route},
    }


def _authorizer(api: str, name: str, scheme: Template) -> Template:
    settings = scheme["x-amazon-apigateway-authorizer"]
    return {
        "Type": "AWS::ApiGatewayV2::Authorizer",
        "Properties": {
            "ApiId": {"Ref": api},
            "Name": name,
            "AuthorizerType": settings["type"].upper(),
            "AuthorizerUri": settings["authorizerUri"],
            "AuthorizerPayloadFormatVersion": settings["authorizerPayloadFormatVersion"],
            "EnableSimpleResponses": settings["enableSimpleResponses"],
            "IdentitySource": settings["identitySource"],
            "AuthorizerResultTtlInSeconds": settings["authorizerResultTtlInSeconds"],
        },
    }


if __name__ == "__main__":
    json.dump(parse(sys.stdin.read()), sys.stdout, indent=1)
