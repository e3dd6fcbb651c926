"""TC3 signatures: the vectors, equality with the official client, and everything a verifier must refuse."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter
from tencentcloud.common import abstract_client
from tencentcloud.common.credential import Credential
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.common.sign import Sign
from tencentcloud.mps.v20190612 import models
from tencentcloud.mps.v20190612.mps_client import MpsClient

from mediarelay.errors import Unauthenticated
from mediarelay.signing.qcloud import Credentials
from mediarelay.signing.tc3 import (
    AuthFailure,
    InvalidAuthorization,
    Request,
    SecretIdNotFound,
    SignatureExpire,
    SignatureFailure,
    authorization,
    signed_headers,
    verify,
)
from tests.hypothesis_profiles import patient

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "tc3.json").read_text("utf-8"))
KEY = Credentials("AKIDEXAMPLE", "a secret key")
HOST = "mps.tencentcloudapi.com"
BODY = b'{"TaskId": "1250000000-WorkflowTask-0123456789abcdef0123456789abcdeft0"}'
NOW = 1_700_000_000
OF_THE_HTTP_LIBRARY = {"User-Agent", "Accept-Encoding", "Accept", "Connection", "Content-Length"}
OF_THE_OFFICIAL_CLIENT = {"X-TC-RequestClient", "X-TC-TraceId", "X-TC-Language"}


def of_vector(vector: dict[str, Any]) -> Request:
    given = vector["input"]
    headers = {"content-type": given["content_type"], "host": given["host"], **given.get("extra_signed", {})}
    return Request(given["service"], given["timestamp"], headers, given["payload"])


named = pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["source"])


@named
def test_vector(vector: dict[str, Any]) -> None:
    given, expect, request = vector["input"], vector["expect"], of_vector(vector)
    assert request.canonical_request == expect["canonical_request"]
    assert request.string_to_sign.splitlines() == [
        "TC3-HMAC-SHA256",
        str(given["timestamp"]),
        expect["authorization"].partition("/")[2].partition(",")[0],
        expect["hashed_canonical_request"],
    ]
    assert request.signature(given["secret_key"]) == expect["signature"]


@pytest.mark.parametrize("vector", [each for each in VECTORS if "extra_signed" not in each["input"]])
@pytest.mark.parametrize("spell", [str, str.encode])
def test_authorization_of_vector(vector: dict[str, Any], spell: Any) -> None:
    payload = spell(vector["input"]["payload"])
    assert authorization(**vector["input"] | {"payload": payload}) == vector["expect"]["authorization"]


@named
@pytest.mark.parametrize("spell", [str, str.upper, str.title])
def test_vector_is_accepted_with_names_in_any_case(vector: dict[str, Any], spell: Any) -> None:
    request, secret_key = of_vector(vector), vector["input"]["secret_key"]
    headers = {
        **request.headers,
        "authorization": vector["expect"]["authorization"],
        "x-tc-timestamp": str(request.timestamp),
    }
    received = {spell(name): value for name, value in headers.items()}
    check(received, request.payload, service=request.service, secret_key=secret_key, now=request.timestamp)
    with pytest.raises(SignatureFailure):
        check(received, request.payload, service=request.service, secret_key="x", now=request.timestamp)


def test_vectors_sign_more_than_the_required_headers() -> None:
    assert {of_vector(vector).signed_names for vector in VECTORS} == {
        "content-type;host",
        "content-type;host;x-tc-action",
    }


def check(
    headers: Mapping[str, str],
    payload: str | bytes = BODY,
    *,
    service: str = "mps",
    secret_key: str | None = KEY.secret_key,
    now: float = NOW,
    **target: Any,
) -> str:
    return verify(headers, payload, service=service, secret_key_of=lambda _: secret_key, now=now, **target)


def request(credentials: Credentials = KEY, *, region: str = "", payload: str | bytes = BODY) -> dict[str, str]:
    return signed_headers(
        credentials,
        service="mps",
        host=HOST,
        action="DescribeTaskDetail",
        version="2019-06-12",
        region=region,
        timestamp=NOW,
        payload=payload,
    )


def signed_by_hand(
    headers: dict[str, str], *, written: Mapping[str, str] | None = None, **target: str
) -> dict[str, str]:
    """Sign `written`, in the order of its names, and send it with `headers`."""
    lines = written or {name.lower(): value for name, value in headers.items()}
    names = ";".join(lines)
    head = "".join(f"{name}:{value}\n" for name, value in lines.items())
    start = "\n".join([target.get("method", "POST"), target.get("path", "/"), target.get("query", "")])
    canonical = f"{start}\n{head}\n{names}\n{hashlib.sha256(BODY).hexdigest()}"
    scope = "2023-11-14/mps/tc3_request"
    text = f"TC3-HMAC-SHA256\n{NOW}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    signature = Sign.sign_tc3(KEY.secret_key, "2023-11-14", "mps", text)
    proof = f"TC3-HMAC-SHA256 Credential={KEY.secret_id}/{scope}, SignedHeaders={names}, Signature={signature}"
    return headers | {"Authorization": proof, "X-TC-Timestamp": str(NOW)}


# ── the official client ──


class Recorder(HTTPAdapter):
    """Keeps each request as it would be sent, and answers it."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[PreparedRequest] = []

    def send(self, request: PreparedRequest, *args: Any, **options: Any) -> Response:
        self.sent.append(request)
        response = Response()
        response.status_code, response.url = 200, str(request.url)
        response._content = b'{"Response": {"RequestId": "r"}}'
        return response


