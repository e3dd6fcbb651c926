"""The provider's API: signed afresh each call, no secret in any text, and every kind of no-answer has its error."""

import contextlib
import gzip
import json
import logging
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest
import requests

from mediarelay import __version__
from mediarelay.adapters import provider_api
from mediarelay.adapters.https_session import https_session
from mediarelay.adapters.provider_api import ProviderApi
from mediarelay.domain.budget import Allowance
from mediarelay.domain.budget import Budget as Shares
from mediarelay.domain.circuit_breaker import Circuit
from mediarelay.domain.tasks.intent import Intent
from mediarelay.domain.tasks.media import Kind
from mediarelay.errors import (
    CircuitOpen,
    Malformed,
    ProviderBusy,
    ProviderClosed,
    ProviderError,
    ProviderRefused,
    ProviderUnknown,
    ProviderUnreadable,
)
from mediarelay.providers.answers import MAX_MESSAGE_LENGTH, MAX_PAGE_BYTES
from mediarelay.providers.cts import wire
from mediarelay.providers.cts.parse import canonical
from mediarelay.providers.cts.provider import CTS, QUERY_ACTIONS
from mediarelay.providers.mps.provider import MPS
from mediarelay.providers.port import Account, Call, Signing
from mediarelay.signing.qcloud import Endpoint, signed_params, verify
from mediarelay.wiring.provider import provider_apis
from tests.counts import counted
from tests.integration.lambda_sandbox import LambdaSandbox
from tests.integration.provider import PATH, Site, serving
from tests.integration.task_harness import VID, payload

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SECRET = "canary-secret-key-5f0c7d"
KEYS = Account("AKIDexample", SECRET)
REQUEST = {"url": "http://a/1 2&3.mp3", "bucketName": "music", "bucketRegion": "gz"}
BUSY, CLOSED, REFUSED, UNKNOWN = ProviderBusy, ProviderClosed, ProviderRefused, ProviderUnknown


@pytest.fixture
def site() -> Iterator[Site]:
    with serving() as site:
        yield site


class Budget:
    """Counts calls, and ends."""

    def __init__(self, calls: int = 10**6) -> None:
        self.left, self.limits = calls, list[int]()

    def spend(self, now: datetime, allowance: Allowance) -> bool:
        assert now == NOW
        self.left -= 1
        self.limits.append(allowance.limit)
        return self.left >= 0


class Guard:
    """Lets everything pass, and notes what it learns."""

    def __init__(self) -> None:
        self.learnt: list[tuple[str, str]] = []

    def before_call(self, action: str) -> Circuit:
        self.learnt.append(("before_call", action))
        return Circuit()

    def record_refusal(self, action: str) -> None:
        self.learnt.append(("record_refusal", action))

    def record_silence(self, action: str, _seen: Circuit) -> None:
        self.learnt.append(("record_silence", action))

    def record_success(self, action: str, _seen: Circuit) -> None:
        self.learnt.append(("record_success", action))


def api(
    site: Site, budget: Budget | None = None, keys: Account | None = KEYS, guard: Guard | None = None
) -> ProviderApi:
    return ProviderApi(
        provider=CTS,
        url=site.url,
        region="ap-guangzhou",
        account=lambda: keys,
        spend=(budget or Budget()).spend,
        budget=Shares(100, 50),
        guard=guard or Guard(),
        clock=lambda: NOW,
        nonce=count(7).__next__,
        session=https_session("test"),
    )


def intent(kind: Kind = Kind.AUDIO, request: Mapping[str, str] = REQUEST, *, queued: bool = False) -> Intent:
    return Intent(key="k", kind=kind, provider="cts", request=request, at=NOW, queued=queued)


def envelope(code: Any = 0, message: str = "", **more: Any) -> str:
    return json.dumps({"code": code, "message": message, "codeDesc": "", **more})


def accepted(site: Site, params: dict[str, str]) -> None:
    """Verify a request as the provider would."""
    verify(
        Endpoint("POST", site.host, PATH),
        params,
        secret_of={"AKIDexample": SECRET}.get,
        seen=lambda _: False,
        now=NOW.timestamp(),
    )


