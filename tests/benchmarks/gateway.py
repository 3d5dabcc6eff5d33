"""What 1,000 readers of one class cost a gateway at one summary a second, with and without one that stops reading.

The gateway runs in a process of its own, with the memory bus and a writer; the readers share another. Latency is
from the event's making to its receipt at a reader's socket. Measurements with and without a reader that stalls take
turns on the same connections, and the medians are reported: what else the machine does meets both alike.
`python -m tests.benchmarks.gateway [--json] [--readers 1000] [--seconds 10] [--rounds 3]`
"""

import argparse
import asyncio
import json
import resource
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from statistics import median
from typing import Any
from urllib.parse import urlsplit

import httpx
from websockets.asyncio.client import ClientConnection, connect

from dashboard_protocol.auth.links import Access, instructor_url
from dashboard_protocol.bus import MemoryBus
from dashboard_protocol.bus.writer import EventWriter
from dashboard_protocol.events import ClassSummary
from dashboard_protocol.gateway.app import create_app
from dashboard_protocol.http.server import serve
from tests.benchmarks.process import cpu_s, machine, percentile, rss_mb
from tests.dashboard_protocol.staging import hello, summary

ROOM = "bench"
SECRET = b"a secret of more than thirty-two bytes"
AT_ONCE = 20
"""Readers that connect at the same time."""
START_WITHIN_S = 300.0
GIVE_UP_S = 60.0
TCP_ENDED = (7, 8)
"""First byte of Linux' TCP_INFO once the peer has reset or closed the connection."""


async def gateway(rate_hz: float) -> None:
    """Serve a class that never ends."""
    bus, access = MemoryBus(), Access(SECRET)
    async with serve(create_app(bus, access), port=0) as server:
        writer = await EventWriter.open(bus, ROOM)
        await writer.publish(hello(), at=time.time())
        print("serving", instructor_url(server.origin, ROOM, access.standing_link(ROOM)), flush=True)
        loop = asyncio.get_running_loop()
        due_s = loop.time()
        while True:
            await writer.publish(summary(25, as_of=time.time()), at=time.time())
            due_s = max(due_s + 1 / rate_hz, loop.time())
            await asyncio.sleep(due_s - loop.time())