class Official:
    """The official client, at a time, with a recorder in place of the network."""

    def __init__(
        self, key: Credentials, timestamp: int, region: str = "", host: str = HOST, method: str = "POST"
    ) -> None:
        profile = ClientProfile(httpProfile=HttpProfile(endpoint=host, reqMethod=method))
        self.client = MpsClient(Credential(key.secret_id, key.secret_key, key.token), region, profile)
        self.recorder, self.timestamp = Recorder(), timestamp
        self.client.request.conn._session.mount("https://", self.recorder)

    def send(self, method: str, *arguments: Any) -> PreparedRequest:
        with patch.object(abstract_client, "time", SimpleNamespace(time=lambda: self.timestamp + 0.9)):
            getattr(self.client, method)(*arguments)
        (sent,) = self.recorder.sent
        return sent


def body_of(sent: PreparedRequest) -> bytes:
    body = sent.body or b""
    return body.encode() if isinstance(body, str) else body


def calls_of(sent: PreparedRequest) -> dict[str, str]:
    """Return the headers of the call itself."""
    others = OF_THE_HTTP_LIBRARY | OF_THE_OFFICIAL_CLIENT
    return {name: str(value) for name, value in sent.headers.items() if name not in others}


PRINTABLE = st.characters(min_codepoint=33, max_codepoint=126)
TEXT = st.characters(exclude_categories=["Cs"])
SECRET_IDS = st.text(
    st.characters(min_codepoint=33, max_codepoint=126, exclude_characters=",/"), min_size=1, max_size=40
)
SECRET_KEYS = st.text(TEXT, min_size=1, max_size=40).filter(lambda key: key == key.strip())
KEYS = st.builds(Credentials, SECRET_IDS, SECRET_KEYS, st.none() | st.text(PRINTABLE, min_size=1, max_size=40))
HOSTS = st.from_regex(r"[A-Za-z0-9]{1,8}(\.[A-Za-z0-9]{1,8}){0,3}(:[1-9][0-9]{0,3})?", fullmatch=True)
TIMESTAMPS = st.integers(1, 9_999_999_999)
REGIONS = st.just("") | st.from_regex(r"[a-z]{2}-[a-z]{1,12}", fullmatch=True)
ACTIONS = st.from_regex(r"[A-Z][A-Za-z]{0,20}", fullmatch=True)
VALUES = st.none() | st.booleans() | st.integers() | st.text(TEXT, max_size=12)
NESTED = st.recursive(
    VALUES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(TEXT, max_size=6), inner, max_size=3)
)
PARAMS = st.dictionaries(st.text(TEXT, max_size=8), NESTED, max_size=4)
CALLS = st.fixed_dictionaries({"key": KEYS, "timestamp": TIMESTAMPS, "region": REGIONS, "host": HOSTS})
many = settings(patient, max_examples=250)


@given(call=CALLS, action=ACTIONS, params=PARAMS)
@many
def test_the_official_client_sends_the_same_headers(call: dict[str, Any], action: str, params: dict[str, Any]) -> None:
    sent = Official(**call).send("call_json", action, params)
    assert calls_of(sent) == signed_headers(
        call["key"],
        service="mps",
        host=call["host"],
        action=action,
        version="2019-06-12",
        region=call["region"],
        timestamp=call["timestamp"],
        payload=body_of(sent),
    )
    secrets = {call["key"].secret_id: call["key"].secret_key}
    arguments = {"service": "mps", "secret_key_of": secrets.get, "now": call["timestamp"]}
    assert verify(sent.headers, body_of(sent), **arguments) == call["key"].secret_id


