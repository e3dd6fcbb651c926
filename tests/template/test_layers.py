"""The layers as built: each function imports in an interpreter that has them and nothing else, from bytecode."""

import json
import subprocess
import sys
import tomllib
from importlib.util import MAGIC_NUMBER, cache_from_source
from pathlib import Path

import botocore
import pytest

from tests.layers import make
from tests.stack import REGION, ROOT, defaults, functions, variables

READERS = {f"mediarelay.providers.cts.{part}" for part in ("callbacks", "head", "values")}
"""Of CTS, what a callback function may load: the head of a callback, and single values."""
FOREIGN = {"video_callback": "mps", "audio_callback": "mps", "mps_callback": "cts"}
"""The provider of which a callback function loads nothing."""
UNUSED = {"mediarelay.domain.tasks.facts", "mediarelay.domain.tasks.spec", "mediarelay.domain.tasks.item"}
"""What a callback function has no use for: facts of tasks, and task items. They would be a twentieth of its start."""
HEAVY = {"pydantic", "pydantic_core", "requests", "certifi", "aws_lambda_powertools.event_handler"}
HEAVY |= {f"aws_lambda_powertools.utilities.{part}" for part in ("batch", "data_classes", "parameters", "parser")}
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
LOADED = """
import gc, json, os, sys
paths, environment = json.load(sys.stdin)
sys.path[:0] = paths
os.environ.update(environment)
from mediarelay.adapters.secrets import Secret
Secret._read = lambda secret: None
import mediarelay.aws_lambda
assert not gc.isenabled()
import handler
assert gc.isenabled()
print(json.dumps(sorted(sys.modules)))
"""


def loaded(layers: Path, function: str) -> set[str]:
    """Import a handler with its variables, its folder and the layers; returns all modules that were loaded."""
    environment = {
        name: defaults().get(value.get("Ref", ""), f"arn:aws:example:{name.lower()}")
        for name, value in variables(function).items()
    } | {"AWS_DEFAULT_REGION": REGION, "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"}
    paths = [str(ROOT / "functions" / function), *(str(path) for path in layers.glob("*/python"))]
    command = [sys.executable, "-I", "-S", "-B", "-c", LOADED]
    given = json.dumps([paths, environment])
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=False, env={})
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout))


@pytest.mark.parametrize("function", sorted(functions()))
def test_a_function_imports_with_the_layers_alone(layers: Path, function: str) -> None:
    modules = loaded(layers, function)
    assert ("mediarelay.wiring.base" in modules) == (function not in WITHOUT_ADAPTERS)
    assert {"aws_lambda_powertools.logging", "aws_lambda_powertools.metrics"} <= modules
    assert "aws_lambda_powertools.utilities.parameters" not in modules, "adapters/secrets.py is the one reader"
    assert ("aws_lambda_powertools.event_handler" in modules) == (function in RESOLVERS)
    if function in CALLBACKS:
        assert not modules & HEAVY
        assert {name for name in modules if name.startswith("mediarelay.providers.cts.")} <= READERS
        assert not {name for name in modules if name.startswith(f"mediarelay.providers.{FOREIGN.get(function)}.")}
        assert not modules & UNUSED
    if function in WITHOUT_PYDANTIC:
        assert "pydantic" not in modules
    assert "aws_lambda_powertools.utilities.parser" not in modules, "batches load it if pydantic came before them"


def test_every_module_has_bytecode_that_is_never_checked(layers: Path) -> None:
    """Zips are dated 1980: bytecode that is checked against a date would be thrown away at each start."""
    sources = [path for path in layers.rglob("*.py") if "__pycache__" not in path.parts]
    assert len(sources) > 300
    for source in sources:
        header = Path(cache_from_source(str(source))).read_bytes()[:8]
        assert header == MAGIC_NUMBER + (0b01).to_bytes(4, "little"), source


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
    assert built == {f"mediarelay/{name}" for name in names(ROOT / "layers/shared/mediarelay")}


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
    assert not (layers / "DependenciesLayer/python/bin").exists()


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
