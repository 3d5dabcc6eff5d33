"""What strangers can do to the bot with broken words and broken packets, while somebody else's video goes on.

Mutated SDP offers into a local room, mutated SDP answers to our offers, mutated RTP and RTCP inside of a living
connection, and rubbish beside it; everything seeded. Fails with code 1 when something breaks, hangs, leaves a
traceback in the log, or disturbs the other video.
`python -m tests.benchmarks.fuzz [--count 2000] [--packets 20000] [--seed 1] [--json]`
"""

import argparse
import asyncio
import gc
import json
import logging
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription

from bot.errors import RoomRefused
from bot.rooms.base import CameraOn
from bot.rooms.local.admission import RoomFull
from bot.rooms.local.room import LocalRoom
from bot.rooms.notice import Notice
from bot.rooms.publishing.camera import ClipCamera
from bot.rooms.publishing.encoded_clip import read_clip
from bot.rooms.webrtc.aiortc_patches import attend_sockets, listen_on, patch_receiver
from bot.rooms.webrtc.peer_connection import Peer
from bot.rooms.webrtc.sdp import OfferMalformed, OfferUnsupported
from bot.rooms.webrtc.traffic import Traffic, join_decoders
from bot.samples.story import clip_path
from tests.benchmarks.process import machine
from tests.contracts.rooms import until

LOOPBACK = ["127.0.0.1"]
AT_ONCE = 16
"""Connections to servers with broken answers; each waits a second for a handshake that never comes."""
FOR_EACH = 6
"""Broken packets for every good one; more, and a busy machine is too late with its checks of the connection."""
TAKES_AT_MOST_S = 60.0
"""For one text, on a machine that is busy with other things; more is a hang."""
NUMBERS = ("", "0", "-1", "65536", "4294967296", "9" * 40, "1e9", "x")
VALUES = ("", " ", ":", "\x00", "ü", "a" * 5000, "0 0 0", "*", "=", "96 96 96", "IN IP4", "\ufeff")


