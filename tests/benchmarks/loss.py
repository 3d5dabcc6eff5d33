"""What loss on the way from and to Janus leaves of two videos of 640x360 at 15 frames a second: aiortc as it is, and cured.

Both receive the same videos at the same time, over lines of equal loss. Needs root (or `unshare -Urn`), Janus and
nftables; ends with code 77 and the reason elsewhere.
`python -m tests.benchmarks.loss [--json] [--seconds 60] [--runs 3] [--cases 2:down,2:both,10:down,10:both]`
"""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from statistics import median

from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError

from bot.rooms.aiortc_cures import listen_on
from bot.rooms.base import CameraOn, Track
from bot.rooms.camera import ClipCamera
from bot.rooms.clip import read_clip
from bot.rooms.janus import JanusRoom
from bot.rooms.notice import Notice
from bot.samples.story import clip_path
from tests.benchmarks.janus_server import SERVER_URL, JanusPerson, JanusServer, janus_server
from tests.benchmarks.network import BOT, SERVER, PrivateNetwork, missing, private_network
from tests.benchmarks.process import machine

CANNOT = 77
PEOPLE = ("yuki", "kofi")
START_WITHIN_S = 30.0
DIRECTIONS = {"down": [(SERVER, BOT)], "both": [(SERVER, BOT), (BOT, SERVER)]}


@dataclass
class Seen:
    """When each track showed a picture."""

    times: dict[str, list[float]] = field(default_factory=dict)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def note(self, track: str) -> None:
        """Note that a picture was decoded just now."""
        self.times.setdefault(track, []).append(time.monotonic())
        self.changed.set()

    async def everybody(self) -> None:
        """Wait until every track has shown something."""
        async with asyncio.timeout(START_WITHIN_S):
            while len(self.times) < len(PEOPLE):
                self.changed.clear()
                await self.changed.wait()

    def figures(self, begin: float, end: float) -> tuple[float, float]:
        """Give the frames a second of the worse track, and the longest time without a picture on any."""
        rates, gaps = [], []
        for times in self.times.values():
            shown = [at for at in times if begin <= at <= end]
            rates.append(len(shown) / (end - begin))
            gaps += [after - before for before, after in zip([begin, *shown], [*shown, end], strict=True)]
        return min(rates), max(gaps)


@asynccontextmanager
async def cured(tasks: asyncio.TaskGroup) -> AsyncIterator[Seen]:
    """Receive as the bot does."""
    seen = Seen()

    async def read(track: Track) -> None:
        async for _ in track.frames():
            seen.note(track.participant.name)

    async def follow(room: JanusRoom) -> None:
        async for event in room.events():
            if isinstance(event, CameraOn):
                tasks.create_task(read(event.track))

    notice = Notice("Loss", "presence", "A measurement.")
    async with JanusRoom(SERVER_URL, clock=time.time, notice=notice, addresses=[BOT]) as room:
        following = tasks.create_task(follow(room))
        yield seen
        following.cancel()


@asynccontextmanager
async def stock(tasks: asyncio.TaskGroup, server: JanusServer, feeds: list[int | str]) -> AsyncIterator[Seen]:
    """Receive as aiortc does by itself."""
    seen = Seen()
    peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))

    async def read(track: MediaStreamTrack) -> None:
        with suppress(MediaStreamError):
            while True:
                await track.recv()
                seen.note(track.id)

    peer.on("track", lambda track: tasks.create_task(read(track)))
    async with server.session() as session:
        handle = await session.attach()
        streams = [{"feed": feed, "mid": "0"} for feed in feeds]
        offer = await handle.request({"request": "join", "ptype": "subscriber", "room": 1234, "streams": streams})
        assert offer.jsep is not None
        await peer.setRemoteDescription(RTCSessionDescription(offer.jsep["sdp"], "offer"))
        listen_on(peer, [BOT])
        await peer.setLocalDescription(await peer.createAnswer())
        await handle.send({"request": "start"}, {"type": "answer", "sdp": peer.localDescription.sdp})
        try:
            yield seen
        finally:
            await peer.close()
            for track in peer.getReceivers():
                track.track.stop()


async def measure(network: PrivateNetwork, percent: int, direction: str, seconds: float) -> dict[str, tuple[float, float]]:
    """Measure both variants once, side by side."""
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(janus_server(network))
        people = [JanusPerson(SERVER_URL, name, ClipCamera(read_clip(clip_path(name, "calm")))) for name in PEOPLE]
        for person in people:
            await person.join()
            stack.push_async_callback(person.leave)
        async with asyncio.TaskGroup() as tasks:
            async with cured(tasks) as with_cures, stock(tasks, server, [person.feed for person in people]) as without:
                await with_cures.everybody()
                await without.everybody()
                network.lose(percent, DIRECTIONS[direction])
                begin = time.monotonic()
                await asyncio.sleep(seconds)
                end = time.monotonic()
                network.lose(0, [])
            tasks.create_task(_cancel_others())
        return {"stock": without.figures(begin, end), "cured": with_cures.figures(begin, end)}


async def _cancel_others() -> None:
    """Placeholder."""


async def run(network: PrivateNetwork, cases: list[tuple[int, str]], seconds: float, runs: int) -> list[dict[str, object]]:
    """Measure every case; median of the runs."""
    rows: list[dict[str, object]] = []
    for percent, direction in cases:
        found = [await measure(network, percent, direction, seconds) for _ in range(runs)]
        for variant in ("stock", "cured"):
            fps = median(figures[variant][0] for figures in found)
            gap = median(figures[variant][1] for figures in found)
            row = {"loss": percent, "direction": direction, "variant": variant}
            rows.append({**row, "fps": round(fps, 2), "longest_gap_s": round(gap, 2)})
            print(rows[-1], file=sys.stderr, flush=True)
    return rows
