"""`mediarelay trigger`: each sample is read by Mediarelay's own readers, and carries a signature that it accepts."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mediarelay.contracts.zego.message import read_message
from mediarelay.contracts.zego.relay import read_relays
from mediarelay.domain.tasks.media import Kind
from mediarelay.providers.cts.callbacks import AUDIO_CALLBACKS, VIDEO_CALLBACKS
from mediarelay.providers.mps.callbacks import MPS_CALLBACKS
from mediarelay.providers.registry import provider_of
from mediarelay.signing import standard_webhooks, zego
from mediarelay_cli.errors import Exit
from mediarelay_cli.sample_events import Sample, changed, names, new_id, sample, signed
from tests.unit.cli.running import run
from tests.unit.cli.stack import FIRST, WEBHOOK, FakeStack, running_stack

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
SECONDS = int(NOW.timestamp())
FORMATS = {one.route: one for one in (VIDEO_CALLBACKS, AUDIO_CALLBACKS, MPS_CALLBACKS)}
CALLBACKS = [name for name in names() if name.startswith("callback.")]
RELAYS = [name for name in names() if name.startswith("relay.")]


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeStack]:
    with running_stack(monkeypatch) as found:
        yield found


def made(name: str) -> Sample:
    return changed(sample(name), new_id(sample(name)), [])


def test_every_sample_is_a_callback_or_a_relay() -> None:
    assert len(CALLBACKS) >= 8
    assert len(RELAYS) >= 3
    assert sorted(CALLBACKS + RELAYS) == names()


@pytest.mark.parametrize("name", CALLBACKS)
def test_a_callback_names_its_task_and_states_what_its_name_says(name: str) -> None:
    chosen = made(name)
    message = signed(chosen, "token", "key", SECONDS)
    callbacks = FORMATS[chosen.route]
    head = callbacks.read_head(message.body)
    assert callbacks.admits(head.signature, ["key"], NOW)
    assert message.path == f"/{chosen.route}/token"
    facts = provider_of(head.vid).claim_facts(head.vid, head.kind or callbacks.kind, message.body)
    ending = name.rpartition(".")[2].replace("partial", "succeeded")
    assert (facts.vid, facts.state.value, facts.unreadable) == (head.vid, ending, ())
    assert (facts.kind is Kind.AUDIO) == (".audio." in name)


@pytest.mark.parametrize("name", RELAYS)
def test_a_relay_is_signed_and_complete(name: str) -> None:
    chosen = made(name)
    secret = WEBHOOK if chosen.signature == "standard_webhooks" else "zego-secret"
    sent = signed(chosen, "", secret, SECONDS)
    message = read_message(sent.body)
    if chosen.signature == "zego":
        assert message.signed is not None
        assert zego.matches(message.signed.signature, [secret], message.signed.timestamp, message.signed.nonce)
    else:
        proof = [sent.headers[f"webhook-{part}"] for part in ("signature", "id", "timestamp")]
        assert standard_webhooks.verifies(proof[0], [secret], proof[1], proof[2], sent.body)
    (relay,) = read_relays(message, NOW, NOW, "message")
    assert (relay.unreadable, relay.error is not None) == ((), name == "relay.error")


@pytest.mark.parametrize("name", names())
def test_each_sample_is_accepted_by_a_stack(stack: FakeStack, name: str) -> None:
    code, out, err = run("trigger", name, "--json")
    assert code == Exit.OK, err
    assert json.loads(out)["status"] == 200
    assert FIRST["CallbackTokens"]["tokens"] not in out


def test_a_refusal_is_a_problem(stack: FakeStack, tmp_path: Path) -> None:
    file = tmp_path / "token.txt"
    file.write_text("another-token\n")
    code, out, _ = run("trigger", "callback.video.succeeded", "--token-file", str(file))
    assert (code, "401" in out) == (Exit.PROBLEM, True)


def test_fields_are_replaced_at_any_depth(stack: FakeStack) -> None:
    overrides = ["detail.size=7", "detail.result.video.info.0.name=f99", "detail.new.part=x", 'fail_msg=["a"]']
    arguments = [part for one in overrides for part in ("--override", one)]
    run("trigger", "callback.video.succeeded", "--vid", "a1b2", *arguments)
    body = json.loads(stack.received[-1][3])
    assert (body["vid"], body["detail"]["size"], body["fail_msg"]) == ("a1b2", 7, ["a"])
    assert body["detail"]["result"]["video"]["info"][0]["name"] == "f99"
    assert body["detail"]["new"] == {"part": "x"}


@pytest.mark.parametrize(
    "override",
    [
        "detail",
        "=1",
        "vid.x=1",
        *(f"detail.result.video.info.{part}=1" for part in ("99", "99.x", "-1", "", ".x", "0\u0660", "9" * 5000)),
        f"detail.result.video.info.{'9' * 5000}.x=1",
    ],
    ids=lambda text: text[-40:],
)
def test_an_override_that_fits_nowhere_is_refused(override: str) -> None:
    assert run("trigger", "callback.video.succeeded", "--dry-run", "--override", override)[0] == Exit.USAGE


@pytest.mark.parametrize("name", names())
def test_a_dry_run_sends_nothing_and_needs_no_stack(name: str) -> None:
    code, out, _ = run("trigger", name, "--dry-run", "--json")
    assert code == Exit.OK
    assert json.loads(out)["path"].removesuffix("/TOKEN") == f"/{sample(name).route}"


def test_samples_are_listed() -> None:
    code, out, _ = run("trigger", "--list", "--json")
    assert (code, [one["name"] for one in json.loads(out)]) == (Exit.OK, names())
    assert run("trigger", "nothing")[0] == Exit.USAGE