class Log(logging.Handler):
    """Whatever was logged with a traceback, and whatever else was logged."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.tracebacks: list[str] = []
        self.lines: Counter[str] = Counter()

    def emit(self, record: logging.LogRecord) -> None:
        """Note a record."""
        self.lines[f"{record.name}: {record.msg}"] += 1
        if record.exc_info or "Traceback" in record.getMessage():
            self.tracebacks.append(self.format(record))


@contextmanager
def listening() -> Iterator[Log]:
    """Collect what is logged, and what ends a thread."""
    log, hook = Log(), threading.excepthook
    threading.excepthook = lambda ended: log.tracebacks.append(f"a thread ended: {ended.exc_value!r}")
    logging.getLogger().addHandler(log)
    try:
        yield log
        gc.collect()
    finally:
        logging.getLogger().removeHandler(log)
        threading.excepthook = hook


@dataclass
class Watched:
    """A video that nobody breaks."""

    times: list[float] = field(default_factory=list)

    def take(self, picture: object = None) -> None:
        """Note a picture."""
        self.times.append(time.monotonic())

    def longest_gap_s(self, since: float) -> float:
        """Longest time without a picture, up to now."""
        shown = [since, *(at for at in self.times if at > since), time.monotonic()]
        return max(after - before for before, after in pairwise(shown))


def _cut_out(lines: list[str], at: int, chance: random.Random) -> None:
    del lines[at]


def _double(lines: list[str], at: int, chance: random.Random) -> None:
    lines.insert(chance.randrange(len(lines)), lines[at])


def _change_word(lines: list[str], at: int, chance: random.Random) -> None:
    name, _, value = lines[at].partition("=")
    words = value.split(" ")
    words[chance.randrange(len(words))] = chance.choice(NUMBERS + VALUES)
    lines[at] = f"{name}={' '.join(words)}"


def _change_numbers(lines: list[str], at: int, chance: random.Random) -> None:
    is_changed = (c.isdigit() and chance.random() < 0.3 for c in lines[at])
    lines[at] = "".join(
        chance.choice(NUMBERS) if changed else c for c, changed in zip(lines[at], is_changed, strict=True)
    )


def _cut_short(lines: list[str], at: int, chance: random.Random) -> None:
    lines[at] = lines[at][: chance.randrange(len(lines[at]) + 1)]


def _swap(lines: list[str], at: int, chance: random.Random) -> None:
    other = chance.randrange(len(lines))
    lines[at], lines[other] = lines[other], lines[at]


def _change_attribute(lines: list[str], at: int, chance: random.Random) -> None:
    head, _, rest = lines[at].partition(":")
    lines[at] = f"{head}:{chance.choice(VALUES)}{rest if chance.random() < 0.5 else ''}"


def _end(lines: list[str], at: int, chance: random.Random) -> None:
    del lines[max(1, at) :]


def _repeat(lines: list[str], at: int, chance: random.Random) -> None:
    lines += lines[at : at + chance.randint(1, 20)]


MUTATIONS = (_cut_out, _double, _change_word, _change_numbers, _cut_short, _swap, _change_attribute, _end, _repeat)


def mutated(sdp: str, chance: random.Random) -> str:
    """Break an SDP text in one to six places."""
    lines = sdp.split("\r\n")
    for _ in range(chance.randint(1, 6)):
        chance.choice(MUTATIONS)(lines, chance.randrange(len(lines)), chance)
        lines = lines or [""]
    return chance.choice(["\r\n"] * 8 + ["\n", "\r"]).join(lines)


def broken(packet: bytes, chance: random.Random) -> bytes:
    """Break a packet in one to eight places; often its header, sometimes its length."""
    data = bytearray(packet)
    for _ in range(chance.randint(1, 8)):
        at = chance.randrange(min(len(data), 24) if chance.random() < 0.6 else len(data))
        match chance.randrange(4):
            case 0:
                data[at] ^= 1 << chance.randrange(8)
            case 1:
                data[at] = chance.choice((0, 1, 0x7F, 0x80, 0xFF))
            case 2:
                data = data[: max(1, at)]
            case 3:
                data[at:at] = chance.randbytes(chance.randint(1, 40))
    return bytes(data)


def camera(who: str = "yuki") -> ClipCamera:
    """Open the camera of a drawn person."""
    return ClipCamera(read_clip(clip_path(who, "calm")))


def connection() -> RTCPeerConnection:
    """Make a connection that asks nobody."""
    return RTCPeerConnection(RTCConfiguration(iceServers=[]))


async def real_offer(peer: RTCPeerConnection) -> str:
    """Gather and offer."""
    listen_on(peer, LOOPBACK)
    await peer.setLocalDescription(await peer.createOffer())
    return str(peer.localDescription.sdp)


async def model_offers() -> list[str]:
    """Make offers as people send them: video alone, and in a bundle with sound and data."""
    alone, bundled = connection(), connection()
    alone.addTransceiver(camera(), direction="sendonly")
    bundled.addTransceiver("audio")
    bundled.addTransceiver(camera(), direction="sendrecv")
    bundled.createDataChannel("chat")
    offers = [await real_offer(peer) for peer in (alone, bundled)]
    for peer in (alone, bundled):
        await peer.close()
    return offers


async def fuzz_offers(count: int, chance: random.Random) -> tuple[Counter[str], float]:
    """Send mutated offers into a room where somebody is; returns what became of them, and that person's longest gap."""
    offers, outcomes, watched = await model_offers(), Counter[str](), Watched()
    room = LocalRoom("fuzz", clock=time.time, notice=Notice("Fuzz", "presence", "A test."))

    async def watch(on: CameraOn) -> None:
        async for _ in on.track.frames():
            watched.take()

    async def follow() -> None:
        async for event in room.events():
            if isinstance(event, CameraOn):
                tasks.create_task(watch(event))

    async with asyncio.TaskGroup() as tasks, room:
        following = tasks.create_task(follow())
        guest, video = connection(), camera()
        guest.addTransceiver(video, direction="sendonly")
        answer = (await room.admit(await real_offer(guest), "Eve")).answer
        await guest.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        await until(lambda: len(watched.times) > 3, within_s=30)
        began = time.monotonic()
        for _ in range(count):
            async with asyncio.timeout(TAKES_AT_MOST_S):
                try:
                    admission = await room.admit(mutated(chance.choice(offers), chance), "Mallory")
                except (OfferMalformed, OfferUnsupported, RoomRefused, RoomFull) as error:
                    outcomes[type(error).__name__] += 1
                except Exception as error:
                    outcomes[f"bug: {error!r}"] += 1
                else:
                    outcomes["admitted"] += 1
                    room.dismiss(admission.resource)
        gap_s = watched.longest_gap_s(began)
        following.cancel()
        video.stop()
        await guest.close()
    return outcomes, gap_s


