"""The layers as built: each function imports in an interpreter that has them and nothing else, from bytecode."""

import gzip
import json
import marshal
import re
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import MAGIC_NUMBER, cache_from_source
from pathlib import Path
from typing import Any

import botocore
import pytest
from botocore import xform_name
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.session import get_session

from tests.layers import make
from tests.stack import REGION, ROOT, defaults, functions, variables

READERS = {f"mediarelay.providers.cts.{part}" for part in ("callbacks", "head", "values")}
"""Of CTS, what a callback function may load: the head of a callback, and single values."""
FOREIGN = {"video_callback": "mps", "audio_callback": "mps", "mps_callback": "cts"}
"""The provider of which a callback function loads nothing."""
UNUSED = {"mediarelay.domain.tasks.facts", "mediarelay.domain.tasks.spec", "mediarelay.domain.tasks.item"}
"""What a callback function has no use for: facts of tasks, and task items. They would be a twentieth of its start."""
HEAVY = {"pydantic", "pydantic_core", "requests", "aws_lambda_powertools.event_handler.api_gateway"}
HEAVY |= {f"aws_lambda_powertools.utilities.{part}" for part in ("batch", "parameters", "parser")}
"""What a callback function does not load: of Powertools it has logs and metrics."""
WITHOUT_PYDANTIC = {"apply_callback", "authorizer", "confirm", "poll_audio", "poll_video", "submit_queued"}
"""Functions that neither answer a client nor publish: pydantic would be a fifth of their cold start."""
SERVICES = {"dynamodb", "kms", "secretsmanager", "sns", "sqs"}
WITHOUT_ADAPTERS = {"console"}
"""It serves files of its own folder."""
CALLBACKS = ("video_callback", "audio_callback", "mps_callback", "music_callback")
RESOLVERS = (
    *("operations", "quarantine", "read_events", "read_ledger", "read_songs", "replay", "submit_audio", "submit_batch"),
    *("console", "submissions", "track_video", "webhooks"),
)
FORBIDDEN = {"asyncio", "boto3", "boto3.docs", "botocore.docs", "importlib.metadata", "multiprocessing", "s3transfer"}
FORBIDDEN |= {"aws_lambda_powertools.utilities.data_classes", "aws_lambda_powertools.utilities.jmespath_utils"}
FORBIDDEN |= {"aws_lambda_powertools.event_handler", "concurrent.futures.process", "urllib3.http2"}
FORBIDDEN |= {"charset_normalizer", "idna"}
"""Modules that no cold start runs: those that `aws_lambda/deferred_imports.py` leaves for later, and what they load."""
MAY_RUN = {"importlib.metadata": "pydantic"}
"""Packages that use a forbidden module themselves."""
CALLS = {function: ["GetSecretValue"] for function in (*CALLBACKS, "authorizer")}
"""The calls of AWS that a function makes before its first event: the secret that each request needs."""
CLIENTS = {
    "dispatch": ["dynamodb", "sns", "sqs"],
    "read_ledger": ["dynamodb"],
    "sweep": ["dynamodb", "sns", "sqs"],
    "music_callback": ["dynamodb", "kms", "secretsmanager"],
    **{function: ["dynamodb", "secretsmanager"] for function in FOREIGN},
    "authorizer": ["secretsmanager"],
    "console": [],
    "unknown_route": [],
}
"""The clients of some functions. No function makes a client twice."""
MAX_MODULES = {"callbacks": 470, "others": 760}
"""A function that exceeds it has got a dependency, which a test above should name."""
MAX_BYTES = {"SharedLayer": 5_000_000, "DependenciesLayer": 32_000_000}
"""Of the layers with bytecode, unpacked. Lambda allows 250 MB for both and the function."""
INIT = """
import gc, json, os, sys
paths, environment = json.load(sys.stdin)
sys.path[:0] = paths
os.environ.update(environment)
import mediarelay.aws_lambda
assert not gc.isenabled()
import botocore.client, botocore.session, dataclasses, marshal
from mediarelay.aws_lambda.cold_start import COMPILED
calls, clients, sessions, written = [], [], [], []

def noted(owner, name, note):
    real = getattr(owner, name)
    setattr(owner, name, lambda *given, **named: (note(*given), real(*given, **named))[1])

noted(dataclasses, "exec", lambda text, spaces, _: written.append((spaces["__name__"], text)))
noted(botocore.session.Session, "__init__", lambda session, *given: sessions.append(session))
noted(botocore.session.Session, "create_client", lambda session, service, *given: clients.append(service))
answer = lambda client, name, given: calls.append(name) or {"SecretString": "{}"}
botocore.client.BaseClient._make_api_call = answer
import handler
assert gc.isenabled() and gc.get_freeze_count()
from mediarelay.aws_lambda.deferred_imports import DeferredModule
ran = sorted(name for name, module in sys.modules.items() if not isinstance(module, DeferredModule))
known = marshal.loads(COMPILED.read_bytes())[1]
found = {"modules": ran, "calls": calls, "clients": sorted(clients), "sessions": len(sessions)}
print(json.dumps(found | {"compiled": sorted({name for name, text in written if text not in known})}))
"""


