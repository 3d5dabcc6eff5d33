"""Drawn people who publish into several WHIP rooms from one process: `attendees [--sparing] PEOPLE WHIP_URL…`.

The sparing ones send two key frames a second, and so cost little: for tests of what happens behind the pictures.
"""

import argparse
import asyncio
import signal
from contextlib import AsyncExitStack
from dataclasses import replace
from itertools import cycle, islice

from bot.rooms.publishing.camera import ClipCamera
from bot.rooms.publishing.encoded_clip import Clip, read_clip
from bot.rooms.publishing.publisher import Publisher
from bot.samples.people import PEOPLE
from bot.samples.story import clip_path


def sparing(clip: Clip) -> Clip:
    """Keep the key frames of a clip, each shown twice for half a second."""
    keys = [replace(frame, duration_s=0.5) for frame in clip.frames if frame.is_key]
    return replace(clip, frames=tuple(frame for key in keys for frame in (key, key)))


async def publish(whip_urls: list[str], people: int, *, is_sparing: bool) -> None:
    """Publish until SIGTERM; says so on stdout once everybody is connected."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with AsyncExitStack() as stack:
        for whip_url in whip_urls:
            attendees = []
            for number, person in enumerate(islice(cycle(PEOPLE), people), start=1):
                clip = read_clip(clip_path(person.id, "calm"))
                camera = ClipCamera(sparing(clip) if is_sparing else clip)
                attendees.append(Publisher(whip_url, f"{person.name} {number}", camera))
            await asyncio.gather(*map(stack.enter_async_context, attendees))
        print(f"publishing {people * len(whip_urls)}", flush=True)
        await stop.wait()


def main() -> None:
    """Read the command line and publish."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sparing", action="store_true")
    parser.add_argument("people", type=int)
    parser.add_argument("whip_urls", nargs="+")
    options = parser.parse_args()
    asyncio.run(publish(options.whip_urls, options.people, is_sparing=options.sparing))


if __name__ == "__main__":
    main()
