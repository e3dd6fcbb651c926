"""Imports point inward only: functions -> usecases -> domain, contracts, signing; the outside stays in adapters."""

import ast
import re
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "layers/shared/mediarelay"
FUNCTIONS = sorted((ROOT / "functions").glob("*/handler.py"))
STDLIB = "stdlib"
VERSION = "mediarelay.__version__"
"""A constant of the package itself, which every layer may state."""

PURE = {"base64", "binascii", "collections", "dataclasses", "datetime", "enum", "hashlib", "hmac", "itertools", "json"}
PURE |= {"ipaddress", "re", "typing", "urllib"}
MAY_USE = {
    "domain": {"domain", "errors"},
    "signing": {"signing", "errors"},
    "contracts": {"contracts", "domain", "errors", "pydantic", "pydantic_core", "__version__"},
    "providers": {"providers", "contracts", "domain", "signing", "errors"},
    "usecases": {"usecases", "contracts", "domain", "providers", "signing", "errors", "observability"},
    "adapters": {"adapters", "contracts", "domain", "providers", "signing", "errors", "observability"}
    | {"boto3", "botocore", "requests", "urllib3"},
    "aws_lambda": {"aws_lambda", "aws_lambda_powertools", "contracts", "domain", "errors", "observability", "usecases"},
    "config.py": {"signing"},
    "errors.py": set(),
    "observability.py": {"aws_lambda_powertools"},
    "check.py": {"adapters", "config", "contracts", "domain", "errors", "providers", "signing", "usecases", "botocore"},
    "wiring": {
        "wiring",
        "adapters",
        "config",
        "domain",
        "errors",
        "observability",
        "providers",
        "usecases",
        "requests",
    },
    "functions": {
        "__version__",
        "aws_lambda",
        "aws_lambda_powertools",
        "contracts",
        "domain",
        "errors",
        "observability",
        "providers",
        "usecases",
        "wiring",
    },
}
IMPURE_CALLS = {"now", "utcnow", "today", "open", "print", "input", "getenv", "system", "urlopen", "exec", "eval"}
MAX_HANDLER_LINES = 40
COMPOSITION = {"wiring"}
MAX_STATEMENTS = 8