@dataclass(frozen=True)
class Init:
    """What a function did before its first event."""

    modules: list[str]
    calls: list[str]
    clients: list[str]
    sessions: int
    compiled: list[str]


def initialize(layers: Path, function: str) -> Init:
    """Import a handler with its variables, its folder and the layers. Secrets Manager answers an empty secret."""
    environment = {
        name: defaults().get(value.get("Ref", ""), f"arn:aws:example:{name.lower()}")
        for name, value in variables(function).items()
    } | {"AWS_DEFAULT_REGION": REGION, "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"}
    paths = [str(ROOT / "functions" / function), *(str(path) for path in layers.glob("*/python"))]
    command = [sys.executable, "-I", "-S", "-B", "-c", INIT]
    given = json.dumps([paths, environment])
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=False, env={})
    assert done.returncode == 0, done.stderr
    return Init(**json.loads(done.stdout.splitlines()[-1]))


def check_modules(function: str, modules: set[str]) -> None:
    """Which modules a function has, and which it may not load."""
    assert ("mediarelay.wiring.base" in modules) == (function not in WITHOUT_ADAPTERS)
    assert {"aws_lambda_powertools.logging", "aws_lambda_powertools.metrics"} <= modules
    assert "aws_lambda_powertools.utilities.parameters" not in modules, "adapters/secrets.py is the one reader"
    assert ("aws_lambda_powertools.event_handler.api_gateway" in modules) == (function in RESOLVERS)
    if function in CALLBACKS:
        assert not modules & HEAVY
        assert {name for name in modules if name.startswith("mediarelay.providers.cts.")} <= READERS
        assert not {name for name in modules if name.startswith(f"mediarelay.providers.{FOREIGN.get(function)}.")}
        assert not modules & UNUSED
    if function in WITHOUT_PYDANTIC:
        assert "pydantic" not in modules
    assert "aws_lambda_powertools.utilities.parser" not in modules, "batches load it if pydantic came before them"
    assert {name for name in modules & FORBIDDEN if MAY_RUN.get(name) not in modules} == set()
    assert len(modules) <= MAX_MODULES["callbacks" if function in CALLBACKS else "others"]


@pytest.mark.parametrize("function", sorted(functions()))
def test_a_function_starts_with_the_layers_alone_and_little_work(layers: Path, function: str) -> None:
    found = initialize(layers, function)
    check_modules(function, set(found.modules))
    assert found.sessions == (1 if found.clients else 0)
    assert len(found.clients) == len(set(found.clients))
    assert found.clients == CLIENTS.get(function, found.clients)
    assert found.calls == CALLS.get(function, [])
    assert [name for name in found.compiled if name.startswith("mediarelay.")] == [], "the build has compiled these"


@pytest.mark.parametrize("layer", MAX_BYTES)
def test_a_layer_does_not_grow_unnoticed(layers: Path, layer: str) -> None:
    assert sum(path.stat().st_size for path in (layers / layer).rglob("*") if path.is_file()) <= MAX_BYTES[layer]


def test_every_module_has_bytecode_that_is_never_checked(layers: Path) -> None:
    """Zips are dated 1980: bytecode that is checked against a date would be thrown away at each start."""
    sources = [path for path in layers.rglob("*.py") if "__pycache__" not in path.parts]
    assert len(sources) > 300
    for source in sources:
        header = Path(cache_from_source(str(source))).read_bytes()[:8]
        assert header == MAGIC_NUMBER + (0b01).to_bytes(4, "little"), source


