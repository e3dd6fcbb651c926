"""What holds for every provider: the port's promises, checked on samples of each."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mediarelay import errors
from mediarelay.domain.tasks.facts import Facts
from mediarelay.domain.tasks.media import OUTCOMES, Kind
from mediarelay.domain.tasks.origin import Origin
from mediarelay.errors import Malformed, ProviderError, ProviderUnreadable
from mediarelay.providers.cts.callbacks import AUDIO_CALLBACKS
from mediarelay.providers.mps.callbacks import MPS_CALLBACKS
from mediarelay.providers.port import Account, CallbackFormat, HttpRequest, Provider, Signing
from mediarelay.providers.registry import NAMES, PROVIDERS, provider_named, provider_of
from mediarelay.providers.routes import CALLBACKS

PAYLOADS = Path(__file__).parent / "payloads"
NOW = datetime(2026, 11, 26, 8, 0, 0, tzinfo=UTC)
ACCOUNT = Account(
    "AKIDexample", "the-secret-key", notify_url="https://relay.example/callbacks/x/token-1", notify_key="k"
)
SUBMISSION = "0123456789abcdef" * 3
URL = "http://music-1250000000.cossh.myqcloud.com/in/a%20b%25.mp3"


def stored(name: str) -> bytes:
    return (PAYLOADS / name).read_bytes()


def cts_error(code: int) -> bytes:
    return json.dumps({"code": code, "message": "a message with AKIDexample", "codeDesc": ""}).encode()


def mps_error(code: str) -> bytes:
    error = {"Code": code, "Message": "a message with AKIDexample"}
    return json.dumps({"Response": {"Error": error, "RequestId": "r"}}).encode()


@dataclass(frozen=True)
class Sample:
    """One provider, and what it sends about one finished task.

    Attributes:
        error: The body of an answer with an error code.
        codes: A code for each class of error.
        endpoints: Two endpoints that are not the same.
        has_list: Whether the provider lists tasks.
    """

    provider: Provider
    callbacks: CallbackFormat
    kind: Kind
    callback: bytes
    answer: bytes
    submitted: bytes
    error: Callable[[Any], bytes]
    codes: dict[type[ProviderError], Any]
    endpoints: tuple[str, str]
    has_list: bool


SAMPLES = (
    Sample(
        provider=provider_named("cts"),
        callbacks=AUDIO_CALLBACKS,
        kind=Kind.AUDIO,
        callback=stored("audio_callback_success.json"),
        answer=stored("audio_query.json"),
        submitted=stored("audio_submit.json"),
        error=cts_error,
        codes={
            errors.ProviderBusy: 4400,
            errors.ProviderClosed: 4100,
            errors.ProviderUnknown: 5000,
            errors.ProviderRefused: 4000,
        },
        endpoints=("https://cdn.api.qcloud.com/v2/index.php", "https://other.example/v2/index.php"),
        has_list=False,
    ),
    Sample(
        provider=provider_named("mps"),
        callbacks=MPS_CALLBACKS,
        kind=Kind.VIDEO,
        callback=stored("mps/callback_success.json"),
        answer=stored("mps/detail_finish.json"),
        submitted=stored("mps/submit_answer.json"),
        error=mps_error,
        codes={
            errors.ProviderBusy: "RequestLimitExceeded.UinLimitExceeded",
            errors.ProviderClosed: "AuthFailure.SignatureFailure",
            errors.ProviderUnknown: "ResourceNotFound.TaskNotFound",
            errors.ProviderRefused: "InvalidParameterValue.Definition",
            errors.ProviderRepeated: "InvalidParameterValue.SessionId",
        },
        endpoints=("https://mps.tencentcloudapi.com", "https://mps.intl.tencentcloudapi.com"),
        has_list=True,
    ),
)
every = pytest.mark.parametrize("one", SAMPLES, ids=lambda one: one.provider.name)


def answered(one: Sample) -> tuple[str, Facts]:
    """The task that the sample's answer is about."""
    data = one.provider.read(one.provider.query_action(one.kind), one.answer).data
    vid = str(data.get("vid") or one.callbacks.read_head(one.callback).vid)
    return vid, one.provider.answer_facts(vid, one.kind, data)