def place(path: Path) -> str:
    return "functions" if path in FUNCTIONS else path.relative_to(PACKAGE).parts[0]


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def modules(path: Path) -> Iterator[str]:
    """Yield the full name of everything that is imported, wherever in the module."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def layer(module: str) -> str:
    """Name the part of our package, or the third-party package, that a module belongs to."""
    first, *rest = module.split(".")
    if module == VERSION:
        return STDLIB
    if first == "mediarelay":
        return rest[0]
    return STDLIB if first in sys.stdlib_module_names else first


ALL = [*sorted(PACKAGE.rglob("*.py")), *FUNCTIONS]
named = pytest.mark.parametrize("path", ALL, ids=lambda path: str(path.relative_to(ROOT)))
pure = pytest.mark.parametrize(
    "path",
    [path for path in ALL if place(path) in {"domain", "signing"}],
    ids=lambda path: str(path.relative_to(PACKAGE)),
)


@named
def test_imports_point_inward(path: Path) -> None:
    used = {layer(module) for module in modules(path)} - {STDLIB}
    assert used <= MAY_USE.get(place(path), set())


@pure
def test_the_core_has_no_outside(path: Path) -> None:
    assert {module.split(".")[0] for module in modules(path)} - {"mediarelay"} <= PURE


def calls(path: Path) -> set[str]:
    callees = [node.func for node in ast.walk(tree(path)) if isinstance(node, ast.Call)]
    return {callee.attr if isinstance(callee, ast.Attribute) else getattr(callee, "id", "") for callee in callees}


@pytest.mark.parametrize(
    "path",
    [path for path in ALL if place(path) in {"domain", "signing", "contracts", "providers", "usecases"}],
    ids=lambda path: str(path.relative_to(PACKAGE)),
)
def test_clock_and_jitter_are_handed_in(path: Path) -> None:
    assert not calls(path) & IMPURE_CALLS
    assert not {module.split(".")[0] for module in modules(path)} & {"time", "random", "secrets", "os", "uuid4"}


def test_callback_functions_load_nothing_but_errors_for_their_answers() -> None:
    """They import `raw_http`; what it takes from use cases are types only, and neither a resolver nor pydantic."""
    imports = (ast.Import, ast.ImportFrom)
    outermost = [node for node in tree(PACKAGE / "aws_lambda/raw_http.py").body if isinstance(node, imports)]
    loaded = {layer(str(module)) for node in outermost if isinstance(node, ast.ImportFrom) for module in [node.module]}
    assert loaded == {STDLIB, "aws_lambda", "errors"}


def code_lines(path: Path) -> int:
    """Lines of a handler without imports, and without the decorators that describe its routes."""
    nodes = list(ast.walk(tree(path)))
    imports = [node for node in nodes if isinstance(node, ast.Import | ast.ImportFrom)]
    described = [each for node in nodes if isinstance(node, ast.FunctionDef) for each in node.decorator_list]
    spared = {line for node in [*imports, *described] for line in range(node.lineno, (node.end_lineno or 0) + 1)}
    written = enumerate(path.read_text("utf-8").splitlines(), start=1)
    return sum(1 for number, line in written if line.strip() and number not in spared)


@pytest.mark.parametrize("path", FUNCTIONS, ids=lambda path: path.parent.name)
def test_a_handler_is_short(path: Path) -> None:
    assert code_lines(path) <= MAX_HANDLER_LINES


@pytest.mark.parametrize("path", FUNCTIONS, ids=lambda path: path.parent.name)
def test_a_route_does_little_itself(path: Path) -> None:
    functions = [node for node in ast.walk(tree(path)) if isinstance(node, ast.FunctionDef)]
    statements = [sum(isinstance(part, ast.stmt) for part in ast.walk(node)) - 1 for node in functions]
    assert max(statements, default=0) <= MAX_STATEMENTS


@pytest.mark.parametrize("path", FUNCTIONS, ids=lambda path: path.parent.name)
def test_a_handler_begins_its_cold_start_before_it_imports_a_package(path: Path) -> None:
    """What comes before `mediarelay.aws_lambda` is neither deferred nor spared the garbage collection."""
    imported = [module for module in modules(path) if layer(module) != STDLIB]
    assert imported[0].startswith("mediarelay.aws_lambda.")


def test_every_layer_is_known() -> None:
    assert {place(path) for path in ALL} - {"__init__.py"} == set(MAY_USE)


@pytest.mark.parametrize("path", sorted(PACKAGE.glob("wiring/*.py")), ids=lambda path: path.name)
def test_wiring_states_its_imports_at_the_top(path: Path) -> None:
    """A function's import budget can be read from the module that builds it: no import is hidden in a function."""
    imports = {node for node in ast.walk(tree(path)) if isinstance(node, ast.Import | ast.ImportFrom)}
    assert imports <= set(tree(path).body)
    assert "TYPE_CHECKING" not in path.read_text("utf-8")


def test_each_protocol_of_the_use_cases_has_a_name_of_its_own() -> None:
    """A protocol is named after what its use case needs, so that one name never means two sets of methods."""
    classes = [node for path in PACKAGE.glob("usecases/**/*.py") for node in tree(path).body]
    protocols = [
        node.name
        for node in classes
        if isinstance(node, ast.ClassDef) and any(getattr(base, "id", "") == "Protocol" for base in node.bases)
    ]
    assert [name for name, times in Counter(protocols).items() if times > 1] == []


@pytest.mark.parametrize("path", sorted(PACKAGE.glob("wiring/*.py")), ids=lambda path: path.name)
def test_wiring_looks_up_its_parts_only_while_it_builds(path: Path) -> None:
    """What runs later has its parts already: a look-up then would find those of another deployment, in a test."""
    imported = [node for node in tree(path).body if isinstance(node, ast.ImportFrom) and node.module]
    wired = {
        alias.name for node in imported if str(node.module).startswith("mediarelay.wiring") for alias in node.names
    }
    wired |= {node.name for node in tree(path).body if isinstance(node, ast.FunctionDef)}
    later = [node for node in ast.walk(tree(path)) if isinstance(node, ast.Lambda | ast.FunctionDef)]
    inner = [part for node in later if node not in tree(path).body for part in ast.walk(node)]
    assert not wired & {part.id for part in inner if isinstance(part, ast.Name)}


# ── the table's format stays in one package ──