@pytest.mark.parametrize("token", [None, "temporary-token"])
def test_each_call_is_signed_afresh(site: Site, token: str | None) -> None:
    provider = api(site, keys=Account("AKIDexample", SECRET, token))
    site.says("GetCtsInfo", envelope(data={"vid": VID}))
    for _ in range(3):
        provider.query(Kind.VIDEO, VID)
    for params in site.requests:
        accepted(site, params)
        assert params["SignatureMethod"] == "HmacSHA256"
        assert (params["Timestamp"], params.get("Token")) == (str(int(NOW.timestamp())), token)
    assert len({params["Nonce"] for params in site.requests}) == 3
    assert len({params["Signature"] for params in site.requests}) == 3
    assert site.lines == [f"POST {PATH} HTTP/1.1"] * 3, "nothing signed stands in a URL"


def test_what_is_asked(site: Site) -> None:
    provider = api(site)
    for action in ("GetCtsInfo", "GetCtsaudioInfo", "AddCtsAudioTask"):
        site.says(action, envelope(data={"vid": VID}))
    assert provider.query(Kind.VIDEO, VID) == {"vid": VID}
    provider.query(Kind.AUDIO, VID)
    assert provider.submit(intent(Kind.VIDEO, {"url": REQUEST["url"]})) == VID
    assert provider.submit(intent()) == VID
    common = {"SecretId", "Nonce", "Timestamp", "SignatureMethod", "Signature"}
    assert [{name: text for name, text in params.items() if name not in common} for params in site.requests] == [
        {"Action": "GetCtsInfo", "vid": VID},
        {"Action": "GetCtsaudioInfo", "vid": VID},
        {"Action": "GetCtsInfo", "url": REQUEST["url"]},
        {"Action": "AddCtsAudioTask", **REQUEST},
    ]


@pytest.mark.parametrize("kind", list(Kind))
def test_the_same_answer_gives_the_same_bytes(site: Site, kind: Kind) -> None:
    said = payload(f"{kind}_query.json")
    action = QUERY_ACTIONS[kind]
    site.says(action, json.dumps(said))
    first = api(site).query(kind, VID)
    site.says(
        action, json.dumps(dict(reversed(said.items())) | {"data": dict(reversed(said["data"].items()))}, indent=9)
    )
    assert canonical(api(site).query(kind, VID)) == canonical(first)
    assert first == said["data"]


@pytest.mark.parametrize(
    ("code", "message", "error"),
    [
        (4000, "(4000)bad parameter", REFUSED),
        (4100, "(4100)signature", CLOSED),
        (4104, "", CLOSED),
        (4200, "", BUSY),
        (4300, "", CLOSED),
        (4400, "", BUSY),
        (4500, "", BUSY),
        (4600, "", CLOSED),
        (5000, "", UNKNOWN),
        (5100, "", REFUSED),
        ("5100", "(9111)CDN not enabled", REFUSED),
        (5100, "(9163)too frequent", BUSY),
        (5100, "(22063)too frequent", BUSY),
        (5000, "(9163)too frequent", BUSY),
        (6000, "", BUSY),
        (6100, "", CLOSED),
        (6200, "", BUSY),
        (-1, "", REFUSED),
    ],
)
def test_codes(site: Site, code: Any, message: str, error: type[ProviderError]) -> None:
    site.says("GetCtsInfo", envelope(code, message))
    with pytest.raises(ProviderError) as caught:
        api(site).query(Kind.VIDEO, VID)
    assert (type(caught.value), caught.value.code) == (error, int(code))
    reported = f": {message}" if message and error in {REFUSED, UNKNOWN} else ""
    assert str(caught.value) == f"provider code {code}{reported}"