async def fuzz_answers(count: int, chance: random.Random) -> Counter[str]:
    """Give mutated answers to offers of ours; returns what became of them."""
    server = connection()
    server.addTransceiver(camera(), direction="sendonly")
    first = Peer(time.time, LOOPBACK)
    await server.setRemoteDescription(RTCSessionDescription(await first.offer(), "offer"))
    listen_on(server, LOOPBACK)
    await server.setLocalDescription(await server.createAnswer())
    answer, outcomes = str(server.localDescription.sdp), Counter[str]()
    await first.close()
    await server.close()

    async def give(text: str) -> None:
        async with at_once, asyncio.timeout(TAKES_AT_MOST_S), Peer(time.time, LOOPBACK) as peer:
            await peer.offer()
            try:
                await peer.accept(text)
            except RoomRefused:
                outcomes["refused"] += 1
            except Exception as error:
                outcomes[f"bug: {error!r}"] += 1
            else:
                outcomes["taken"] += 1

    at_once = asyncio.Semaphore(AT_ONCE)
    async with asyncio.TaskGroup() as tasks:
        for _ in range(count):
            tasks.create_task(give(mutated(answer, chance)))
    return outcomes


class Plain(bytes):
    """A packet that arrives as if it had been encrypted by somebody who holds the key."""


class Broken:
    """Stands in for a connection's decryption, and lets broken packets arrive behind every one that it decrypts."""

    def __init__(self, transport: Any, source: int, count: int, chance: random.Random) -> None:
        """Take the place.

        Args:
            transport: Of the receiver.
            source: SSRC of the video to break; RTCP is broken whosever it is.
            count: How many to break.
            chance: Decides how.
        """
        self.kinds: Counter[str] = Counter()
        self.enough = asyncio.Event()
        self._session = transport._rx_srtp
        self._source, self._count, self._chance = source, count, chance
        [protocol] = transport.transport._connection._protocols
        self._arrive = protocol.datagram_received
        transport._rx_srtp = self

    def unprotect(self, data: bytes) -> bytes:
        """Decrypt RTP."""
        return self._plain(data, self._session.unprotect, is_broken=int.from_bytes(data[8:12], "big") == self._source)

    def unprotect_rtcp(self, data: bytes) -> bytes:
        """Decrypt RTCP."""
        return self._plain(data, self._session.unprotect_rtcp, is_broken=True)

    def _plain(self, data: bytes, decrypt: Callable[[bytes], bytes], *, is_broken: bool) -> bytes:
        if isinstance(data, Plain):
            return bytes(data)
        plain = decrypt(data)
        if is_broken and not self.enough.is_set():
            for _ in range(FOR_EACH):
                packet = broken(plain, self._chance)
                is_rubbish = self._chance.random() < 0.2
                arriving = packet if is_rubbish else Plain(packet)
                asyncio.get_running_loop().call_soon(self._arrive, arriving, ("127.0.0.1", 9))
                self.kinds["rubbish" if is_rubbish else "encrypted"] += 1
            if self.kinds.total() >= self._count:
                self.enough.set()
        return plain


