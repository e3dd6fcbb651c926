"""Describe the program that emulates AWS on this machine: its command, its settings and its health check."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from local.aws import client
from local.environment import HOST, REGION, ROOT, LocalEnvironment, LocalError
from local.expand import Template, route_keys
from local.layers import unpack_layers

Outputs = Mapping[str, str]
STREAM = ":dynamodb:"


@dataclass(frozen=True)
class Emulator:
    """A program that emulates AWS. It pins botocore, so it has a virtual environment of its own.

    Attributes:
        name: The name of the emulator.
        command: The command that starts it. The first word is a program that `make` installs.
        environment: Returns its environment variables for a stack.
        health: The path that answers 200 once it is ready.
        complete: Applies what the emulator ignores in a template. Takes the outputs and the expanded template, and
            returns the API's address. Raises `LocalError` if a resource is missing.
        api_url: Returns the address of a deployed API.
        adapt: Changes an expanded template before its deployment.
        keeps_state: Whether a stopped stack is complete again after its next start.
        has_http_api: Whether the API is a resource of the emulator, which can list its routes.
    """

    name: str
    command: Sequence[str]
    environment: Callable[[LocalEnvironment], Mapping[str, str]]
    health: str
    complete: Callable[[LocalEnvironment, Outputs, Template], str]
    api_url: Callable[[LocalEnvironment, Outputs], str]
    adapt: Callable[[LocalEnvironment, Template], Template] = lambda _env, template: template
    keeps_state: bool = True
    has_http_api: bool = True


def _ministack(env: LocalEnvironment) -> dict[str, str]:
    return {
        "BIND_HOST": HOST,
        "GATEWAY_PORT": str(env.emulator_port),
        "MINISTACK_REGION": REGION,
        # Functions run as processes of this machine, because the local stack needs no Docker.
        "LAMBDA_EXECUTOR": "local",
        "AUTH": "true",
        "IOT_MTLS_ENABLED": "0",
        "PERSIST_STATE": "1",
        "STATE_DIR": str(env.path("state")),
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(env.path("s3")),
    }


def _complete(env: LocalEnvironment, outputs: Outputs, template: Template) -> str:
    _set_time_to_live(env, outputs, template)
    _set_concurrency(env)
    _check_routes(env, outputs, template)
    return _api_url(env, outputs)


def _api_url(env: LocalEnvironment, outputs: Outputs) -> str:
    return f"{env.emulator_url}/_aws/execute-api/{outputs['ApiId']}/$default"


def _set_time_to_live(env: LocalEnvironment, outputs: Outputs, template: Template) -> None:
    """Enable the table's time to live, because the emulator ignores `TimeToLiveSpecification`."""
    table = template["Resources"]["Ledger"]["Properties"]
    dynamodb, name = client(env, "dynamodb"), outputs["TableName"]
    if dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]["TimeToLiveStatus"] == "DISABLED":
        dynamodb.update_time_to_live(TableName=name, TimeToLiveSpecification=table["TimeToLiveSpecification"])


def _set_concurrency(env: LocalEnvironment) -> None:
    """Set `MaximumConcurrency` as a number. The emulator stores the template's text, and then polls no queue."""
    functions = client(env, "lambda")
    for mapping in functions.list_event_source_mappings()["EventSourceMappings"]:
        if STREAM not in mapping["EventSourceArn"]:
            stated = int(mapping["ScalingConfig"]["MaximumConcurrency"])
            functions.update_event_source_mapping(UUID=mapping["UUID"], ScalingConfig={"MaximumConcurrency": stated})


def _check_routes(env: LocalEnvironment, outputs: Outputs, template: Template) -> None:
    """Raise `LocalError` if routes are missing: the emulator reports success for resources that it did not create."""
    routes = client(env, "apigatewayv2").get_routes(ApiId=outputs["ApiId"])["Items"]
    missing = route_keys(template) ^ {route["RouteKey"] for route in routes}
    if missing:
        raise LocalError(f"the emulator's routes differ from the template's: {', '.join(sorted(missing))}")


MINISTACK = Emulator(
    name="ministack",
    command=(str(ROOT / ".venv-emulator" / "bin" / "ministack"),),
    environment=_ministack,
    health="/_ministack/health",
    complete=_complete,
    api_url=_api_url,
    adapt=unpack_layers,
)