def signing(one: Sample, **changes: Any) -> Signing:
    made = Signing(url=one.endpoints[0], region="ap-guangzhou", account=ACCOUNT, now=NOW, nonce=7)
    return replace(made, **changes)


def test_each_provider_has_a_sample() -> None:
    assert [one.provider for one in SAMPLES] == list(PROVIDERS)
    assert len(set(NAMES)) == len(PROVIDERS)
    with pytest.raises(Malformed):
        provider_named("another")


def test_each_route_has_its_own_callbacks() -> None:
    assert len({one.route for one in CALLBACKS}) == len(CALLBACKS)
    assert all(one.route.startswith("callbacks/") for one in CALLBACKS)


@every
def test_it_owns_its_ids_and_no_other(one: Sample) -> None:
    vid, _ = answered(one)
    assert provider_of(vid) is one.provider
    assert [provider for provider in PROVIDERS if provider.owns(vid)] == [one.provider]


# ── callbacks ──


@every
def test_the_head_agrees_with_the_whole_callback(one: Sample) -> None:
    head = one.callbacks.read_head(one.callback)
    facts = one.provider.claim_facts(head.vid, one.kind, one.callback)
    assert (head.vid, head.claim_summary.state) == (facts.vid, facts.state)
    assert (head.claim_summary.app_id, head.claim_summary.bucket) == (
        facts.source.place.app_id,
        facts.source.place.bucket,
    )
    assert facts.state in OUTCOMES


@every
def test_redaction_changes_nothing_twice(one: Sample) -> None:
    for redact in (one.callbacks.redact, one.provider.redact):
        for body in (one.callback, one.answer, b"", b"\xff{", b'{"a": '):
            assert redact(redact(body)) == redact(body)
        assert one.callbacks.read_head(redact(one.callback)).vid == one.callbacks.read_head(one.callback).vid


@every
def test_without_a_key_each_callback_is_admitted(one: Sample) -> None:
    assert one.callbacks.admits(None, (), NOW)
    assert one.callbacks.admits(one.callbacks.read_head(one.callback).signature, (), NOW)


@every
@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"null", b'"x"', b"\xff\xfe", b'{"vid": 7}', b'{"EventType": 1}'])
def test_a_body_without_a_task_is_malformed(one: Sample, body: bytes) -> None:
    with pytest.raises(Malformed):
        one.callbacks.read_head(body)


# ── answers ──


@every
def test_stored_answers_state_what_the_answer_stated(one: Sample) -> None:
    vid, facts = answered(one)
    data = one.provider.read(one.provider.query_action(one.kind), one.answer).data
    body = one.provider.canonical(data)
    turned = dict(reversed(list(data.items())))
    assert one.provider.canonical(turned) == body == one.provider.canonical(json.loads(body))
    assert one.provider.answer_facts(vid, one.kind, json.loads(body)) == facts
    for stored_body in (body, one.answer):
        assert one.provider.answer_facts(vid, one.kind, one.provider.reply_data(stored_body)) == facts


@every
def test_each_class_of_error_has_a_code(one: Sample) -> None:
    for expected, code in one.codes.items():
        with pytest.raises(ProviderError) as raised:
            one.provider.read(one.provider.query_action(one.kind), one.error(code))
        assert (type(raised.value), raised.value.code) == (expected, code)
        # Clients read these texts. What the provider says about anything but the request may quote our keys.
        shows = issubclass(expected, errors.ProviderRefused | errors.ProviderUnknown)
        assert ("AKIDexample" in str(raised.value)) is shows


