"""Build the real template with sam, deploy it into the emulator, and apply the settings that the emulator ignores."""

import hashlib
import json
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError, WaiterError

from local.aws import client
from local.emulators import Emulator
from local.environment import REGION, ROOT, STACK, LocalEnvironment, LocalError
from local.expand import Template, allow_batches, drop_expression_alarms, expand_apis, parse, rename_streams, translate
from local.lock import in_turn
from local.processes import call

SAM_SECONDS = 600
CONFIG = ("--config-env", "local", "--config-file", str(ROOT / "samconfig.toml"))
ARTIFACTS = "mediarelay-artifacts"
PACKAGED = "packaged.yaml"
TEMPLATE = "expanded.json"
# Seconds between two looks at a deployment, and how many looks there are.
WAITER = {"Delay": 0.2, "MaxAttempts": 3000}
NO_UPDATES = "No updates are to be performed"
# Lines of an output, or reasons of a failure, that an error shows.
TAIL = 12
BUILD_LOCK = ROOT / ".local" / "build.lock"
BUILDS = ROOT / ".local" / "builds"
# uv installs a layer in a tenth of the time of pip. A hard link would let a build change the files in uv's cache.
INSTALL = f"'{Path(sys.executable).parent / 'uv'}' pip install --python '{sys.executable}' --link-mode copy"
# What a build depends on, beside the version of Python. The lock file pins sam.
SOURCES = ("functions", "layers", "template.yaml", "samconfig.toml", "requirements/dev.txt")
# Parameters whose minimum is lower on this machine. On AWS, a message must not reappear while a function still uses it;
# here, tests must not wait so long for a repeat.
LEAST = {"VisibilityTimeout": 30}


@dataclass(frozen=True)
class Deployment:
    """A deployed stack: its outputs, and the API's address on this machine."""

    env: LocalEnvironment
    outputs: Mapping[str, str]
    api_url: str


def build(env: LocalEnvironment) -> None:
    """Put the built functions and layers into the stack's bucket. The emulator must be running.

    All stacks of this checkout share one build, which lasts until a source changes, so they take turns.
    """
    _make_bucket(env)
    with in_turn(BUILD_LOCK):
        built = BUILDS / _digest()
        if built.exists():
            _upload(env, built)
        else:
            _build(env)
            _keep(env, built)


def _digest() -> str:
    """Return the hash of everything that a build depends on. Bytecode depends on this Python."""
    found = hashlib.sha256(sys.version.encode())
    for file in sorted(file for name in SOURCES for file in _files(ROOT / name)):
        content = hashlib.sha256(file.read_bytes()).hexdigest()
        found.update(f"{file.relative_to(ROOT)} {content}\n".encode())
    return found.hexdigest()


def _files(path: Path) -> list[Path]:
    """Return a file, or all files of a folder but bytecode."""
    files = [path] if path.is_file() else path.rglob("*")
    return [file for file in files if file.is_file() and file.parent.name != "__pycache__"]


def _build(env: LocalEnvironment) -> None:
    """Run `sam build` for this machine's Python, and `sam package`."""
    # The emulator runs functions with this Python. An empty LAYER_TARGET makes pip choose wheels for this machine.
    layers = {"LAYER_PYTHON": sys.executable, "PYTHON": sys.executable, "LAYER_TARGET": " ", "INSTALL": INSTALL}
    cache = ROOT / ".local" / "cache" / str(sys.implementation.cache_tag)
    # sam would package bytecode. It changes with each import, so sam would deploy the function again.
    for bytecode in (ROOT / "functions").glob("*/__pycache__"):
        shutil.rmtree(bytecode, ignore_errors=True)
    _sam(env, ["build", "--cache-dir", str(cache)], env.build_environment() | layers)
    _sam(env, ["package", "--output-template-file", str(env.path(PACKAGED))])


def _keep(env: LocalEnvironment, built: Path) -> None:
    """Copy the packaged template and the objects that it names from a stack, in place of the build before."""
    shutil.rmtree(BUILDS, ignore_errors=True)
    # An interrupted copy has another name, so that no stack uses half of it.
    draft = built.with_name("draft")
    draft.mkdir(parents=True)
    template = env.path(PACKAGED).read_text()
    s3 = client(env, "s3")
    for key in set(re.findall(rf"s3://{ARTIFACTS}/(\w+)", template)):
        (draft / key).write_bytes(s3.get_object(Bucket=ARTIFACTS, Key=key)["Body"].read())
    (draft / PACKAGED).write_text(template)
    draft.rename(built)


def _upload(env: LocalEnvironment, built: Path) -> None:
    """Give a stack the packaged template and its objects, as `sam package` does."""
    s3 = client(env, "s3")
    for file in built.iterdir():
        if file.name != PACKAGED:
            s3.put_object(Bucket=ARTIFACTS, Key=file.name, Body=file.read_bytes())
    shutil.copy(built / PACKAGED, env.path(PACKAGED))


