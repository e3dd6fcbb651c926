"""The exception tree: one status and title each, one shape on the wire, and a docstring that says the same."""

import json
import re
from collections.abc import Iterator

import pytest

from mediarelay import errors
from mediarelay.aws_lambda.raw_http import problem, with_problems
from mediarelay.contracts.api.base import Problem
from mediarelay.errors import Malformed, MediarelayError, MissingScope, NotCancellable, ProviderError, RowUnreadable

WORDS = {
    "MediarelayError": (500, "Internal error"),
    "Rejected": (400, "Bad request"),
    "Malformed": (400, "Bad request"),
    "NotATask": (200, "Accepted"),
    "Unauthenticated": (401, "Unauthenticated"),
    "Forbidden": (403, "Forbidden"),
    "MissingScope": (403, "Forbidden"),
    "NotFound": (404, "Not found"),
    "Conflict": (409, "Conflict"),
    "NotCancellable": (409, "Conflict"),
    "TooLarge": (413, "Content too large"),
    "KmsUnavailable": (503, "KMS unavailable"),
    "DecryptionFailed": (500, "Stored data unreadable"),
    "SecretUnavailable": (503, "Not ready"),
    "SettingUnusable": (503, "Not ready"),
    "BudgetSpent": (503, "Provider unavailable"),
    "CircuitOpen": (503, "Provider unavailable"),
    "NoAccount": (503, "Provider unavailable"),
    "Undelivered": (503, "Not delivered"),
    "LedgerUnavailable": (503, "Ledger unavailable"),
    "RowUnreadable": (500, "Stored data unreadable"),
    "ProviderError": (502, "Provider refused"),
    "ProviderRefused": (422, "Provider refused"),
    "ProviderRepeated": (503, "Provider unavailable"),
    "ProviderClosed": (503, "Provider unavailable"),
    "ProviderUnknown": (502, "Provider refused"),
    "ProviderBusy": (503, "Provider unavailable"),
    "ProviderUnreadable": (503, "Provider unavailable"),
}
INTERNAL = {"MediarelayError", "LedgerUnavailable", "RowUnreadable", "KmsUnavailable", "SecretUnavailable"}
INTERNAL |= {"DecryptionFailed", "SettingUnusable"}
INTERNAL |= {"Undelivered"}


def tree(kind: type[MediarelayError] = MediarelayError) -> Iterator[type[MediarelayError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from (one for one in tree(child) if one.__module__ == errors.__name__)


def example(kind: type[MediarelayError]) -> MediarelayError:
    if kind is RowUnreadable:
        return RowUnreadable(("pk", "sk"), "task", "the reason")
    if kind is NotCancellable:
        return NotCancellable("submission_sent", "a.b: the reason")
    if kind is MissingScope:
        return MissingScope("read")
    return Malformed("a.b", "the reason") if kind is Malformed else kind("a.b: the reason")


def test_the_tree_is_complete() -> None:
    assert {kind.__name__ for kind in tree()} == set(WORDS)


def test_the_docstring_draws_the_tree() -> None:
    drawn = dict(re.findall(r"^[│├└─ ]*(\w+) .*?(\d{3})$", errors.__doc__ or "", re.MULTILINE))
    stated = {name: str(status) for name, (status, _) in WORDS.items()}
    assert drawn == {name: stated[name] for name in drawn}
    assert set(WORDS) - set(drawn) == {"MediarelayError", "Rejected", "ProviderError"}


@pytest.mark.parametrize("kind", list(tree()), ids=lambda kind: kind.__name__)
def test_the_shape_of_every_error(kind: type[MediarelayError]) -> None:
    def handler(_event: object, _context: object) -> dict[str, object]:
        raise example(kind)

    answer = with_problems(handler)({}, None)
    status, title = WORDS[kind.__name__]
    expected = {"type": "about:blank", "title": title, "status": status}
    if kind.__name__ not in INTERNAL:
        expected["detail"] = "a.b: the reason"
    if kind is Malformed:
        expected["field"] = "a.b"
    if kind is NotCancellable:
        expected["code"] = "submission_sent"
    if kind is MissingScope:
        expected |= {"code": "missing_scope", "scope": "read", "detail": "the token lacks the scope read"}
    body = json.loads(answer["body"])
    assert body == expected
    assert Problem.model_validate(body).model_dump(exclude_none=True) == expected
    assert answer == {
        "statusCode": status,
        "headers": {"content-type": "application/problem+json", "cache-control": "no-store"}
        | ({"retry-after": "30"} if status == 503 else {}),
        "body": answer["body"],
    }


def test_an_error_without_words_has_no_detail() -> None:
    assert "detail" not in json.loads(problem(errors.Unauthenticated())["body"])


def test_provider_errors_carry_the_provider_s_code() -> None:
    assert ProviderError("text").code is None
    assert ProviderError("text", 4400).code == 4400
