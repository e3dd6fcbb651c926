"""Answers of API 3.0: which error is of which class, what clients may read of it, and bodies that cannot be read."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediarelay.errors import (
    Malformed,
    ProviderBusy,
    ProviderClosed,
    ProviderError,
    ProviderRefused,
    ProviderRepeated,
    ProviderUnknown,
    ProviderUnreadable,
)
from mediarelay.providers.answers import MAX_MESSAGE_LENGTH, MAX_PAGE_BYTES
from mediarelay.providers.mps.provider import MPS
from tests.contract.odd import JSON, ODD, written
from tests.contract.test_mps_payloads import VID, body
from tests.hypothesis_profiles import patient

QUERY, SUBMIT = "DescribeTaskDetail", "ProcessMedia"
CLASSES: dict[type[ProviderError], str] = {
    ProviderBusy: "RequestLimitExceeded RequestLimitExceeded.UinLimitExceeded LimitExceeded LimitExceeded.TaskCount "
    "InternalError InternalError.DBError FailedOperation FailedOperation.NetWorkError ResourceInsufficient "
    "ServiceUnavailable",
    ProviderClosed: "AuthFailure AuthFailure.SignatureExpire AuthFailure.SecretIdNotFound UnauthorizedOperation "
    "UnauthorizedOperation.CamNoAuth FailedOperation.InvalidMpsUser FailedOperation.InvalidUser "
    "FailedOperation.UserArrears ResourceNotFound.UserUnregister NoSuchVersion InvalidAction UnsupportedRegion",
    ProviderUnknown: "ResourceNotFound ResourceNotFound.TaskNotFound FailedOperation.TaskNotFound "
    "InvalidParameterValue.TaskId",
    ProviderRepeated: "InvalidParameterValue.SessionId",
    ProviderRefused: "InvalidParameter InvalidParameterValue InvalidParameterValue.Definition MissingParameter "
    "UnknownParameter ResourceNotFound.CosBucketNotExist ResourceNotFound.TemplateNotExist "
    "ResourceNotFound.DownloadError FailedOperation.CosStatusInavlid UnsupportedOperation Other",
}
CODES = [(code, kind) for kind, codes in CLASSES.items() for code in codes.split()]


def failure(code: Any, message: Any = "why") -> bytes:
    return json.dumps({"Response": {"Error": {"Code": code, "Message": message}, "RequestId": "r"}}).encode()


def refusal(action: str, content: bytes) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        MPS.read(action, content)
    return caught.value


@pytest.mark.parametrize(("code", "kind"), CODES)
def test_each_code_has_its_class(code: str, kind: type[ProviderError]) -> None:
    error = refusal(QUERY, failure(code))
    assert (type(error), error.code) == (kind, code)
    is_about_the_request = kind in {ProviderRefused, ProviderUnknown}
    assert str(error) == f"provider code {code}" + (": why" if is_about_the_request else "")


@pytest.mark.parametrize("code", CLASSES[ProviderUnknown].split())
def test_there_is_no_unknown_task_before_the_submit(code: str) -> None:
    assert type(refusal(SUBMIT, failure(code))) is ProviderRefused


def test_a_message_is_printable_and_bounded() -> None:
    error = refusal(SUBMIT, failure("InvalidParameter", "a\x00b\n" + "x" * 9_000))
    assert str(error).startswith("provider code InvalidParameter: a b")
    assert len(str(error)) < MAX_MESSAGE_LENGTH + 64
    assert str(error).isprintable()


@pytest.mark.parametrize("message", ODD)
def test_an_odd_message_changes_no_class(message: Any) -> None:
    for code, kind in (("InvalidParameter", ProviderRefused), ("InternalError", ProviderBusy)):
        content = written({"Response": {"Error": {"Code": code, "Message": message}}})
        error = refusal(SUBMIT, content)
        assert type(error) is kind
        assert str(error).isprintable()


@pytest.mark.parametrize(
    "content",
    [
        b"<html>gateway</html>",
        b"{",
        b"[]",
        b"null",
        b'{"a": 1}',
        b'{"Response": null}',
        b'{"Response": {}}',
        b'{"Response": 7}',
        b'{"Response": [{"TaskId": "1-a"}]}',
        b'{"Response": {"Error": 7}}',
        b'{"Response": {"Error": {"Message": "x"}}}',
        b'{"Response": {"Error": {"Code": 7}}}',
        b'{"Response": {"Error": {"Code": "\\ud800"}}}',
        b'{"Response": {"Error": {"Code": "a\\nb"}}}',
        b'{"Response": {"TaskId": "1-a"}, "Response": {"TaskId": "1-b"}}',
        b"\xff\xfe",
    ],
)
def test_a_body_that_cannot_be_read_is_carried(content: bytes) -> None:
    error = refusal(QUERY, content)
    assert isinstance(error, ProviderUnreadable)
    assert error.body == content


@pytest.mark.parametrize("content", [b'{"Response": 7, "NotifyKey": "CANARY7391"}', b'{"NotifyKey": "CANARY7391"'])
def test_a_body_that_cannot_be_read_is_carried_without_its_secrets(content: bytes) -> None:
    error = refusal(QUERY, content)
    assert isinstance(error, ProviderUnreadable)
    assert b"NotifyKey" in error.body
    assert b"CANARY7391" not in error.body


def test_an_empty_body_and_a_long_page_are_not_carried_whole() -> None:
    assert type(refusal(QUERY, b"")) is ProviderBusy
    page = refusal(QUERY, b"<html>" + b"x" * 2**20)
    assert isinstance(page, ProviderUnreadable)
    assert len(page.body) == MAX_PAGE_BYTES


@pytest.mark.parametrize("name", ["detail_finish", "detail_waiting"])
def test_a_stored_reply_is_read_with_and_without_its_envelope(name: str) -> None:
    data = MPS.read(QUERY, body(name)).data
    for stored in (body(name), MPS.canonical(data), json.dumps(data).encode()):
        assert MPS.canonical(MPS.reply_data(stored)) == MPS.canonical(data)
    for stored in (b"", b"<html>", body("error_not_found"), b'{"Error": {}}'):
        with pytest.raises(Malformed):
            MPS.reply_data(stored)


@given(JSON)
@patient
def test_any_error_is_an_error(value: object) -> None:
    stated = written({"Response": {"Error": {"Code": value, "Message": value}}})
    assert str(refusal(SUBMIT, stated)).isprintable()
    if value is not None:
        assert str(refusal(SUBMIT, written({"Response": {"Error": value}}))).isprintable()


@given(st.binary(max_size=200))
@patient
def test_any_bytes_are_unreadable(content: bytes) -> None:
    assert isinstance(refusal(QUERY, content), ProviderBusy)


@pytest.mark.parametrize("data", [{}, {"TaskId": None}, {"TaskId": 7}, {"TaskId": "cts"}, {"TaskId": "\ud800"}])
def test_a_submit_without_an_id_has_no_vid(data: Any) -> None:
    with pytest.raises(Malformed, match="TaskId"):
        MPS.submitted_vid(data)
    assert MPS.submitted_vid({"TaskId": VID}) == VID
