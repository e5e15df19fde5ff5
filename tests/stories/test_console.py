"""The console in a real browser: from the first error to the last text handed back, at a desk and on a phone, by mouse and keyboard."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from local.cdk import NODE
from local.emulator.controls import ANSWER
from local.twilio import audio
from tests.stories.conftest import Deployed
from tests.stories.on_call import CALLER, ROOT, Outage, environ, outage

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

os.environ.setdefault("PLAYWRIGHT_NODEJS_PATH", str(NODE / "node"))  # one Node for everything: `local/setup.sh` removes Playwright's own
CHROMIUM = Path("/usr/bin/chromium")
AXE = ROOT / "node_modules/axe-core/axe.min.js"
OPTIONS = """--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update
--disable-sync --autoplay-policy=no-user-gesture-required""".split()
DESK, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
NARROWEST = {"width": 320, "height": 700}  #: WCAG 2.2, 1.4.10
PATIENCE = ANSWER * 1000  #: milliseconds
TEXTS, SAYS = ("Is my order ready?", "STOP", "Hello?"), "Hello, this is about my order. Please call me back today."

pytestmark = [
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not there: apt-get install --no-install-recommends chromium"),
    pytest.mark.skipif(not AXE.exists(), reason=f"{AXE} is not there: npm ci"),
]
Page = Any


@pytest.fixture(scope="module")
def night(deployed: Deployed) -> Outage:
    """An outage whose texts wait to be handed back."""
    return outage(deployed, *TEXTS, says=SAYS)


@contextmanager
def console(deployed: Deployed) -> Iterator[str]:
    """A console; its first URL, as the command prints it."""
    command = [sys.executable, "-m", "ops.cli", "console", "--no-open"]
    with subprocess.Popen(command, env=environ(deployed), cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            found = re.search(r"http://127\.0\.0\.1:\d+/\?token=\S+", process.stdout.readline())
            assert found
            yield found[0]
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def address(deployed: Deployed) -> Iterator[str]:
    """The console of these stories."""
    with console(deployed) as first:
        yield first


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    playwright.expect.set_options(timeout=PATIENCE)
    with playwright.sync_playwright() as browsers:
        browser = browsers.chromium.launch(executable_path=str(CHROMIUM), args=OPTIONS)
        yield browser
        browser.close()


class Walk:
    """One browser window, and what went wrong in it."""

    def __init__(self, chromium: Any, address: str, viewport: dict[str, int], scheme: str = "light") -> None:
        self.context = chromium.new_context(viewport=viewport, color_scheme=scheme)
        self.context.set_default_timeout(PATIENCE)
        self.page: Page = self.context.new_page()
        self.troubles: list[str] = []
        self.page.on("console", lambda message: self.troubles.append(message.text) if message.type == "error" else None)
        self.page.on("pageerror", lambda error: self.troubles.append(str(error)))
        self.page.on("request", lambda request: None if "//127.0.0.1:" in request.url else self.troubles.append(request.url))
        self.root = address.partition("?")[0]
        self.page.goto(address)

    def go(self, path: str) -> Page:
        self.page.goto(self.root.rstrip("/") + path)
        return self.page

    def violations(self) -> list[str]:
        """What axe-core finds on the page as it is (WCAG 2.2 AA and best practices)."""
        self.page.evaluate(AXE.read_text())
        found = self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
        return [f"{each['id']}: {node['html']}" for each in found for node in each["nodes"]]

    def overflows(self) -> bool:
        """Whether the page is wider than its window."""
        return bool(self.page.evaluate("document.documentElement.scrollWidth > window.innerWidth"))

    def close(self) -> None:
        self.context.close()
        assert self.troubles == []


@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["at a desk", "on a phone"])
def test_from_the_start_of_an_outage_to_the_last_text_handed_back(
    deployed: Deployed, address: str, chromium: Any, viewport: dict[str, int]
) -> None:
    """The whole night in one window: what fails, who called, what they said, and the texts go back."""
    night = outage(deployed, *TEXTS, says=SAYS)
    walk = Walk(chromium, address, viewport)
    page = walk.page
    assert "token" not in page.url, "the key does not stay in the address"
    playwright.expect(page.get_by_role("heading", name="Outage since")).to_be_visible()
    playwright.expect(page.get_by_text("are being answered")).to_be_visible()
    playwright.expect(page.get_by_role("img", name="Errors by code").first).to_be_visible()
    playwright.expect(page.get_by_text("The connection was refused")).to_be_visible()

    page.get_by_role("link", name="Calls", exact=True).click()
    page.get_by_label("part of the address").fill(night.port)
    page.get_by_role("button", name="Show", exact=True).click()
    playwright.expect(page.get_by_text("4 errors from")).to_be_visible()
    page.locator(f"a[href='/calls/{night.call.sid}']").click()
    playwright.expect(page.get_by_role("heading", name="the primary failed with 11202")).to_be_visible()
    playwright.expect(page.get_by_text(re.compile(r"by the rule at local\.toml:\d+")).first).to_be_visible()

    hear(walk, deployed, night)
    see_to_it(walk, night)
    hand_back(walk, night)
    walk.close()


def hear(walk: Walk, deployed: Deployed, night: Outage) -> None:
    """The voicemail plays in the page, as long as the file in the bucket."""
    [recording] = night.call.recordings
    page = walk.go("/voicemails")
    player = f"article#{recording.sid} audio"
    page.evaluate("selector => document.querySelector(selector).play()", player)
    page.wait_for_function("selector => document.querySelector(selector).currentTime > 0.2", arg=player)
    length = page.evaluate("selector => document.querySelector(selector).duration", player)
    [item] = [each for each in deployed.items(night.call.sid) if each["sk"]["S"].startswith("voicemail#")]
    stored = deployed.cloud.client("s3").get_object(Bucket=deployed.outputs.voicemail_bucket, Key=item["key"]["S"])["Body"].read()
    assert length == pytest.approx(audio.seconds(stored), abs=0.05)
    assert length == pytest.approx(recording.seconds, abs=1)


def see_to_it(walk: Walk, night: Outage) -> None:
    """The number is shown when asked for; the voicemail is acknowledged with a note."""
    [recording] = night.call.recordings
    page = walk.page
    assert CALLER not in page.content()
    page.get_by_role("button", name="Show numbers").click()
    card = page.locator(f"article#{recording.sid}")
    playwright.expect(card.get_by_role("link", name=CALLER)).to_have_attribute("href", f"tel:{CALLER}")
    page.get_by_role("button", name="Mask numbers").click()
    card.get_by_label("your name").fill("Kim")
    card.get_by_label("note").fill("called back")
    card.get_by_role("button", name="Seen to").click()
    playwright.expect(page.locator(f"article#{recording.sid}")).to_have_count(0)
    walk.go("/voicemails?since=1h")
    playwright.expect(page.locator(f"article#{recording.sid}")).to_contain_text("heard by Kim: “called back”")


def hand_back(walk: Walk, night: Outage) -> None:
    """Refused while the primary is down; once it is back, previewed, sent, followed to its end."""
    page = walk.go(f"/replay?since=1h&url={night.port}")
    page.get_by_role("button", name="Hand 3 messages back").click()
    playwright.expect(page.get_by_text("the primary is not well yet")).to_be_visible()
    with night.over() as primary:
        walk.go(f"/replay?since=1h&url={night.port}")
        page.get_by_role("button", name="Hand 3 messages back").click()
        playwright.expect(page.get_by_role("heading", name="Handed back 3 of 3")).to_be_visible()
        posted = [received.form["Body"] for received in primary.received if received.method == "POST"]
    assert posted == ["STOP", "Is my order ready?", "Hello?"]
    walk.go(f"/replay?since=1h&url={night.port}")
    playwright.expect(page.get_by_text("handed back before")).to_be_visible()


@pytest.mark.parametrize(("viewport", "scheme"), [(DESK, "light"), (DESK, "dark"), (PHONE, "light"), (PHONE, "dark")])
def test_every_page_can_be_read_by_everybody_on_every_screen(
    night: Outage, address: str, chromium: Any, viewport: dict[str, int], scheme: str
) -> None:
    """axe-core finds nothing, nothing is wider than the screen, and no page loads anything from elsewhere or breaks its policy."""
    walk = Walk(chromium, address, viewport, scheme)
    [recording] = night.call.recordings
    paths = ("/", "/?since=1d", "/calls?since=1h", f"/calls/{night.call.sid}", "/voicemails?since=1h", "/replay?since=1h", "/replay?done")
    for path in paths:
        walk.go(path)
        assert walk.violations() == [], path
        assert not walk.overflows(), path
    walk.page.set_viewport_size(NARROWEST)
    assert not [path for path in paths if walk.go(path) and walk.overflows()]
    assert recording.sid
    walk.close()


def test_a_mistake_can_be_read_by_everybody(night: Outage, address: str, chromium: Any) -> None:
    """A sentence, not a blank page; on a phone too."""
    walk = Walk(chromium, address, PHONE)
    for path, sentence in (("/calls?since=soon", "write it as 90m, 2h"), (f"/calls/CA{'0' * 32}", "it never reached the fallback")):
        playwright.expect(walk.go(path).get_by_role("alert")).to_contain_text(sentence)
        assert walk.violations() == [], path
    walk.troubles.clear()  # the browser reports each status 4xx
    walk.close()


def test_it_works_by_keyboard(night: Outage, address: str, chromium: Any) -> None:
    """The first key leads past the navigation; every page is a few keys away; the focus can be seen."""
    walk = Walk(chromium, address, DESK)
    page = walk.page
    page.keyboard.press("Tab")
    playwright.expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    playwright.expect(page.locator("main")).to_be_focused()
    walk.go("/")
    for _ in range(4):
        page.keyboard.press("Tab")
    playwright.expect(page.get_by_role("link", name="Voicemails", exact=True)).to_be_focused()
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline != "none"
    page.keyboard.press("Enter")
    playwright.expect(page.get_by_role("heading", name="Voicemails")).to_be_visible()
    walk.close()


def test_it_refreshes_itself_and_leaves_alone_what_is_open(deployed: Deployed, night: Outage, address: str, chromium: Any) -> None:
    """A new call shows up without anybody's doing; an opened table stays open, typed words stay."""
    walk = Walk(chromium, address, DESK)
    page = walk.go("/?since=1h")
    page.get_by_text("The figures as a table").click()
    before, figures = page.locator(".headline p").first.inner_text(), page.locator("details tbody").inner_text()
    outage(deployed)
    playwright.expect(page.locator(".headline p").first).not_to_have_text(before)
    assert page.locator("details").evaluate("element => element.open")
    assert page.locator("details tbody").inner_text() != figures, "what is open follows"
    page.get_by_role("link", name="Pause").click()
    playwright.expect(page.get_by_text("Paused at")).to_be_visible()
    walk.close()


