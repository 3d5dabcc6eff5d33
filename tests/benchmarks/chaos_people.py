"""People who cost little, in several Janus rooms from one process: `chaos_people PEOPLE ROOM_URL…`.

They send two key frames a second, encoded before.
"""

import asyncio
import signal
import sys
from contextlib import suppress
from itertools import cycle, islice

from bot.errors import BotError
from bot.rooms.publishing.camera import ClipCamera
from bot.rooms.publishing.encoded_clip import read_clip
from bot.samples.people import PEOPLE
from bot.samples.story import clip_path
from tests.benchmarks.chaos_site import PERSON
from tests.benchmarks.janus_server import JanusPerson
from tests.end_to_end.attendees import sparing


async def publish(people: int, urls: list[str]) -> None:
    """Publish until SIGTERM; says so on stdout once everybody is connected."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    clips = [sparing(read_clip(clip_path(person.id, "calm"))) for person in islice(cycle(PEOPLE), people)]
    here: list[JanusPerson] = []
    for url in urls:
        for number, clip in enumerate(clips, start=1):
            here.append(JanusPerson(url, f"{PERSON} {number}", ClipCamera(clip)))
            await here[-1].join()
    print(f"publishing {len(here)}", flush=True)
    await stop.wait()
    for person in here:
        with suppress(BotError, OSError, TimeoutError):
            async with asyncio.timeout(1):
                await person.leave()


if __name__ == "__main__":
    asyncio.run(publish(int(sys.argv[1]), sys.argv[2:]))
