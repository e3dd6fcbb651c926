"""What an operator does with the console: log in, find, open, replay, repair."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser import samples
from tests.browser.conftest import Console
from tests.browser.samples import FAILED_VID, HOSTILE, HOSTILE_VID, QUEUE, SUBMISSION, VID

REFUSED = "403"
UNAVAILABLE = "503|404"


# ── login ──


def test_an_unknown_token_is_refused_and_not_kept(console: Console) -> None:
    console.expected = REFUSED
    page = console.page
    page.goto(f"{console.address}/console")
    page.get_by_label("Bearer token").fill("mistyped")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_contain_text("does not know this token")
    assert page.evaluate("sessionStorage.length + localStorage.length") == 0


def test_a_known_token_opens_the_address_that_was_asked_for(console: Console) -> None:
    page = console.page
    page.goto(f"{console.address}/console#/circuits")
    page.get_by_label("Bearer token").fill(" operator-token ")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Circuits")
    assert page.evaluate("sessionStorage.getItem('mediarelay.token')") == "operator-token"
    assert page.evaluate("localStorage.length") == 0
    assert "token" not in page.url


def test_a_token_that_no_header_can_carry_is_an_unknown_token(console: Console) -> None:
    page = console.page
    page.goto(f"{console.address}/console")
    page.get_by_label("Bearer token").fill("tökén 中")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_contain_text("does not know this token")


def test_blocked_storage_costs_the_token_at_a_reload_only(console: Console) -> None:
    page = console.page
    blocked = "Object.defineProperty(window, '{}', {{ get() {{ throw new DOMException('x', 'SecurityError'); }} }});"
    page.add_init_script(blocked.format("sessionStorage") + blocked.format("localStorage"))
    page.goto(f"{console.address}/console")
    page.get_by_label("Bearer token").fill("operator-token")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
    page.locator("[data-theme-switch]").first.click()
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_label("Bearer token")).to_be_visible()


@pytest.mark.parametrize("body", ["<html>Sign in</html>", "null", "[]", "7", ""])
def test_the_page_of_a_proxy_is_no_empty_list(console: Console, body: str) -> None:
    page = console.open()
    page.route("**/tasks?*", lambda route: route.fulfill(status=200, body=body))
    page.get_by_role("link", name="Tasks", exact=True).click()
    expect(page.locator("main")).to_contain_text("The answer is not one of Mediarelay")


def test_logging_out_forgets_the_token(console: Console) -> None:
    page = console.open()
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_label("Bearer token")).to_be_visible()
    assert page.evaluate("sessionStorage.getItem('mediarelay.token')") is None


def test_a_token_that_is_refused_later_leads_back_to_the_login(console: Console) -> None:
    console.expected = REFUSED
    page = console.open()
    page.evaluate("sessionStorage.setItem('mediarelay.token', 'rotated')")
    # Not by a click: the view may load again, and lead to the login, before the browser reaches the link.
    page.evaluate("location.hash = '#/tasks'")
    expect(page.get_by_role("alert")).to_contain_text("does not know this token")


@pytest.mark.parametrize(
    ("token", "view", "scope"), [("reader-token", "quarantine", "admin"), ("submitter-token", "", "read")]
)
def test_a_missing_scope_is_named(console: Console, token: str, view: str, scope: str) -> None:
    console.expected = REFUSED
    page = console.page
    page.add_init_script(f"sessionStorage.setItem('mediarelay.token', '{token}')")
    page.goto(f"{console.address}/console#/{view}")
    expect(page.get_by_role("alert")).to_have_text(f"The token lacks the scope {scope}.")


def test_a_reader_may_go_on_after_a_view_that_needs_more(console: Console) -> None:
    console.expected = REFUSED
    page = console.open("tasks", token="reader-token")
    page.get_by_role("link", name="Dead letters").click()
    page.get_by_role("button", name="Continue with the current token").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")


# ── overview ──


def test_the_overview_says_what_is_wrong_and_links_to_the_runbook(console: Console) -> None:
    page = console.open()
    expect(page.locator(".notice.error")).to_contain_text("12 messages wait in the dead-letter queue")
    link = page.locator(".notice.error").get_by_role("link", name="Runbook")
    assert link.get_attribute("href") == f"{console.address}/docs/runbook#confirmdeadlettersalarm"
    page.goto(str(link.get_attribute("href")))
    expect(page.locator("#confirmdeadlettersalarm")).to_be_in_viewport()


def test_the_chart_says_over_what_it_counts(console: Console) -> None:
    page = console.open()
    count = sum("outcome_at" in task for task in console.api.tasks)
    expect(page.get_by_text(f"{count} outcomes", exact=True)).to_be_visible()
    shown = [int(text) for text in page.locator(".legend strong").all_text_contents()]
    assert sum(shown) == count
    console.api.tasks = samples.listed_tasks(console.api.started, 1500)
    page.get_by_label("Range").select_option("7d")
    expect(page.get_by_text("Only the latest 1,000 outcomes, since")).to_be_visible()


def test_an_outage_is_shown_and_passes(console: Console) -> None:
    console.expected = UNAVAILABLE
    console.api.down = True
    page = console.open("tasks")
    expect(page.get_by_role("alert")).to_contain_text("The ledger is unavailable")
    expect(page.get_by_role("alert")).to_contain_text("Request req-503")
    console.api.down = False
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("tbody tr")).to_have_count(50)


# ── tasks ──


def test_filters_are_in_the_address_and_the_back_button_undoes_them(console: Console) -> None:
    page = console.open("tasks")
    page.get_by_label("State").select_option("failed,lost")
    expect(page.locator("tbody .state").first).to_have_text(re.compile("failed|lost"))
    assert "state=failed%2Clost" in page.url
    page.get_by_label("Kind").select_option("audio")
    expect(page).to_have_url(re.compile("kind=audio"))
    page.go_back()
    expect(page).not_to_have_url(re.compile("kind=audio"))
    page.go_back()
    expect(page.locator("tbody .state").first).to_have_text("expected")


def test_pages_lead_forwards_and_back(console: Console) -> None:
    page = console.open("tasks")
    first = page.locator("tbody a").first.get_attribute("href")
    page.get_by_role("button", name="Next page").click()
    expect(page.locator("tbody a").first).not_to_have_attribute("href", str(first))
    page.get_by_role("button", name="First page").click()
    expect(page.locator("tbody a").first).to_have_attribute("href", str(first))


def test_search_narrows_the_page_and_asks_the_ledger(console: Console) -> None:
    page = console.open("tasks")
    search = page.get_by_role("searchbox")
    search.fill("-0012.")
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_role("combobox", name="By", exact=True).select_option("url")
    url = console.api.tasks[500]["url"]
    search.fill(url)
    search.press("Enter")
    expect(page.locator("tbody tr")).to_have_count(1)
    assert "url=http" in page.url
    page.get_by_role("button", name="Clear filters").click()
    page.get_by_role("combobox", name="By", exact=True).select_option("vid")
    search.fill(FAILED_VID)
    search.press("Enter")
    expect(page.locator(".id")).to_have_text(FAILED_VID)


def test_a_task_shows_what_happened_and_what_happens_next(console: Console) -> None:
    page = console.open(f"tasks/{console.api.tasks[0]['vid']}")
    expect(page.locator(".lead")).to_contain_text("Mediarelay queries the provider in")
    expect(page.locator(".timeline li")).to_have_count(4)
    page.goto(f"{console.address}/console#/tasks/{FAILED_VID}")
    expect(page.get_by_text("invalid frame header")).to_be_visible()
    expect(page.get_by_text("The provider settled it: failed.")).to_be_visible()
    time = page.locator(".timeline time").first
    assert "UTC" in str(time.get_attribute("title"))


def test_an_unknown_task_is_an_error_with_its_request(console: Console) -> None:
    console.expected = UNAVAILABLE
    page = console.open("tasks/none")
    expect(page.get_by_role("alert")).to_contain_text("No such task")
    expect(page.get_by_role("alert")).to_contain_text("req-404")


def test_a_replay_is_confirmed_first(console: Console) -> None:
    page = console.open(f"tasks/{VID}")
    page.get_by_role("button", name="Replay").click()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert console.api.posted == []
    expect(page.get_by_role("button", name="Replay")).to_be_focused()
    page.get_by_role("button", name="Replay").click()
    page.get_by_role("dialog").get_by_role("button", name="Replay").click()
    expect(page.locator(".toast")).to_contain_text("Mediarelay has stored the replay")
    assert console.api.posted == [(f"/tasks/{VID}/replay", {})]


def test_previews_are_loaded_on_request_only(console: Console) -> None:
    console.expected = UNAVAILABLE
    page = console.open(f"tasks/{VID}")
    expect(page.locator("video, audio, main img")).to_have_count(0)
    origin = "/".join(console.address.split("/")[:3])
    page.evaluate("address => sessionStorage.setItem('mediarelay.media', address)", f"{origin}/cos/")
    page.get_by_role("button", name="Show previews").click()
    image = page.get_by_alt_text("Preview of 0_0")
    expect(image).to_be_visible()
    assert image.evaluate("image => image.decode().then(() => image.naturalWidth)") == 320
    playable = "media => media.readyState >= 1 || new Promise(done => { media.onloadedmetadata = () => done(true); })"
    assert page.get_by_label("Preview of f20").evaluate(playable)
    assert page.get_by_label("Preview of 128000_mp3").evaluate(playable)
    expect(page.get_by_text("This browser cannot reach or play the file")).to_have_count(1)
    assert any("/cos/clips-1250000000.cossh.myqcloud.com/out/keynote.f20.mp4" in url for url in console.requests)


# ── the rest ──


def test_songs_count_down(console: Console) -> None:
    console.page.clock.install()
    page = console.open("songs?room=room-7")
    lyrics = page.locator(".countdowns div", has_text="Lyrics").locator("dd")
    expect(lyrics).to_have_text("00:00:45")
    page.clock.fast_forward(5000)
    expect(lyrics).to_have_text("00:00:40")
    page.clock.fast_forward(8000)
    expect(lyrics).to_have_text("00:00:32")


def test_a_redrive_is_confirmed_and_reported(console: Console) -> None:
    page = console.open("dead-letters")
    page.get_by_role("link", name=QUEUE).click()
    expect(page.locator("tbody tr")).to_have_count(6)
    page.get_by_role("button", name="Redrive").click()
    page.get_by_role("dialog").get_by_role("button", name="Redrive").click()
    expect(page.locator(".toast")).to_contain_text("Mediarelay moved 12 messages; 0 remain.")


def test_a_queue_that_cannot_be_redriven_says_so(console: Console) -> None:
    console.expected = "409"
    page = console.open("dead-letters/DispatchDeadLetters")
    page.get_by_role("button", name="Redrive").click()
    page.get_by_role("dialog").get_by_role("button", name="Redrive").click()
    expect(page.get_by_role("alert")).to_contain_text("not_redrivable")


def test_a_purge_needs_the_name_of_the_queue(console: Console) -> None:
    page = console.open(f"dead-letters/{QUEUE}")
    page.get_by_role("button", name="Purge").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox").fill("ConfirmDeadLetter")
    dialog.get_by_role("button", name="Delete all").click()
    assert console.api.posted == []
    dialog.get_by_role("textbox").fill(QUEUE)
    dialog.get_by_role("button", name="Delete all").click()
    expect(page.locator(".toast")).to_contain_text("Mediarelay deleted 12 messages.")
    assert console.api.posted == [(f"/dead-letters/{QUEUE}/purge", {"confirm": QUEUE})]


def test_a_circuit_is_closed(console: Console) -> None:
    page = console.open("circuits")
    page.locator("tr", has_text="mps:DescribeTaskDetail").get_by_role("button", name="Close").click()
    page.get_by_role("dialog").get_by_role("button", name="Close the circuit").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    assert console.api.posted == [("/circuits/mps%3ADescribeTaskDetail/close", {})]


def test_an_endpoint_is_enabled_and_its_deliveries_are_listed(console: Console) -> None:
    page = console.open("webhooks")
    page.locator("tr", has_text="search").get_by_role("button", name="Enable").click()
    expect(page.locator("tr", has_text="search").locator(".state")).to_have_text("enabled")
    page.get_by_role("link", name="billing", exact=True).click()
    expect(page.get_by_text("timeout after 10 s")).to_be_visible()


def test_the_quarantine_is_read_again(console: Console) -> None:
    page = console.open("quarantine")
    expect(page.locator("tbody tr")).to_have_count(3)
    page.get_by_role("button", name="Read the day again").click()
    page.get_by_role("dialog").get_by_role("button", name="Read again").click()
    expect(page.locator(".toast")).to_contain_text("Mediarelay stored 2 bodies; 1 are still unreadable.")


def test_a_submission_is_cancelled(console: Console) -> None:
    page = console.open("submissions?state=queued")
    expect(page.locator("tbody tr")).to_have_count(3)
    page.locator("tbody a").first.click()
    expect(page.locator(".id")).to_have_text(SUBMISSION)
    page.get_by_role("button", name="Cancel the submission").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel the submission").click()
    expect(page.locator(".toast")).to_contain_text("The submission is cancelled.")


def test_a_bulk_replay_is_stopped(console: Console) -> None:
    page = console.open("replays")
    page.get_by_role("button", name="Stop").click()
    page.get_by_role("dialog").get_by_role("button", name="Stop the replay").click()
    expect(page.locator("tbody .state").first).to_have_text("stopped")
    expect(page.get_by_role("button", name="Stop")).to_have_count(0)


def test_what_is_stuck_leads_to_the_task(console: Console) -> None:
    page = console.open("stuck")
    row = page.locator("tr", has_text="The circuit of mps:DescribeTaskDetail is open.")
    expect(row).to_contain_text("1 min 35 s")
    row.get_by_role("link").click()
    expect(page.locator(".id")).to_have_text(VID)


def test_events_come_without_a_click_and_wait_in_a_hidden_tab(console: Console) -> None:
    console.page.clock.install()
    page = console.open("events")
    count = page.locator(".timeline li").count()
    page.evaluate("Object.defineProperty(document, 'hidden', {value: true, configurable: true})")
    console.api.events.append(samples.event(999, samples.now(), console.api.tasks[0]))
    asked = len(console.api.asked)
    page.clock.run_for(20_000)
    assert len(console.api.asked) == asked
    page.evaluate("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))")
    page.clock.run_for(1000)
    expect(page.locator(".timeline li")).to_have_count(count + 1)
    expect(page.locator(".unseen[role=status]")).to_have_text("1 new events")


def test_a_refresh_keeps_focus_scroll_and_what_is_open(console: Console) -> None:
    console.page.clock.install()
    page = console.open("tasks")
    page.locator("tbody a").nth(30).focus()
    before = page.evaluate("[scrollY, document.activeElement.href]")
    console.api.tasks.insert(0, samples.listed_task(9000, samples.now(), "pending"))
    page.clock.run_for(11_000)
    expect(page.locator("tbody a").first).to_have_attribute("href", f"#/tasks/{samples.vid_of(9000)}")
    after = page.evaluate("[scrollY, document.activeElement.href]")
    assert after[1] == before[1]
    assert before[0] > 0
    assert abs(after[0] - before[0]) < 80, "the browser holds the focused row, which may move by one row"


# ── texts that nobody trusts ──


def test_hostile_texts_are_shown_as_texts(console: Console) -> None:
    page = console.open(f"tasks/{HOSTILE_VID}")
    text = page.locator("main").inner_text()
    assert HOSTILE[0] in text
    assert "\\u202egnp.exe\\u2066" in text
    assert "bell\\u0007 escape\\u001b[31m null\\u0000 end" in text
    assert "… (10240 characters)" in text
    assert not set("\u202e\u2066\x07\x1b") & set(text)
    assert page.locator("main script, main img, a[href^='javascript:']").count() == 0
    assert page.title() != "owned"


@pytest.mark.parametrize(
    "view",
    ["tasks", "stuck", "songs?room=room-7", "quarantine", f"dead-letters/{QUEUE}", "webhooks", "webhooks/billing"],
)
def test_no_view_makes_markup_or_links_of_hostile_texts(console: Console, view: str) -> None:
    page = console.open(view)
    for summary in page.locator("main details > summary").all():
        summary.click()
    assert page.locator("main script, main img, a[href^='javascript:']").count() == 0
    assert page.title() != "owned"


def test_the_browser_refuses_markup_from_text(console: Console) -> None:
    console.expected = "TrustedHTML|script-src|Content Security Policy|inline"
    page = console.open()
    refused = page.evaluate(
        "() => { try { document.body.innerHTML = '<b>x</b>'; return ''; } catch (error) { return error.name; } }"
    )
    assert refused == "TypeError"


# ── keyboard ──


def test_the_keyboard_alone_finds_and_opens_a_task(console: Console) -> None:
    page = console.open("tasks")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("failed")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    target = page.locator("tbody a").nth(1)
    expect(target).to_be_focused()
    assert target.evaluate("link => getComputedStyle(link).outlineStyle") == "solid"
    page.keyboard.press("ArrowUp")
    expect(page.locator("tbody a").first).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Task")
    expect(page.get_by_role("heading", level=1)).to_be_focused()