@pytest.mark.parametrize(
    ("code", "message", "reported"),
    [
        (4000, "(4000)bucketName does not match", ": (4000)bucketName does not match"),
        (5000, "(5001)no such file", ": (5001)no such file"),
        (4000, "a\nb\u0000", ": a b"),
        (4000, "  ", ""),
        (4000, "x" * 10_000, ": " + "x" * MAX_MESSAGE_LENGTH),
        (4100, "signature of AKIDexample does not match", ""),
        (4400, "key AKIDexample: too many", ""),
    ],
)
def test_what_the_provider_says_against_a_request_is_passed_on(
    site: Site, code: int, message: str, reported: str
) -> None:
    """Of its other refusals only the code: those are about us, and may quote our keys."""
    site.says("AddCtsAudioTask", json.dumps({"code": code, "message": message}))
    with pytest.raises(ProviderError) as caught:
        api(site).submit(intent())
    assert str(caught.value) == f"provider code {code}{reported}"
    assert caught.value.status == (422 if reported or code == 4000 else 503)


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>502</html>", b"[]", b"null", b"\xff", b"{", b'{"code": "none"}', b'{"message": ""}', b"[" * 10**5],
)
@pytest.mark.parametrize("status", [200, 500])
def test_an_answer_that_cannot_be_read(site: Site, body: bytes, status: int) -> None:
    site.says("GetCtsInfo", body, status=status)
    with pytest.raises(ProviderBusy, match=r"^no usable answer \((body: .+|code: not a .+|empty)\)$") as caught:
        api(site).query(Kind.VIDEO, VID)
    assert getattr(caught.value, "body", b"") == body[:MAX_PAGE_BYTES], "it can be logged"


@pytest.mark.parametrize("more", [{}, {"data": None}, {"data": []}, {"data": "x"}, {"data": [1, 2]}, {"data": 7}])
def test_an_answer_without_data_is_handed_on(site: Site, more: dict[str, Any]) -> None:
    body = envelope(**more).encode()
    site.says("GetCtsInfo", body)
    with pytest.raises(ProviderUnreadable, match="data") as caught:
        api(site).query(Kind.VIDEO, VID)
    assert caught.value.body == body


def test_of_somebody_else_s_page_the_beginning_is_handed_on(site: Site) -> None:
    page, said = b"<html>" + b"x" * 10**6, b'\xef\xbb\xbf {"code": {}, "data": "' + b"x" * 10**6 + b'"}'
    for body, kept in ((page, page[:MAX_PAGE_BYTES]), (said, said)):
        site.says("GetCtsInfo", body)
        with pytest.raises(ProviderUnreadable) as caught:
            api(site).query(Kind.VIDEO, VID)
        assert caught.value.body == kept


def test_a_mistake_of_ours_does_not_lose_an_answer(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_body: bytes) -> None:
        raise KeyError("oops")

    monkeypatch.setattr(wire, "parse_envelope", broken)
    site.says("GetCtsInfo", envelope(data={"vid": VID}))
    with pytest.raises(ProviderUnreadable, match="KeyError") as caught:
        api(site).query(Kind.VIDEO, VID)
    assert json.loads(caught.value.body)["data"] == {"vid": VID}


@pytest.mark.parametrize(
    ("data", "again"),
    [
        ('{"vid": "a", "name": "\\ud800"}', {"vid": "a", "name": "\ud800"}),
        ('{"vid": "a", "size": 1e999}', {"vid": "a", "size": "1e999"}),
        ('{"vid": "a", "list": [1,], "tab": "\t",}', {"vid": "a", "list": [1], "tab": "\t"}),
        ('{"vid": "a", "size": ' + "9" * 5000 + "}", {"vid": "a", "size": "9" * 5000}),
    ],
)
def test_odd_values_do_not_stop_an_answer(site: Site, data: str, again: dict[str, Any]) -> None:
    site.says("GetCtsInfo", f'{{"code": 0, "message": {{}}, "codeDesc": [1, 2], "data": {data}}}')
    found = api(site).query(Kind.VIDEO, VID)
    assert found == again
    assert json.loads(canonical(found)) == again


@pytest.mark.parametrize("data", [{}, {"vid": ""}, {"vid": "../x"}, {"vid": 7}, {"vid": ["a"]}])
def test_a_submit_answer_without_a_vid_is_no_mistake_of_the_client(site: Site, data: dict[str, Any]) -> None:
    site.says("AddCtsAudioTask", envelope(data=data))
    with pytest.raises(ProviderBusy):
        api(site).submit(intent())


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(site: Site, status: int) -> None:
    site.says("GetCtsInfo", b"", status=status, headers={"location": site.url})
    with pytest.raises(ProviderBusy):
        api(site).query(Kind.VIDEO, VID)
    assert len(site.requests) == 1


def test_the_body_of_a_redirect_has_a_bound(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provider_api, "MAX_BYTES", 10_000)
    site.says("GetCtsInfo", "x" * 10**6, status=302, headers={"location": site.url})
    with pytest.raises(ProviderUnreadable, match="over 10000 bytes"):
        api(site).query(Kind.VIDEO, VID)


@pytest.mark.parametrize("compressed", [False, True])
def test_an_oversized_answer_is_not_read_to_its_end(
    site: Site, monkeypatch: pytest.MonkeyPatch, *, compressed: bool
) -> None:
    monkeypatch.setattr(provider_api, "MAX_BYTES", 10_000)
    body = envelope(data={"vid": VID, "name": "x" * 10**6}).encode()
    headers = {"content-encoding": "gzip"} if compressed else {}
    site.says("GetCtsInfo", gzip.compress(body) if compressed else body, headers=headers)
    with pytest.raises(ProviderUnreadable, match="over 10000 bytes"):
        api(site).query(Kind.VIDEO, VID)


def test_a_provider_that_hangs(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provider_api, "TIMEOUT", (0.05, 0.05))
    site.says("GetCtsInfo", b"", hang=True)
    with pytest.raises(ProviderBusy, match=r"^no usable answer \(ReadTimeout\)$"):
        api(site).query(Kind.VIDEO, VID)


def test_the_time_before_the_first_byte_counts(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    now, send = 0.0, requests.Session.send

    def slow_send(*arguments: Any, **options: Any) -> requests.Response:
        nonlocal now
        answer = send(*arguments, **options)
        now += provider_api.MAX_SECONDS + 1
        return answer

    monkeypatch.setattr(requests.Session, "send", slow_send)
    monkeypatch.setattr(time, "monotonic", lambda: now)
    site.says("GetCtsInfo", envelope(data={"vid": VID}))
    with pytest.raises(ProviderBusy, match=r"^no usable answer \(too slow\)$"):
        api(site).query(Kind.VIDEO, VID)


def test_a_provider_that_is_not_there(site: Site) -> None:
    site.host = "127.0.0.1:1"
    with pytest.raises(ProviderBusy, match=r"^no usable answer \(ConnectionError\)$"):
        api(site).query(Kind.VIDEO, VID)


def test_every_call_has_a_timeout() -> None:
    longest = max(sum(provider_api.TIMEOUT), provider_api.MAX_SECONDS) + provider_api.TIMEOUT[1]
    assert 0 < longest < 28, "within the function's own"


def test_over_budget_nothing_is_sent(site: Site) -> None:
    budget = Budget(calls=1)
    site.says("AddCtsAudioTask", envelope(data={"vid": VID}))
    provider = api(site, budget)
    provider.submit(intent())
    for ask in (lambda: provider.query(Kind.VIDEO, VID), lambda: provider.submit(intent())):
        with pytest.raises(ProviderBusy, match="budget"):
            ask()
    assert len(site.requests) == 1
    assert budget.limits == [100, 80, 100], "queries leave a part of the budget to submits"


def test_a_queued_submit_leaves_a_part_of_the_budget_to_clients_that_wait(site: Site) -> None:
    budget = Budget()
    site.says("AddCtsAudioTask", envelope(data={"vid": VID}))
    for queued in (False, True):
        api(site, budget).submit(intent(queued=queued))
    assert budget.limits == [100, 80]


def test_without_keys_of_the_provider_no_call_is_made_and_counted(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    budget, guard = Budget(), Guard()
    provider = api(site, budget, keys=None, guard=guard)
    for call in (lambda: provider.query(Kind.VIDEO, VID), lambda: provider.submit(intent())):
        with pytest.raises(ProviderClosed, match=r"^the secret has no keys for cts$"):
            call()
    assert (budget.limits, guard.learnt, site.requests) == ([], [], [])
    assert counted(capsys).total("ProviderCalls") == 0


def test_a_request_that_the_provider_cannot_serve_costs_nothing(site: Site) -> None:
    budget, guard = Budget(), Guard()
    with pytest.raises(Malformed, match=r"^bucketName: is required$"):
        api(site, budget, guard=guard).submit(intent(request={"url": "http://a/1.mp3"}))
    assert (budget.limits, guard.learnt, site.requests) == ([], [], [])


FAILURES: dict[str, dict[str, Any]] = {
    "code": {"body": envelope(4100, "(4100)" + SECRET)},
    "garbage": {"body": b"\xff"},
    "redirect": {"body": b"", "status": 302, "headers": {"location": "http://127.0.0.1:1/"}},
    "hang": {"body": b"", "hang": True},
}


@pytest.mark.parametrize("failure", [*FAILURES, "absent"])
def test_no_secret_and_no_signature_in_any_text(
    site: Site,
    failure: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(provider_api, "TIMEOUT", (0.05, 0.05))
    caplog.set_level(logging.INFO)
    signed: list[dict[str, str]] = []
    plain = signed_params

    def spy(*arguments: Any, **options: Any) -> dict[str, str]:
        signed.append(plain(*arguments, **options))
        return signed[-1]

    monkeypatch.setattr(wire, "signed_params", spy)
    if failure == "absent":
        site.host = "127.0.0.1:1"
    else:
        site.says("GetCtsInfo", **FAILURES[failure])
    with pytest.raises(ProviderError) as caught:
        api(site).query(Kind.VIDEO, VID)
    shown = f"{caught.getrepr(style='native')}{caplog.text}{capsys.readouterr()}{api(site)!r}{KEYS!r}"
    assert SECRET not in shown
    assert signed[0]["Signature"] not in shown


def test_accounts_calls_and_requests_show_no_secret() -> None:
    account = Account("AKIDexample", **dict.fromkeys(("secret_key", "token", "notify_key", "storage_key"), SECRET))
    signing = Signing(url="https://a.b", region="", account=account, now=NOW, nonce=1)
    request = CTS.sign(Call("GetCtsInfo", {"key": SECRET}), signing)
    assert SECRET in request.body.decode()
    assert SECRET not in f"{account!r}{signing!r}{Call('GetCtsInfo', {'key': SECRET})!r}{request!r}"
    assert "Signature" not in repr(request)


@pytest.mark.parametrize(
    ("said", "learnt"),
    [
        ({"body": envelope(data={"vid": VID})}, ["record_success"]),
        ({"body": envelope(4000)}, ["record_success"]),
        ({"body": envelope(5000)}, ["record_success"]),
        ({"body": envelope(4100)}, ["record_refusal"]),
        ({"body": envelope(6100)}, ["record_refusal"]),
        ({"body": envelope(4400)}, []),
        ({"body": b"garbage"}, []),
        ({"body": b"garbage", "status": 400}, []),
        ({"body": b"garbage", "status": 502}, ["record_silence"]),
        ({"body": envelope(6000), "status": 500}, ["record_silence"]),
        ({"body": envelope(4100), "status": 503}, ["record_refusal"]),
        ({"body": envelope(data={"vid": VID}), "status": 500}, ["record_success"]),
        ({"body": b"", "hang": True}, ["record_silence"]),
    ],
)
def test_what_the_circuit_learns(
    site: Site, monkeypatch: pytest.MonkeyPatch, said: dict[str, Any], learnt: list[str]
) -> None:
    monkeypatch.setattr(provider_api, "TIMEOUT", (0.05, 0.05) if "hang" in said else provider_api.TIMEOUT)
    guard = Guard()
    site.says("AddCtsAudioTask", **said)
    with contextlib.suppress(ProviderError):
        api(site, guard=guard).submit(intent())
    assert guard.learnt == [("before_call", "cts:AddCtsAudioTask"), *((what, "cts:AddCtsAudioTask") for what in learnt)]


def test_an_open_circuit_costs_no_budget(site: Site) -> None:
    class Closed(Guard):
        def before_call(self, action: str) -> Circuit:
            raise CircuitOpen(action)

    budget = Budget()
    with pytest.raises(CircuitOpen):
        api(site, budget, guard=Closed()).query(Kind.VIDEO, VID)
    assert (budget.limits, site.requests) == ([], [])


def test_a_list_that_leads_back_to_its_page_does_not_use_up_the_budget(site: Site) -> None:
    page = {"TotalCount": 200, "TaskSet": [{"TaskId": "1-a", "TaskType": "WorkflowTask"}], "ScrollToken": 0}
    site.says("DescribeTasks", json.dumps({"Response": page}))
    budget = Budget(100)
    client = replace(api(site, budget), provider=MPS, url=f"http://{site.host}", region="ap-shanghai")
    with pytest.raises(ProviderBusy, match="repeats a page"):
        list(client.tasks_between(NOW, NOW, lambda: False))
    # Two pages of each of the three lists.
    assert budget.left == 94
    site.says("DescribeTasks", json.dumps({"Response": page | {"TaskSet": []}}))
    assert [one.rows for one in client.tasks_between(NOW, NOW, lambda: False)] == [(), (), ()]


def test_a_provider_sees_who_calls(lambda_sandbox: LambdaSandbox) -> None:
    lambda_sandbox.settings("confirm")
    apis = provider_apis().apis.values()
    assert {api.session.headers["User-Agent"] for api in apis} == {f"mediarelay/{__version__}"}
