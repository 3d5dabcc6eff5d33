"""What a page may reach: a proxy on loopback, the browser's only way out, which lets it go to public addresses only.

An invitation names a page, and a page may ask for anything: so that nobody reaches this machine or the network behind
it through the bot, names are resolved here, and what is connected to is what was judged. The room's own host is the
operator's choice, and reached without this. Media go their own way, to the addresses that the meeting's server names.
"""

import asyncio
import logging
import re
import socket
from collections.abc import Callable, Collection
from contextlib import suppress
from ipaddress import ip_address
from types import TracebackType
from typing import Self

log = logging.getLogger(__name__)

HOST = "127.0.0.1"
REQUEST_S = 10.0
CONNECT_S = 15.0
MOST_REQUEST_BYTES = 8192
MOST_CONNECTIONS = 256
CHUNK_BYTES = 65536
MOST_NAMED = 20
"""Hosts that a page asked for in vain, and that the log names."""
_CONNECT = re.compile(rb"CONNECT (\[[0-9A-Fa-f:.]+\]|[^\s:\[\]/]{1,253}):(\d{1,5}) HTTP/1\.[01]\r\n")

Address = tuple[int, str, int]
"""Family, address as text, port."""


def is_public(address: str) -> bool:
    """Return whether an IP address is one of the internet, and of nobody's own network."""
    ip = ip_address(address.partition("%")[0])
    mapped = getattr(ip, "ipv4_mapped", None) or getattr(ip, "sixtofour", None)
    return ip.is_global and not ip.is_multicast and (mapped is None or is_public(str(mapped)))


class Egress:
    """Enter it to listen. It speaks CONNECT and nothing else: what is not encrypted goes nowhere but to the room."""

    def __init__(self, allowed: Collection[str] = (), is_allowed: Callable[[str], bool] = is_public) -> None:
        """Prepare.

        Args:
            allowed: Hosts that may be reached wherever they are: what the operator named.
            is_allowed: Judges the addresses of all others.
        """
        self._allowed = frozenset(allowed)
        self._is_allowed = is_allowed
        self._refused: set[str] = set()
        self._connections: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, HOST, 0, limit=MOST_REQUEST_BYTES)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for task in list(self._connections):
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    @property
    def port(self) -> int:
        """The port that it listens on."""
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            if len(self._connections) <= MOST_CONNECTIONS:
                await self._pass_on(reader, writer)
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            log.debug("a connection of the bot's browser ended: %s", error)
        finally:
            self._connections.discard(task)
            writer.transport.abort()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with asyncio.timeout(REQUEST_S):
            request = await reader.readuntil(b"\r\n\r\n")
        found = _CONNECT.match(request)
        address = None
        if found is not None:
            host, port = found[1].decode("ascii", "replace").strip("[]").lower(), int(found[2])
            address = await self._resolve(host, port)
        if address is None:
            writer.write(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            await writer.drain()
            writer.close()
            return
        async with asyncio.timeout(CONNECT_S):
            far_reader, far_writer = await asyncio.open_connection(address[1], address[2], family=address[0])
        try:
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
            async with asyncio.TaskGroup() as ways:
                ways.create_task(_pump(reader, far_writer))
                ways.create_task(_pump(far_reader, writer))
        except* OSError as errors:
            log.debug("a connection of the bot's browser broke: %s", errors.exceptions[0])
        finally:
            far_writer.transport.abort()

    async def _resolve(self, host: str, port: int) -> Address | None:
        """Return where a host is; None where it must not be reached, or is nowhere."""
        with suppress(OSError, UnicodeError):
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
            for family, _, _, _, where in found:
                if host in self._allowed or self._is_allowed(str(where[0])):
                    return int(family), str(where[0]), port
            if host not in self._refused and len(self._refused) < MOST_NAMED:
                self._refused.add(host)
                log.warning("the page asked for %s, which is no public address, and did not get it", host)
        return None


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(CHUNK_BYTES):
        writer.write(data)
        await writer.drain()
    with suppress(OSError):
        if writer.can_write_eof():
            writer.write_eof()