@every
def test_an_unknown_submit_is_refused(one: Sample) -> None:
    action = one.provider.submit(one.kind, checked(one), SUBMISSION, ACCOUNT).action
    with pytest.raises(errors.ProviderRefused):
        one.provider.read(action, one.error(one.codes[errors.ProviderUnknown]))


@every
@pytest.mark.parametrize("body", [b"", b"<html>", b"{}", b"[]", b"{", b'{"code": {}}', b'{"Response": 7}', b"\xff"])
def test_what_is_no_answer_may_be_asked_for_again(one: Sample, body: bytes) -> None:
    with pytest.raises(errors.ProviderBusy) as raised:
        one.provider.read(one.provider.query_action(one.kind), body)
    assert not body or isinstance(raised.value, ProviderUnreadable)


# ── calls ──


def checked(one: Sample) -> Any:
    return one.provider.request(one.kind, {"url": URL, "bucketName": "music", "bucketRegion": "sh"})


@every
def test_a_submit_depends_on_nothing_else(one: Sample) -> None:
    first, again = (one.provider.submit(one.kind, checked(one), SUBMISSION, ACCOUNT) for _ in range(2))
    assert first == again
    assert one.provider.submitted_vid(one.provider.read(first.action, one.submitted).data)
    assert one.provider.submit_origin(one.kind) in {Origin.SUBMIT, Origin.TRACK}


@every
def test_the_older_form_of_a_request_names_its_file(one: Sample) -> None:
    request = {"url": URL, "bucketName": "music", "bucketRegion": "sh", "reference": "mine", "provider": "x"}
    facts = one.provider.request_facts("v-1", one.kind, request)
    assert facts.source.url is not None
    assert facts.source.url.endswith("/in/a%20b%25.mp3")
    assert (facts.vid, facts.reference) == ("v-1", "mine")


@every
@pytest.mark.parametrize("request_", [{}, {"vid": "x"}, {"source": {}}, {"url": URL, "unknown": 1}])
def test_a_request_that_cannot_be_served_says_why(one: Sample, request_: dict[str, Any]) -> None:
    with pytest.raises(Malformed) as refused:
        one.provider.request(one.kind, request_)
    assert refused.value.field


@every
def test_a_signed_request_proves_the_key_and_does_not_show_it(one: Sample) -> None:
    call = one.provider.query(one.kind, answered(one)[0])
    made = one.provider.sign(call, signing(one))
    assert made == one.provider.sign(call, signing(one))
    assert isinstance(made.body, bytes)
    assert "the-secret-key" not in shown(made)
    others = [
        signing(one, account=replace(ACCOUNT, secret_key="another")),
        signing(one, now=NOW + timedelta(seconds=1)),
        signing(one, url=one.endpoints[1]),
    ]
    assert len({proof(one.provider.sign(call, each)) for each in [signing(one), *others]}) == 1 + len(others)
    assert "temporary" in shown(one.provider.sign(call, signing(one, account=replace(ACCOUNT, token="temporary"))))


def shown(request: HttpRequest) -> str:
    return f"{request.url} {dict(request.headers)} {request.body!r}"


def proof(request: HttpRequest) -> tuple[bytes, str | None]:
    return request.body, request.headers.get("Authorization")


@every
def test_a_list_has_pages(one: Sample) -> None:
    calls = one.provider.lists(NOW - timedelta(hours=1), NOW)
    assert calls == one.provider.lists(NOW - timedelta(hours=1), NOW)
    pages = [one.provider.next_page(call, "next") for call in calls]
    assert all("next" in page.params.values() for page in pages)
    assert {page.action for page in pages} == {call.action for call in calls}
    assert bool(calls) is one.has_list


@every
def test_a_horizon_is_longer_than_its_margin(one: Sample) -> None:
    for horizon in (one.provider.query_horizon, one.provider.submit_horizon):
        assert horizon is None or horizon > timedelta(days=1)
