"""The one page of the bot's browser: opened, kept where it was opened, asked, left; whatever ends it is one error."""

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from bot.errors import RoomError, RoomNotUnderstood, RoomRefused, RoomUnreachable
from bot.rooms.browser.launcher import first_line

if TYPE_CHECKING:
    from playwright.async_api import BrowserContext, CDPSession, Frame
    from playwright.async_api import Page as Tab

log = logging.getLogger(__name__)

LOAD_S = 30.0
CALL_S = 15.0
MOST_TEXT = 100_000
"""Characters of a page's texts that are kept for whoever mends an adapter."""
INNER = ("about", "blob", "data")
"""Schemes of documents that come from nowhere."""
CALL = """async ([name, argument]) => {
  const page = window.classpulse;
  return typeof page?.[name] === "function" ? { answer: (await page[name](argument)) ?? null } : null;
}"""


def origin(url: str) -> str:
    """Return the origin of a URL as browsers write it; its scheme alone where it has no host."""
    parts = urlsplit(url)
    usual = {"http": 80, "https": 443}.get(parts.scheme)
    try:
        port = "" if parts.port in (None, usual) else f":{parts.port}"
    except ValueError:
        return parts.scheme
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{host}{port}" if host else parts.scheme


class Page:
    """Open it with `open`. `broken` raises what ended it."""

    def __init__(self, tab: "Tab", guard: "CDPSession", bare: str, origins: frozenset[str]) -> None:
        self.broken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Ends with the error that says what became of the page."""
        self.broken.add_done_callback(lambda future: future.exception())  # seen, whether somebody waits or not
        self._tab = tab
        self._guard = guard
        self._bare = bare
        self._origins = origins
        self._main_frame = ""

    @classmethod
    async def open(
        cls,
        context: "BrowserContext",
        url: str,
        *,
        bare: str,
        origins: frozenset[str],
        scripts: tuple[str, ...],
        binding: str,
        token: Callable[[bool], str],
    ) -> Self:
        """Open the meeting's page.

        Args:
            context: An empty browser.
            url: What to open, secrets included.
            bare: The same for people to read.
            origins: Where documents may come from.
            scripts: What runs before the page's own: the first in every document, the others in the page itself.
            binding: As the first script calls what gives it a token.
            token: Makes one; takes whether it is for the page itself.

        Raises:
            RoomUnreachable: It cannot be loaded.
            RoomRefused: It is not there, or is not open to the bot.
        """
        (tab,) = context.pages[:1] or [await context.new_page()]

        def token_for(source: Mapping[str, Any]) -> str:
            frame: Frame = source["frame"]
            return token(source["page"] is tab and frame is tab.main_frame)

        await context.expose_binding(binding, token_for)
        first, *others = scripts
        in_page_only = "".join(f"\nif (window === window.top) {{ {script}\n}}" for script in others if script)
        await context.add_init_script(first + in_page_only)
        page = cls(tab, await context.new_cdp_session(tab), bare, origins)
        await page._keep_in()
        await page._load(url)
        return page

    async def _keep_in(self) -> None:
        """Block what leads elsewhere, redirects included, and further windows."""
        tree = await self._guard.send("Page.getFrameTree")
        self._main_frame = str(tree["frameTree"]["frame"]["id"])
        self._guard.on("Fetch.requestPaused", lambda paused: _spawn(self._judge(paused)))
        await self._guard.send("Fetch.enable", {"patterns": [{"urlPattern": "*", "resourceType": "Document"}]})
        self._tab.on("crash", lambda _: self._break(RoomUnreachable("the browser's page crashed")))
        self._tab.on("close", lambda _: self._break(RoomUnreachable("the browser ended")))
        self._tab.context.on("close", lambda _: self._break(RoomUnreachable("the browser ended")))
        self._tab.context.on("page", lambda other: _spawn(other.close()))
        self._tab.on("pageerror", lambda error: log.debug("the page of %s broke: %s", self._bare, first_line(error)))
        self._tab.on("dialog", lambda dialog: _spawn(dialog.dismiss()))

    async def _load(self, url: str) -> None:
        from playwright.async_api import Error

        try:
            async with asyncio.timeout(LOAD_S):
                response = await self._tab.goto(url, wait_until="commit")
        except (Error, TimeoutError) as error:
            if self.broken.done():
                self.broken.result()
            reason = first_line(error) or f"no answer within {LOAD_S:.0f} s"
            raise RoomUnreachable(f"{self._bare} cannot be opened ({reason})") from error
        status = 200 if response is None else response.status
        if status >= 500 or status in (408, 425, 429):
            raise RoomUnreachable(f"{self._bare} answered {status}")
        if status >= 400:
            raise RoomRefused(f"{self._bare} answered {status}: check the address")

    async def call(self, name: str, argument: object = None, within_s: float | None = CALL_S) -> object:
        """Call a function of the page's `window.classpulse`; None where it has none of the name.

        Args:
            name: The function's.
            argument: What it gets, as JSON.
            within_s: How long it may take; None for as long as the page's own state allows.

        Raises:
            RoomNotUnderstood: The function broke.
            RoomUnreachable: The page does not answer.
        """
        from playwright.async_api import Error

        try:
            async with asyncio.timeout(within_s):
                answer = await self._tab.evaluate(CALL, [name, argument])
        except TimeoutError as error:
            raise RoomUnreachable(f"the page did not answer {name}() within {within_s or 0:.0f} s") from error
        except Error as error:
            if self._tab.is_closed() or "Execution context was destroyed" in str(error):
                raise RoomUnreachable("the page was loaded anew meanwhile") from error
            raise RoomNotUnderstood(f"the page's {name}() broke: {first_line(error)}") from error
        return answer["answer"] if isinstance(answer, dict) else None

    async def title(self) -> str:
        """Return the page's title, for whoever has to find out what it shows; empty where it cannot be had."""
        return str(await self._read("() => document.title"))[:200]

    async def texts(self) -> str:
        """Return what the page shows as text, as JSON: address without secrets, title, text; no picture."""
        text = await self._read("() => document.body?.innerText ?? ''")
        kept = {"address": self._bare, "title": await self.title(), "text": str(text)[:MOST_TEXT]}
        return json.dumps(kept, ensure_ascii=False, indent=1)

    async def leave(self, within_s: float) -> None:
        """Have the page leave the meeting, where it has a word for that; then nothing of it is left."""
        from playwright.async_api import Error

        with suppress(RoomError):
            await self.call("leave", within_s=within_s)
        with suppress(Error, TimeoutError):
            async with asyncio.timeout(within_s):
                await self._tab.goto("about:blank")  # its `pagehide` says goodbye, and its connections end

    async def _read(self, script: str) -> object:
        from playwright.async_api import Error

        with suppress(Error, TimeoutError):
            async with asyncio.timeout(CALL_S):
                return await self._tab.evaluate(script)
        return ""

    async def _judge(self, paused: Mapping[str, Any]) -> None:
        """Let a document be loaded, or not."""
        from playwright.async_api import Error

        wanted = origin(str(paused["request"]["url"]))
        is_allowed = wanted in self._origins or wanted in INNER
        with suppress(Error):
            if is_allowed:
                await self._guard.send("Fetch.continueRequest", {"requestId": paused["requestId"]})
                return
            log.warning("the page of %s leads to %s, which is blocked", self._bare, wanted)
            if paused["frameId"] == self._main_frame:
                self._break(
                    RoomRefused(f"{self._bare} leads to {wanted}, where nobody invited the bot: give it that address")
                )
            await self._guard.send(
                "Fetch.failRequest", {"requestId": paused["requestId"], "errorReason": "BlockedByClient"}
            )

    def _break(self, error: RoomError) -> None:
        if not self.broken.done():
            self.broken.set_exception(error)


_tasks: set[asyncio.Task[Any]] = set()


def _spawn(work: Any) -> None:
    """Do what an event of the browser asks for; it outlives nothing but the event."""

    async def quietly() -> None:
        with suppress(Exception):
            await work

    task = asyncio.get_running_loop().create_task(quietly())
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)
