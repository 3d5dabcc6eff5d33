"""`classpulse engine` as a process of its own: killed in the middle of the reads of a bot, and started again."""

import asyncio
import json
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest

from bot.inference import open_inference
from bot.inference.reader import FaceReader
from bot.rooms.base import Frame
from bot.samples import drawing
from bot.samples.people import PEOPLE
from bot.samples.pose import Pose
from engine import load_engine
from engine.crops import face_batch
from engine.readings import FaceReading, Image

PATIENCE_S = 60


@pytest.fixture(scope="module")
def picture() -> Image:
    drawn: Image = drawing.draw(PEOPLE[0].look, Pose())
    return drawn


@pytest.fixture
def address() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="cp-") as folder:
        yield f"ipc://{folder}/engine"


@asynccontextmanager
async def engine_process(address: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run an engine until the block ends or somebody kills it."""
    command = [sys.executable, "-m", "bot", "engine", "--listen", address, "--json"]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    try:
        assert process.stdout is not None
        async with asyncio.timeout(PATIENCE_S):
            reported = json.loads(await process.stdout.readline())
        assert reported["ready"]
        assert reported["address"] == address
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.communicate()


async def read(reader: FaceReader, picture: Image) -> FaceReading:
    height, width = picture.shape[:2]
    reading = await reader.read(Frame(0.0, width, height, lambda: picture), None, participant="anna")
    assert reading is not None, "the face is found whether the engine is there or not"
    return reading


async def until_scored(reader: FaceReader, picture: Image, within_s: float) -> FaceReading:
    """Read until there is an expression."""
    async with asyncio.timeout(within_s):
        while (reading := await read(reader, picture)).fer7 is None:
            pass
    return reading


async def test_killed_engine_is_missed_and_readings_resume_when_it_is_back(address: str, picture: Image) -> None:
    with load_engine() as own:
        face = own.finder.find(picture)
        assert face is not None
        expected = own.runtime.infer(face_batch([(picture, face)], own.runtime.manifest.input)).fer7[0].copy()
    async with open_inference(address, threads=1, expressions=True) as reader:
        async with engine_process(address) as process:
            reading = await until_scored(reader, picture, PATIENCE_S)
            assert reading.fer7 is not None
            np.testing.assert_allclose(reading.fer7, expected, atol=1e-5)
            process.kill()
            await process.wait()
            missed = await read(reader, picture)
            while missed.fer7 is not None:  # asked before the kill
                missed = await read(reader, picture)
            assert missed.face.box_width_px == pytest.approx(reading.face.box_width_px, rel=0.01)
        async with engine_process(address):
            again = await until_scored(reader, picture, 3.0)
            assert again.fer7 is not None
            np.testing.assert_allclose(again.fer7, expected, atol=1e-5)


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="reads limits as Linux shows them")
async def test_engine_leaves_no_core_dump_and_ends_when_asked(address: str) -> None:
    async with engine_process(address) as process:
        assert _largest_core(process.pid) == "0"
        assert not _tcp_sockets(process.pid), "it listens on no network"
        process.terminate()
        assert await process.wait() == 0


def _largest_core(pid: int) -> str:
    limits = Path(f"/proc/{pid}/limits").read_text()
    return next(line for line in limits.splitlines() if line.startswith("Max core file size")).split()[5]


def _tcp_sockets(pid: int) -> list[str]:
    """Name the TCP sockets of a process by their inodes."""
    inodes = set()
    for name in ("tcp", "tcp6"):
        lines = Path(f"/proc/{pid}/net/{name}").read_text().splitlines()[1:]
        inodes |= {f"socket:[{line.split()[9]}]" for line in lines}
    links = [os.readlink(path) for path in Path(f"/proc/{pid}/fd").iterdir()]
    return [link for link in links if link in inodes]
