"""`mediarelay urls`, and the callback address that new keys of MPS get."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from mediarelay_cli.errors import Exit
from tests.unit.cli.running import run
from tests.unit.cli.stack import FakeStack, running_stack


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeStack]:
    with running_stack(monkeypatch) as found:
        yield found


def listed() -> dict[str, str]:
    code, out, err = run("urls", "--json")
    assert code == Exit.OK, err
    return {one["name"]: one["url"] for one in json.loads(out)}


def keys_of_mps(stack: FakeStack) -> Any:
    code, _, err = run("secrets", "add", "provider-keys", "--name", "mps", "--secret-id", "AKIDnew", stdin="the-key\n")
    assert code == Exit.OK, err
    return stack.secret("ProviderKeys")["mps"]


def test_callback_addresses_have_the_newest_token(stack: FakeStack) -> None:
    stack.put("CallbackTokens", {"tokens": "older-token newer-token"})
    assert listed() == {
        "mps": f"{stack.url}/callbacks/mps/newer-token",
        "video": f"{stack.url}/callbacks/video/newer-token",
        "audio": f"{stack.url}/callbacks/audio/newer-token",
        "music": f"{stack.url}/callbacks/music",
        "console": f"{stack.url}/console",
    }


def test_each_address_names_its_caller(stack: FakeStack) -> None:
    _, out, _ = run("urls")
    assert "MPS: notify_url in ProviderKeys" in out
    assert "game servers" in out


def test_without_a_token_it_says_what_to_do(stack: FakeStack) -> None:
    stack.put("CallbackTokens", {"tokens": ""})
    code, _, err = run("urls")
    assert code == Exit.FAILED
    assert "secrets add callback-token" in err


def test_new_keys_of_mps_request_callbacks_at_the_stack(stack: FakeStack) -> None:
    made = keys_of_mps(stack)
    assert made["notify_url"] == listed()["mps"]
    assert made["notify_key"] == "0123456789abcdefnotify"
    assert made["secret_key"] == "the-key"


def test_an_address_that_is_stored_stays(stack: FakeStack) -> None:
    stored = stack.secret("ProviderKeys")
    stack.put("ProviderKeys", stored | {"mps": {"notify_url": "https://relay.example/mps"}})
    made = keys_of_mps(stack)
    assert made["notify_url"] == "https://relay.example/mps"
    assert "notify_key" not in made


def test_keys_of_cts_name_no_address(stack: FakeStack) -> None:
    stack.put("ProviderKeys", {})
    code, _, err = run("secrets", "add", "provider-keys", "--name", "cts", "--secret-id", "AKIDnew", stdin="the-key\n")
    assert code == Exit.OK, err
    assert "notify_url" not in stack.secret("ProviderKeys")["cts"]