STORES = PACKAGE / "adapters/dynamodb"
OUTSIDE = [path for path in ALL if STORES not in path.parents]
KEY_PREFIX = re.compile(r"\b[A-Z]+#")
"""Every key of the table begins with a word in capitals and `#`."""
ATTRIBUTES = {"pk", "sk", "due_shard", "due_at", "list_key", "list_at", "part_keys", "lazy_body", "expires_at"}
SORT_KEYS = {"TICK", "TASK", "INTENT", "JOB", "CIRCUIT", "BUDGET", "NONCE", "UNREADABLE", "RELAY", "LEASE", "OBS"}
TYPE_TAGS = {"S", "N", "B", "SS", "M", "L", "BOOL", "NULL"}
EXPRESSIONS = re.compile(r"attribute_(not_)?exists|begins_with\(|\bREMOVE \w|\bSET \w+ = |\bADD \w+ :")
IDENTIFIERS = {"pk", "sk", "due_shard", "shard", "shards"}


def literals(node: ast.AST) -> list[str]:
    return [node.value] if isinstance(node, ast.Constant) and isinstance(node.value, str) else []


def identifiers(node: ast.AST) -> set[str]:
    found = {getattr(node, name, None) for name in ("id", "attr", "arg", "name")}
    return {name for name in found if isinstance(name, str)}


def type_tags(node: ast.AST) -> set[str]:
    """Return the DynamoDB type tags that a node uses: `{"S": ...}` and `item["S"]`."""
    if isinstance(node, ast.Dict) and len(node.keys) == 1 and isinstance(node.keys[0], ast.Constant):
        return TYPE_TAGS & {node.keys[0].value}
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        return TYPE_TAGS & {node.slice.value}
    return set[str]()


def table_format(module: ast.Module) -> list[str]:
    """Return what in a module belongs to the format of the table: its keys, attributes, expressions and type tags."""
    found = list[str]()
    for node in ast.walk(module):
        found += [text for text in literals(node) if KEY_PREFIX.search(text) or EXPRESSIONS.search(text)]
        found += [text for text in literals(node) if text in ATTRIBUTES | SORT_KEYS]
        found += sorted(identifiers(node) & IDENTIFIERS)
        found += sorted(type_tags(node))
    return found


@pytest.mark.parametrize("path", OUTSIDE, ids=lambda path: str(path.relative_to(ROOT)))
def test_only_the_stores_know_the_format_of_the_table(path: Path) -> None:
    assert table_format(tree(path)) == []


@pytest.mark.parametrize(
    "code",
    [
        "vid = row.pk",
        "def find(pk: str) -> None: ...",
        "key = {'sk': vid}",
        "identity = text.removeprefix('INTENT#')",
        "key = f'TASK#{vid}'",
        "key = f'ROOM#{room}'",
        "is_task = key == 'TASK'",
        "value = {'S': vid}",
        "value = item['vid']['S']",
        "value = {'N': '1'}",
        "for shard in every(duty): ...",
        "condition = 'attribute_not_exists(vid)'",
        "change = 'SET due = :now'",
    ],
)
def test_that_search_finds_each_part_of_the_format(code: str) -> None:
    assert table_format(ast.parse(code))


@pytest.mark.parametrize("path", OUTSIDE, ids=lambda path: str(path.relative_to(ROOT)))
def test_only_the_composition_root_imports_stores(path: Path) -> None:
    imported = any(module.startswith("mediarelay.adapters.dynamodb") for module in modules(path))
    assert not imported or place(path) in COMPOSITION


PROVIDERS = ("cts", "mps")
NAMING = {"config.py", "providers/registry.py", "providers/routes.py", "wiring/provider.py"}
"""The composition root and the settings: the only code that names a provider outside of its own folder."""


def named_providers(path: Path) -> set[str]:
    """Which providers a module imports, or names by a text."""
    found = [module.split(".") for module in modules(path)]
    imported = {parts[2] for parts in found if parts[:2] == ["mediarelay", "providers"] and len(parts) > 2}
    constants = [node.value for node in ast.walk(tree(path)) if isinstance(node, ast.Constant)]
    texts = {value for value in constants if isinstance(value, str)}
    return (imported | texts) & set(PROVIDERS)


@named
def test_only_its_own_folder_knows_a_provider_by_name(path: Path) -> None:
    own = {name for name in PROVIDERS if path.is_relative_to(PACKAGE / "providers" / name)}
    if path in FUNCTIONS:
        own = {name for name in PROVIDERS if path.parent.name.endswith("_callback")}
    elif str(path.relative_to(PACKAGE)) in NAMING:
        own = set(PROVIDERS)
    assert named_providers(path) <= own
