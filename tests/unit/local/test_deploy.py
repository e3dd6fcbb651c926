"""Building once for all stacks, and deploying again: values that a person added to a secret stay."""

import io
import sys
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import pytest
from botocore.exceptions import ClientError, WaiterError

from local import deploy
from local.environment import ROOT, LocalEnvironment, LocalError


class Bucket:
    """The artifacts of one stack."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def put_object(self, *, Bucket: str, Key: str, Body: bytes) -> None:  # noqa: N803 - boto3's names
        assert Bucket == deploy.ARTIFACTS
        self.objects[Key] = Body

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        assert Bucket == deploy.ARTIFACTS
        return {"Body": io.BytesIO(self.objects[Key])}


@dataclass
class Checkout:
    """A checkout with one function, the buckets of its stacks, and the commands that sam was given."""

    root: Path
    buckets: dict[str, Bucket] = field(default_factory=lambda: defaultdict(Bucket))
    called: list[list[str]] = field(default_factory=list)

    @property
    def function(self) -> Path:
        return self.root / "functions" / "sweep" / "handler.py"

    def build(self, stack: str) -> None:
        deploy.build(LocalEnvironment(self.root / stack))

    def sam(self, env: LocalEnvironment, arguments: list[str], _environment: object = None) -> None:
        self.called.append(arguments)
        if arguments[0] == "package":
            self.buckets[env.folder.name].objects |= {"abc123": self.function.read_bytes(), "other": b""}
            env.path("packaged.yaml").write_text(f"CodeUri: s3://{deploy.ARTIFACTS}/abc123\n")


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    checkout = Checkout(tmp_path)
    checkout.function.parent.mkdir(parents=True)
    checkout.function.write_text("first")
    monkeypatch.setattr(deploy, "ROOT", tmp_path)
    monkeypatch.setattr(deploy, "BUILDS", tmp_path / ".local" / "builds")
    monkeypatch.setattr(deploy, "BUILD_LOCK", tmp_path / ".local" / "build.lock")
    monkeypatch.setattr(deploy, "SOURCES", ("functions",))
    monkeypatch.setattr(deploy, "_make_bucket", lambda _env: None)
    monkeypatch.setattr(deploy, "_sam", checkout.sam)
    monkeypatch.setattr(deploy, "client", lambda env, _service: checkout.buckets[env.folder.name])
    return checkout


def test_a_build_packages_no_bytecode_of_functions_and_keeps_a_cache_per_python(checkout: Checkout) -> None:
    bytecode = checkout.function.parent / "__pycache__"
    bytecode.mkdir()
    (bytecode / "handler.pyc").touch()
    checkout.build("stack")
    assert not bytecode.exists()
    assert checkout.function.exists()
    assert checkout.called == [
        ["build", "--cache-dir", str(checkout.root / ".local" / "cache" / str(sys.implementation.cache_tag))],
        ["package", "--output-template-file", str(checkout.root / "stack" / "packaged.yaml")],
    ]


def test_stacks_share_one_build_until_a_source_changes(checkout: Checkout) -> None:
    checkout.build("first")
    checkout.build("second")
    assert len(checkout.called) == 2
    assert checkout.buckets["second"].objects == {"abc123": b"first"}
    packaged = [checkout.root / stack / "packaged.yaml" for stack in ("first", "second")]
    assert packaged[0].read_text() == packaged[1].read_text()
    checkout.function.write_text("changed")
    checkout.build("second")
    assert len(checkout.called) == 4
    checkout.build("third")
    assert checkout.buckets["third"].objects == {"abc123": b"changed"}
    assert len(list(deploy.BUILDS.iterdir())) == 1, "the build before is removed"


def test_bytecode_is_no_source(checkout: Checkout) -> None:
    checkout.build("stack")
    bytecode = checkout.function.parent / "__pycache__" / "handler.pyc"
    bytecode.parent.mkdir()
    bytecode.touch()
    checkout.build("stack")
    assert len(checkout.called) == 2


@pytest.mark.parametrize("name", deploy.SOURCES)
def test_every_source_is_there(name: str) -> None:
    assert deploy._files(ROOT / name)


def test_an_interrupted_copy_is_not_used(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(Bucket, "get_object", _interrupted)
        with pytest.raises(KeyboardInterrupt):
            checkout.build("first")
    checkout.build("first")
    assert len(checkout.called) == 4


def _interrupted(*_: object, **__: object) -> NoReturn:
    raise KeyboardInterrupt


class CloudFormation:
    """An emulated CloudFormation with or without a stack, which refuses or fails a change on purpose."""

    def __init__(self, *stacks: str, refusal: str = "", failure: str = "") -> None:
        self.stacks, self.refusal, self.failure = stacks, refusal, failure
        self.called: list[str] = []

    def list_stacks(self) -> dict[str, Any]:
        return {"StackSummaries": [{"StackName": name, "StackStatus": "CREATE_COMPLETE"} for name in self.stacks]}

    def create_stack(self, **request: Any) -> None:
        self._change("create", request)

    def update_stack(self, **request: Any) -> None:
        self._change("update", request)

    def _change(self, change: str, request: dict[str, Any]) -> None:
        assert request["Parameters"] == [{"ParameterKey": "FirstPollAfter", "ParameterValue": "20"}]
        self.called.append(change)
        if self.refusal:
            raise ClientError({"Error": {"Code": "ValidationError", "Message": self.refusal}}, "UpdateStack")

    def get_waiter(self, name: str) -> "CloudFormation":
        self.called.append(name)
        return self

    def wait(self, **_: Any) -> None:
        if self.failure:
            raise WaiterError("StackCreateComplete", self.failure, {})

    def describe_stack_events(self, **_: Any) -> dict[str, Any]:
        names = {"LogicalResourceId": "Ledger", "ResourceStatusReason": "no such type"}
        return {"StackEvents": [{**names, "ResourceStatus": "CREATE_FAILED"}]}


@pytest.fixture
def put_stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[CloudFormation], list[str]]:
    def put(cloudformation: CloudFormation) -> list[str]:
        clients = {"cloudformation": cloudformation, "s3": Bucket()}
        monkeypatch.setattr(deploy, "client", lambda _env, service: clients[service])
        deploy._put_stack(LocalEnvironment(tmp_path), "{}", {"FirstPollAfter": "20"})
        return cloudformation.called

    return put


def test_a_deployment_creates_the_stack_or_updates_it(put_stack: Callable[[CloudFormation], list[str]]) -> None:
    assert put_stack(CloudFormation("another")) == ["create", "stack_create_complete"]
    assert put_stack(CloudFormation("mediarelay")) == ["update", "stack_update_complete"]


def test_a_deployment_without_a_change_succeeds(put_stack: Callable[[CloudFormation], list[str]]) -> None:
    assert put_stack(CloudFormation("mediarelay", refusal=f"{deploy.NO_UPDATES}.")) == ["update"]
    with pytest.raises(ClientError, match="no such capability"):
        put_stack(CloudFormation("mediarelay", refusal="no such capability"))


def test_a_failed_deployment_states_its_reasons(put_stack: Callable[[CloudFormation], list[str]]) -> None:
    with pytest.raises(LocalError, match="Ledger: no such type"):
        put_stack(CloudFormation(failure="waited in vain"))
