"""The documents that the stack serves: an anchor for every heading, and no link that leads nowhere."""

import json
import re
from pathlib import Path

import pytest

from docs import pages
from docs.pages import anchor_of, html_pages
from mediarelay.domain.operations import problems
from mediarelay.domain.operations.queues import DEAD_LETTERS
from tests.stack import ROOT, resources

RUNBOOK = next(text for path, text in html_pages({}).items() if path.name == "runbook.html")


@pytest.fixture
def rendered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "errors.md").write_text("# Errors\n", "utf-8")
    monkeypatch.setattr(pages, "ROOT", tmp_path)
    return tmp_path / "docs"


def test_every_alarm_has_its_anchor() -> None:
    alarms = re.findall(r"^### (\w+Alarm)$", (ROOT / "docs" / "runbook.md").read_text("utf-8"), re.MULTILINE)
    assert alarms
    anchors = set(re.findall(r'id="([^"]*)"', RUNBOOK))
    assert {name.lower() for name in alarms} <= anchors
    assert set(alarms) <= anchors


def test_the_links_of_the_alarms_lead_to_an_anchor() -> None:
    """Browsers tell capital letters of an anchor apart."""
    described = json.dumps(resources("AWS::CloudWatch::Alarm"))
    linked = set(re.findall(r"/docs/runbook#(\w+)", described))
    assert len(linked) == len(resources("AWS::CloudWatch::Alarm"))
    assert linked <= set(re.findall(r'id="([^"]*)"', RUNBOOK))


def test_every_problem_of_the_status_leads_to_a_section() -> None:
    source = Path(problems.__file__).read_text("utf-8")
    sections = set(re.findall(r'(?:section=|": )"([a-z-]+)",', source))
    assert {"quarantine", "overduealarm", "sweepsilentalarm"} <= sections
    assert sections | {f"{name.lower()}alarm" for name in DEAD_LETTERS} <= set(re.findall(r'id="([^"]*)"', RUNBOOK))


def test_every_link_leads_to_something_that_is_served() -> None:
    anchors = set(re.findall(r'id="([^"]*)"', RUNBOOK))
    links = re.findall(r'<a [^>]*href="([^"]*)"', RUNBOOK)
    inside = {link for link in links if not link.startswith(("http", "../console"))}
    served = {f"{name}{mark}" for name in pages.PAGES for mark in ("", "#")}
    assert all(link[1:] in anchors if link.startswith("#") else link.partition("#")[0] in served for link in inside)


def test_a_document_that_is_not_served_becomes_a_name(rendered: Path) -> None:
    (rendered / "runbook.md").write_text(
        "# Top\n\n[API](api.md#x), [root](../README.md), [errors](errors.md#a)\n", "utf-8"
    )
    page = next(iter(html_pages({}).values()))
    assert '<span class="file" title="docs/api.md">API</span>' in page
    assert '<span class="file" title="README.md">root</span>' in page
    assert '<a href="errors#a">errors</a>' in page


def test_a_link_to_the_web_tells_nobody_where_it_is(rendered: Path) -> None:
    (rendered / "runbook.md").write_text("# Top\n\n[AWS](https://aws.example.com/)\n", "utf-8")
    assert '<a href="https://aws.example.com/" rel="noreferrer">AWS</a>' in next(iter(html_pages({}).values()))


def test_markup_in_a_document_is_text_and_marks_are_left_out(rendered: Path) -> None:
    (rendered / "runbook.md").write_text("# Top\n\n<!-- codes -->\n\n<script>x</script>\n\n## A\n\n## A\n", "utf-8")
    page = next(iter(html_pages({}).values()))
    assert "&lt;script&gt;" in page
    assert "codes" not in page
    assert re.findall(r'<h2 id="([^"]*)"', page) == ["a", "a-1"]


@pytest.mark.parametrize(
    ("text", "anchor"),
    [
        ("The provider is retired (4100 on everything)", "the-provider-is-retired-4100-on-everything"),
        ("MPS's key", "mpss-key"),
    ],
)
def test_anchors_are_those_of_github(text: str, anchor: str) -> None:
    assert anchor_of(text) == anchor
