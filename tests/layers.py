"""The layers as `sam build` makes them, for this interpreter instead of the functions' platform."""

import subprocess
import sys
from pathlib import Path

from local.environment import ROOT

FOLDERS = {"SharedLayer": "shared", "DependenciesLayer": "dependencies"}


def make(layer: str, place: Path, root: Path = ROOT, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run the layer's own Makefile; returns how that ended."""
    chosen = {"ARTIFACTS_DIR": str(place / layer), "PYTHON": sys.executable, "LAYER_PYTHON": sys.executable}
    arguments = [f"{name}={value}" for name, value in (chosen | settings).items()]
    command = ["make", "-C", str(root / "layers" / FOLDERS[layer]), f"build-{layer}", *arguments, "LAYER_TARGET= "]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def build(place: Path, root: Path = ROOT) -> None:
    """Build both layers of a checkout into a folder."""
    for layer in FOLDERS:
        done = make(layer, place, root)
        assert done.returncode == 0, done.stderr
