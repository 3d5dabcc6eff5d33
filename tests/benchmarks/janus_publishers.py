"""Drawn people who publish into a Janus room from a process of their own: `janus_publishers ROOM_URL COUNT [SIZES]`.

Their clips are encoded already, in one size, or with `SIZES` 2 in those that Chromium sends. Every few seconds they say
how many pictures a second the slowest of them sends: a machine too small for the people would otherwise flatter the
bot. And of several sizes how often each of them was asked for a whole picture.
"""

import asyncio
import signal
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from itertools import cycle, islice

from bot.rooms.publishing.camera import ClipCamera, Picture
from bot.rooms.publishing.encoded_clip import read_clip
from bot.samples.people import PEOPLE
from bot.samples.story import clip_path
from tests.benchmarks.janus_server import JanusPerson
from tests.benchmarks.simulcast_people import LayeredCamera, SimulcastPerson, encode

REPORT_EVERY_S = 5.0


class CountingCamera(ClipCamera):
    """Counts what it sends."""

    sent = 0

    async def recv(self) -> Picture:
        picture = await super().recv()
        self.sent += 1
        return picture


async def publish(url: str, count: int, *, simulcast: bool = False) -> None:
    """Publish until SIGTERM; says so on stdout once everybody is connected."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    cameras: list[CountingCamera] = []
    layered: list[LayeredCamera] = []
    async with AsyncExitStack() as stack:
        for number, person in enumerate(islice(cycle(PEOPLE), count), start=1):
            path, name = clip_path(person.id, "calm"), f"{person.name} {number}"
            publisher: JanusPerson | SimulcastPerson
            if simulcast:
                sizes = [LayeredCamera(clip) for clip in encode(path)]
                layered.append(sizes[-1])
                publisher = SimulcastPerson(url, name, sizes)
            else:
                cameras.append(CountingCamera(read_clip(path)))
                publisher = JanusPerson(url, name, cameras[-1])
            stack.push_async_callback(publisher.leave)
            await publisher.join()
        print(f"publishing {count}", flush=True)
        await _report(cameras or layered, stop)


async def _report(cameras: Sequence[CountingCamera | LayeredCamera], stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    while not stop.is_set():
        begin_s, before = loop.time(), [camera.sent for camera in cameras]
        try:
            async with asyncio.timeout(REPORT_EVERY_S):
                await stop.wait()
        except TimeoutError:
            slowest = min(camera.sent - sent for camera, sent in zip(cameras, before, strict=True))
            print(f"sending {slowest / (loop.time() - begin_s):.1f}", flush=True)
            asked = [camera.asked for camera in cameras if isinstance(camera, LayeredCamera)]
            if asked:
                print(f"asked {max(asked)} {sum(asked)}", flush=True)


if __name__ == "__main__":
    asyncio.run(publish(sys.argv[1], int(sys.argv[2]), simulcast=sys.argv[3:] == ["2"]))
