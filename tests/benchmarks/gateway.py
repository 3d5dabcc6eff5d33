"""What 1,000 readers of one class cost a gateway at one summary a second, with and without one that stops reading.

The gateway runs in a process of its own, with the memory bus and a writer; the readers share another. Latency is
from the event's making to its receipt at a reader's socket.
`python -m tests.benchmarks.gateway [--json] [--readers 1000] [--seconds 30]`
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
from urllib.parse import urlsplit

import httpx
from websockets.asyncio.client import ClientConnection, connect

from dashboard_protocol.access import Access, instructor_url
from dashboard_protocol.bus import MemoryBus
from dashboard_protocol.events import ClassSummary
from dashboard_protocol.gateway import create_app
from dashboard_protocol.server import serve
from dashboard_protocol.writer import EventWriter
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


async def gateway() -> None:
    """Serve a class that never ends: one summary a second."""
    bus, access = MemoryBus(), Access(SECRET)
    async with serve(create_app(bus, access), port=0) as server:
        writer = await EventWriter.open(bus, ROOM)
        await writer.publish(hello(), at=time.time())
        print("serving", instructor_url(server.origin, ROOM, access.link(ROOM)), flush=True)
        loop = asyncio.get_running_loop()
        due_s = loop.time()
        while True:
            await writer.publish(summary(25, as_of=time.time()), at=time.time())
            due_s = max(due_s + 1.0, loop.time())
            await asyncio.sleep(due_s - loop.time())


class Readers:
    """Dashboards on one link."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url
        self._first = json.dumps({"type": "authenticate", "v": 1, "token": token})
        self._connecting = asyncio.Semaphore(AT_ONCE)
        self.watching = 0
        self.latency_s: list[float] = []
        self.is_measuring = False
        self.gaps = 0

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
                if self.is_measuring and event["type"] == "class_summary":
                    self.latency_s.append(received_s - event["as_of"])
                    self.gaps += last is not None and event["prev"] != last
                last = event.get("seq", last)

    async def stall(self) -> float:
        """Stop reading; return after how many seconds the gateway cut the connection."""
        async with self.connected() as connection:
            connection.transport.pause_reading()
            began_s = time.monotonic()
            plain: socket.socket = connection.transport.get_extra_info("socket")
            async with asyncio.timeout(GIVE_UP_S):
                while plain.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] not in TCP_ENDED:  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
            return time.monotonic() - began_s


async def readers(link: str, count: int, seconds: float, *, one_stalls: bool) -> None:
    """Watch with `count` readers for `seconds`, once all are connected; print what they saw."""
    parts = urlsplit(link)
    api = f"{parts.netloc}/v1/rooms/{ROOM}"
    async with httpx.AsyncClient() as client:
        answer = await client.post(f"http://{api}/session", json={"link": parts.fragment.removeprefix("t=")})
    crowd = Readers(f"ws://{api}/events", answer.raise_for_status().json()["token"])
    aborted_s = None
    async with asyncio.TaskGroup() as tasks:
        reading = [tasks.create_task(crowd.read()) for _ in range(count - one_stalls)]
        async with asyncio.timeout(START_WITHIN_S):
            while crowd.watching < len(reading):  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        print("watching", count, flush=True)
        crowd.is_measuring = True
        stalling = tasks.create_task(crowd.stall()) if one_stalls else None
        await asyncio.sleep(seconds)
        print("measured", flush=True)
        crowd.is_measuring = False
        if stalling is not None:
            aborted_s = await stalling
        for task in reading:
            task.cancel()
    expected = len(reading) * seconds
    figures = {
        "p99_ms": 1000 * percentile(crowd.latency_s, 0.99),
        "received": len(crowd.latency_s) / expected,
        "gaps": crowd.gaps,
        "aborted_s": aborted_s,
    }
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


async def told(process: asyncio.subprocess.Process, word: str) -> str:
    """Wait for the line that begins with a word; return what follows it."""
    assert process.stdout is not None
    async with asyncio.timeout(START_WITHIN_S):
        while line := (await process.stdout.readline()).decode():
            if line.startswith(word):
                return line.removeprefix(word).strip()
    raise RuntimeError(f"the process ended before it said {word!r}")


async def measure(count: int, seconds: float, *, one_stalls: bool) -> dict[str, float]:
    """Measure one gateway."""
    async with running("--role", "gateway") as serving:
        link = await told(serving, "serving")
        watching = ("--role", "readers", "--link", link, "--readers", str(count), "--seconds", str(seconds))
        async with running(*watching, *(["--one-stalls"] if one_stalls else [])) as crowd:
            await told(crowd, "watching")
            used_s, began_s = cpu_s(serving.pid), time.monotonic()
            await told(crowd, "measured")
            cores = (cpu_s(serving.pid) - used_s) / (time.monotonic() - began_s)
            memory_mb = rss_mb(serving.pid)
            figures: dict[str, float] = json.loads(await told(crowd, "figures"))
    return figures | {"cores": cores, "rss_mb": memory_mb}


def parsed() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--readers", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--role", choices=("gateway", "readers"), help=argparse.SUPPRESS)
    parser.add_argument("--link", help=argparse.SUPPRESS)
    parser.add_argument("--one-stalls", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


async def compare(count: int, seconds: float, *, as_json: bool) -> None:
    """Measure without and with a stalled reader, and print both."""
    print(machine(), file=sys.stderr)
    calm = await measure(count, seconds, one_stalls=False)
    print(f"all read: {calm}", file=sys.stderr, flush=True)
    stalled = await measure(count, seconds, one_stalls=True)
    print(f"one stalls: {stalled}", file=sys.stderr, flush=True)
    row = {
        "cores": round(stalled["cores"], 2),
        "p99_ms": round(stalled["p99_ms"]),
        "p99_ms_without_stalled": round(calm["p99_ms"]),
        "rss_mb": round(stalled["rss_mb"]),
        "stalled_aborted_s": round(stalled["aborted_s"], 1),
    }
    if as_json:
        print(json.dumps(row))
        return
    print(f"{count} readers at one summary a second, one stalled: {row['cores']:.2f} cores, {row['rss_mb']} MB")
    print(f"p99 {row['p99_ms']} ms, without the stalled one {row['p99_ms_without_stalled']} ms")
    print(f"the stalled one was cut off after {row['stalled_aborted_s']} s")


def main() -> None:
    """Play the wanted role; without one, measure."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    options = parsed()
    match options.role:
        case "gateway":
            asyncio.run(gateway())
        case "readers":
            asyncio.run(readers(options.link, options.readers, options.seconds, one_stalls=options.one_stalls))
        case _:
            asyncio.run(compare(options.readers, options.seconds, as_json=options.json))


if __name__ == "__main__":
    main()
