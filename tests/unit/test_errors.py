"""The exception tree: one status and title each, one shape on the wire, and a docstring that says the same."""

import json
import re

import pytest

from docs.error_codes import ADVICE, sections
from mediarelay import errors
from mediarelay.aws_lambda.raw_http import problem, with_problems
from mediarelay.contracts.api.base import Problem
from mediarelay.errors import (
    Malformed,
    MediarelayError,
    MethodNotAllowed,
    MissingScope,
    ProviderError,
    RowUnreadable,
    error_types,
    problem_codes,
)
from tests.stack import ROOT

WORDS = {
    "MediarelayError": (500, "Internal error", "internal"),
    "Rejected": (400, "Bad request", "malformed"),
    "Malformed": (400, "Bad request", "malformed"),
    "UnknownParameter": (400, "Bad request", "unknown_parameter"),
    "UnknownField": (400, "Bad request", "unknown_field"),
    "NotATask": (200, "Accepted", "malformed"),
    "Unauthenticated": (401, "Unauthenticated", "unauthenticated"),
    "RelayStale": (401, "Unauthenticated", "relay_stale"),
    "RelayUnsigned": (401, "Unauthenticated", "relay_unsigned"),
    "RelayNoMatch": (401, "Unauthenticated", "relay_no_match"),
    "RelayNonceReused": (401, "Unauthenticated", "relay_nonce_reused"),
    "Forbidden": (403, "Forbidden", "address_not_admitted"),
    "MissingScope": (403, "Forbidden", "missing_scope"),
    "NotFound": (404, "Not found", "not_found"),
    "NoRoute": (404, "Not found", "no_route"),
    "MethodNotAllowed": (405, "Method not allowed", "method_not_allowed"),
    "Conflict": (409, "Conflict", "conflict"),
    "KeyReused": (409, "Conflict", "idempotency_key_reused"),
    "SubmissionSent": (409, "Conflict", "submission_sent"),
    "SubmissionCompleted": (409, "Conflict", "submission_completed"),
    "SubmissionRefused": (409, "Conflict", "submission_refused"),
    "NotRedrivable": (409, "Conflict", "not_redrivable"),
    "OnlyCopy": (409, "Conflict", "only_copy"),
    "PurgedRecently": (409, "Conflict", "purged_recently"),
    "TooLarge": (413, "Content too large", "too_large"),
    "KmsUnavailable": (503, "KMS unavailable", "kms_unavailable"),
    "DecryptionFailed": (500, "Stored data unreadable", "stored_data_unreadable"),
    "SecretUnavailable": (503, "Not ready", "not_ready"),
    "SettingUnusable": (503, "Not ready", "not_ready"),
    "BudgetSpent": (503, "Provider unavailable", "provider_unavailable"),
    "CircuitOpen": (503, "Provider unavailable", "provider_unavailable"),
    "NoAccount": (503, "Provider unavailable", "provider_unavailable"),
    "Undelivered": (503, "Not delivered", "not_delivered"),
    "ServiceDown": (503, "Not delivered", "not_delivered"),
    "LedgerUnavailable": (503, "Ledger unavailable", "ledger_unavailable"),
    "RowUnreadable": (500, "Stored data unreadable", "stored_data_unreadable"),
    "ProviderError": (502, "Provider refused", "provider_error"),
    "ProviderRefused": (422, "Provider refused", "provider_refused"),
    "ProviderRepeated": (503, "Provider unavailable", "provider_unavailable"),
    "ProviderClosed": (503, "Provider unavailable", "provider_unavailable"),
    "ProviderUnknown": (502, "Provider refused", "provider_error"),
    "ProviderBusy": (503, "Provider unavailable", "provider_unavailable"),
    "ProviderUnreadable": (503, "Provider unavailable", "provider_unavailable"),
}
EVENT = {"requestContext": {"requestId": "r1"}}
INTERNAL = {"MediarelayError", "LedgerUnavailable", "RowUnreadable", "KmsUnavailable", "SecretUnavailable"}
INTERNAL |= {"DecryptionFailed", "SettingUnusable"}
INTERNAL |= {"Undelivered", "ServiceDown"}


