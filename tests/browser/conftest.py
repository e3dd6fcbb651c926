"""One server and one browser for all tests of a session, and a page for each test that reports every complaint."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser import chromium
from tests.browser.fake_api import FakeApi, serving

# A wait ends as soon as its condition holds. A busy machine may need long for a page.
WAIT_MS = 30_000
OPERATOR = "operator-token"
expect.set_options(timeout=WAIT_MS)


@dataclass
class Console:
    """A page of the console, and what the browser complains about."""

    page: Page
    api: FakeApi
    address: str
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    expected: str = "no complaint is expected"
    """Matches complaints that a test provokes, such as the browser's line about a status of 403."""

    def watch(self) -> None:
        self.page.set_default_timeout(WAIT_MS)
        self.page.on(
            "console", lambda line: self.complaints.append(line.text) if line.type in {"error", "warning"} else None
        )
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))

    def unexpected(self) -> list[str]:
        return [line for line in self.complaints if not re.search(self.expected, line)]

    def elsewhere(self) -> list[str]:
        """Requests to any other origin."""
        origin = "/".join(self.address.split("/")[:3])
        return [url for url in self.requests if not url.startswith((f"{origin}/", "data:"))]

    def open(self, view: str = "", token: str = OPERATOR) -> Page:
        """Open a view, logged in."""
        self.page.add_init_script(f"sessionStorage.setItem('mediarelay.token', '{token}')")
        self.page.goto(f"{self.address}/console#/{view}")
        self.page.wait_for_selector("main h1")
        expect(self.page.locator(".loading")).to_have_count(0)
        return self.page

    def overflow(self) -> int:
        """How many pixels the page is wider than the window."""
        return int(self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


@pytest.fixture(scope="session")
def api() -> FakeApi:
    return FakeApi()


@pytest.fixture(scope="session")
def address(api: FakeApi) -> Iterator[str]:
    with serving(api) as found:
        yield found


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if chromium.executable() is None:
        pytest.skip(chromium.MISSING)
    with chromium.browser() as started:
        yield started


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    opened = browser.new_context(viewport={"width": 1280, "height": 900}, locale="en-GB", timezone_id="Europe/Berlin")
    yield opened
    opened.close()


@pytest.fixture
def console(context: BrowserContext, api: FakeApi, address: str) -> Iterator[Console]:
    api.reset()
    api.asked.clear()
    opened = Console(context.new_page(), api, address)
    opened.watch()
    yield opened
    assert opened.unexpected() == []
    assert opened.elsewhere() == []
