"""The console's files: vendored ones are the published ones, scripts parse, and the page stays small and strict."""

import hashlib
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONSOLE = ROOT / "functions" / "console"
STATIC = CONSOLE / "static"
VENDORED = {one["file"]: one for one in json.loads((CONSOLE / "vendored.json").read_text("utf-8"))}
SCRIPTS = sorted([*STATIC.glob("*.js"), *STATIC.glob("*.mjs")])
OWN = [path for path in SCRIPTS if path.name not in VENDORED]
MAX_BYTES = 150_000
MAX_LINE = 160
FORBIDDEN = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|dangerouslySetInnerHTML|\beval\(|new Function|https?://(?!127)\w"
)
"""What could make markup or code of a text, or name another origin."""

named = pytest.mark.parametrize("path", OWN, ids=lambda path: path.name)


@pytest.mark.parametrize("file", sorted(VENDORED))
def test_a_vendored_file_is_the_one_of_the_package(file: str) -> None:
    assert hashlib.sha256((STATIC / file).read_bytes()).hexdigest() == VENDORED[file]["sha256"]
    assert (CONSOLE / VENDORED[file]["licence_file"]).read_text("utf-8")


def test_every_foreign_file_is_named() -> None:
    assert {path.name for path in STATIC.glob("*.mjs")} == set(VENDORED)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_a_script_parses(path: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("no Node.js on this machine; the browser tests load every script")
    kind = "commonjs" if path.name == "theme.js" else "module"
    done = subprocess.run(
        [node, f"--input-type={kind}", "--check"], input=path.read_bytes(), capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()


@named
def test_a_script_makes_no_markup_and_names_no_other_origin(path: Path) -> None:
    assert FORBIDDEN.findall(path.read_text("utf-8")) == []


@named
def test_a_script_has_a_head_and_short_lines(path: Path) -> None:
    lines = path.read_text("utf-8").splitlines()
    assert lines[0].startswith("// ")
    assert max(map(len, lines)) <= MAX_LINE


def test_the_page_is_small() -> None:
    assert sum(path.stat().st_size for path in STATIC.iterdir() if path.is_file()) < MAX_BYTES


@pytest.mark.parametrize(
    "path", [STATIC / "index.html", *sorted((STATIC / "docs").glob("*.html"))], ids=lambda path: path.name
)
def test_a_page_has_no_inline_script_or_style(path: Path) -> None:
    text = path.read_text("utf-8")
    assert re.findall(r"<style|\sstyle=|\son\w+=|javascript:", text) == []
    assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", text))


def test_addresses_of_a_page_are_relative() -> None:
    """Behind an emulator the API has a path prefix."""
    text = (STATIC / "index.html").read_text("utf-8")
    assert re.findall(r'(?:src|href)="(/|https?:)', text) == []
