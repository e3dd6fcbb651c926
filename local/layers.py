"""Give the functions of all stacks of this checkout one unpacked copy of each layer.

The emulator unpacks the layers anew whenever it starts a function: some 2,300 files and 40 MB each time. A function
finds the unpacked copy by `PYTHONPATH`, after its own code, as AWS mounts layers at `/opt/python`.
"""

import os
import shutil
import time
import zipfile
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

from local.aws import client
from local.environment import ROOT, LocalEnvironment
from local.expand import Template
from local.lock import in_turn

LAYERS = ROOT / ".local" / "layers"
LOCK = "lock"
# Seconds since its last deployment after which a copy is removed. A running stack may still use an older layer.
MAX_AGE = 7 * 86_400.0


def unpack_layers(env: LocalEnvironment, template: Template) -> Template:
    """Unpack the layers of an expanded template, and return the template with functions that use the copies."""
    resources: Template = template["Resources"]
    made = {name: one for name, one in resources.items() if one["Type"] == "AWS::Lambda::LayerVersion"}
    with in_turn(LAYERS / LOCK):
        folders = {name: _unpack(env, resource["Properties"]["Content"]) for name, resource in made.items()}
        _remove_old(time.time() - MAX_AGE)
    adapted = {name: _with_folders(resource, folders) for name, resource in resources.items()}
    return template | {"Resources": adapted}


def _unpack(env: LocalEnvironment, content: Mapping[str, str]) -> Path:
    """Return the folder of a layer's modules. Its name contains the hash of the layer, which is the object's key."""
    folder = LAYERS / content["S3Key"]
    if not folder.exists():
        body = client(env, "s3").get_object(Bucket=content["S3Bucket"], Key=content["S3Key"])["Body"].read()
        # An interrupted copy has another name, so that no function uses half of it.
        draft = LAYERS / "draft"
        shutil.rmtree(draft, ignore_errors=True)
        zipfile.ZipFile(BytesIO(body)).extractall(draft)
        draft.rename(folder)
    os.utime(folder)
    return folder / "python"


def _remove_old(before: float) -> None:
    for folder in LAYERS.iterdir():
        if folder.is_dir() and folder.stat().st_mtime < before:
            shutil.rmtree(folder, ignore_errors=True)


def _with_folders(resource: Template, folders: Mapping[str, Path]) -> Template:
    if resource["Type"] != "AWS::Lambda::Function":
        return resource
    properties: dict[str, Any] = dict(resource["Properties"])
    # A later layer replaces the files of an earlier one.
    found = [str(folders[layer["Ref"]]) for layer in reversed(properties.pop("Layers", []))]
    variables = properties.get("Environment", {}).get("Variables", {}) | {"PYTHONPATH": os.pathsep.join(found)}
    return resource | {"Properties": properties | {"Environment": {"Variables": variables}}}
