"""Every view in both themes, on a phone, and for people who use a screen reader."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from tests.browser.conftest import Console
from tests.browser.samples import FAILED_VID, HOSTILE_VID, QUEUE, SUBMISSION, VID

VIEWS = (
    "",
    "stuck",
    "tasks",
    f"tasks/{FAILED_VID}",
    "submissions",
    f"submissions/{SUBMISSION}",
    "replays",
    "songs?room=room-7",
    "events",
    "webhooks",
    "webhooks/billing",
    "circuits",
    "dead-letters",
    f"dead-letters/{QUEUE}",
    "quarantine",
)
FINDINGS = """options => axe.run(document, options).then(found => found.violations
    .filter(one => ['serious', 'critical'].includes(one.impact))
    .map(one => `${one.id}: ${one.nodes[0].html.slice(0, 200)}`))"""


def findings(console: Console, theme: str) -> list[str]:
    """What axe calls serious or critical. A theme changes colours only, so the other rules run in the light one."""
    if not console.page.evaluate("'axe' in window"):
        console.page.evaluate(Axe().axe_script)
    only = {"runOnly": ["color-contrast"]} if theme == "dark" else {}
    found: list[str] = console.page.evaluate(FINDINGS, {"resultTypes": ["violations"]} | only)
    return found


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_view_has_a_serious_finding_of_axe(console: Console, theme: str) -> None:
    console.page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
    console.open()
    found = {}
    for view in VIEWS:
        console.page.goto(f"{console.address}/console#/{view}")
        expect(console.page.locator(".loading")).to_have_count(0)
        found[view] = findings(console, theme)
    assert {view: problems for view, problems in found.items() if problems} == {}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_login_dialog_and_documents_have_no_serious_finding(console: Console, theme: str) -> None:
    page = console.page
    page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
    page.goto(f"{console.address}/console")
    assert findings(console, theme) == []
    page.goto(f"{console.address}/docs/runbook")
    assert findings(console, theme) == []
    console.open(f"dead-letters/{QUEUE}").get_by_role("button", name="Purge").click()
    assert findings(console, theme) == []


def test_a_phone_shows_every_view_without_scrolling_sideways(console: Console) -> None:
    console.page.set_viewport_size({"width": 360, "height": 740})
    page = console.open()
    wide = {}
    for view in (*VIEWS, f"tasks/{HOSTILE_VID}", f"tasks/{VID}"):
        page.goto(f"{console.address}/console#/{view}")
        expect(page.locator(".loading")).to_have_count(0)
        for summary in page.locator("main details.body > summary").all()[:3]:
            summary.click()
        wide[view] = console.overflow()
    page.goto(f"{console.address}/docs/runbook")
    wide["docs"] = console.overflow()
    assert {view: pixels for view, pixels in wide.items() if pixels > 0} == {}


def test_a_phone_has_a_menu(console: Console) -> None:
    console.page.set_viewport_size({"width": 360, "height": 740})
    page = console.open()
    link = page.get_by_role("navigation", name="Views").get_by_role("link", name="Stuck")
    expect(link).to_be_hidden()
    page.get_by_role("button", name="Menu").click()
    link.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Stuck")
    expect(link).to_be_hidden()


def test_the_theme_follows_the_system_until_it_is_chosen(console: Console) -> None:
    page = console.page
    ground = "getComputedStyle(document.documentElement).backgroundColor"
    page.emulate_media(color_scheme="light")
    console.open()
    light = page.evaluate(ground)
    page.emulate_media(color_scheme="dark")
    dark = page.evaluate(ground)
    assert light != dark
    page.get_by_role("button", name="Switch between light and dark").click()
    assert page.evaluate(ground) == light
    page.goto(f"{console.address}/docs/runbook")
    assert page.evaluate(ground) == light


def test_nothing_moves_for_those_who_want_less_motion(browser: Browser, address: str) -> None:
    context = browser.new_context(reduced_motion="reduce")
    page = context.new_page()
    page.goto(f"{address}/console")
    assert page.locator("button").first.evaluate("button => getComputedStyle(button).transitionDuration") == "0s"
    context.close()


def test_the_page_names_its_language_and_each_view_its_title(console: Console) -> None:
    page = console.open()
    assert page.locator("html").get_attribute("lang") == "en"
    page.get_by_role("link", name="Songs").click()
    expect(page).to_have_title("Songs - Mediarelay")
