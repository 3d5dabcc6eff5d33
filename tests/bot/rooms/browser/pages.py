"""Serves the meeting pages of the tests on loopback, and says to them what a test wants."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from starlette.applications import Starlette
from starlette.routing import Mount, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from dashboard_protocol.http.server import serve

FOLDER = Path(__file__).parent


class MeetingServer:
    """A meeting page's own server."""

    def __init__(self) -> None:
        self.origin = ""
        self.pages: list[WebSocket] = []
        self.reports: list[dict[str, Any]] = []
        """What pages said, oldest first."""
        self.requests: list[str] = []
        """Paths of files that were asked for."""
        self._news = asyncio.Condition()

    def app(self) -> Starlette:
        """Build what is served."""
        files = StaticFiles(directory=FOLDER, html=True)

        async def counted(scope: Scope, receive: Receive, send: Send) -> None:
            self.requests.append(scope["path"])
            await files(scope, receive, send)

        return Starlette(routes=[WebSocketRoute("/wire", self._serve), Mount("/", counted)])

    def url(self, page: str = "meeting.html", site: str = "browser", /, **query: str | int) -> str:
        """Build a page's address for the bot."""
        return f"{site}+{self.origin}/{page}?{urlencode(query)}"

    async def order(self, **what: object) -> None:
        """Have the newest page do something, as `orders` in `meeting.js` names it."""
        await self.until(lambda: bool(self.pages))
        await self.pages[-1].send_text(json.dumps(what))

    async def until(self, holds: Any) -> None:
        """Wait until something holds that a page brings about."""
        async with asyncio.timeout(60), self._news:
            await self._news.wait_for(holds)

    async def _serve(self, page: WebSocket) -> None:
        await page.accept()
        self.pages.append(page)
        try:
            await self._notify()
            async for text in page.iter_text():
                self.reports.append(json.loads(text))
                await self._notify()
        except WebSocketDisconnect:
            pass
        finally:
            self.pages.remove(page)
            await self._notify()

    async def _notify(self) -> None:
        async with self._news:
            self._news.notify_all()


@asynccontextmanager
async def meeting_server() -> AsyncIterator[MeetingServer]:
    """Serve the pages."""
    server = MeetingServer()
    async with serve(server.app(), "127.0.0.1", 0) as listening:
        server.origin = listening.origin
        yield server
