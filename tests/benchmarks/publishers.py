"""Drawn people who publish into a WHIP room from a process of their own: `publishers WHIP_URL COUNT`."""

import asyncio
import signal
import sys
from contextlib import AsyncExitStack
from itertools import cycle, islice

from bot.rooms.publishing.camera import ClipCamera
from bot.rooms.publishing.encoded_clip import read_clip
from bot.rooms.publishing.publisher import Publisher
from bot.samples.people import PEOPLE
from bot.samples.story import clip_path


async def publish(whip_url: str, count: int) -> None:
    """Publish until SIGTERM; says so on stdout once everybody is connected."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with AsyncExitStack() as stack:
        for number, person in enumerate(islice(cycle(PEOPLE), count), start=1):
            camera = ClipCamera(read_clip(clip_path(person.id, "calm")))
            await stack.enter_async_context(Publisher(whip_url, f"{person.name} {number}", camera, opts_in=True))
        print(f"publishing {count}", flush=True)
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(publish(sys.argv[1], int(sys.argv[2])))