def test_a_form_half_filled_in_stays_until_somebody_else_sees_to_the_voicemail(deployed: Deployed, address: str, chromium: Any) -> None:
    """No outdated button, and no word typed twice."""
    [recording] = outage(deployed, says=SAYS).call.recordings
    mine, theirs = Walk(chromium, address, DESK), Walk(chromium, address, DESK)
    card = f"article#{recording.sid}"
    form = mine.go("/voicemails?since=1h").locator(card)
    form.get_by_label("note").fill("half a")
    with mine.page.expect_response(re.compile("/voicemails")):
        pass  # it looks again by itself
    playwright.expect(form.get_by_label("note")).to_have_value("half a")
    theirs.go("/voicemails?since=1h").locator(card).get_by_role("button", name="Seen to").click()
    playwright.expect(form.get_by_role("button", name="Let it wait again")).to_be_visible()
    playwright.expect(form.get_by_label("note")).to_have_count(0)
    mine.close()
    theirs.close()


def test_a_player_without_audio_says_why(deployed: Deployed, address: str, chromium: Any) -> None:
    """A grey bar says nothing; it is looked up once, however often somebody presses the button."""
    night = outage(deployed, says=SAYS)
    [recording] = night.call.recordings
    [item] = [each for each in deployed.items(night.call.sid) if each["sk"]["S"].startswith("voicemail#")]
    deployed.cloud.client("s3").delete_object(Bucket=deployed.outputs.voicemail_bucket, Key=item["key"]["S"])
    walk = Walk(chromium, address, PHONE)
    page = walk.go(f"/calls/{night.call.sid}")
    looked_up: list[str] = []
    page.on("request", lambda request: looked_up.append(request.url) if request.resource_type == "fetch" else None)
    for _ in range(2):
        page.evaluate("document.querySelector('audio').load(), document.querySelector('audio').play().catch(() => 0)")
        playwright.expect(page.locator(f"article#{recording.sid}").get_by_role("alert")).to_contain_text("is gone")
    assert [url for url in looked_up if url.endswith("/audio")] == [page.locator("audio").evaluate("player => player.src")]
    assert walk.violations() == []
    walk.troubles.clear()  # the browser reports each status 5xx
    walk.close()


def test_a_page_that_cannot_look_again_says_that_it_is_old(deployed: Deployed, chromium: Any) -> None:
    """It would say "no outage" for the rest of the night."""
    with console(deployed) as first:
        walk = Walk(chromium, first, PHONE)
        playwright.expect(walk.page.get_by_role("alert")).to_have_count(0)
    playwright.expect(walk.page.get_by_role("alert")).to_contain_text("This page is old")
    assert walk.violations() == []
    assert walk.troubles, "the browser could not connect"
    walk.troubles.clear()
    walk.close()


def test_strangers_see_nothing(address: str, chromium: Any) -> None:
    """Without the first URL there is no page, not even on the same machine."""
    context = chromium.new_context()
    page = context.new_page()
    answer = page.goto(address.partition("?")[0])
    assert answer.status == 403
    assert "Outage" not in page.content()
    context.close()