@asynccontextmanager
async def two_videos() -> AsyncIterator[tuple[Any, int, Watched, Watched]]:
    """One connection with two videos, received as the bot does.

    Yields:
        The receiver's transport, the first video's source, and what is seen of each.
    """
    sender, receiver = connection(), connection()
    cameras = [camera("yuki"), camera("kofi")]
    transceivers = [sender.addTransceiver(each, direction="sendonly") for each in cameras]
    await receiver.setRemoteDescription(RTCSessionDescription(await real_offer(sender), "offer"))
    videos, traffics = (Watched(), Watched()), (Traffic(), Traffic())
    for transceiver, video, traffic in zip(receiver.getTransceivers(), videos, traffics, strict=True):
        patch_receiver(receiver, transceiver, video.take, traffic)
    listen_on(receiver, LOOPBACK)
    await receiver.setLocalDescription(await receiver.createAnswer())
    attend_sockets(receiver, Traffic())
    await sender.setRemoteDescription(RTCSessionDescription(receiver.localDescription.sdp, "answer"))
    try:
        await until(lambda: all(len(video.times) > 3 for video in videos), within_s=30)
        yield receiver.getTransceivers()[0].receiver.transport, transceivers[0].sender._ssrc, *videos
    finally:
        for each in cameras:
            each.stop()
        await sender.close()
        await receiver.close()
        for traffic in traffics:
            await join_decoders(traffic)


async def fuzz_packets(count: int, chance: random.Random) -> tuple[Counter[str], float, float]:
    """Mix mutated packets with one of two videos.

    Returns:
        What was sent, the other video's longest gap, and how long the first took to come back afterwards, in seconds.
    """
    async with two_videos() as (transport, source, first, second):
        began = time.monotonic()
        breaking = Broken(transport, source, count, chance)
        async with asyncio.timeout(120 + count / 20):
            await breaking.enough.wait()
        gap_s, over, before = second.longest_gap_s(began), time.monotonic(), len(first.times)
        await until(lambda: len(first.times) > before + 5, within_s=60)
        return breaking.kinds, gap_s, time.monotonic() - over


async def fuzz(count: int, packets: int, seed: int) -> dict[str, Any]:
    """Do it all.

    Returns:
        Figures; `tracebacks` is what the log should not have.
    """
    threads = threading.active_count()
    with listening() as log:
        began = time.monotonic()
        offers, offers_gap_s = await fuzz_offers(count, random.Random(f"{seed} offers"))
        print(f"offers: {dict(offers)}", file=sys.stderr, flush=True)
        answers = await fuzz_answers(count, random.Random(f"{seed} answers"))
        print(f"answers: {dict(answers)}", file=sys.stderr, flush=True)
        sent, packets_gap_s, back_s = await fuzz_packets(packets, random.Random(f"{seed} packets"))
        await until(lambda: threading.active_count() <= threads + 1, within_s=10)
        gc.collect()
        await asyncio.sleep(0)
    return {
        "offers": dict(offers),
        "answers": dict(answers),
        "packets": dict(sent),
        "longest_gap_s": {"offers": round(offers_gap_s, 2), "packets": round(packets_gap_s, 2)},
        "back_after_s": round(back_s, 2),
        "tracebacks": log.tracebacks,
        "logged": dict(log.lines.most_common(10)),
        "took_s": round(time.monotonic() - began, 1),
    }


def main() -> int:
    """Fuzz, and print the figures as one last line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--packets", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    print(machine(), file=sys.stderr)
    figures = asyncio.run(fuzz(options.count, options.packets, options.seed))
    print(json.dumps(figures) if options.json else figures)
    bugs = [reported for reported in (*figures["offers"], *figures["answers"]) if reported.startswith("bug")]
    return 1 if figures["tracebacks"] or bugs else 0


if __name__ == "__main__":
    sys.exit(main())
