"""Datagrams of many sockets are read together, soon, and by whoever they are for."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bot.rooms.webrtc import traffic
from bot.rooms.webrtc.traffic import MOST_AT_ONCE, PAUSE_S, read_together
from tests.contracts.rooms import until


class Listener(asyncio.DatagramProtocol):
    """Keeps what comes, and in which turn of the event loop."""

    def __init__(self) -> None:
        self.seen: list[bytes] = []
        self.times_ms: list[int] = []
        self.turns: list[int] = []
        self.lost = 0

    def receive(self, datagram: bytes, address: tuple[str, int], arrived_ms: int) -> None:
        self.seen.append(datagram)
        self.times_ms.append(arrived_ms)

    def connection_lost(self, error: Exception | None) -> None:
        self.lost += 1


@asynccontextmanager
async def listening(count: int) -> AsyncIterator[list[tuple[Listener, asyncio.DatagramTransport]]]:
    loop = asyncio.get_running_loop()
    made = []
    for _ in range(count):
        transport, listener = await loop.create_datagram_endpoint(Listener, local_addr=("127.0.0.1", 0))
        read_together(transport, listener, listener.receive)
        made.append((listener, transport))
    try:
        yield made
    finally:
        for listener, transport in made:
            transport.close()
            await until(lambda listener=listener: listener.lost == 1)  # type: ignore[misc]


async def test_everything_that_came_is_read_with_the_time_at_which_it_came() -> None:
    async with listening(3) as made:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for number in range(2 * MOST_AT_ONCE):
                for _, transport in made:
                    sender.sendto(f"{number}".encode(), transport.get_extra_info("sockname"))
            sent_at_ms = time.time() * 1000
            await until(lambda: all(len(listener.seen) == 2 * MOST_AT_ONCE for listener, _ in made))
        for listener, _ in made:
            assert listener.seen == [f"{number}".encode() for number in range(2 * MOST_AT_ONCE)]
            assert max(listener.times_ms) <= sent_at_ms + 1, "not when it was read"


async def test_loop_wakes_up_for_a_burst_of_many_sockets_once_and_for_a_trickle_rarely() -> None:
    async with listening(20) as made:
        state = traffic._sockets[asyncio.get_running_loop()]
        turns = 0
        read_all = state._read_all

        def count() -> None:
            nonlocal turns
            turns += 1
            read_all()

        assert state._ready is not None
        asyncio.get_running_loop().add_reader(state._ready.fileno(), count)
        vars(state)["_read_all"] = count
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for _, transport in made:
                for _ in range(4):
                    sender.sendto(b"x", transport.get_extra_info("sockname"))
            await until(lambda: sum(len(listener.seen) for listener, _ in made) == 80)
            assert turns == 1
            began = asyncio.get_running_loop().time()
            for _ in range(100):
                sender.sendto(b"x", made[0][1].get_extra_info("sockname"))
                await asyncio.sleep(0.001)
            passed_s = asyncio.get_running_loop().time() - began
            await until(lambda: len(made[0][0].seen) == 104)
        assert turns <= passed_s / PAUSE_S + 3


async def test_socket_that_is_closed_is_forgotten_and_the_others_are_read_on() -> None:
    async with listening(1) as [(left, last)]:
        async with listening(1) as [(_, gone)]:
            address = gone.get_extra_info("sockname")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"late", address)
            sender.sendto(b"here", last.get_extra_info("sockname"))
            await until(lambda: left.seen == [b"here"])
        assert len(traffic._sockets[asyncio.get_running_loop()]._readers) == 1
    state = traffic._sockets[asyncio.get_running_loop()]
    assert state._readers == {}
    assert state._ready is None, "no descriptor is left"
    async with listening(1) as [(again, transport)]:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"anew", transport.get_extra_info("sockname"))
        await until(lambda: again.seen == [b"anew"])


async def test_datagram_larger_than_any_of_a_meeting_is_cut_and_disturbs_nobody() -> None:
    async with listening(1) as [(listener, transport)]:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for datagram in (bytes(60_000), b"", b"next"):
                sender.sendto(datagram, transport.get_extra_info("sockname"))
        await until(lambda: len(listener.seen) == 3)
        assert [len(datagram) for datagram in listener.seen] == [traffic.LARGEST_DATAGRAM_BYTES, 0, 4]