def test_the_methods_of_dataclasses_are_what_this_python_compiles(layers: Path) -> None:
    """The texts are the keys, so the bytecode can only be wrong if it is not that of its text."""
    file = layers / "SharedLayer/python/mediarelay/aws_lambda/dataclasses.bin"
    version, compiled = marshal.loads(file.read_bytes())  # noqa: S302 - the build wrote it
    assert version == MAGIC_NUMBER
    assert len(compiled) > 150
    for text, code in compiled.items():
        assert marshal.loads(code) == compile(text, "<string>", "exec")  # noqa: S302 - the build wrote it


def test_bytecode_names_no_folder_of_the_machine_that_made_it(layers: Path) -> None:
    """Else the same code would be another layer on each machine, and be deployed anew."""
    compiled = layers.rglob("*.pyc")
    assert not [path for path in compiled if str(layers).encode() in path.read_bytes()]


@pytest.mark.parametrize("layer", ["SharedLayer", "DependenciesLayer"])
def test_no_layer_is_built_without_bytecode_by_accident(layer: str, tmp_path: Path) -> None:
    done = make(layer, tmp_path, LAYER_PYTHON="python-that-is-not-here")
    assert done.returncode != 0
    assert "python-that-is-not-here does not run here" in done.stderr
    assert not list(tmp_path.rglob("*.py"))


def test_a_layer_is_built_without_bytecode_on_request(tmp_path: Path) -> None:
    done = make("SharedLayer", tmp_path, LAYER_PYTHON="python-that-is-not-here", ALLOW_NO_BYTECODE="1")
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.rglob("*.py"))
    assert not list(tmp_path.rglob("*.pyc"))


def test_the_shared_layer_is_our_package(layers: Path) -> None:
    def names(root: Path) -> set[str]:
        return {str(path.relative_to(root)) for path in root.rglob("*") if path.suffix != ".pyc" and path.is_file()}

    built = names(layers / "SharedLayer/python")
    written = "mediarelay/aws_lambda/dataclasses.bin"
    assert built == {f"mediarelay/{name}" for name in names(ROOT / "layers/shared/mediarelay")} | {written}


def test_endpoints_of_other_services_are_trimmed_and_all_partitions_stay(layers: Path) -> None:
    trimmed, whole = (
        json.loads((site / "botocore/data/endpoints.json").read_text("utf-8"))["partitions"]
        for site in (layers / "DependenciesLayer/python", Path(botocore.__file__).parents[1])
    )
    assert {name for partition in trimmed for name in partition["services"]} == SERVICES
    assert [one["partition"] for one in trimmed] == [one["partition"] for one in whole]
    for ours, theirs in zip(trimmed, whole, strict=True):
        assert ours == theirs | {"services": {name: theirs["services"][name] for name in ours["services"]}}


def test_botocore_knows_only_the_services_we_call(layers: Path) -> None:
    data = layers / "DependenciesLayer/python/botocore/data"
    assert {path.name for path in data.iterdir() if path.is_dir()} == SERVICES
    assert not list(data.rglob("*.gz")), "to unpack a file costs every cold start"
    assert not (layers / "DependenciesLayer/python/bin").exists()