@given(call=CALLS, action=ACTIONS, payload=st.binary(max_size=60))
@many
def test_the_official_client_signs_bytes_alike(call: dict[str, Any], action: str, payload: bytes) -> None:
    sent = Official(**call).send("call_octet_stream", action, {}, payload)
    assert sent.headers["Authorization"] == authorization(
        call["key"].secret_id,
        call["key"].secret_key,
        service="mps",
        host=call["host"],
        content_type="application/octet-stream",
        timestamp=call["timestamp"],
        payload=payload,
    )


@given(key=KEYS, timestamp=TIMESTAMPS, params=st.dictionaries(st.text(TEXT, min_size=1), VALUES, max_size=4))
@patient
def test_queries_of_the_official_client_are_accepted(key: Credentials, timestamp: int, params: dict[str, Any]) -> None:
    sent = Official(key, timestamp, method="GET").send("call_json", "DescribeTasks", params)
    query = str(sent.url).partition("?")[2]
    target: dict[str, Any] = {"secret_key": key.secret_key, "now": timestamp, "method": "GET"}
    assert check(sent.headers, b"", **target, query=query) == key.secret_id
    with pytest.raises(SignatureFailure):
        check(sent.headers, b"", **target, query=f"{query}&A=1")


@given(secret_key=SECRET_KEYS, service=st.from_regex(r"[a-z]{1,9}", fullmatch=True), payload=st.text(TEXT, max_size=60))
@patient
def test_the_official_signature_of_any_service(secret_key: str, service: str, payload: str) -> None:
    signed = Request(service, NOW, {"host": HOST}, payload)
    expected = Sign.sign_tc3(secret_key, "2023-11-14", service, signed.string_to_sign)
    assert signed.signature(secret_key) == expected


@pytest.mark.parametrize("action", ["ProcessMedia", "DescribeTaskDetail", "DescribeTasks", "ManageTask"])
def test_the_actions_of_the_official_client_are_accepted(action: str) -> None:
    model = getattr(models, f"{action}Request")()
    sent = Official(KEY, NOW, "ap-shanghai").send(action, model)
    assert check(sent.headers, body_of(sent)) == KEY.secret_id
    assert sent.headers["X-TC-Action"] == action


# ── what is sent ──


def test_all_headers_of_a_call() -> None:
    assert request() == {
        "Authorization": authorization(
            KEY.secret_id,
            KEY.secret_key,
            service="mps",
            host=HOST,
            content_type="application/json",
            timestamp=NOW,
            payload=BODY,
        ),
        "Content-Type": "application/json",
        "Host": HOST,
        "X-TC-Action": "DescribeTaskDetail",
        "X-TC-Version": "2019-06-12",
        "X-TC-Timestamp": str(NOW),
    }


def test_region_and_token_are_sent_if_there_are_any() -> None:
    plain = request()
    assert request(region="ap-shanghai") == plain | {"X-TC-Region": "ap-shanghai"}
    assert request(Credentials(KEY.secret_id, KEY.secret_key, "temporary")) == plain | {"X-TC-Token": "temporary"}
    assert request(Credentials(KEY.secret_id, KEY.secret_key, "")) == plain


def test_text_and_its_bytes_sign_alike() -> None:
    text = '{"名": "é"}'
    assert request(payload=text) == request(payload=text.encode())


@pytest.mark.parametrize("part", ["service", "method", "path", "query"])
def test_a_line_break_could_be_read_in_two_ways(part: str) -> None:
    arguments: dict[str, Any] = {"service": "mps", part: "a\nb"}
    with pytest.raises(ValueError, match="line break"):
        Request(timestamp=NOW, headers={}, payload=b"\n", **arguments)


@pytest.mark.parametrize("headers", [{"host": "a\nb"}, {"a\nb": "host"}])
def test_a_line_break_in_a_header_could_be_read_in_two_ways(headers: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="line break"):
        Request("mps", NOW, headers, "")


# ── what is refused ──


@given(payload=st.binary(max_size=60), data=st.data())
@patient
def test_any_other_body_is_refused(payload: bytes, data: st.DataObject) -> None:
    headers = request(payload=payload)
    check(headers, payload)
    position = data.draw(st.integers(0, len(payload)))
    replaced = data.draw(st.integers(0, 1))
    inserted = data.draw(st.binary(max_size=1))
    other = payload[:position] + inserted + payload[position + replaced :]
    if other == payload:
        return
    with pytest.raises(SignatureFailure):
        check(headers, other)


