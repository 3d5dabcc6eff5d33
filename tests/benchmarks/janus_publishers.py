"""Drawn people who publish into a Janus room from a process of their own: `janus_publishers ROOM_URL COUNT`.

Their clips are encoded already. Every few seconds they say how many pictures a second the slowest of them sends: a
machine too small for the people would otherwise flatter the bot.
"""

import asyncio
import signal
import sys
from contextlib import AsyncExitStack
from itertools import cycle, islice

from bot.rooms.publishing.camera import ClipCamera, Picture
from bot.rooms.publishing.encoded_clip import read_clip
from bot.samples.people import PEOPLE
from bot.samples.story import clip_path
from tests.benchmarks.janus_server import JanusPerson

REPORT_EVERY_S = 5.0


class CountingCamera(ClipCamera):
    """Counts what it sends."""

    sent = 0

    async def recv(self) -> Picture:
        picture = await super().recv()
        self.sent += 1
        return picture


async def publish(url: str, count: int) -> None:
    """Publish until SIGTERM; says so on stdout once everybody is connected."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    cameras = []
    async with AsyncExitStack() as stack:
        for number, person in enumerate(islice(cycle(PEOPLE), count), start=1):
            cameras.append(CountingCamera(read_clip(clip_path(person.id, "calm"))))
            publisher = JanusPerson(url, f"{person.name} {number}", cameras[-1])
            stack.push_async_callback(publisher.leave)
            await publisher.join()
        print(f"publishing {count}", flush=True)
        await _report(cameras, stop)


async def _report(cameras: list[CountingCamera], stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    while not stop.is_set():
        begin_s, before = loop.time(), [camera.sent for camera in cameras]
        try:
            async with asyncio.timeout(REPORT_EVERY_S):
                await stop.wait()
        except TimeoutError:
            slowest = min(camera.sent - sent for camera, sent in zip(cameras, before, strict=True))
            print(f"sending {slowest / (loop.time() - begin_s):.1f}", flush=True)


if __name__ == "__main__":
    asyncio.run(publish(sys.argv[1], int(sys.argv[2])))
