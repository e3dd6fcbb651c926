"""Callbacks: admitted, identified, stored with one write; whatever else comes gets a 4xx and changes nothing."""

import contextlib
import json
import os
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mediarelay.adapters.sqs import CallbackBacklog
from mediarelay.contracts.backlog import pack, unpack
from mediarelay.domain.tasks.log import ClaimSummary
from mediarelay.domain.tasks.media import Kind
from mediarelay.domain.tasks.origin import Origin
from mediarelay.domain.tasks.vid import VID_PATTERN
from mediarelay.errors import (
    Forbidden,
    LedgerUnavailable,
    Malformed,
    NotATask,
    Rejected,
    SecretUnavailable,
    TooLarge,
    Unauthenticated,
    Undelivered,
)
from mediarelay.providers.port import CallbackSignature, Head
from mediarelay.providers.registry import provider_of
from mediarelay.providers.routes import CALLBACKS
from mediarelay.usecases.tasks.receive import CallbackEndpoint, Receipt
from mediarelay.wiring.callbacks import callback_endpoint, callback_store
from tests.counts import counted
from tests.hypothesis_profiles import patient
from tests.integration.doubles import START
from tests.integration.lambda_sandbox import LambdaSandbox
from tests.integration.task_harness import TOKEN, VID, TaskHarness, callback, payload, together
from tests.integration.test_ledger import calls
from tests.lambda_context import Context
from tests.stack import ROOT

HERE = "192.0.2.1"
ROUTES = [callbacks.route for callbacks in CALLBACKS]
ODD: st.SearchStrategy[Any] = st.sampled_from(
    ["", "0", None, [], {}, "\ud800", 10**400, -1, True, "x" * 70, "fail", "success", VID]
)
FIELDS = st.dictionaries(
    st.sampled_from(["vid", "callback_type", "detail", "status", "fail_msg", "size"]) | st.text(max_size=3), ODD
)
BODIES = (
    st.binary(max_size=60)
    | st.text(max_size=60).map(str.encode)
    | FIELDS.map(lambda fields: json.dumps(fields).encode())
    | st.integers(0, 400).map(lambda cut: callback()[:-cut])
)
fuzzed = settings(patient, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


def never() -> bytes:
    raise AssertionError("the body was read before the sender was admitted")


def send(receiver: CallbackEndpoint, body: bytes, token: str | None = TOKEN) -> Receipt:
    return receiver.receive(token, HERE, lambda: body)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (Kind.VIDEO, "video_callback_success.json"),
        (Kind.VIDEO, "video_callback_failure.json"),
        (Kind.VIDEO, "video_basic_success.json"),
        (Kind.VIDEO, "video_basic_failure.json"),
        (Kind.AUDIO, "audio_callback_success.json"),
        (Kind.AUDIO, "audio_callback_failure.json"),
    ],
)
def test_a_callback_is_one_call_and_a_repeat_none(harness: TaskHarness, kind: Kind, name: str) -> None:
    body = json.dumps(payload(name)).encode()
    vid = payload(name)["vid"]
    names: list[str] = []
    with calls(names):
        assert send(harness.receiver(kind), body) == Receipt(vid, duplicate=False)
        assert send(harness.receiver(kind), body) == Receipt(vid, duplicate=True)
        assert names == ["PutItem"]
        harness.configure()
        assert send(harness.receiver(kind), body) == Receipt(vid, duplicate=True)
        assert names == ["PutItem", "PutItem"], "another execution environment asks the table"
        assert send(harness.receiver(kind), body) == Receipt(vid, duplicate=True)
    assert names == ["PutItem", "PutItem"], "and knows the answer from then on"
    (entry,) = harness.entries(vid)
    assert (entry.body, entry.kind, entry.at) == (body, kind, START)
    assert [int(START.timestamp()) + 60] == [row.due_at.timestamp() for row in harness.due()[f"unknown_{kind}"]], (
        "due even if the stream fails"
    )


def test_a_callback_writes_one_line(lambda_sandbox: LambdaSandbox, capsys: pytest.CaptureFixture[str]) -> None:
    event = json.loads((ROOT / "events/video_callback.json").read_text("utf-8"))["event"]
    handler = lambda_sandbox.handler("video_callback").handler
    capsys.readouterr()
    for name in ("ClaimStored", "ClaimRepeated", "ClaimRepeated"):
        handler(event, Context())
        (line,) = capsys.readouterr().out.splitlines()
        assert json.loads(line)[name] == [1.0], "the line is the blob of metrics"