def models(layers: Path, service: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The model of a service in the layer, and the one that botocore has."""
    # From the file itself: the tests of a process share what botocore has read, and moto's adds to it.
    version = Loader().determine_latest_version(service, "service-2")
    file = Path(botocore.__file__).parent / "data" / service / version / "service-2.json.gz"
    return trimmed_loader(layers).load_service_model(service, "service-2"), json.loads(
        gzip.decompress(file.read_bytes())
    )


def trimmed_loader(layers: Path) -> Loader:
    """A loader of botocore's data in the layer."""
    data = layers / "DependenciesLayer/python/botocore/data"
    return Loader(extra_search_paths=[str(data)], include_default_search_paths=False)


def plain(value: Any) -> Any:
    """A part of a model without its texts for people."""
    if isinstance(value, Mapping):
        texts = {name for name, part in value.items() if name == "documentation" and isinstance(part, str)}
        return {name: plain(part) for name, part in value.items() if name not in texts}
    return [plain(part) for part in value] if isinstance(value, list) else value


@pytest.mark.parametrize("service", sorted(SERVICES))
def test_a_trimmed_model_equals_the_whole_one_in_all_that_it_has(layers: Path, service: str) -> None:
    ours, theirs = models(layers, service)
    for part in ("operations", "shapes"):
        assert ours[part] == {name: plain(theirs[part][name]) for name in ours[part]}
    assert {**ours, "operations": 0, "shapes": 0} == plain({**theirs, "operations": 0, "shapes": 0})
    # Each shape that a shape or an operation refers to is there: botocore would look it up when it is used.
    model = ServiceModel(ours, service)
    for name in model.operation_names:
        operation = model.operation_model(name)
        roots = [operation.input_shape, operation.output_shape, *operation.error_shapes]
        assert [visit(shape, set()) for shape in roots if shape]


def visit(shape: Any, seen: set[str]) -> set[str]:
    """The names of a shape and of all shapes that it reaches; raises KeyError if one is missing."""
    if shape.name not in seen:
        seen.add(shape.name)
        parts = [*getattr(shape, "members", {}).values()]
        parts += [getattr(shape, part) for part in ("member", "key", "value") if hasattr(shape, part)]
        for part in parts:
            visit(part, seen)
    return seen


def test_the_trimmed_models_have_each_operation_that_the_adapters_call(layers: Path) -> None:
    """A client has no method for any other operation."""
    both = [models(layers, service) for service in SERVICES]
    ours, known = ({xform_name(name) for pair in both for name in pair[part]["operations"]} for part in (0, 1))
    adapters = (ROOT / "layers/shared/mediarelay/adapters").rglob("*.py")
    called = re.findall(r"\bclient(?:\(\))?\.(\w+)", "\n".join(path.read_text("utf-8") for path in adapters))
    used = set(called) & known
    assert len(used) > 10
    assert used <= ours, "add it to OPERATIONS in layers/dependencies/trim_botocore.py"


REGIONS = ("eu-west-1", "cn-north-1", "us-gov-west-1", "us-iso-east-1", "us-isob-east-1", "eusc-de-east-1")


@pytest.mark.parametrize("region", REGIONS)
def test_a_client_resolves_the_endpoint_of_each_partition_as_before(layers: Path, region: str) -> None:
    trimmed, whole = get_session(), get_session()
    trimmed.register_component("data_loader", trimmed_loader(layers))
    for service in sorted(SERVICES):
        ours, theirs = (
            session.create_client(service, region, aws_access_key_id="x", aws_secret_access_key="x")
            for session in (trimmed, whole)
        )
        assert ours.meta.endpoint_url == theirs.meta.endpoint_url
        assert ours.meta.partition == theirs.meta.partition


def test_the_lock_has_wheels_for_the_functions_platform(tmp_path: Path) -> None:
    """As `sam build` resolves them: Python 3.13 on arm64, from wheels, by hash; nothing is downloaded to stay."""
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--dry-run",
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
    ]
    command += ["--only-binary", ":all:", "--require-hashes", "--python-version", "3.13", "--implementation", "cp"]
    command += [f"--platform={tag}_aarch64" for tag in ("manylinux_2_28", "manylinux_2_17", "manylinux2014")]
    command += ["--target", str(tmp_path), "-r", str(ROOT / "layers/dependencies/requirements.txt")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_no_deployment_takes_layers_from_a_cache_or_asks_a_query() -> None:
    """The cache knows a layer by its sources: it would keep what was built without bytecode."""
    settings = tomllib.loads((ROOT / "samconfig.toml").read_text("utf-8"))["default"]
    assert settings["build"]["parameters"]["cached"] is False
    deployed = settings["deploy"]["parameters"]
    assert (deployed["confirm_changeset"], deployed["fail_on_empty_changeset"]) == (False, False)


def test_bytecode_of_functions_is_removed_before_a_build() -> None:
    """It would be packaged, and would deploy the function anew."""
    planned = subprocess.run(["make", "-n", "build"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    removal, build = planned.find("find functions -name __pycache__"), planned.find("sam build")
    assert 0 <= removal < build
