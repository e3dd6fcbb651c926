"""Build the real template with sam and deploy it into the emulator, then put right what the emulator ignores."""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.session import Session
from samcli.yamlhelper import yaml_parse

from local.expand import Template, expand_apis, rename_streams, route_keys, translate
from local.ground import ACCOUNT, REGION, ROOT, STACK, Ground, LocalError
from local.processes import call

SAM_SECONDS = 600
CONFIG = ("--config-env", "local", "--config-file", str(ROOT / "samconfig.toml"))
ARTIFACTS = "mediarelay-artifacts"
STREAM = ":dynamodb:"


@dataclass(frozen=True)
class Deployment:
    """A deployed stack: its outputs."""

    ground: Ground
    outputs: Mapping[str, str]

    @property
    def api_url(self) -> str:
        """The API's address on this machine."""
        return f"{self.ground.emulator_url}/_aws/execute-api/{self.outputs['ApiId']}/$default"


def client(ground: Ground, service: str) -> Any:
    """A client of the emulated AWS; never of a real account."""
    return Session().create_client(
        service,
        endpoint_url=ground.emulator_url,
        region_name=REGION,
        aws_access_key_id=ACCOUNT,
        aws_secret_access_key="local",  # noqa: S106 - the emulator takes any
    )


def build(ground: Ground) -> None:
    """Run `sam build`: the layers for this machine's Python, in a build folder of their own."""
    layers = {"LAYER_PYTHON": sys.executable, "PYTHON": sys.executable, "LAYER_TARGET": " "}
    _sam(ground, ["build"], ground.build_environment() | layers)


def deploy(ground: Ground, parameters: Mapping[str, str], stamp: int) -> Deployment:
    """Package, expand and deploy the built template; raises `LocalError` if anything is not there afterwards.

    `stamp` differs for each start of the emulator.
    """
    packaged, expanded = ground.path("packaged.yaml"), ground.path("expanded.json")
    _make_bucket(ground)
    _sam(ground, ["package", "--output-template-file", str(packaged)])
    template = rename_streams(expand(packaged.read_text(), parameters), stamp)
    expanded.write_text(json.dumps(template, indent=1))
    overrides = [f"{name}={value}" for name, value in parameters.items()]
    _sam(ground, ["deploy", "--template-file", str(expanded), "--parameter-overrides", *overrides])
    deployment = Deployment(ground, outputs(ground))
    _set_time_to_live(deployment)
    _set_concurrency(ground)
    _check_routes(deployment, template)
    return deployment


def expand(packaged: str, parameters: Mapping[str, str]) -> Template:
    """Translate a packaged template with the official transform and spell out its API."""
    template = yaml_parse(packaged)
    defaults = {name: item.get("Default", "") for name, item in template["Parameters"].items()}
    return expand_apis(translate(template, defaults | dict(parameters), REGION))


def outputs(ground: Ground) -> dict[str, str]:
    """Read the outputs of the deployed stack."""
    stack = client(ground, "cloudformation").describe_stacks(StackName=STACK)["Stacks"][0]
    return {item["OutputKey"]: item["OutputValue"] for item in stack["Outputs"]}


def function_name(ground: Ground, function: str) -> str:
    """The deployed name of a function of the template."""
    pages = client(ground, "lambda").get_paginator("list_functions").paginate()
    names = (item["FunctionName"] for page in pages for item in page["Functions"])
    return next(str(name) for name in names if f"-{function}-" in name)


def invoke(ground: Ground, function: str, event: object = None) -> Any:
    """Run a function now, as its trigger would; returns its answer."""
    payload = json.dumps(event or {}).encode()
    answer = client(ground, "lambda").invoke(FunctionName=function_name(ground, function), Payload=payload)
    return json.loads(answer["Payload"].read())


def put_secrets(deployment: Deployment) -> None:
    """Fill the stack's secrets, as an operator would after a first deployment; what somebody added stays."""
    keys = deployment.ground.keys
    values: dict[str, dict[str, Any]] = {
        "ProviderKeysSecret": {"secret_id": keys.secret_id, "secret_key": keys.secret_key},
        "CallbackTokensSecret": {"tokens": keys.callback_token},
        "ApiClientsSecret": keys.clients,
        "MusicSecretsSecret": {"webhook_secrets": keys.music, "callback_secrets": keys.music},
    }
    secrets = client(deployment.ground, "secretsmanager")
    for output, value in values.items():
        secret = deployment.outputs[output]
        if not _has(secrets.get_secret_value(SecretId=secret)["SecretString"], value):
            secrets.put_secret_value(SecretId=secret, SecretString=json.dumps(value))


def _has(text: str, ours: Mapping[str, Any]) -> bool:
    """Whether a secret has our values, alone or with others; one that cannot be read has not."""
    try:
        found = dict(json.loads(text))
    except (ValueError, TypeError):
        return False
    lists = {name: value if isinstance(value, list) else str(value).split() for name, value in found.items()}
    wanted = {name: value if isinstance(value, list) else [value] for name, value in ours.items()}
    return all(one in lists.get(name, []) for name, values in wanted.items() for one in values)


def _sam(ground: Ground, arguments: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
    """Run sam with the project's `local` configuration; raises `LocalError` with the end of what it said."""
    command = [sys.executable, "-m", "samcli", *arguments, *CONFIG]
    code, said = call(command, environment or ground.environment(), ROOT, SAM_SECONDS)
    with ground.path("sam.log").open("a") as log:
        log.write(f"$ sam {' '.join(arguments)}\n{said}\n")
    if code:
        raise LocalError(f"`sam {arguments[0]}` failed ({ground.path('sam.log')}):\n{_tail(said)}")


def _make_bucket(ground: Ground) -> None:
    s3 = client(ground, "s3")
    if ARTIFACTS not in {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}:
        s3.create_bucket(Bucket=ARTIFACTS, CreateBucketConfiguration={"LocationConstraint": REGION})


def _tail(text: str) -> str:
    return "\n".join(line for line in text.splitlines()[-12:] if line.strip())


def _set_time_to_live(deployment: Deployment) -> None:
    """The emulator ignores `TimeToLiveSpecification`."""
    table = yaml_parse((ROOT / "template.yaml").read_text())["Resources"]["Ledger"]["Properties"]
    dynamodb, name = client(deployment.ground, "dynamodb"), deployment.outputs["TableName"]
    if dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]["TimeToLiveStatus"] == "DISABLED":
        dynamodb.update_time_to_live(TableName=name, TimeToLiveSpecification=table["TimeToLiveSpecification"])


def _set_concurrency(ground: Ground) -> None:
    """The emulator keeps the template's text where `MaximumConcurrency` must be a number, and then polls no queue."""
    functions = client(ground, "lambda")
    for mapping in functions.list_event_source_mappings()["EventSourceMappings"]:
        if STREAM not in mapping["EventSourceArn"]:
            stated = int(mapping["ScalingConfig"]["MaximumConcurrency"])
            functions.update_event_source_mapping(UUID=mapping["UUID"], ScalingConfig={"MaximumConcurrency": stated})


def _check_routes(deployment: Deployment, template: Template) -> None:
    """The emulator reports success for things it did not make."""
    routes = client(deployment.ground, "apigatewayv2").get_routes(ApiId=deployment.outputs["ApiId"])["Items"]
    missing = route_keys(template) ^ {route["RouteKey"] for route in routes}
    if missing:
        raise LocalError(f"the emulator's routes differ from the template's: {', '.join(sorted(missing))}")
