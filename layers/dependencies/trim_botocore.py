"""`python trim_botocore.py DATA`: keep of botocore's data only what the functions call.

A process reads endpoints.json before its first client, 1.2 MB with more than 400 services, and the model of a service
before its client, for DynamoDB 1.3 MB. Every partition and region stays, so a client resolves its endpoint as before.
Of a model, each operation of `OPERATIONS` stays with all shapes that it reaches, without documentation.
"""

import gzip
import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# The operations that the adapters call, by service. A client has no method for any other one.
OPERATIONS = {
    "dynamodb": (
        "BatchGetItem",
        "BatchWriteItem",
        "DeleteItem",
        # botocore reads it when it makes a client, whether or not endpoints are discovered.
        "DescribeEndpoints",
        "GetItem",
        "PutItem",
        "Query",
        "Scan",
        "UpdateItem",
    ),
    "kms": ("Decrypt", "Encrypt"),
    "secretsmanager": ("GetSecretValue",),
    "sns": ("Publish", "PublishBatch"),
    "sqs": (
        "DeleteMessage",
        "GetQueueAttributes",
        "PurgeQueue",
        "ReceiveMessage",
        "SendMessage",
        "SendMessageBatch",
    ),
}
MODEL = "service-2.json"
RULES = "endpoint-rule-set-1.json"


def trimmed_endpoints(endpoints: dict[str, Any]) -> dict[str, Any]:
    """Return endpoints.json with all partitions, and of each partition the services of `OPERATIONS`."""
    partitions = [
        partition | {"services": {name: found for name, found in partition["services"].items() if name in OPERATIONS}}
        for partition in endpoints["partitions"]
    ]
    return endpoints | {"partitions": partitions}


def trimmed_model(model: dict[str, Any], operations: tuple[str, ...]) -> dict[str, Any]:
    """Return a service model with some operations and the shapes that they reach."""
    kept = {name: model["operations"][name] for name in operations}
    shapes: dict[str, Any] = {}
    waiting = list(_references(kept))
    while waiting:
        name = waiting.pop()
        if name not in shapes:
            shapes[name] = model["shapes"][name]
            waiting += _references(shapes[name])
    found: dict[str, Any] = _without_documentation(model | {"operations": kept, "shapes": shapes})
    return found


def _references(value: Any) -> Iterator[str]:
    """Yield the names of all shapes that a part of a model refers to."""
    if isinstance(value, dict):
        if isinstance(name := value.get("shape"), str):
            yield name
        for part in value.values():
            yield from _references(part)
    elif isinstance(value, list):
        for part in value:
            yield from _references(part)


def _without_documentation(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_documentation(part) for part in value]
    if not isinstance(value, dict):
        return value
    # A member of a shape may be called `documentation`, too. That one is an object.
    named = ((name, part) for name, part in value.items() if name != "documentation" or not isinstance(part, str))
    return {name: _without_documentation(part) for name, part in named}


def read(file: Path) -> dict[str, Any]:
    """Read a JSON file, or its compressed form."""
    text = file.read_bytes() if file.exists() else gzip.decompress(file.with_name(f"{file.name}.gz").read_bytes())
    found: dict[str, Any] = json.loads(text)
    return found


def _write(file: Path, content: dict[str, Any]) -> None:
    """Write plain JSON: to unpack a file costs each cold start more than its bytes cost in the layer."""
    file.write_text(json.dumps(content, separators=(",", ":")), encoding="utf-8")
    file.with_name(f"{file.name}.gz").unlink(missing_ok=True)


def main(data: Path) -> None:
    """Trim botocore's folder `data` in place."""
    for folder in [path for path in data.iterdir() if path.is_dir() and path.name not in OPERATIONS]:
        shutil.rmtree(folder)
    _write(data / "endpoints.json", trimmed_endpoints(read(data / "endpoints.json")))
    for service, operations in OPERATIONS.items():
        # An older version of an API is never chosen.
        *older, folder = sorted((data / service).iterdir())
        for one in older:
            shutil.rmtree(one)
        _write(folder / MODEL, trimmed_model(read(folder / MODEL), operations))
        _write(folder / RULES, read(folder / RULES))
        for unread in folder.glob("examples-*.json*"):
            unread.unlink()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