@pytest.mark.parametrize("token", [None, "", "wrong", TOKEN.upper(), TOKEN + " ", f"{TOKEN} other", "\ud800", "%00"])
def test_a_wrong_token_stores_nothing(harness: TaskHarness, token: str | None) -> None:
    with pytest.raises(Unauthenticated) as caught:
        harness.receiver().receive(token, HERE, never)
    assert str(caught.value) == "", "the same answer for every wrong token"
    assert harness.items() == []


@pytest.mark.parametrize("secret", [{}, {"tokens": ""}, {"tokens": " \n"}])
def test_without_live_tokens_the_door_is_closed(harness: TaskHarness, secret: dict[str, str]) -> None:
    harness.tokens.content = secret
    for token in (None, "", TOKEN, " "):
        with pytest.raises(Unauthenticated):
            harness.receiver().receive(token, HERE, never)


@pytest.mark.parametrize("tokens", [f"{TOKEN} other", f"other\n{TOKEN}\n", [TOKEN, "other"], [None, 7, TOKEN, "other"]])
def test_every_live_token_opens(harness: TaskHarness, tokens: Any) -> None:
    harness.tokens.content = {"tokens": tokens}
    assert not send(harness.receiver(), callback()).duplicate
    assert send(harness.receiver(), callback(), "other").duplicate


def test_a_token_that_was_just_added_is_known_after_a_recheck(
    harness: TaskHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver = harness.receiver()
    monkeypatch.setattr(harness.tokens, "recheck", lambda: {"tokens": "new"})
    assert send(receiver, callback(), "new").vid == VID
    with pytest.raises(Unauthenticated):
        send(receiver, callback(), "newer")


@pytest.mark.parametrize(
    ("cidrs", "address", "admitted"),
    [
        ("0.0.0.0/0,::/0", "192.0.2.1", True),
        ("0.0.0.0/0,::/0", "2001:db8::1", True),
        ("10.0.0.0/8, 192.0.2.0/24", "192.0.2.255", True),
        ("10.0.0.0/8", "192.0.2.1", False),
        ("0.0.0.0/0", "2001:db8::1", False),
        ("192.0.2.1/32", "192.0.2.2", False),
    ],
)
def test_source_addresses(table: str, cidrs: str, address: str, *, admitted: bool) -> None:
    harness = TaskHarness(table, callback_source_cidrs=cidrs)
    if admitted:
        assert harness.receiver().receive(TOKEN, address, callback).vid == VID
        return
    with pytest.raises(Forbidden):
        harness.receiver().receive(TOKEN, address, never)
    assert harness.items() == []


def test_the_size_limit_is_on_the_byte(harness: TaskHarness) -> None:
    body = callback()
    harness.configure(max_callback_bytes=len(body))
    assert send(harness.receiver(), body).vid == VID
    with pytest.raises(TooLarge):
        send(harness.receiver(), body + b" ")
    kinds = sorted(item["item"]["S"] for item in harness.items())
    assert kinds == ["claim", "quarantine"], "kept, though not as a claim"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"", "body"),
        (b"nothing", "body"),
        (b"\xff\xfe", "body"),
        (b"[" * 200, "body"),
        (b'{"vid": "a", "detail": ' + b"[" * 40 + b"]" * 40 + b"}", "body"),
        (b'{"detail": {}}', "vid"),
        (b'{"vid": "", "detail": {}}', "vid"),
        (b'{"vid": "../../etc", "detail": {}}', "vid"),
        (b'{"vid": "' + b"a" * 129 + b'", "detail": {}}', "vid"),
        (b'{"vid": ["a"], "detail": {}}', "vid"),
        (b'{"vid": 7, "detail": {}}', "vid"),
        (b'{"vid": "caf\xc3\xa9", "detail": {}}', "vid"),
        (b'{"vid": "a", "vid": "b", "detail": {}}', "vid"),
        (b'{"vid": "a"}', "callback_type"),
        (b'{"vid": "a", "callback_type": "refund"}', "callback_type"),
    ],
)
def test_what_is_no_callback_goes_to_quarantine(harness: TaskHarness, body: bytes, field: str) -> None:
    for _ in range(2):
        with pytest.raises(Malformed) as caught:
            send(harness.receiver(), body)
        assert caught.value.field == field
    (kept,) = harness.items()
    assert zlib.decompress(kept["body"]["B"]) == body
    assert kept["reason"]["S"].startswith(f"{field}: ")


