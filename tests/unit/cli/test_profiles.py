"""The file of profiles: what it survives, what it never shows, and what cannot be saved in it."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mediarelay_cli.errors import CliError
from mediarelay_cli.profiles import Profile, read_profiles, save_profile
from tests.unit.cli.conftest import ROOT

SECRET = "topsecret"
OLD = Profile(name="default", api_url="http://a", token="a%b")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "profiles.ini"
    save_profile(file, OLD)
    return file


@pytest.mark.parametrize(
    "text",
    [
        f"token = {SECRET}\n",
        f"[a]\n{SECRET}\n",
        f"[a]\n{SECRET}==\n",
        f"[a]\ntoken {SECRET}: x\n",
        f"[{SECRET}\n",
        f"[a]\ntoken = {SECRET}\ntoken = {SECRET}\n",
        f"[a]\n[a]\ntoken = {SECRET}",
        f"[a]\ntoken = {SECRET}\xff",
    ],
)
def test_no_error_shows_a_text_of_the_file(tmp_path, text):
    file = tmp_path / "profiles.ini"
    file.write_bytes(text.encode("latin-1"))
    with pytest.raises(CliError, match="not readable") as error:
        read_profiles(file)
    assert SECRET not in f"{error.value.message} {error.value.action}"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@example("", "t")
@example("DEFAULT", "t")
@example("a\nb", "t")
@example("a", "t\n# u")
@example("a", " t ")
@given(st.text(max_size=6), st.text(max_size=6))
def test_a_profile_is_saved_as_it_is_or_not_at_all(file, name, token):
    before, bytes_before = read_profiles(file), file.read_bytes()
    new = Profile(name=name, token=token)
    try:
        save_profile(file, new)
    except CliError:
        assert file.read_bytes() == bytes_before
    else:
        assert read_profiles(file) == before | {name: new}
        file.write_bytes(bytes_before)
    assert [one.name for one in file.parent.iterdir()] == ["profiles.ini"]


def test_an_editor_may_write_a_byte_order_mark(file):
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    assert read_profiles(file) == {"default": OLD}


def test_a_link_stays_a_link(file, tmp_path):
    link = tmp_path / "link.ini"
    link.symlink_to(file)
    save_profile(link, Profile(name="new", token="t"))
    assert (link.is_symlink(), set(read_profiles(file))) == (True, {"default", "new"})


def test_a_file_that_may_not_be_read_is_not_replaced(file, monkeypatch):
    before = file.read_bytes()

    def refuse(*_: object, **__: object) -> str:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patched:
        patched.setattr("io.open", refuse)
        with pytest.raises(CliError, match="Permission denied"):
            save_profile(file, Profile(name="new", token="t"))
    assert file.read_bytes() == before


@pytest.mark.parametrize("place", ["folder", "profiles.ini/x/y.ini"])
def test_a_place_where_nothing_can_be_saved_is_an_error(file, run, monkeypatch, place):
    (file.parent / "folder").mkdir()
    monkeypatch.setenv("MEDIARELAY_CONFIG", str(file.parent / place))
    result = run("profile", "add", "x", "--token", "t")
    assert (result.exit_code, len(result.stderr.splitlines())) == (2, 2)


def test_a_user_without_a_home_learns_what_to_set(environment):
    without = {name: text for name, text in environment.items() if name not in {"HOME", "MEDIARELAY_CONFIG"}}
    code = (
        "import pathlib, sys; from mediarelay_cli.app import main\n"
        "def homeless(): raise RuntimeError('no home')\n"
        "pathlib.Path.home = homeless; sys.argv = ['mediarelay', 'tasks']; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], env=without, cwd=ROOT, capture_output=True, check=False)
    assert (done.returncode, b"Set HOME or MEDIARELAY_CONFIG" in done.stderr) == (2, True)