class Readers:
    """Dashboards on one link."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url
        self._first = json.dumps({"type": "authenticate", "v": 1, "token": token})
        self._connecting = asyncio.Semaphore(AT_ONCE)
        self._latency_s: list[float] = []
        self.watching = 0
        self.gaps = 0
        self.aborted_s: list[float] = []
        """After how many seconds each stalled reader was cut off."""

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[ClientConnection]:
        """Connect, authenticate, and wait for the first summary."""
        async with self._connecting:
            socket = await connect(
                self._url, compression=None, ping_interval=None, open_timeout=GIVE_UP_S, max_queue=None
            )
            await socket.send(self._first)
            while json.loads(await socket.recv())["type"] != ClassSummary.model_fields["type"].default:
                pass
        try:
            yield socket
        finally:
            socket.transport.abort()

    async def read(self) -> None:
        """Read until cancelled."""
        async with self.connected() as socket:
            self.watching += 1
            last: int | None = None
            async for text in socket:
                received_s = time.time()
                event = json.loads(text)
                if event["type"] == "class_summary":
                    self._latency_s.append(received_s - event["as_of"])
                    self.gaps += last is not None and event["prev"] != last
                last = event.get("seq", last)

    async def p99_ms(self, seconds: float) -> float:
        """Measure for a while."""
        self._latency_s.clear()
        await asyncio.sleep(seconds)
        return 1000 * percentile(self._latency_s, 0.99)

    async def p99_ms_with_one_stalled(self, seconds: float) -> float:
        """Measure for a while, during which always one more reader is connected and does not read."""
        before = len(self.aborted_s)
        async with asyncio.TaskGroup() as tasks:
            stalling = tasks.create_task(self._stall())
            p99_ms = await self.p99_ms(seconds)
            async with asyncio.timeout(GIVE_UP_S):
                while len(self.aborted_s) == before:  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
            stalling.cancel()
        return p99_ms

    async def _stall(self) -> None:
        while True:
            async with self.connected() as connection:
                connection.transport.pause_reading()
                began_s = time.monotonic()
                plain: socket.socket = connection.transport.get_extra_info("socket")
                while plain.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] not in TCP_ENDED:  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
                self.aborted_s.append(time.monotonic() - began_s)


async def readers(link: str, count: int, seconds: float, rounds: int) -> None:
    """Measure in turns without and with a reader that stalls, once all are connected; print what they saw."""
    parts = urlsplit(link)
    api = f"{parts.netloc}/v1/rooms/{ROOM}"
    async with httpx.AsyncClient() as client:
        answer = await client.post(f"http://{api}/session", json={"link": parts.fragment.removeprefix("t=")})
    crowd = Readers(f"ws://{api}/events", answer.raise_for_status().json()["token"])
    calm, stalled = [], []
    async with asyncio.TaskGroup() as tasks:
        reading = [tasks.create_task(crowd.read()) for _ in range(count)]
        async with asyncio.timeout(START_WITHIN_S):
            while crowd.watching < count:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        print("watching", count, flush=True)
        for _ in range(rounds):
            calm.append(await crowd.p99_ms(seconds))
            stalled.append(await crowd.p99_ms_with_one_stalled(seconds))
        print("measured", flush=True)
        for task in reading:
            task.cancel()
    figures = {"calm": calm, "stalled": stalled, "aborted_s": crowd.aborted_s, "gaps": crowd.gaps}
    print("figures", json.dumps(figures), flush=True)


@asynccontextmanager
async def running(*arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run another role of this script."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.benchmarks.gateway", *arguments, stdout=asyncio.subprocess.PIPE
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def reported(process: asyncio.subprocess.Process, word: str) -> str:
    """Wait for the line that begins with a word; return what follows it."""
    assert process.stdout is not None
    async with asyncio.timeout(START_WITHIN_S):
        while line := (await process.stdout.readline()).decode():
            if line.startswith(word):
                return line.removeprefix(word).strip()
    raise RuntimeError(f"the process ended before it said {word!r}")


async def measure(count: int, seconds: float, rounds: int, rate_hz: float = 1.0) -> dict[str, float]:
    """Measure one gateway.

    Args:
        count: readers, and now and then one more that stalls.
        seconds: of each measurement.
        rounds: measurements without, and as many with a reader that stalls.
        rate_hz: summaries a second.

    Returns:
        The last line of `--json`, unrounded, and `gaps`: events that readers missed.
    """
    async with running("--role", "gateway", "--rate", str(rate_hz)) as serving:
        link = await reported(serving, "serving")
        watching = ["--role", "readers", "--link", link, "--readers", str(count)]
        async with running(*watching, "--seconds", str(seconds), "--rounds", str(rounds)) as crowd:
            await reported(crowd, "watching")
            used_s, began_s = cpu_s(serving.pid), time.monotonic()
            await reported(crowd, "measured")
            cores = (cpu_s(serving.pid) - used_s) / (time.monotonic() - began_s)
            memory_mb = rss_mb(serving.pid)
            figures: dict[str, Any] = json.loads(await reported(crowd, "figures"))
    print(f"p99 in ms, without and with a stalled reader: {figures}", file=sys.stderr, flush=True)
    return {
        "cores": cores,
        "p99_ms": median(figures["stalled"]),
        "p99_ms_without_stalled": median(figures["calm"]),
        "rss_mb": memory_mb,
        "stalled_aborted_s": max(figures["aborted_s"]),
        "gaps": figures["gaps"],
    }


def parsed() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--readers", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--role", choices=("gateway", "readers"), help=argparse.SUPPRESS)
    parser.add_argument("--link", help=argparse.SUPPRESS)
    parser.add_argument("--rate", type=float, default=1.0, help=argparse.SUPPRESS)
    return parser.parse_args()


async def compare(count: int, seconds: float, rounds: int, *, as_json: bool) -> None:
    """Measure, and print what came out."""
    print(machine(), file=sys.stderr)
    row = await measure(count, seconds, rounds)
    if row.pop("gaps"):
        raise RuntimeError("readers missed events: this gateway is too slow for so many")
    digits = {"cores": 2, "stalled_aborted_s": 1}
    row = {name: round(value, digits.get(name)) for name, value in row.items()}
    if as_json:
        print(json.dumps(row))
        return
    print(f"{count} readers at one summary a second: {row['cores']:.2f} cores, {row['rss_mb']} MB")
    print(f"p99 {row['p99_ms']} ms with one stalled, {row['p99_ms_without_stalled']} ms without")
    print(f"a stalled one was cut off after {row['stalled_aborted_s']} s at most")


def main() -> None:
    """Play the wanted role; without one, measure."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    options = parsed()
    match options.role:
        case "gateway":
            asyncio.run(gateway(options.rate))
        case "readers":
            asyncio.run(readers(options.link, options.readers, options.seconds, options.rounds))
        case _:
            asyncio.run(compare(options.readers, options.seconds, options.rounds, as_json=options.json))


if __name__ == "__main__":
    main()