def test_a_body_that_could_not_be_decoded_is_the_sender_s_mistake(harness: TaskHarness) -> None:
    def undecodable() -> bytes:
        raise Malformed("body", "not base64")

    with pytest.raises(Malformed):
        harness.receiver().receive(TOKEN, HERE, undecodable)


@given(BODIES, st.sampled_from(Kind))
@fuzzed
def test_whatever_is_sent_the_answer_is_no_server_error(harness: TaskHarness, body: bytes, kind: Kind) -> None:
    try:
        receipt = send(harness.receiver(kind), body)
    except Rejected as error:
        assert 400 <= error.status < 500  # noqa: PT017 - which of the two it is follows from the body
        return
    assert receipt.vid is not None
    assert body in [entry.body for entry in harness.entries(receipt.vid)]


def test_the_same_body_is_a_repeat_whenever_and_wherever_it_comes(harness: TaskHarness) -> None:
    """Neither arrival time nor sender is part of an observation's identity."""
    assert not send(harness.receiver(), callback()).duplicate
    # Another execution environment has not seen it.
    other = TaskHarness(harness.table)
    for repeated in (harness, other):
        repeated.clock.forward(days=3)
        assert send(repeated.receiver(), callback(), "other").duplicate
    (entry,) = harness.stores.tasks.load(VID).observations
    assert entry.at == START