def deploy(env: LocalEnvironment, emulator: Emulator, parameters: Mapping[str, str], stamp: int) -> Deployment:
    """Expand and deploy the packaged template. Raises `LocalError` if the emulator has not created all of it.

    `stamp` differs for each start of the emulator (see `rename_streams`).
    """
    template = rename_streams(expand(env.path(PACKAGED).read_text(), parameters), stamp)
    template = emulator.adapt(env, template)
    text = json.dumps(template, indent=1)
    env.path(TEMPLATE).write_text(text)
    _put_stack(env, text, parameters)
    made = outputs(env)
    return Deployment(env, made, emulator.complete(env, made, template))


def _put_stack(env: LocalEnvironment, template: str, parameters: Mapping[str, str]) -> None:
    """Create the stack, or update it. Raises `LocalError` with the reasons of the emulator if that fails."""
    # Without sam: it starts slowly, and the expanded template needs no more of its work.
    client(env, "s3").put_object(Bucket=ARTIFACTS, Key=TEMPLATE, Body=template.encode())
    cloudformation = client(env, "cloudformation")
    change = "update" if _has_stack(env) else "create"
    try:
        getattr(cloudformation, f"{change}_stack")(
            StackName=STACK,
            TemplateURL=f"{env.emulator_url}/{ARTIFACTS}/{TEMPLATE}",
            Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()],
            Capabilities=["CAPABILITY_IAM"],
        )
        cloudformation.get_waiter(f"stack_{change}_complete").wait(StackName=STACK, WaiterConfig=WAITER)
    except ClientError as error:
        if NO_UPDATES not in str(error):
            raise
    except WaiterError as error:
        raise LocalError(f"the deployment failed:\n{_reasons(env) or error}") from error


def _has_stack(env: LocalEnvironment) -> bool:
    found = client(env, "cloudformation").list_stacks()["StackSummaries"]
    return any(one["StackName"] == STACK and one["StackStatus"] != "DELETE_COMPLETE" for one in found)


def _reasons(env: LocalEnvironment) -> str:
    """Return the newest failures of resources, one a line."""
    events = client(env, "cloudformation").describe_stack_events(StackName=STACK)["StackEvents"]
    failed = [event for event in events if event["ResourceStatus"].endswith("_FAILED")]
    return "\n".join(f"{one['LogicalResourceId']}: {one.get('ResourceStatusReason', '')}" for one in failed[:TAIL])


def expand(packaged: str, parameters: Mapping[str, str]) -> Template:
    """Translate a packaged template with the official transforms into resources that the emulator supports."""
    template = parse(packaged)
    for name, least in LEAST.items():
        template["Parameters"][name]["MinValue"] = least
    for name, value in parameters.items():
        template["Parameters"][name]["Default"] = value
    values = {name: item.get("Default", "") for name, item in template["Parameters"].items()}
    translated = translate(template, values, REGION)
    return allow_batches(drop_expression_alarms(expand_apis(translated)))


def outputs(env: LocalEnvironment) -> dict[str, str]:
    """Return the outputs of the deployed stack."""
    stack = client(env, "cloudformation").describe_stacks(StackName=STACK)["Stacks"][0]
    return {item["OutputKey"]: item["OutputValue"] for item in stack["Outputs"]}


def function_name(env: LocalEnvironment, function: str) -> str:
    """Return the deployed name of a function of the template."""
    pages = client(env, "lambda").get_paginator("list_functions").paginate()
    names = (item["FunctionName"] for page in pages for item in page["Functions"])
    return next(str(name) for name in names if f"-{function}-" in name)


def invoke(env: LocalEnvironment, function: str, event: object = None) -> Any:
    """Invoke a function as its trigger would. Return its answer."""
    payload = json.dumps(event or {}).encode()
    answer = client(env, "lambda").invoke(FunctionName=function_name(env, function), Payload=payload)
    return json.loads(answer["Payload"].read())


def _sam(env: LocalEnvironment, arguments: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
    """Run sam with the project's `local` configuration. Raises `LocalError` with the end of its output."""
    command = [sys.executable, "-m", "samcli", *arguments, *CONFIG]
    code, said = call(command, environment or env.variables(), ROOT, SAM_SECONDS)
    with env.path("sam.log").open("a") as log:
        log.write(f"$ sam {' '.join(arguments)}\n{said}\n")
    if code:
        raise LocalError(f"`sam {arguments[0]}` failed ({env.path('sam.log')}):\n{_tail(said)}")


def _make_bucket(env: LocalEnvironment) -> None:
    s3 = client(env, "s3")
    if ARTIFACTS not in {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}:
        s3.create_bucket(Bucket=ARTIFACTS, CreateBucketConfiguration={"LocationConstraint": REGION})


def _tail(text: str) -> str:
    return "\n".join(line for line in text.splitlines()[-TAIL:] if line.strip())
