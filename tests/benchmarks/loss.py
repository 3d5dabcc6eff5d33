"""What loss between Janus and a receiver leaves of two videos, 640x360 at 15 frames a second: stock aiortc and cured.

Both receive the same videos at the same time, over lines of equal loss. Needs root (or `unshare -Urn`), Janus and
nftables; ends with code 77 and the reason elsewhere.
`python -m tests.benchmarks.loss [--json] [--quick] [--seconds 60] [--runs 3] [--cases 2:down,2:both,10:down,10:both]`
"""

import argparse
import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from statistics import median

from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError

from bot.rooms.base import CameraOn, Track
from bot.rooms.janus.room import JanusRoom
from bot.rooms.notice import Notice
from bot.rooms.publishing.camera import ClipCamera
from bot.rooms.publishing.encoded_clip import read_clip
from bot.rooms.webrtc.aiortc_patches import listen_on
from bot.samples.story import clip_path
from tests.benchmarks.janus_server import JanusPerson, JanusServer, janus_server
from tests.benchmarks.network import BOT, SERVER, PrivateNetwork, distance, missing, private_network
from tests.benchmarks.process import machine

CANNOT = 77
PEOPLE = ("yuki", "kofi")
START_WITHIN_S = 30.0
WARM_UP_S = 5.0
"""Janus retransmits nothing before it knows the round trip."""
WAY_S = 0.02
"""What a datagram takes from us to Janus, in seconds."""
DIRECTIONS = {"down": [(SERVER, BOT)], "both": [(SERVER, BOT), (BOT, SERVER)]}
Figures = tuple[float, float]
"""Frames a second of the worse track, longest time in seconds without a picture on any."""


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

    def figures(self, begin: float, end: float) -> Figures:
        """Sum up a stretch of time."""
        rates, gaps = [], []
        for times in self.times.values():
            shown = [at for at in times if begin <= at <= end]
            rates.append(len(shown) / (end - begin))
            gaps += [after - before for before, after in zip([begin, *shown], [*shown, end], strict=True)]
        return min(rates), max(gaps)


@asynccontextmanager
async def cured() -> AsyncIterator[Seen]:
    """Receive as the bot does."""
    seen = Seen()
    notice = Notice("Loss", "presence", "A measurement.")
    room = JanusRoom(JanusServer.url(), clock=time.time, notice=notice, addresses=[BOT])

    async def read(track: Track) -> None:
        async for _ in track.frames():
            seen.note(track.participant.name)

    async def follow() -> None:
        async for event in room.events():
            if isinstance(event, CameraOn):
                tasks.create_task(read(event.track))

    async with asyncio.TaskGroup() as tasks, room:
        following = tasks.create_task(follow())
        yield seen
        following.cancel()


@asynccontextmanager
async def stock(server: JanusServer, feeds: list[int | str]) -> AsyncIterator[Seen]:
    """Receive as aiortc does by itself."""
    seen = Seen()
    peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))

    async def read(track: MediaStreamTrack) -> None:
        with suppress(MediaStreamError):
            while True:
                await track.recv()
                seen.note(track.id)

    async with asyncio.TaskGroup() as tasks, server.session() as session:
        peer.on("track", lambda track: tasks.create_task(read(track)))
        handle = await session.attach()
        streams = [{"feed": feed, "mid": "0"} for feed in feeds]
        offer = await handle.request({"request": "join", "ptype": "subscriber", "room": 1234, "streams": streams})
        assert offer.jsep is not None
        await peer.setRemoteDescription(RTCSessionDescription(offer.jsep["sdp"], "offer"))
        listen_on(peer, [BOT])
        await peer.setLocalDescription(await peer.createAnswer())
        await handle.send({"request": "start"}, {"type": "answer", "sdp": peer.localDescription.sdp})
        yield seen
        await peer.close()


async def measure(network: PrivateNetwork, percent: int, direction: str, seconds: float) -> dict[str, Figures]:
    """Measure both variants once, side by side."""
    async with janus_server(network) as server, AsyncExitStack() as stack:
        feeds = []
        for name in PEOPLE:
            person = JanusPerson(server.url(), name, ClipCamera(read_clip(clip_path(name, "calm"))))
            stack.push_async_callback(person.leave)
            await person.join()
            feeds.append(person.feed)
        async with cured() as with_cures, stock(server, feeds) as without:
            await with_cures.everybody()
            await without.everybody()
            await asyncio.sleep(WARM_UP_S)
            network.lose(percent, DIRECTIONS[direction])
            begin = time.monotonic()
            await asyncio.sleep(seconds)
            end = time.monotonic()
            network.lose(0, [])
        return {"stock": without.figures(begin, end), "cured": with_cures.figures(begin, end)}


async def measure_all(
    network: PrivateNetwork, cases: list[tuple[int, str]], seconds: float, runs: int
) -> list[dict[str, object]]:
    """Measure every case so often; the figures are medians."""
    rows: list[dict[str, object]] = []
    for percent, direction in cases:
        found = [await measure(network, percent, direction, seconds) for _ in range(runs)]
        for variant in ("stock", "cured"):
            fps, gap = (median(values) for values in zip(*(figures[variant] for figures in found), strict=True))
            row = {"loss": percent, "direction": direction, "variant": variant}
            rows.append({**row, "fps": round(fps, 2), "longest_gap_s": round(gap, 2)})
            print(rows[-1], file=sys.stderr, flush=True)
    return rows


def read_cases(text: str) -> list[tuple[int, str]]:
    """Read `PERCENT:DIRECTION,…`."""
    cases = [case.partition(":") for case in text.split(",")]
    if unknown := {direction for _, _, direction in cases} - set(DIRECTIONS):
        raise argparse.ArgumentTypeError(f"{unknown} is no direction: use {' or '.join(DIRECTIONS)}")
    return [(int(percent), direction) for percent, _, direction in cases]


def main() -> int:
    """Measure and print a table, or with `--json` one last line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--cases", type=read_cases, default=read_cases("2:down,2:both,10:down,10:both"))
    parser.add_argument("--quick", action="store_true", help="a look in 3 minutes: one run of 20 s a case, no medians")
    options = parser.parse_args()
    if options.quick:
        options.seconds, options.runs = 20.0, 1
    if reason := missing("janus", "nft"):
        print(f"loss cannot be measured here: {reason}", file=sys.stderr)
        return CANNOT
    print(f"{machine()}; load {os.getloadavg()[0]:.1f}", file=sys.stderr)
    with private_network() as network, distance(WAY_S):
        rows = asyncio.run(measure_all(network, options.cases, options.seconds, options.runs))
    if options.json:
        print(json.dumps({"rows": rows}))
        return 0
    print("| loss | aiortc | frames/s | longest gap |")
    print("|---|---|---|---|")
    for row in rows:
        print(f"| {row['loss']} % {row['direction']} | {row['variant']} | {row['fps']} | {row['longest_gap_s']} s |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
