"""What the function `console` answers: its files with strict headers, and nothing else of the file system."""

from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediarelay.aws_lambda.static_files import HEADERS, POLICY, read_files
from tests.browser.fake_api import ROOT, event_of, load_handler
from tests.lambda_context import Context

STATIC = ROOT / "functions" / "console" / "static"
FILES = read_files(STATIC)
TYPES = {"js": "text/javascript", "mjs": "text/javascript", "css": "text/css", "svg": "image/svg", "html": "text/html"}
TRAVERSALS = [
    "..",
    "../handler.py",
    "..%2fhandler.py",
    "docs/runbook.html",
    "/etc/passwd",
    "app.js/",
    "app.js\0",
    "./app.js",
    "",
    "docs",
]


@cache
def handler() -> Any:
    return load_handler()


def get(key: str, parameters: dict[str, str] | None = None, etag: str = "") -> dict[str, Any]:
    answer: dict[str, Any] = handler()(
        event_of(key, parameters or {}, {"if-none-match": etag} if etag else {}), Context()
    )
    return answer


def test_the_page_has_every_strict_header() -> None:
    answer = get("GET /console")
    assert answer["statusCode"] == 200
    assert answer["body"] == (STATIC / "index.html").read_text("utf-8")
    assert HEADERS.items() <= answer["headers"].items()
    assert answer["headers"]["content-type"] == "text/html; charset=utf-8"


def test_the_policy_admits_no_inline_code_and_no_frame() -> None:
    assert POLICY["default-src"] == "'none'"
    assert POLICY["script-src"] == POLICY["style-src"] == POLICY["connect-src"] == "'self'"
    assert {POLICY[name] for name in ("frame-ancestors", "base-uri", "form-action")} == {"'none'"}
    assert "unsafe" not in HEADERS["content-security-policy"]
    assert HEADERS["referrer-policy"] == "no-referrer"
    assert HEADERS["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("name", sorted(FILES))
def test_every_file_is_served_with_its_type(name: str) -> None:
    answer = get("GET /console/{file}", {"file": name})
    assert answer["body"] == (STATIC / name).read_text("utf-8")
    assert answer["headers"]["content-type"].startswith(TYPES[name.rpartition(".")[2]])
    assert HEADERS.items() <= answer["headers"].items()


def test_a_copy_that_is_current_is_not_sent_again() -> None:
    etag = get("GET /console")["headers"]["etag"]
    again = get("GET /console", etag=f'"other", W/{etag}')
    assert (again["statusCode"], again.get("body") or "", again["headers"]["etag"]) == (304, "", etag)
    assert get("GET /console", etag='"other"')["statusCode"] == 200


def test_files_differ_in_their_tags() -> None:
    assert len({file.etag for file in FILES.values()}) == len(FILES)


@pytest.mark.parametrize("name", TRAVERSALS)
def test_no_name_leads_out_of_the_folder(name: str) -> None:
    assert get("GET /console/{file}", {"file": name})["statusCode"] == 404
    assert get("GET /docs/{page}", {"page": name})["statusCode"] == 404


@given(st.text().filter(lambda name: name not in FILES))
def test_any_other_name_is_a_problem(name: str) -> None:
    answer = get("GET /console/{file}", {"file": name})
    assert answer["statusCode"] == 404
    assert answer["headers"]["content-type"] == "application/problem+json"


def test_the_runbook_is_served_and_no_source_is() -> None:
    assert "RowsUnreadableAlarm" in get("GET /docs/{page}", {"page": "runbook"})["body"]
    assert get("GET /docs/{page}", {"page": "runbook.html"})["statusCode"] == 404


def test_only_known_types_are_read(tmp_path: Any) -> None:
    (tmp_path / "page.html").write_text("x", "utf-8")
    (tmp_path / "secret.json").write_text("{}", "utf-8")
    (tmp_path / "inner").mkdir()
    assert list(read_files(tmp_path)) == ["page.html"]
