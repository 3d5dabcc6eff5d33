"""A read of a known face works in memory that the process has: the system is asked for none, which is counted.

A page that the system gives costs 1 to 2 µs, and a read once took 600 of them: a third of its price.
"""

import asyncio
import resource
import subprocess
import sys
from functools import partial

import pytest
from av import Packet

from bot.inference import open_inference
from bot.memory import return_pictures_to_the_system
from bot.rooms.base import Frame
from bot.rooms.publishing.encoded_clip import read_clip
from bot.rooms.webrtc.decoding import new_context
from bot.rooms.webrtc.orientation import UPRIGHT, open_picture
from bot.samples.story import clip_path

READS = 40


def pages_given() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt


async def pages_a_read() -> float:
    """Read a film again and again, as a bot does; count pages from the second time on."""
    context = new_context("VP8")
    encoded = [Packet(frame.data) for frame in read_clip(clip_path("yuki", "calm")).frames[:READS]]
    pictures = [picture for packet in encoded for picture in context.decode(packet)]
    frames = [Frame(0.0, 640, 360, partial(open_picture, picture, UPRIGHT)) for picture in pictures]
    counted: list[int] = []
    async with open_inference(None, threads=1, expressions=True) as inference:
        box = None
        for _ in range(3):
            before = pages_given()
            for frame in frames:
                reading = await inference.read(frame, box, participant="p1")
                assert reading is not None
                box = reading.face.box
            counted.append(pages_given() - before)
    return min(counted[1:]) / READS


@pytest.mark.skipif(sys.platform != "linux", reason="pages are counted as Linux does")
def test_read_of_a_known_face_asks_the_system_for_no_memory() -> None:
    """In a process of its own: how the allocator gives memory back is a setting of the whole process."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.bot.inference.test_memory_of_a_read"],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert float(done.stdout) < 20


if __name__ == "__main__":
    return_pictures_to_the_system()
    print(asyncio.run(pages_a_read()))