@pytest.mark.parametrize("name", ["Authorization", "Content-Type", "Host", "X-TC-Timestamp"])
@given(data=st.data())
@many
def test_any_other_character_in_a_header_is_refused(name: str, data: st.DataObject) -> None:
    headers = request()
    text = headers[name]
    position = data.draw(st.integers(0, len(text) - 1))
    # The signature of a value in lower case is good for any case.
    same = text[position].lower() + text[position].upper()
    other = data.draw(st.characters(exclude_characters=same))
    changed = text[:position] + other + text[position + 1 :]
    with pytest.raises(AuthFailure):
        verify(
            headers | {name: changed},
            BODY,
            service="mps",
            secret_key_of={KEY.secret_id: KEY.secret_key}.get,
            now=NOW,
        )


@pytest.mark.parametrize("name", ["Authorization", "Content-Type", "Host", "X-TC-Timestamp"])
def test_each_character_of_a_header_counts(name: str) -> None:
    headers = request()
    text = headers[name]
    for position in range(len(text)):
        for changed in (text[:position] + text[position + 1 :], text[:position] + "0" + text[position:]):
            with pytest.raises(AuthFailure):
                verify(
                    headers | {name: changed},
                    BODY,
                    service="mps",
                    secret_key_of={KEY.secret_id: KEY.secret_key}.get,
                    now=NOW,
                )


@pytest.mark.parametrize("target", [{"method": "GET"}, {"path": "/v2"}, {"query": "a=1"}])
def test_another_target_is_refused(target: dict[str, Any]) -> None:
    with pytest.raises(SignatureFailure):
        check(request(), **target)


@pytest.mark.parametrize("target", [{"method": "POST\n"}, {"path": "/\n"}, {"query": "\n"}])
def test_a_target_with_a_line_break_is_refused(target: dict[str, Any]) -> None:
    with pytest.raises(InvalidAuthorization, match="line break"):
        check(request(), **target)


def test_two_headers_that_read_as_one_are_refused() -> None:
    written = {"content-type": "a", "host": "b\nx-a:c", "x-a": "d"}
    received = signed_by_hand({}, written=written)
    for headers in (written, {"content-type": "a", "host": "b", "x-a": "c\nx-a:d"}):
        with pytest.raises(InvalidAuthorization, match="line break"):
            check(received | headers)


def test_the_scope_is_that_of_the_request() -> None:
    for old, new in (("/mps/", "/cvm/"), ("2023-11-14", "2023-11-15"), ("tc3_request", "tc4_request")):
        headers = request()
        headers["Authorization"] = headers["Authorization"].replace(old, new)
        with pytest.raises(InvalidAuthorization):
            check(headers)
    with pytest.raises(InvalidAuthorization, match="scope"):
        check(request(), service="cvm")


def test_a_timestamp_of_the_same_day_is_signed() -> None:
    with pytest.raises(SignatureFailure):
        check(request() | {"X-TC-Timestamp": str(NOW + 1)})


@pytest.mark.parametrize(("offset", "inside"), [(0, True), (300, True), (-300, True), (300.5, False), (-301, False)])
def test_window_edges(offset: float, *, inside: bool) -> None:
    if inside:
        assert check(request(), now=NOW + offset) == KEY.secret_id
        return
    with pytest.raises(SignatureExpire):
        check(request(), now=NOW + offset)


@pytest.mark.parametrize("secret_key", [None, ""])
def test_unknown_key(secret_key: str | None) -> None:
    asked: list[str] = []

    def secret_key_of(secret_id: str) -> str | None:
        asked.append(secret_id)
        return secret_key

    with pytest.raises(SecretIdNotFound):
        verify(request(), BODY, service="mps", secret_key_of=secret_key_of, now=NOW)
    assert asked == [KEY.secret_id]


def test_codes_are_those_of_the_provider() -> None:
    known = {error.__name__: error.code for error in AuthFailure.__subclasses__()}
    assert known == {
        name: f"AuthFailure.{name}"
        for name in ("InvalidAuthorization", "SecretIdNotFound", "SignatureFailure", "SignatureExpire")
    }
    assert issubclass(AuthFailure, Unauthenticated)


# ── signed headers ──


def test_more_headers_may_be_signed() -> None:
    headers = {"Content-Type": "application/json", "Host": HOST, "X-TC-Action": "describetasks", "X-TC-Version": "1"}
    received = signed_by_hand(headers)
    check(received)
    for name in headers:
        with pytest.raises(SignatureFailure):
            check(received | {name: "x"})


