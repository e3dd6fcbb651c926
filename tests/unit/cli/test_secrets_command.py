"""`mediarelay secrets`: entries are added, proved and removed, and nothing else in a secret changes."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from mediarelay.signing.tokens import digest
from mediarelay_cli import functions, probes
from mediarelay_cli.errors import Exit
from mediarelay_cli.stack_secrets import live, store
from tests.unit.cli.running import run
from tests.unit.cli.stack import FIRST, TOKEN, WEBHOOK, FakeStack, running_stack


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeStack]:
    monkeypatch.setattr(live, "MARGIN_SECONDS", 0)
    monkeypatch.setattr(functions, "environments", lambda _session: {"Confirm": {"SECRET_CACHE_SECONDS": "0"}})
    with running_stack(monkeypatch) as found:
        yield found


def result(*arguments: str, stdin: str = "") -> Any:
    code, out, err = run("secrets", *arguments, "--json", stdin=stdin)
    assert code == Exit.OK, err
    return json.loads(out)


def refused(*arguments: str, stdin: str = "") -> tuple[int, str]:
    code, out, err = run("secrets", *arguments, stdin=stdin)
    return code, out + err


def short(value: str) -> str:
    return digest(value)[:8]


def test_a_list_shows_no_value(stack: FakeStack) -> None:
    code, out, _ = run("secrets", "list", "--json")
    found = json.loads(out)
    assert code == Exit.PROBLEM, "an entry of ApiClients is no object"
    assert {(one["kind"], one["id"]) for one in found["entries"]} >= {
        ("callback-token", short("0123456789abcdef0123")),
        ("api-client", digest(TOKEN)[:8]),
        ("webhook-endpoint", short(WEBHOOK)),
    }
    assert not [value for value in (WEBHOOK, "0123456789abcdef0123", TOKEN, "AKIDexample") if value in out]
    assert "clients.1: an object was expected" in {one["detail"] for one in found["problems"]}


def test_a_list_of_one_secret(stack: FakeStack) -> None:
    assert {one["kind"] for one in result("list", "MusicSecret")["entries"]} == {"webhook-secret", "zego-secret"}
    assert {one["kind"] for one in result("list", "callback-token")["entries"]} == {"callback-token", "notify-key"}
    assert refused("list", "Nothing")[0] == Exit.FAILED


def test_a_list_shows_since_when_an_entry_is_live(stack: FakeStack) -> None:
    result("add", "callback-token")
    old, new = (one for one in result("list", "CallbackTokens")["entries"] if one["kind"] == "callback-token")
    assert "older_than" in old
    assert "added_at" in new


@pytest.mark.parametrize(
    ("arguments", "secret", "name"),
    [
        (["callback-token"], "CallbackTokens", "tokens"),
        (["notify-key"], "CallbackTokens", "notify_keys"),
        (["webhook-secret"], "MusicSecret", "webhook_secrets"),
        (["zego-secret"], "MusicSecret", "callback_secrets"),
    ],
)
def test_words_are_added_and_removed(stack: FakeStack, arguments: list[str], secret: str, name: str) -> None:
    added = result("add", *arguments)
    assert stack.secret(secret) == FIRST[secret] | {name: f"{FIRST[secret][name]} {added['value']}"}
    result("remove", *arguments, added["id"], "--yes")
    assert stack.secret(secret) == FIRST[secret]


def test_a_client_is_added_by_its_hash(stack: FakeStack) -> None:
    added = result("add", "api-client", "--name", "web", "--scope", "read")
    entry = {"name": "web", "sha256": digest(added["value"]), "scopes": ["read"]}
    assert stack.secret("ApiClients") == {"clients": [*FIRST["ApiClients"]["clients"], entry]}
    assert result("verify", "api-client", "web", "--value-file", "-", stdin=added["value"])["live"]
    result("remove", "api-client", "web", "--yes")
    assert stack.secret("ApiClients") == FIRST["ApiClients"]


def test_an_endpoint_gets_a_second_secret(stack: FakeStack) -> None:
    added = result("add", "webhook-endpoint", "--name", "a", "--url", "https://a.example")
    assert stack.secret("WebhookEndpoints")["endpoints"][0]["secrets"] == f"{WEBHOOK} {added['value']}"
    result("remove", "webhook-endpoint", short(WEBHOOK), "--yes")
    (endpoint,) = stack.secret("WebhookEndpoints")["endpoints"]
    assert (endpoint["secrets"], endpoint["x"]) == (added["value"], 1)
    assert refused("remove", "webhook-endpoint", "a", "--yes")[0] == Exit.FAILED
    result("remove", "webhook-endpoint", "a", "--yes", "--force")
    assert stack.secret("WebhookEndpoints") == {"endpoints": []}


def test_a_stated_value_is_never_printed(stack: FakeStack) -> None:
    code, out, err = run("secrets", "add", "callback-token", "--value-file", "-", stdin="stated-by-a-person\n")
    assert code == Exit.OK
    assert stack.secret("CallbackTokens")["tokens"].endswith(" stated-by-a-person")
    assert "stated-by-a-person" not in out + err
    assert refused("add", "callback-token", "--ask", stdin="stated-by-a-person\n")[0] == Exit.USAGE


def test_the_last_entry_stays_without_force(stack: FakeStack) -> None:
    code, text = refused("remove", "callback-token", "--yes")
    assert (code, "--force" in text) == (Exit.FAILED, True)
    assert stack.secret("CallbackTokens") == FIRST["CallbackTokens"]
    result("remove", "callback-token", "--yes", "--force")
    assert stack.secret("CallbackTokens")["tokens"] == ""


def test_a_removal_is_confirmed(stack: FakeStack) -> None:
    assert refused("remove", "api-client", "ops")[0] == Exit.USAGE
    assert stack.secret("ApiClients") == FIRST["ApiClients"]


@pytest.mark.parametrize(
    "text",
    ["not JSON", '{"tokens": "a", "tokens": "b"}', '{"tokens": 5}', '{"tokens": "[1, 2]]"}', "[]"],
)
def test_what_an_edit_would_lose_is_not_edited(stack: FakeStack, text: str) -> None:
    stack.put("CallbackTokens", text)
    code, _ = refused("add", "callback-token")
    stored = stack.manager.get_secret_value(SecretId=stack.arn("CallbackTokens"))["SecretString"]
    assert (code, stored) == (Exit.FAILED, text)


@pytest.mark.parametrize("text", ['["a", {"odd": 1}]', '"[\\"a\\"]"', '"a, b"', "null"])
def test_each_spelling_of_a_list_keeps_its_form(stack: FakeStack, text: str) -> None:
    stack.put("CallbackTokens", f'{{"tokens": {text}}}')
    before = json.loads(text)
    added = result("add", "callback-token")
    after = stack.secret("CallbackTokens")["tokens"]
    assert type(after) is type(before or "")
    assert added["value"] in str(after)
    result("remove", "callback-token", added["id"], "--yes", "--force")
    parts = stack.secret("CallbackTokens")["tokens"]
    assert str(parts).replace(" ", "") == str(before or "").replace(", ", "").replace(" ", "") or parts == before


def test_a_change_in_the_meantime_is_not_overwritten(stack: FakeStack, monkeypatch: pytest.MonkeyPatch) -> None:
    read = store.read

    def then_changed(session: Any, output: str, stage: str = store.CURRENT) -> store.Stored:
        found = read(session, output, stage)
        stack.put("CallbackTokens", {"tokens": "of-another-person"})
        return found

    monkeypatch.setattr(store, "read", then_changed)
    code, text = refused("add", "callback-token")
    assert (code, "changed meanwhile" in text) == (Exit.FAILED, True)
    assert stack.secret("CallbackTokens") == {"tokens": "of-another-person"}


def test_a_change_at_the_same_time_is_reported(stack: FakeStack, monkeypatch: pytest.MonkeyPatch) -> None:
    version = store._version

    def then_changed(session: Any, arn: str, stage: str) -> str | None:
        found = version(session, arn, stage)
        if stage == store.CURRENT:
            stack.put("CallbackTokens", {"tokens": "of-another-person"})
        return found

    monkeypatch.setattr(store, "_version", then_changed)
    code, text = refused("add", "callback-token")
    assert (code, "at the same time" in text) == (Exit.FAILED, True)


# ── verify and rotate ──


@pytest.mark.parametrize("kind", ["callback-token", "webhook-secret", "zego-secret"])
def test_a_live_entry_is_proved(stack: FakeStack, kind: str) -> None:
    assert result("verify", kind)["live"] is True


def test_what_proves_a_callback_token_is_no_task(stack: FakeStack) -> None:
    result("verify", "callback-token")
    assert stack.received[-1][3] == probes.NO_TASK


@pytest.mark.parametrize(
    ("kind", "path"), [("callback-token", "video/0123456789abcdef0123"), ("webhook-secret", "music")]
)
@pytest.mark.parametrize(("status", "live", "code"), [(401, False, 1), (403, None, 0), (503, None, 0)])
def test_a_refused_entry_is_not_live(
    stack: FakeStack, kind: str, path: str, status: int, live: bool | None, code: int
) -> None:
    stack.answers[f"POST /callbacks/{path}"] = lambda: (status, {})
    found = run("secrets", "verify", kind, "--json")
    assert (found[0], json.loads(found[1])["live"]) == (code, live)


@pytest.mark.parametrize(("answer", "live"), [((403, {"code": "missing_scope"}), True), ((403, {}), False)])
def test_a_client_without_the_scope_read_is_live(stack: FakeStack, answer: Any, live: bool) -> None:
    stack.answers["GET /tasks"] = lambda: answer
    _, out, _ = run("secrets", "verify", "api-client", "--json", stdin=f"{TOKEN}\n")
    assert json.loads(out)["live"] is live


@pytest.mark.parametrize("kind", ["callback-token", "webhook-secret", "zego-secret"])
def test_a_rotation_leaves_only_the_new_entry(stack: FakeStack, kind: str) -> None:
    rotated = result("rotate", kind, "--yes")
    (entry,) = [one for one in result("list", kind)["entries"] if one["kind"] == kind]
    assert entry["id"] == rotated["id"]


def test_a_rotated_client_keeps_its_name_and_scopes(stack: FakeStack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDIARELAY_TOKEN", "of-another-client")
    rotated = result("rotate", "api-client", "ops", "--yes")
    odd, entry = stack.secret("ApiClients")["clients"]
    assert (odd, entry) == ("odd", {"name": "ops", "sha256": digest(rotated["value"]), "scopes": ["admin"]})


@pytest.mark.parametrize("command", ["rotate", "remove"])
def test_the_token_in_use_stays(stack: FakeStack, command: str) -> None:
    code, text = refused(command, "api-client", "ops", "--yes")
    assert (code, "is in use" in text) == (Exit.FAILED, True)
    assert FIRST["ApiClients"]["clients"][0] in stack.secret("ApiClients")["clients"]


def test_a_new_entry_that_is_refused_leaves_the_old_one_live(stack: FakeStack) -> None:
    stack.answers["POST /callbacks/music"] = lambda: (401, {})
    code, text = refused("rotate", "webhook-secret", "--yes")
    assert (code, "not live" in text) == (Exit.FAILED, True)
    assert stack.secret("MusicSecret")["webhook_secrets"].startswith(f"{WEBHOOK} whsec_")


def test_a_rotation_changes_what_submits_request(stack: FakeStack) -> None:
    token, key = "0123456789abcdef0123", "0123456789abcdefnotify"
    mps = {"secret_id": "a", "secret_key": "b", "notify_url": f"https://x/callbacks/mps/{token}", "notify_key": key}
    stack.put("ProviderKeys", FIRST["ProviderKeys"] | {"mps": mps})
    new_token, new_key = (result("rotate", kind, "--yes")["value"] for kind in ("callback-token", "notify-key"))
    found = stack.secret("ProviderKeys")
    expected = mps | {"notify_url": f"https://x/callbacks/mps/{new_token}", "notify_key": new_key}
    assert found == FIRST["ProviderKeys"] | {"mps": expected}


def test_the_old_entry_may_stay(stack: FakeStack) -> None:
    result("rotate", "callback-token", "--keep-old")
    assert len(stack.secret("CallbackTokens")["tokens"].split()) == 2


# ── provider keys ──


def envelope(code: int) -> bytes:
    return json.dumps({"code": code, "message": "", "codeDesc": "x", "data": {}}).encode()


@pytest.fixture
def provider(stack: FakeStack, monkeypatch: pytest.MonkeyPatch) -> FakeStack:
    settings = {"PROVIDER_ENDPOINT": f"{stack.url}/v2/index.php", "SECRET_CACHE_SECONDS": "0"}
    monkeypatch.setattr(functions, "environments", lambda _session: {"Confirm": settings})
    return stack


@pytest.mark.parametrize(("code", "live"), [(5000, True), (4000, True), (4100, False), (4104, False), (4400, None)])
def test_keys_are_proved_by_a_query(provider: FakeStack, code: int, live: bool | None) -> None:
    provider.answers["POST /v2/index.php"] = lambda: (200, envelope(code))
    _, out, _ = run("secrets", "verify", "provider-keys", "cts", "--json")
    assert json.loads(out)["live"] is live
    assert b"GetCtsInfo" in provider.received[-1][3]


def test_keys_are_proved_before_they_are_stored(provider: FakeStack) -> None:
    provider.answers["POST /v2/index.php"] = lambda: (200, envelope(4100))
    arguments = ("rotate", "provider-keys", "cts", "--secret-id", "AKIDnew")
    assert refused(*arguments, stdin="new\n")[0] == Exit.FAILED
    assert provider.secret("ProviderKeys") == FIRST["ProviderKeys"]
    provider.answers["POST /v2/index.php"] = lambda: (200, envelope(5000))
    result(*arguments, stdin="new\n")
    expected = {"secret_id": "AKIDnew", "secret_key": "new", "more": [1]}
    assert provider.secret("ProviderKeys") == {"cts": expected}


def test_keys_replace_a_placeholder_only(provider: FakeStack) -> None:
    provider.put("ProviderKeys", FIRST["ProviderKeys"] | {"mps": {"secret_id": "unset", "secret_key": "unset"}})
    result("add", "provider-keys", "--name", "mps", "--secret-id", "AKIDmps", stdin="key\n")
    stored = provider.secret("ProviderKeys")["mps"]
    assert (stored["secret_id"], stored["secret_key"]) == ("AKIDmps", "key")
    assert refused("add", "provider-keys", "--name", "mps", "--secret-id", "AKIDmps", stdin="k2\n")[0] == Exit.USAGE


@pytest.mark.parametrize(
    "arguments",
    [
        ["add", "nothing"],
        ["add", "api-client", "--scope", "read"],
        ["add", "api-client", "--name", "web"],
        ["add", "webhook-endpoint", "--name", "web"],
        ["add", "provider-keys", "--name", "mps"],
        ["rotate", "provider-keys", "cts"],
        ["remove", "callback-token", "00000000"],
    ],
)
def test_an_unclear_command_changes_nothing(stack: FakeStack, arguments: list[str]) -> None:
    assert refused(*arguments, stdin="x\n")[0] == Exit.USAGE
    assert stack.secret("ApiClients") == FIRST["ApiClients"]
