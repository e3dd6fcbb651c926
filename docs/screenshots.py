"""`python -m docs.screenshots`: take the pictures of the console in docs/images, with sample data."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Page

from tests.browser import chromium, samples
from tests.browser.fake_api import FakeApi, serving
from tests.browser.samples import VID

IMAGES = Path(__file__).resolve().parent / "images"
DESKTOP, PHONE = (1280, 860), (360, 740)
# A picture is in the player once the browser has decoded it.
DECODED = "video => video.readyState > 1 || new Promise(done => { video.onloadeddata = done; }).then(() => true)"
LOG_IN = "sessionStorage.setItem('mediarelay.token', 'operator-token')"


@dataclass(frozen=True, slots=True)
class Picture:
    """A view as it looks in a theme and a window, `size` being width and height in CSS pixels."""

    name: str
    view: str
    theme: Literal["light", "dark"] = "light"
    size: tuple[int, int] = DESKTOP
    previews: bool = False


PICTURES = (
    Picture("console-overview-light", ""),
    Picture("console-overview-dark", "", theme="dark"),
    Picture("console-overview-phone", "", size=PHONE),
    Picture("console-tasks-light", "tasks"),
    Picture("console-task-dark", f"tasks/{VID}", theme="dark", previews=True),
    Picture("console-stuck-light", "stuck"),
    Picture("console-songs-phone", "songs?room=room-7", theme="dark", size=PHONE),
)


def take(browser: Browser, address: str, picture: Picture) -> None:
    """Write one picture."""
    width, height = picture.size
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=picture.theme, locale="en-GB", timezone_id="UTC"
    )
    page = context.new_page()
    origin = "/".join(address.split("/")[:3])
    page.add_init_script(f"{LOG_IN}; sessionStorage.setItem('mediarelay.media', '{origin}/cos/')")
    page.goto(f"{address}/console#/{picture.view}")
    _wait(page)
    if picture.previews:
        page.get_by_role("button", name="Show previews").click()
        page.get_by_alt_text("Preview of 0_0").scroll_into_view_if_needed()
        page.locator("video").first.evaluate(DECODED)
        page.evaluate("scrollTo(0, 0)")
    page.screenshot(path=IMAGES / f"{picture.name}.png", full_page=picture.previews)
    context.close()


def _wait(page: Page) -> None:
    page.wait_for_selector(".health")
    page.wait_for_selector(".loading", state="detached")


def main() -> int:
    """Take all pictures. Return the exit code: 1 if this machine has no browser."""
    if chromium.executable() is None:
        sys.stderr.write(f"{chromium.MISSING}\n")
        return 1
    IMAGES.mkdir(exist_ok=True)
    # The tests send markup as texts. A picture of it would puzzle a reader.
    samples.HOSTILE = ("The item cannot be read.",) * len(samples.HOSTILE)
    with serving(FakeApi()) as address, chromium.browser() as browser:
        for picture in PICTURES:
            take(browser, address, picture)
            sys.stdout.write(f"docs/images/{picture.name}.png\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