@pytest.mark.parametrize("environments", [1, 8])
def test_the_same_callback_many_times_at_once(harness: TaskHarness, environments: int) -> None:
    receivers = [TaskHarness(harness.table).receiver() for _ in range(environments)] * (8 // environments)
    receipts = together([partial(send, receiver, callback()) for receiver in receivers])
    assert sorted(receipt.duplicate for receipt in receipts) == [False] + [True] * 7


def test_another_content_for_the_same_task_is_kept_beside_it(harness: TaskHarness) -> None:
    assert harness.claim(callback())
    assert harness.claim(callback(result="failure"))
    assert harness.claim(callback(app_id=1))
    assert len(harness.stores.tasks.load(VID).observations) == 3


def test_while_the_ledger_is_down_the_queue_keeps_callbacks(harness: TaskHarness) -> None:
    harness.stores.table.client.delete_table(TableName=harness.table)
    assert send(harness.receiver(), callback()) == Receipt(VID, duplicate=False)
    harness.clock.forward(seconds=5)
    with pytest.raises(Malformed):
        send(harness.receiver(Kind.AUDIO), b"junk")
    assert harness.backlog.messages == [
        ("callbacks/video", Origin.CLAIM, START, callback()),
        ("callbacks/audio", Origin.CLAIM, harness.clock(), b"junk"),
    ]


@pytest.mark.parametrize("body", [callback(), b"junk"])
def test_without_ledger_and_queue_the_sender_is_asked_to_come_back(harness: TaskHarness, body: bytes) -> None:
    harness.stores.table.client.delete_table(TableName=harness.table)
    harness.backlog.down = True
    with pytest.raises(LedgerUnavailable):
        send(harness.receiver(), body)


def test_what_the_queue_kept_is_stored_as_if_it_had_come_in_time(harness: TaskHarness) -> None:
    harness.clock.forward(hours=3)
    for _ in range(2):
        receipt = harness.callback_store().put(callback(), Origin.CLAIM, START)
    assert receipt == Receipt(VID, duplicate=True)
    (entry,) = harness.stores.tasks.load(VID).observations
    assert (entry.at, entry.origin) == (START, Origin.CLAIM)
    assert harness.poll() == 1, "it is due at once"


@given(st.binary(max_size=99), st.sampled_from(ROUTES), st.sampled_from([Origin.CLAIM, Origin.TRUSTED]))
def test_a_message_of_the_queue_gives_back_what_was_put_in(body: bytes, route: str, origin: Origin) -> None:
    assert unpack(json.loads(json.dumps(pack(route, origin, START, body)))) == (route, origin, START, body)


@pytest.mark.parametrize("change", [{"body": "%"}, {"body": "AAAA"}, {"origin": "x"}, {"at": "x"}])
def test_a_message_that_is_none_is_refused(change: dict[str, str]) -> None:
    with pytest.raises(Malformed):
        unpack(pack("callbacks/video", Origin.CLAIM, START, b"") | change)


@pytest.mark.parametrize("name", ["route", "origin", "at", "body"])
def test_a_message_without_one_of_its_fields_is_refused(name: str) -> None:
    message = pack("callbacks/video", Origin.CLAIM, START, b"")
    with pytest.raises(Malformed):
        unpack({key: value for key, value in message.items() if key != name})


def test_what_no_message_holds_is_not_kept() -> None:
    queue = CallbackBacklog(lambda: None, "https://queue")
    with pytest.raises(Undelivered, match="too large"):
        queue.send("callbacks/video", Origin.CLAIM, START, os.urandom(800_000))


TRAILING = (
    b'{"status": "success", "callback_type": "trans_result", "vid": "abc123", "detail": {"result": {"video": '
    b'{"info": [{"name": "f10", "path": "/a",}],},},},}'
)
TAB = b'{"vid": "abc123", "status": "fail", "detail": {"error_code": [122, ], "error_msg": ["no\tgif", ]}}'


@pytest.mark.parametrize("body", [TRAILING, TAB])
@pytest.mark.parametrize("trusted", [True, False])
def test_callbacks_as_the_documents_print_them(
    table: str, body: bytes, capsys: pytest.CaptureFixture[str], *, trusted: bool
) -> None:
    harness = TaskHarness(table, callback_trust="callback" if trusted else "confirm")
    assert send(harness.receiver(), body) == Receipt("abc123", duplicate=False)
    assert counted(capsys).total("CallbackLenient") == 1
    (kept,) = harness.entries("abc123")
    assert kept.body == body, "as it came"
    harness.tasks.refresh("abc123", Kind.VIDEO)
    view = harness.reader.task("abc123")
    assert {view["state"], view.get("claimed")} & {"succeeded", "failed"}
    if trusted:
        stated = view["renditions"] or view["faults"]
        assert [one.get("paths") or one["message"] for one in stated] in (["no\tgif"], [["/a"]])
    (line,) = harness.reader.history("abc123")["observations"]
    assert (line["body"]["vid"], line["unreadable"]) == ("abc123", [])


def test_a_callback_that_was_in_quarantine_for_a_comma_is_taken_by_a_rerun(harness: TaskHarness) -> None:
    harness.stores.quarantine.put(TRAILING, "body: not JSON", "callbacks/video", START)
    (kept,) = harness.stores.quarantine.bodies(f"{START:%Y-%m-%d}", "")
    assert harness.callback_store().put(kept.body, Origin.CLAIM, kept.at).vid == "abc123"


@pytest.mark.parametrize("trusted", [True, False])
def test_an_odd_side_field_does_not_cost_a_callback(
    table: str, capsys: pytest.CaptureFixture[str], *, trusted: bool
) -> None:
    harness = TaskHarness(table, callback_trust="callback" if trusted else "confirm")
    body = callback(create_time=0, v_type=False, bucket_region=["sh"])
    for _ in range(2):
        assert send(harness.receiver(), body).vid == VID
    for _ in range(3):
        harness.tasks.refresh(VID, Kind.VIDEO)
        harness.reader.task(VID)
    names = ["bucket_region", "create_time", "v_type"]
    counts = counted(capsys)
    assert counts.by("FieldsUnreadable", "field") == dict.fromkeys(names, 1), "at each body once"
    assert counts.total("FieldsUnreadable") == 3
    (line,) = harness.reader.history(VID)["observations"]
    assert line["unreadable"] == names
    view = harness.reader.task(VID)
    assert "succeeded" in {view["state"], view.get("claimed")}


def test_a_callback_is_not_read_in_full_where_it_comes_in(
    harness: TaskHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unwanted(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr("mediarelay.providers.cts.callback.callback_facts", unwanted)
    monkeypatch.setattr("mediarelay.providers.cts.provider.parse_callback", unwanted)
    assert send(harness.receiver(), callback(v_type=False)).vid == VID


@pytest.mark.parametrize(
    ("name", "shown"), [("x" * 70_000, []), ("".join(map(chr, range(0x4E00, 0x6E00))), ["v_type"])]
)
def test_a_large_callback_is_not_counted(
    harness: TaskHarness, capsys: pytest.CaptureFixture[str], name: str, shown: list[str]
) -> None:
    """Neither one of which only the claim_summary is read, nor one whose body has an item of its own."""
    send(harness.receiver(), callback(v_type=False, name=name))
    harness.confirmer.confirm(VID, Kind.VIDEO)
    assert counted(capsys).total("FieldsUnreadable") == 0
    (line,) = harness.reader.history(VID)["observations"]
    assert line["unreadable"] == shown


@pytest.mark.parametrize("error", [KeyError("oops"), RecursionError(), MemoryError()])
def test_a_mistake_of_ours_does_not_lose_a_callback(
    harness: TaskHarness, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def broken(_body: bytes) -> None:
        raise error

    monkeypatch.setattr("mediarelay.providers.cts.callbacks.read_head", broken)
    with pytest.raises(Malformed, match="reading failed"):
        send(harness.receiver(), callback())
    (kept,) = harness.items()
    assert zlib.decompress(kept["body"]["B"]) == callback()


# ── any provider's callbacks ──


@dataclass(frozen=True)
class Signed:
    """Callbacks of a provider that signs them: `vid`, digest and kind, after a secret; `note` is about no task."""

    route: str = "callbacks/signed"
    kind: Kind = Kind.VIDEO

    def redact(self, body: bytes) -> bytes:
        return body.replace(b"secret", b"")

    def read_head(self, body: bytes) -> Head:
        if body == b"note":
            raise NotATask("a note")
        vid, digest, kind = body.decode().split()
        stated = None if kind == "-" else Kind(kind)
        return Head(vid, ClaimSummary(), kind=stated, signature=CallbackSignature(None, digest))

    def admits(self, signature: CallbackSignature | None, keys: Sequence[str], _now: datetime) -> bool:
        return not keys or (signature is not None and signature.digest in keys)


def signed(harness: TaskHarness, **secret: object) -> CallbackEndpoint:
    """The endpoint of these callbacks; `secret` is added to the secret of the path tokens."""
    harness.tokens.content |= secret
    with harness.building():
        return callback_endpoint(Signed())


@pytest.mark.parametrize(("stated", "kind"), [("audio", Kind.AUDIO), ("video", Kind.VIDEO), ("-", Kind.VIDEO)])
def test_the_kind_that_a_body_states_counts(harness: TaskHarness, stated: str, kind: Kind) -> None:
    assert send(signed(harness), f"v1 x {stated}".encode()) == Receipt("v1", duplicate=False)
    (entry,) = harness.entries("v1")
    assert entry.kind is kind
    assert list(harness.due()) == [f"unknown_{kind}"]


def test_a_callback_about_something_else_is_acknowledged_and_kept(
    harness: TaskHarness, capsys: pytest.CaptureFixture[str]
) -> None:
    assert send(signed(harness), b"note") == Receipt(None, duplicate=False)
    (kept,) = harness.stores.quarantine.bodies(f"{START:%Y-%m-%d}", "")
    assert (kept.body, kept.route, kept.reason) == (b"note", "callbacks/signed", "a note")
    assert len(harness.items()) == 1
    counts = counted(capsys)
    assert counts.by("CallbackIgnored", "kind") == {"video": 1}
    assert counts.total("CallbackMalformed") == 0


def test_a_wrong_signature_stores_nothing(harness: TaskHarness, capsys: pytest.CaptureFixture[str]) -> None:
    endpoint = signed(harness, notify_keys="key1 key2")
    with pytest.raises(Unauthenticated):
        send(endpoint, b"v1 key3 video")
    assert harness.items() == []
    assert counted(capsys).by("CallbackUnauthenticated", "kind") == {"video": 1}
    for key in ("key1", "key2"):
        assert not send(endpoint, f"v1 {key} video".encode()).duplicate


def test_without_a_key_only_the_path_token_counts(harness: TaskHarness) -> None:
    assert send(signed(harness), b"v1 key3 video") == Receipt("v1", duplicate=False)
    with pytest.raises(Unauthenticated):
        send(signed(harness), b"v1 key3 video", "wrong")


def test_a_key_that_has_just_been_added_counts(harness: TaskHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    endpoint = signed(harness, notify_keys="old")
    monkeypatch.setattr(harness.tokens, "recheck", lambda: {"tokens": TOKEN, "notify_keys": "old new"})
    assert send(endpoint, b"v1 new video") == Receipt("v1", duplicate=False)


@pytest.mark.parametrize("body", [b"v1 x video secret", b"note secret"])
def test_a_secret_in_a_body_is_stored_nowhere(harness: TaskHarness, body: bytes) -> None:
    with contextlib.suppress(Malformed):
        send(signed(harness), body)
    harness.stores.table.client.delete_table(TableName=harness.table)
    with contextlib.suppress(Malformed, LedgerUnavailable):
        send(signed(harness), body)
    (captured,) = harness.backlog.messages
    assert b"secret" not in captured[3]


def test_a_callback_in_the_backlog_names_its_route(harness: TaskHarness) -> None:
    endpoint = signed(harness, notify_keys="key1")
    harness.stores.table.client.delete_table(TableName=harness.table)
    with pytest.raises(Unauthenticated):
        send(endpoint, b"v1 wrong audio")
    assert send(endpoint, b"v1 key1 audio") == Receipt("v1", duplicate=False)
    assert harness.backlog.messages == [("callbacks/signed", Origin.CLAIM, START, b"v1 key1 audio")]


def test_what_the_backlog_holds_needs_no_signature(harness: TaskHarness) -> None:
    """It was checked when it arrived; by now its key may be gone, or its time over."""
    harness.tokens.content |= {"notify_keys": "key1"}
    with harness.building():
        store = callback_store(Signed())
    assert store.put(b"v1 other video", Origin.CLAIM, START) == Receipt("v1", duplicate=False)


MPS_EVENT: dict[str, Any] = {"EventType": "WorkflowTask", "WorkflowTaskEvent": {"Status": "FINISH", "ErrCode": 40000}}


@patient
@given(vid=st.from_regex(VID_PATTERN, fullmatch=True))
def test_each_id_is_taken_by_the_routes_of_its_provider_only(vid: str) -> None:
    event = {"WorkflowTaskEvent": MPS_EVENT["WorkflowTaskEvent"] | {"TaskId": vid}}
    body = json.dumps(json.loads(callback(vid)) | MPS_EVENT | event).encode()
    taken = set()
    for callbacks in CALLBACKS:
        with contextlib.suppress(Malformed):
            assert callbacks.read_head(body).vid == vid
            taken.add(callbacks.route.removeprefix("callbacks/"))
    assert taken == {"cts": {"video", "audio"}, "mps": {"mps"}}[provider_of(vid).name]


def test_a_route_without_signatures_takes_no_task_of_a_provider_that_signs(table: str) -> None:
    """One body may have the form of both providers."""
    harness = TaskHarness(table, callback_trust="callback")
    harness.tokens.content |= {"notify_keys": "key1"}
    vid = "1250000000-WorkflowTask-0123456789abcdef0123456789abcdeft0"
    event = {"WorkflowTaskEvent": MPS_EVENT["WorkflowTaskEvent"] | {"TaskId": vid}}
    with pytest.raises(Malformed, match="another provider"):
        send(harness.receiver(), json.dumps(json.loads(callback(vid)) | MPS_EVENT | event).encode())
    assert harness.tasks.load(vid)[1] is None


@pytest.mark.parametrize("stated", ["", [], None])
def test_without_notify_keys_the_path_token_is_enough(harness: TaskHarness, stated: object) -> None:
    assert send(signed(harness, notify_keys=stated), b"v1 x -").vid == "v1"


@pytest.mark.parametrize("stated", [7, [7], {"key": "value"}])
def test_notify_keys_that_cannot_be_read_switch_nothing_off(harness: TaskHarness, stated: object) -> None:
    with pytest.raises(SecretUnavailable):
        send(signed(harness, notify_keys=stated), b"v1 x -")
    assert harness.items() == []


@pytest.mark.parametrize("kind", Kind)
def test_a_callback_at_a_wrong_route_is_quarantined_without_its_secrets(harness: TaskHarness, kind: Kind) -> None:
    body = json.dumps({"EventType": "WorkflowTask", "WorkflowTaskEvent": {"S3SecretKey": "canary-1"}}).encode()
    with pytest.raises(Malformed):
        harness.claim(body, kind)
    assert len(harness.items()) == 1
    (kept,) = harness.stores.quarantine.bodies(harness.clock().date().isoformat(), "")
    assert b"WorkflowTask" in kept.body
    assert b"canary-1" not in kept.body
