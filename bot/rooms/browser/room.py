"""A meeting's page in a headless Chromium: the bot is a guest that everybody sees, and leaves nothing behind."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from bot.errors import RoomError, RoomNotUnderstood, RoomUnreachable, SettingsRefused
from bot.rooms.base import Clock, Held, Joined, Lost, RoomEvent
from bot.rooms.browser.egress import Egress
from bot.rooms.browser.frame_socket import FrameSocket
from bot.rooms.browser.hook import binding_name, hook_script
from bot.rooms.browser.launcher import BrowserOptions, browser_errors, check_browser, chromium
from bot.rooms.browser.page import Page
from bot.rooms.browser.people import PagePeople
from bot.rooms.browser.sites.api_secrets import read_site_secrets
from bot.rooms.browser.sites.base import Guest, Site, origin_of
from bot.rooms.browser.stay import Stay
from bot.rooms.notice import Announcer, Notice, notice_text, visible_name
from bot.rooms.remote_session import RemoteSession, WayBack
from dashboard_protocol.http.request_rules import LOOPBACK_NAMES
from dashboard_protocol.room_urls import Place

if TYPE_CHECKING:
    from playwright.async_api import BrowserContext

log = logging.getLogger(__name__)

LONGEST_RETRY_S = 10.0
OPEN_S = 60.0
LEAVE_S = 3.0
"""A page may take so long to say goodbye, and its document to go."""
WANT_EVERY_S = 3.0
"""How often a page is asked for other sizes of pictures."""


class BrowserRoom:
    """A page. It comes back by itself after a broken connection or browser, until it is left or sent away."""

    def __init__(
        self,
        site: Site,
        place: Place,
        *,
        clock: Clock,
        notice: Notice,
        options: BrowserOptions,
        relay_only: bool = False,
    ) -> None:
        """Describe the room; opens nothing.

        Args:
            site: The adapter of the address.
            place: The address.
            clock: The room's clock.
            notice: What the bot shows of itself.
            options: How this machine runs browsers.
            relay_only: Whether media go through the site's TURN servers only.

        Raises:
            SettingsRefused: It is no address of such a meeting, or the file of secrets cannot be read.
        """
        if place.scheme.endswith("+http") and place.host not in LOOPBACK_NAMES:
            raise SettingsRefused(f"{place.bare}: a page without TLS is opened on this machine only: write …+https")
        self._site = site
        self._place = place
        secret = read_site_secrets(options.site_secrets).get(place.host, "")
        self._guest = Guest(visible_name(notice.bot_name), secret)
        self._entrance = site.entrance(place, self._guest)
        self.name = place.name or place.host
        self._clock = clock
        self._notice = notice
        self._options = options
        self._relay_only = relay_only
        self._session_task = RemoteSession(self.name)
        self._people = PagePeople(self._publish)
        self._announcer: Announcer | None = None
        self._way_back = WayBack(LONGEST_RETRY_S)

    async def __aenter__(self) -> Self:
        check_browser(self._options)
        self._session_task, self._people = RemoteSession(self.name), PagePeople(self._publish)
        await self._session_task.begin(self._attend())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session_task.leave()

    def events(self) -> AsyncIterator[RoomEvent]:
        """Yield what happens; raises how the stay ended. One reader."""
        return self._session_task.events()

    async def _attend(self) -> None:
        """Stay in the meeting, and come back whenever page or browser break."""
        self._way_back.well()
        while True:
            stay = Stay(self._clock, self._people, self._publish)
            try:
                await self._stay_in(stay)
            except RoomUnreachable as error:
                pause_s = self._judge(error, was_in=stay.was_in)
            await asyncio.sleep(pause_s)

    def _judge(self, error: RoomUnreachable, *, was_in: bool) -> float:
        """Return how long to wait before the next try; raises where there is none."""
        if not self._session_task.is_answered:
            raise error
        if was_in:
            self._way_back.well()
        pause_s = self._way_back.pause_s(error)
        self._publish(Lost(str(error)))
        return pause_s

    def _publish(self, event: RoomEvent) -> None:
        self._session_task.publish(event)
        if isinstance(event, Joined) and self._announcer is not None:
            self._announcer.newcomer()
        if isinstance(event, Held):
            self._way_back.well()

    async def _stay_in(self, stay: Stay) -> None:
        """Start a browser, open the page and follow it; ends with the error that says why."""
        own = origin_of(self._place)
        default_port = 443 if self._place.scheme.endswith("https") else 80
        host = f"[{self._place.host}]" if ":" in self._place.host else self._place.host
        room_host = f"{host}:{self._place.port or default_port}"
        async with AsyncExitStack() as stack:
            stack.push_async_callback(stay.close)
            egress = await stack.enter_async_context(Egress(self._options.reached))
            socket = await stack.enter_async_context(FrameSocket(stay.take_frame, stay.take_look, stay.gone))
            stay.connect(socket)
            direct = [f"127.0.0.1:{socket.port}", room_host]
            context = await stack.enter_async_context(chromium(self._options, proxy_port=egress.port, direct=direct))
            page = await self._open(context, socket, own)
            try:
                await self._follow(stay, page)
            finally:
                await page.leave(LEAVE_S)

    async def _open(self, context: "BrowserContext", socket: FrameSocket, own: str) -> Page:
        """Open the meeting's page.

        Raises:
            RoomUnreachable: It cannot be opened, or not in time.
            RoomRefused: It is not there, or not for the bot.
        """
        binding = binding_name()
        hook = hook_script(self._notice, binding=binding, port=socket.port, relay_only=self._relay_only)
        try:
            async with asyncio.timeout(OPEN_S):
                with browser_errors():
                    await context.grant_permissions(["local-network-access"], origin=own)
                    return await Page.open(
                        context,
                        self._entrance.url,
                        bare=self._place.bare,
                        origins=frozenset({own}) | self._entrance.origins,
                        scripts=(hook, self._entrance.script),
                        binding=binding,
                        token=lambda is_main: socket.token(is_main=is_main),
                    )
        except TimeoutError as error:
            raise RoomUnreachable(f"the browser did not open {self._place.bare} within {OPEN_S:.0f} s") from error

    async def _follow(self, stay: Stay, page: Page) -> None:
        """Follow the page until something ends the stay, which is raised."""
        announcer = self._announcer = Announcer(lambda: stay.do(page.call("say", notice_text(self._notice))))
        who = {"name": self._guest.name, "notice": notice_text(self._notice)}
        stay.on_page(lambda: page.call("join", who, within_s=None))  # it may wait in a lobby
        works = [stay.watch(), self._want_sizes(page), _raise(page.broken)]
        tasks = [asyncio.create_task(work, name="page") for work in works]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            await done.pop()
        except RoomNotUnderstood as error:
            raise await self._explained(error, page) from error
        finally:
            announcer.close()
            self._announcer = None
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _explained(self, error: RoomError, page: Page) -> RoomNotUnderstood:
        """Say where and on which page something was not understood, and what may help."""
        title = await page.title()
        if self._options.debug_page is not None:
            await self._keep_texts(self._options.debug_page, page)
        hint = f"; {self._entrance.hint}" if self._entrance.hint else ""
        return RoomNotUnderstood(f"{self._place.bare} ({title!r}): {error}{hint}")

    async def _keep_texts(self, folder: Path, page: Page) -> None:
        if self._people.count:
            log.warning("the texts of the page are not kept: other people are in the meeting")
            return
        texts = await page.texts()
        try:
            await asyncio.to_thread(_write, folder, texts)
        except OSError as error:
            log.warning("the texts of the page cannot be kept in %s: %s", folder, error)

    async def _want_sizes(self, page: Page) -> None:
        """Have the page ask for pictures as large as they are needed."""
        wanted: dict[str, int] = {}
        while True:
            await asyncio.sleep(WANT_EVERY_S)
            if self._people.sizes != wanted:
                wanted = dict(self._people.sizes)
                await page.call("want", [{"person": person, "width": width} for person, width in wanted.items()])


def _write(folder: Path, texts: str) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    (folder / "page.json").write_text(texts, encoding="utf-8")


async def _raise(broken: "asyncio.Future[None]") -> None:
    await asyncio.shield(broken)
