"""The socket on loopback that the documents of the bot's browser speak to: frames, and what the page says of itself."""

import asyncio
import json
import logging
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from bot.rooms.browser.site_state import Look, LookMalformed, read_look
from bot.rooms.browser.wire import MOST_BYTES, FrameMalformed, WireFrame, read_frame

log = logging.getLogger(__name__)

HOST = "127.0.0.1"
TOKEN_S = 15.0
"""A token that nobody used for so long opens nothing any more."""
MOST_DOCUMENTS = 64
"""Of one page with its frames; what comes beyond is refused."""
MOST_WAITING = 64
"""Messages of one document that wait to be read."""


@dataclass(eq=False, slots=True)
class Document:
    """A document of the bot's browser: the page, or a frame in it."""

    is_main: bool
    """Whether it is the page itself, which alone says who is where."""
    number: int
    """Of several main documents, the one that was made last is the page."""
    connection: ServerConnection | None = field(default=None, repr=False)

    async def send(self, message: dict[str, Any]) -> None:
        """Say something to its worker; ignored where it is gone."""
        if self.connection is not None:
            try:
                await self.connection.send(json.dumps(message))
            except ConnectionClosed:
                log.debug("a document was gone before it could be answered")


class FrameSocket:
    """Enter it to listen. Each connection needs a token of its own, which opens once."""

    def __init__(
        self,
        take_frame: Callable[[Document, WireFrame], object],
        take_look: Callable[[Document, Look], object],
        gone: Callable[[Document, Exception | None], object],
    ) -> None:
        """Prepare.

        Args:
            take_frame: Takes every frame of every document; must not block.
            take_look: Takes what the main document says.
            gone: Called with a document whose connection has ended, and with the bug where one ended it.
        """
        self._take_frame = take_frame
        self._take_look = take_look
        self._gone = gone
        self._tokens: dict[str, tuple[Document, float]] = {}
        self._documents: set[Document] = set()
        self._count = 0
        self._server: Server

    async def __aenter__(self) -> Self:
        self._server = await serve(
            self._hear, HOST, 0, process_request=self._admit, max_size=MOST_BYTES, max_queue=MOST_WAITING,
            compression=None, ping_interval=None, server_header=None,
        )  # fmt: skip
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close(close_connections=True)
        await self._server.wait_closed()

    @property
    def port(self) -> int:
        """The port that it listens on."""
        port: int = next(iter(self._server.sockets)).getsockname()[1]
        return port

    @property
    def documents(self) -> Iterable[Document]:
        """Those that are connected."""
        return tuple(self._documents)

    def token(self, *, is_main: bool) -> str:
        """Make a token for a document."""
        now = asyncio.get_running_loop().time()
        self._tokens = {token: known for token, known in self._tokens.items() if known[1] > now}
        token, self._count = secrets.token_urlsafe(32), self._count + 1
        if len(self._tokens) + len(self._documents) < MOST_DOCUMENTS:
            self._tokens[token] = (Document(is_main, self._count), now + TOKEN_S)
        return token

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        known = self._tokens.pop(request.path.removeprefix("/"), None)
        if known is None or known[1] < asyncio.get_running_loop().time():
            return connection.respond(HTTPStatus.FORBIDDEN, "")
        known[0].connection = connection
        self._documents.add(known[0])
        return None

    async def _hear(self, connection: ServerConnection) -> None:
        document = next(each for each in self._documents if each.connection is connection)
        bug: Exception | None = None
        try:
            async for message in connection:
                if isinstance(message, bytes):
                    self._take_frame(document, read_frame(message))
                elif document.is_main:
                    self._take_look(document, read_look(message))
        except (FrameMalformed, LookMalformed) as error:
            # The hook says no such thing: whoever does has no business here.
            log.warning("a document of the bot's browser was cut off: %s", error)
            await connection.close(1008)
        except Exception as error:
            bug = error
        finally:
            self._documents.discard(document)
            self._gone(document, bug)