def example(kind: type[MediarelayError]) -> MediarelayError:
    if kind is RowUnreadable:
        return RowUnreadable(("pk", "sk"), "task", "the reason")
    if kind is MissingScope:
        return MissingScope("read")
    if kind is MethodNotAllowed:
        return MethodNotAllowed(["GET", "HEAD"])
    return kind("a.b", "the reason") if issubclass(kind, Malformed) else kind("a.b: the reason")


def test_the_tree_is_complete() -> None:
    assert {kind.__name__ for kind in error_types()} == set(WORDS)


def test_the_docstring_draws_the_tree() -> None:
    drawn = dict(re.findall(r"^[│├└─ ]*(\w+) .*?(\d{3})$", errors.__doc__ or "", re.MULTILINE))
    stated = {name: str(status) for name, (status, *_) in WORDS.items()}
    assert drawn == {name: stated[name] for name in drawn}
    assert set(WORDS) - set(drawn) == {"MediarelayError", "Rejected", "ProviderError"}


@pytest.mark.parametrize("kind", list(error_types()), ids=lambda kind: kind.__name__)
def test_the_shape_of_every_error(kind: type[MediarelayError]) -> None:
    def handler(_event: object, _context: object) -> dict[str, object]:
        raise example(kind)

    answer = with_problems(handler)(EVENT, None)
    status, title, code = WORDS[kind.__name__]
    expected = {"type": f"/docs/errors#{code}", "title": title, "status": status, "code": code, "request_id": "r1"}
    if kind.__name__ not in INTERNAL:
        expected["detail"] = "a.b: the reason"
    if issubclass(kind, Malformed):
        expected["field"] = "a.b"
    if kind is MissingScope:
        expected |= {"scope": "read", "detail": "the token lacks the scope read"}
    if kind is MethodNotAllowed:
        expected["detail"] = "the path takes GET, HEAD"
    body = json.loads(answer["body"])
    assert body == expected
    assert Problem.model_validate(body).model_dump(exclude_none=True) == expected
    assert answer == {
        "statusCode": status,
        "headers": {"content-type": "application/problem+json", "cache-control": "no-store"}
        | ({"retry-after": "30"} if status == 503 else {})
        | ({"allow": "GET, HEAD"} if status == 405 else {}),
        "body": answer["body"],
    }


def test_an_error_without_words_has_no_detail() -> None:
    assert "detail" not in json.loads(problem(errors.Unauthenticated(), EVENT)["body"])


def test_provider_errors_carry_the_provider_s_code() -> None:
    assert ProviderError("text").code is None
    assert ProviderError("text", 4400).code == 4400


def test_a_problem_without_a_request_has_no_id() -> None:
    events: list[dict[str, object]] = [{}, {"requestContext": {}}, {"requestContext": {"requestId": 7}}]
    for event in events:
        assert "request_id" not in json.loads(problem(errors.Unauthenticated(), event)["body"])


def test_every_code_is_one_that_our_code_can_answer_with() -> None:
    """The generator holds the page against the classes; here each class must be one that some module raises."""
    modules = [*ROOT.glob("layers/shared/mediarelay/**/*.py"), *ROOT.glob("functions/*/*.py")]
    code = "\n".join(path.read_text("utf-8") for path in modules if path.name != "errors.py")
    used = {kind.problem_code for kind in error_types() if re.search(rf"\b{kind.__name__}\b", code)}
    # A 500 is any exception of Python's, and a 409 may have no class of its own.
    assert used | {"internal", "conflict"} == set(problem_codes())


def test_the_page_has_a_section_for_each_code() -> None:
    page = (ROOT / "docs" / "errors.md").read_text("utf-8")
    assert re.findall(r"^## (\w+)$", page, re.MULTILINE) == problem_codes() == sorted(ADVICE)
    assert re.findall(r"^\| \[(\w+)\]\(#\1\)", page, re.MULTILINE) == problem_codes()


def test_a_code_without_advice_fails_the_generator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(ADVICE, "conflict")
    monkeypatch.setitem(ADVICE, "gone", ("", ""))
    with pytest.raises(ValueError, match=r"different codes: conflict, gone$"):
        sections()
