"""The join page in a real browser with a made-up camera, publishing into a real local room."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, async_playwright
from starlette.applications import Starlette

from bot.privacy import self_service
from bot.rooms.base import Absence, CameraOff, CameraOn, Joined, Left, OptedIn, OptedOut, Participant
from bot.rooms.local import room as local_room
from bot.rooms.local.room import LocalRoom
from bot.rooms.notice import Notice
from dashboard_protocol.auth.links import Access
from tests.contracts.rooms import expect, routes_of
from tests.served import served

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream", "--no-sandbox", "--disable-quic",
    "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
NOTICE = Notice(
    bot_name="Ada",
    profile="individual",
    summary="Values of people who opted in leave the bot.",
    points=(("Computed", "Displayed expression"), ("Never", "Pictures, sound")),
    title="Biology <101>",
    offers_individual=True,
)
CONSENTS = Access(b"a secret of more than thirty-two bytes").consents


class Requests:
    """What the bot would carry out."""

    def __init__(self) -> None:
        self.out: set[str] = set()
        self.left_out: list[str] = []

    def is_read(self, participant: Participant) -> bool:
        return participant.id not in self.out and participant.name != "Out"

    def take(self, event: OptedOut | OptedIn) -> None:
        (self.out.add if isinstance(event, OptedOut) else self.out.discard)(event.participant.id)

    def leave_out(self, participant: Participant) -> None:
        self.left_out.append(participant.name)


pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.integration,
    pytest.mark.skipif(not Path(CHROMIUM).exists(), reason=f"{CHROMIUM} is not installed"),
]


@pytest.fixture
def room() -> LocalRoom:
    return LocalRoom("biology-101", clock=time.monotonic, notice=NOTICE, token="secret", consents=CONSENTS)


@pytest.fixture
def requests() -> Requests:
    return Requests()


@pytest_asyncio.fixture(loop_scope="module")
async def address(room: LocalRoom, requests: Requests) -> AsyncIterator[str]:
    own = self_service.routes(room, requests, lambda link: link == "lnk", lambda: "/rooms/r#t=seen")
    app = Starlette(routes=[*own, *routes_of(room)])
    async with served(app) as origin:
        yield f"{origin}/join/biology-101"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="module")
async def context(browser: Browser) -> AsyncIterator[BrowserContext]:
    context = await browser.new_context(viewport={"width": 390, "height": 844})
    yield context
    await context.close()


@pytest_asyncio.fixture(loop_scope="module")
async def page(context: BrowserContext, address: str) -> AsyncIterator[Page]:
    """The page as an invited person opens it; whatever the browser complains about fails the test."""
    page = await context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if is_complaint(message) else None)
    await page.goto(address + "#t=secret")
    yield page
    assert complaints == []


def is_complaint(message: ConsoleMessage) -> bool:
    """Return whether something is wrong.

    A room's 503 is shown by the page itself; a goodbye to a stay that the room has forgotten already is answered 404.
    Chromium logs both.
    """
    answered = ("status of 503", "status of 404", "status of 403")
    return message.type in ("error", "warning") and not any(status in message.text for status in answered)


async def join(page: Page, name: str) -> None:
    await page.get_by_label("Name", exact=True).fill(name)
    await page.get_by_role("button", name="Join").click()
    await page.get_by_text("You are in the room.").wait_for()


async def test_person_reads_the_notice_joins_leaves_and_comes_again(room: LocalRoom, page: Page) -> None:
    async with room:
        await page.get_by_text("Reads faces (classpulse) · Ada is in this room.").wait_for()
        assert await page.get_by_role("heading", level=1).inner_text() == "Biology <101>"
        assert await page.title() == "Join Biology <101> · classpulse"
        await page.get_by_text("What is computed").click()
        assert await page.get_by_text("Pictures, sound").is_visible()
        assert "secret" not in page.url
        events = room.events()
        await join(page, "Eve")
        first = (await expect(events, Joined)).participant
        assert (first.name, first.opted_in) == ("Eve", False)
        on = await expect(events, CameraOn)
        async with asyncio.timeout(30):
            async for frame in on.track.frames():
                if frame.width_px == 640:
                    assert frame.to_rgb().std() > 10
                    break
        assert await page.evaluate("document.getElementById('preview').videoWidth") == 640
        await page.get_by_role("button", name="Leave").click()
        assert await expect(events, Left) == Left(first, Absence.LEFT)
        await page.get_by_text("You have left the room.").wait_for()
        await page.get_by_role("button", name="Join again").click()
        assert (await expect(events, Joined)).participant.id != first.id


async def test_person_finds_the_privacy_page_and_while_in_the_room_what_her_teacher_sees(
    room: LocalRoom, page: Page
) -> None:
    room.notice = replace(NOTICE, shares_class=True, points=(("Opting out", "privacy page of this room"),))
    async with room:
        await page.reload()
        for link in (page.get_by_role("link", name="Privacy here"), page.locator("dd a")):
            assert str(await link.get_attribute("href")).endswith("/privacy/biology-101")
        seen = page.get_by_role("link", name="See what your teacher sees")
        assert not await seen.is_visible()
        await join(page, "Eve")
        await seen.wait_for()
        assert str(await seen.get_attribute("href")).endswith("/rooms/r#t=seen")
        assert await page.get_by_text("Nobody else’s picture is shown here").is_visible()
        assert await page.get_by_text("in a second tab too").is_visible()
        await page.get_by_role("button", name="Leave").click()
        await seen.wait_for(state="hidden")


async def test_camera_goes_off_and_on_while_the_person_stays(room: LocalRoom, page: Page) -> None:
    async with room:
        events = room.events()
        await join(page, "Eve")
        await expect(events, Joined)
        await expect(events, CameraOn)
        await page.get_by_role("button", name="Camera off").click()
        await page.get_by_text("Your camera is off.").wait_for()
        await expect(events, CameraOff)
        await page.get_by_role("button", name="Camera on").click()
        on = await expect(events, CameraOn)
        async with asyncio.timeout(30):
            await anext(on.track.frames())


async def test_person_may_agree_or_stay_unread_but_not_both(room: LocalRoom, page: Page) -> None:
    async with room:
        await page.get_by_label("I agree").check()
        await page.get_by_label("Do not read my face").check()
        assert not await page.get_by_label("I agree").is_checked()
        await join(page, "Eve")
        participant = (await expect(room.events(), Joined)).participant
        assert (participant.name, participant.opted_in) == ("Eve #optout", False)


async def test_agreement_reaches_the_room(room: LocalRoom, page: Page) -> None:
    async with room:
        await page.get_by_label("I agree").check()
        await join(page, "Eve")
        assert (await expect(room.events(), Joined)).participant.opted_in


async def test_person_stops_and_starts_being_read_while_she_is_there(
    room: LocalRoom, page: Page, requests: Requests
) -> None:
    async with room:
        await join(page, "Eve")
        participant = (await expect(room.events(), Joined)).participant
        box = page.get_by_label("Do not read my face")
        await box.check()
        await page.get_by_text("Your face is not read.").wait_for()
        assert requests.out == {participant.id}
        await box.uncheck()
        await page.get_by_text("You are in the room.", exact=True).wait_for()
        assert requests.out == set()


async def test_person_whose_name_is_unread_sees_so_and_is_read_only_after_she_says_so(
    room: LocalRoom, page: Page
) -> None:
    async with room:
        await page.get_by_label("Name", exact=True).fill("Out")
        await page.get_by_role("button", name="Join").click()
        await page.get_by_text("Your face is not read.").wait_for()
        box = page.get_by_label("Do not read my face")
        assert await box.is_checked()
        await box.click()
        await page.get_by_text("Your request did not reach the bot.").wait_for()
        assert await box.is_checked(), "the box says what is, not what was asked for"


async def test_consent_of_the_invitation_is_brought_along_only_if_the_person_ticks_the_box(
    room: LocalRoom, page: Page, context: BrowserContext, address: str
) -> None:
    async with room:
        events = room.events()
        invited = await context.new_page()
        await invited.goto(f"{address}#t=secret&c={CONSENTS.grant('biology-101', 'Zoë 李')}")
        name = invited.get_by_label("Name", exact=True)
        await invited.get_by_text("is in this room.").wait_for()
        assert (await name.input_value(), await invited.get_by_label("I agree").is_checked()) == ("Zoë 李", False)
        assert "#" not in invited.url
        await invited.get_by_role("button", name="Join").click()
        participant = (await expect(events, Joined)).participant
        assert (participant.name, participant.opted_in, participant.consent) == ("Zoë 李", False, None)
        await expect(events, CameraOn)
        await invited.get_by_role("button", name="Leave").click()
        await expect(events, Left)
        await invited.get_by_label("I agree").check()
        await invited.get_by_role("button", name="Join again").click()
        said = await expect(events, OptedIn)
        participant = (await expect(events, Joined)).participant
        assert participant == said.participant
        assert (participant.name, participant.opted_in) == ("Zoë 李", True)
        assert participant.consent is not None
        await expect(events, CameraOn)
        await invited.get_by_role("button", name="Leave").click()
        await expect(events, Left)
        await name.fill("Eve")
        await invited.get_by_role("button", name="Join again").click()
        await invited.get_by_text("Your consent does not hold for this name").wait_for()
        await invited.get_by_label("I agree").uncheck()
        await invited.get_by_role("button", name="Join again").click()
        assert not (await expect(events, Joined)).participant.opted_in


async def test_closed_tab_has_left(room: LocalRoom, page: Page) -> None:
    async with room:
        events = room.events()
        await join(page, "Eve")
        participant = (await expect(events, Joined)).participant
        await expect(events, CameraOn)
        await page.close()
        assert await expect(events, Left) == Left(participant, Absence.LEFT)


async def test_page_waits_for_the_bot_and_notices_when_it_leaves(room: LocalRoom, page: Page) -> None:
    await page.get_by_text("is not in this room now").wait_for()
    await page.get_by_role("button", name="Join").click()
    await page.get_by_text("The bot is not in biology-101").wait_for()
    async with room:
        await page.get_by_text("is in this room.").wait_for()
        await join(page, "Eve")
    # A bot that leaves during the handshake is missed only when the browser's own check of the connection expires.
    await page.get_by_text("The connection was lost").wait_for(timeout=45_000)
    async with room:
        await page.get_by_role("button", name="Join again").click()
        await page.get_by_text("You are in the room.").wait_for()


async def test_link_without_token_and_full_room_are_reported(
    room: LocalRoom, page: Page, context: BrowserContext, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with room:
        other = await (await context.browser.new_context()).new_page()  # type: ignore[union-attr]
        await other.goto(address)
        await other.get_by_role("button", name="Join").click()
        await other.get_by_text("This link does not open this room").wait_for()
        monkeypatch.setattr(local_room, "MAX_PUBLISHERS", 0)
        await page.get_by_role("button", name="Join").click()
        await page.get_by_text("biology-101 is full").wait_for()


async def test_missing_and_forbidden_cameras_are_reported(room: LocalRoom, page: Page) -> None:
    async with room:
        for error, text in (("NotFoundError", "No camera was found"), ("NotAllowedError", "may not use the camera")):
            await page.evaluate(
                "name => { navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('', name); } }",
                error,
            )
            await page.get_by_role("button", name="Join").click()
            await page.get_by_text(text).wait_for()
            assert await page.get_by_role("button", name="Join").is_enabled()


async def test_browser_that_offers_sound_first_sends_its_picture_all_the_same(room: LocalRoom, page: Page) -> None:
    """As other WHIP clients do: one bundle whose first section is audio."""
    async with room:
        directions = await page.evaluate(
            """async () => {
              const media = await navigator.mediaDevices.getUserMedia({ video: true });
              const peer = window.peer = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
              const [camera] = media.getVideoTracks();
              for (const source of ["audio", camera, "video"]) peer.addTransceiver(source, { direction: "sendonly" });
              peer.createDataChannel("chat");
              await peer.setLocalDescription();
              const headers = { "Content-Type": "application/sdp", Authorization: "Bearer secret" };
              const body = peer.localDescription.sdp;
              const response = await fetch("../whip/biology-101", { method: "POST", headers, body });
              await peer.setRemoteDescription({ type: "answer", sdp: await response.text() });
              return peer.getTransceivers().map((transceiver) => transceiver.currentDirection);
            }"""
        )
        assert directions == ["inactive", "sendonly"]
        events = room.events()
        await expect(events, Joined)
        on = await expect(events, CameraOn)
        async with asyncio.timeout(30):
            await anext(on.track.frames())


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_page_fits_a_phone_and_is_readable(room: LocalRoom, page: Page, scheme: str) -> None:
    await page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    async with room:
        await join(page, "Eve")
        assert await page.evaluate("document.documentElement.scrollWidth") <= 390
        small = await page.evaluate(
            "[...document.querySelectorAll('button')].filter(b => !b.hidden && b.offsetHeight < 44).length"
        )
        assert small == 0
        for selector in ("#bot", "#summary", ".note", "#status", "#leave"):
            assert await page.evaluate(CONTRAST, selector) >= 4.5, selector


CONTRAST = """(selector) => {
  const channel = (value) => (value /= 255) <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  const luminance = (color) => {
    const [red, green, blue] = color.match(/[\\d.]+/g).map(Number).map(channel);
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const element = document.querySelector(selector);
  let behind = element;
  while (getComputedStyle(behind).backgroundColor === "rgba(0, 0, 0, 0)") behind = behind.parentElement;
  const both = [getComputedStyle(element).color, getComputedStyle(behind).backgroundColor].map(luminance);
  return (Math.max(...both) + 0.05) / (Math.min(...both) + 0.05);
}"""


async def test_whoever_teaches_says_so_with_the_instructors_link(
    page: Page, room: LocalRoom, requests: Requests
) -> None:
    async with room:
        await page.get_by_label("I teach this class").check()
        await page.get_by_label("Your instructor's link").fill("https://class.example/rooms/r#t=wrong")
        await join(page, "Dr Öz")
        await page.get_by_text("This is not an instructor's link of this class").wait_for()
        assert requests.left_out == []
        await page.get_by_label("Your instructor's link").fill("https://class.example/rooms/r#t=lnk")
        await page.get_by_label("Your instructor's link").blur()
        await page.get_by_text("you are neither read nor counted").wait_for()
        assert requests.left_out == ["Dr Öz"]
        await page.get_by_role("button", name="Leave").click()
