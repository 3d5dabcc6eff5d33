"""A page as the bot's hook looks at it, and nothing behind it: for tests of what an adapter's script says."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress

from bot.errors import RoomError
from bot.rooms.browser.egress import Egress
from bot.rooms.browser.frame_socket import Document, FrameSocket
from bot.rooms.browser.hook import binding_name, hook_script
from bot.rooms.browser.launcher import BrowserOptions, chromium
from bot.rooms.browser.page import Page
from bot.rooms.browser.site_state import Look, Said
from bot.rooms.browser.sites.base import Guest, origin_of
from bot.rooms.browser.sites.registry import site_of
from bot.rooms.notice import Notice, visible_name
from dashboard_protocol.room_urls import read_room

NOTICE = Notice(bot_name="Ada", profile="presence", summary="Counts only.")
PATIENCE_S = 30.0


class Looks:
    """What the page said last."""

    def __init__(self) -> None:
        self.page: asyncio.Future[Page] = asyncio.get_running_loop().create_future()
        self.said: Said | None = None
        self._news = asyncio.Condition()

    async def until(self, holds: Callable[[Said], object]) -> Said:
        """Wait until the page says something that a test waits for; fails with what it says instead."""
        try:
            async with asyncio.timeout(PATIENCE_S), self._news:
                await self._news.wait_for(lambda: self.said is not None and holds(self.said))
        except TimeoutError:
            raise AssertionError(self.said) from None
        assert self.said is not None
        return self.said

    async def take(self, said: Said) -> None:
        """Note what it says now."""
        async with self._news:
            self.said = said
            self._news.notify_all()


@asynccontextmanager
async def looking(url: str) -> AsyncIterator[Looks]:
    """Open a page with the hook and its adapter's script, and have it join."""
    (place,) = read_room(url).places
    site = site_of(place)
    assert site is not None
    entrance = site.entrance(place, Guest(visible_name(NOTICE.bot_name)))
    looks = Looks()
    newest: list[Document] = []
    tasks: set[asyncio.Task[object]] = set()

    def spawn(work: Coroutine[None, None, object]) -> None:
        task = asyncio.create_task(work)
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    async def join() -> None:
        with suppress(RoomError):  # a page that is loaded anew breaks it off
            await (await looks.page).call("join", {"name": "", "notice": ""}, within_s=None)

    def look(document: Document, look: Look) -> None:
        if newest and document.number < newest[0].number:
            return
        if not newest or document is not newest[0]:
            newest[:] = [document]
            spawn(join())
        if look.said is not None:
            spawn(looks.take(look.said))

    async with AsyncExitStack() as stack:
        egress = await stack.enter_async_context(Egress(()))
        socket = FrameSocket(lambda *frame: None, look, lambda document, bug: None)
        await stack.enter_async_context(socket)
        direct = [f"127.0.0.1:{socket.port}", f"{place.host}:{place.port}"]
        context = await stack.enter_async_context(chromium(BrowserOptions(), proxy_port=egress.port, direct=direct))
        await context.grant_permissions(["local-network-access"], origin=origin_of(place))
        binding = binding_name()
        page = await Page.open(
            context,
            entrance.url,
            bare=place.bare,
            origins=frozenset({origin_of(place)}),
            scripts=(hook_script(NOTICE, binding=binding, port=socket.port), entrance.script),
            binding=binding,
            token=lambda is_main: socket.token(is_main=is_main),
        )
        looks.page.set_result(page)
        yield looks
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