def test_values_are_signed_as_sent_or_in_lower_case() -> None:
    sent = {"Content-Type": "application/JSON; charset=UTF-8", "Host": "MPS.tencentcloudapi.com"}
    check(signed_by_hand(sent))
    check(signed_by_hand(sent, written={name.lower(): value.lower() for name, value in sent.items()}))
    with pytest.raises(SignatureFailure):
        check(signed_by_hand(sent, written={name.lower(): value.upper() for name, value in sent.items()}))


def test_white_space_around_a_value_is_not_signed() -> None:
    check(request() | {"Host": f" {HOST}\t"})


@pytest.mark.parametrize(
    "names",
    [
        ["host", "content-type"],
        ["content-type", "content-type", "host"],
        ["content-type"],
        ["host"],
        ["host", "x-tc-action"],
        ["content-type", "host", "x-missing"],
        ["Content-Type", "Host"],
    ],
)
def test_wrong_lists_of_headers(names: list[str]) -> None:
    headers = {"Content-Type": "application/json", "Host": HOST, "X-TC-Action": "a"}
    values = {name.lower(): value for name, value in headers.items()} | {"x-missing": ""}
    received = signed_by_hand(headers, written={name: values[name.lower()] for name in names})
    listed = received["Authorization"].replace(";".join(dict.fromkeys(names)), ";".join(names))
    with pytest.raises(InvalidAuthorization):
        check(received | {"Authorization": listed})


@pytest.mark.parametrize("name", ["authorization", "HOST", "x-tc-action"])
def test_a_header_in_two_spellings_is_refused(name: str) -> None:
    with pytest.raises(InvalidAuthorization, match="twice"):
        check(request() | {name: "x"})


@pytest.mark.parametrize("name", ["Authorization", "Content-Type", "Host", "X-TC-Timestamp"])
def test_missing_headers(name: str) -> None:
    headers = request()
    del headers[name]
    with pytest.raises(InvalidAuthorization):
        check(headers)


@pytest.mark.parametrize(
    "timestamp",
    [
        "",
        "0",
        "-1",
        "+1700000000",
        " 1700000000",
        "1700000000\n",
        "1700000000.0",
        "017",
        "1e9",
        "\u0661" * 10,
        "9" * 11,
        "9" * 12,
        "9" * 20,
    ],
)
def test_timestamps_out_of_form(timestamp: str) -> None:
    with pytest.raises(InvalidAuthorization):
        check(request() | {"X-TC-Timestamp": timestamp})


def test_an_unsigned_payload_is_refused() -> None:
    received = request(payload="UNSIGNED-PAYLOAD") | {"X-TC-Content-SHA256": "UNSIGNED-PAYLOAD"}
    with pytest.raises(SignatureFailure):
        check(received)


def test_messages_do_not_help_a_forger() -> None:
    headers = request()
    right = headers["Authorization"][-64:]
    headers["Authorization"] = headers["Authorization"][:-64] + "0" * 64
    with pytest.raises(SignatureFailure) as caught:
        check(headers)
    assert right not in str(caught.value)
    assert KEY.secret_key not in str(caught.value)


HEADERS = st.sampled_from([*request(region="r"), "X-TC-Token", "host", "İ"]) | st.text(max_size=9)
HOSTILE = st.text(st.characters() | st.characters(categories=["Cs", "Cc"]), max_size=20)
AUTHORIZATIONS = st.builds(
    "TC3-HMAC-SHA256 Credential={}/{}/{}/tc3_request, SignedHeaders={}, Signature={}".format,
    SECRET_IDS | HOSTILE,
    st.sampled_from(["2023-11-14", "0000-00-00"]) | HOSTILE,
    st.just("mps") | HOSTILE,
    st.sampled_from(["content-type;host", ";", "content-type;host;"]) | HOSTILE,
    st.just("0" * 64) | HOSTILE,
)


@given(changes=st.dictionaries(HEADERS, HOSTILE), proof=AUTHORIZATIONS | HOSTILE, payload=HOSTILE | st.binary())
@example(changes={"Host": "\ud800"}, proof=request()["Authorization"], payload="\ud800")
@many
def test_anything_received_is_answered_with_a_code(changes: dict[str, str], proof: str, payload: str | bytes) -> None:
    with pytest.raises(AuthFailure) as caught:
        check(request() | changes | {"Authorization": proof}, payload)
    assert caught.value.code.startswith("AuthFailure.")
