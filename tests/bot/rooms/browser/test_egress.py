"""What a page of the bot's browser may reach: the internet, and no network that is not everybody's."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from bot.rooms.browser.egress import Egress, is_public

PRIVATE = [
    "127.0.0.1", "127.9.9.9", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
    "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "ff02::1", "::ffff:127.0.0.1",
    "::ffff:10.0.0.1", "2002:7f00:1::",
]  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
def test_address_of_somebodys_own_network_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["9.9.9.9", "2620:fe::fe"])
def test_address_of_the_internet_is_public(address: str) -> None:
    assert is_public(address)


@pytest.fixture
async def echo() -> AsyncIterator[int]:
    """A server on loopback that says everything again."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(100):
            writer.write(data)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


Ask = Callable[[Egress, bytes], Awaitable[bytes]]


async def answer(egress: Egress, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", egress.port)
    writer.write(request)
    async with asyncio.timeout(30):
        head = await reader.readuntil(b"\r\n\r\n") if request.endswith(b"\r\n\r\n") else await reader.read()
        if head.startswith(b"HTTP/1.1 200"):
            writer.write(b"hello")
            head += await reader.readexactly(5)
    writer.close()
    return head


async def test_host_that_the_operator_named_is_reached_wherever_it_is(echo: int) -> None:
    async with Egress(["localhost"]) as egress:
        said = await answer(egress, b"CONNECT localhost:%d HTTP/1.1\r\nhost: x\r\n\r\n" % echo)
        assert said.endswith(b"hello")


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1", "[::1]", "0.0.0.0", "2130706433", "0x7f000001", "nowhere.invalid"]
)
async def test_host_in_a_private_network_is_not_reached_under_whatever_name(echo: int, host: str) -> None:
    async with Egress(["meet.example"]) as egress:
        said = await answer(egress, b"CONNECT %s:%d HTTP/1.1\r\n\r\n" % (host.encode(), echo))
        assert said.startswith(b"HTTP/1.1 403")


@pytest.mark.parametrize(
    "request_",
    [
        b"GET http://127.0.0.1/ HTTP/1.1\r\n\r\n",
        b"CONNECT 127.0.0.1 HTTP/1.1\r\n\r\n",
        b"CONNECT a b:80 HTTP/1.1\r\n\r\n",
        b"CONNECT \xff:80 HTTP/1.1\r\n\r\n",
        b"CONNECT x:99999 HTTP/1.1\r\n\r\n",
        b"\r\n\r\n",
    ],
)
async def test_what_is_no_way_through_is_refused(request_: bytes) -> None:
    async with Egress() as egress:
        assert (await answer(egress, request_)).startswith(b"HTTP/1.1 403")


async def test_leaving_ends_the_connections(echo: int) -> None:
    async with Egress(["localhost"]) as egress:
        reader, writer = await asyncio.open_connection("127.0.0.1", egress.port)
        writer.write(b"CONNECT localhost:%d HTTP/1.1\r\n\r\n" % echo)
        await reader.readuntil(b"\r\n\r\n")
    async with asyncio.timeout(30):
        assert await reader.read() == b""
    writer.close()
