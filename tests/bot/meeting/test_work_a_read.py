"""How much work a read is, from encoded pictures to the meter: calls are counted, no time is measured.

What is saved here is paid four times a second for everybody in a class, so it must not come back unseen. Only what
packets cost is counted elsewhere (tests/bot/rooms/webrtc/test_reception.py).
"""

import asyncio
import threading
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from bot.engagement import EngagementMeter, EngagementParameters
from bot.inference import open_inference
from bot.meeting.observer import observe
from bot.meeting.read_rate import ReadRate
from bot.rooms.base import Frame, Participant
from bot.rooms.latest_frame import Mailbox
from bot.rooms.publishing.encoded_clip import read_clip
from bot.rooms.webrtc import decoding
from bot.rooms.webrtc.decoding import CodedPicture, Decoder, EncodedFrames
from bot.rooms.webrtc.jitter_buffer import EncodedFrame
from bot.rooms.webrtc.traffic import Traffic, join_decoders
from bot.rooms.webrtc.video_stream import Stream
from bot.samples.story import clip_path
from engine.face_models.conversion import Span
from engine.face_models.network import FaceNetwork, Region
from engine.readings import FaceBatch, FaceReading, Floats, Image, Scores
from engine.runtimes.onnx import OnnxRuntime

READ_EVERY = 4
"""Pictures: 15 come a second, and about 4 are read."""
MESH = "face_landmark_with_attention"
SHORT_RANGE, FULL_RANGE = "face_detection_short_range", "face_detection_full_range_sparse"
ANNA = Participant("p1", "Anna")


class Vp8:
    """As aiortc names a codec."""

    name = "VP8"


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count what runs: networks by their names, `expressions`, pictures `decoded`."""
    counted: Counter[str] = Counter()
    names: dict[int, str] = {}
    opened, looked, scored, opened_context = (
        FaceNetwork.__init__, FaceNetwork.run, OnnxRuntime.infer, decoding.new_context,
    )  # fmt: skip

    def open_network(self: FaceNetwork, file: str, span: Span) -> None:
        names[id(self)] = Path(file).stem
        opened(self, file, span)

    def look(self: FaceNetwork, image: Image, region: Region) -> list[Floats]:
        counted[names[id(self)]] += 1
        return looked(self, image, region)

    def score(self: OnnxRuntime, batch: FaceBatch) -> Scores:
        counted["expressions"] += len(batch)
        return scored(self, batch)

    class Context:
        def __init__(self, codec: str) -> None:
            self._context = opened_context(codec)

        def decode(self, packet: Any) -> Any:
            counted["decoded"] += 1
            return self._context.decode(packet)

    monkeypatch.setattr(FaceNetwork, "__init__", open_network)
    monkeypatch.setattr(FaceNetwork, "run", look)
    monkeypatch.setattr(OnnxRuntime, "infer", score)
    monkeypatch.setattr(decoding, "new_context", Context)
    return counted


@dataclass
class Camera:
    """One participant's stream; pictures come when the test sends them."""

    stream: Stream
    inbox: EncodedFrames
    decoder: Decoder
    frames_of: Mailbox[Frame]
    participant: Participant = ANNA

    @classmethod
    @asynccontextmanager
    async def on(cls, first: bytes) -> "AsyncIterator[Camera]":
        """Switch a camera on; its first picture is decoded to see whether it can be."""
        lost, traffic = threading.Event(), Traffic()
        inbox = EncodedFrames(lost)
        decoder = Decoder(inbox, lost, asyncio.get_running_loop())
        decoder.start()
        stream = Stream(lambda: 0.0, traffic, _nothing)
        try:
            coming = asyncio.create_task(stream.camera_on())
            await asyncio.sleep(0)
            _send(stream, inbox, decoder, first)
            yield cls(stream, inbox, decoder, await coming)
        finally:
            decoder.end()
            await join_decoders(Traffic(decoders=[decoder]))

    def frames(self) -> AsyncIterator[Frame]:
        return self.frames_of

    def send(self, *pictures: bytes) -> None:
        """Let pictures come, all before anybody looks."""
        for data in pictures:
            _send(self.stream, self.inbox, self.decoder, data)


def _send(stream: Stream, inbox: EncodedFrames, decoder: Decoder, data: bytes) -> None:
    number = inbox.put(Vp8(), EncodedFrame(data, 0, 96))
    assert number is not None
    stream.take(CodedPicture(*inbox.size, 0, number, decoder))


async def _nothing() -> None: ...


class TakingMeter(EngagementMeter):
    """A real meter that says when it was given a reading."""

    def __init__(self) -> None:
        super().__init__(EngagementParameters())
        self.camera_on(0.0)
        self.readings: list[FaceReading | None] = []
        self.given = asyncio.Event()

    def update(self, at: float, reading: FaceReading | None, aspect: float | None = None) -> None:
        super().update(at, reading, aspect)
        self.readings.append(reading)
        self.given.set()


async def watch(pictures: list[bytes], work: Counter[str]) -> list[FaceReading | None]:
    """Watch somebody, one read for each few pictures; `work` then holds what the reads cost, `woken` included."""
    meter = TakingMeter()
    loop: Any = asyncio.get_running_loop()
    wake = loop.call_soon_threadsafe

    def woken(*arguments: Any, **options: Any) -> Any:
        work["woken"] += 1
        return wake(*arguments, **options)

    async with open_inference(None, threads=1, expressions=True) as inference, Camera.on(pictures[0]) as camera:
        work.clear()
        loop.call_soon_threadsafe = woken
        watching = asyncio.create_task(observe(camera, inference, meter, ReadRate(200.0).turns(), clock=lambda: 0.0))
        async with asyncio.timeout(60):
            for start in _due(pictures):
                await meter.given.wait()
                meter.given.clear()
                if start:
                    camera.send(*pictures[start : start + READ_EVERY])
        counted = dict(work)
        watching.cancel()
        await asyncio.wait([watching])
    loop.call_soon_threadsafe = wake
    work.clear()
    work.update(counted)
    return meter.readings


def _due(pictures: list[bytes]) -> Iterator[int]:
    """Where each read's pictures begin, after the first picture alone, which is read too; at last None more."""
    yield from range(1, len(pictures) - READ_EVERY + 1, READ_EVERY)
    yield 0


@pytest.mark.parametrize(
    ("person", "segment", "meshes_a_read"), [("yuki", "calm", 1.0), ("amara", "laugh", 1.1), ("kofi", "talk", 1.1)]
)
async def test_known_face_costs_one_mesh_one_score_no_detector_and_two_wake_ups(
    work: Counter[str], person: str, segment: str, meshes_a_read: float
) -> None:
    pictures = [frame.data for frame in read_clip(clip_path(person, segment)).frames]
    readings = await watch(pictures, work)
    reads = len(readings)
    assert reads > 20
    assert None not in readings
    assert work["expressions"] == reads, "each face is scored once"
    assert work[FULL_RANGE] == 1, "only the first read searches"
    assert work[SHORT_RANGE] <= 2, "which places the face, and judges it where its shape is doubtful"
    assert work[MESH] <= meshes_a_read * reads + 1
    assert work["woken"] <= 2 * reads, "by who found the face, and by who scored it"
    assert work["decoded"] <= len(pictures), "nothing is decoded twice"


async def test_empty_chair_costs_no_mesh_and_no_score_and_is_searched_thoroughly_every_eighth_time(
    work: Counter[str],
) -> None:
    readings = await watch(_empty_room(1 + 24 * READ_EVERY), work)
    reads = len(readings)
    assert set(readings) == {None}
    assert work[FULL_RANGE] == reads
    thorough = 2 + (reads - 1) // 8
    assert 0 < work[SHORT_RANGE] <= 3 * thorough, "three squares of a picture of 16 by 9"
    assert work[MESH] == work["expressions"] == 0
    assert work["woken"] <= reads


def _empty_room(count: int) -> list[bytes]:
    """Encode a wall."""
    encoder: Any = av.CodecContext.create("libvpx", "w")
    encoder.width, encoder.height, encoder.pix_fmt = 640, 360, "yuv420p"
    encoder.options = {"deadline": "realtime", "lag-in-frames": "0", "auto-alt-ref": "0"}
    wall = av.VideoFrame.from_ndarray(np.tile(np.linspace(90, 160, 640, dtype=np.uint8), (540, 1)), format="yuv420p")
    encoded = []
    for number in range(count):
        wall.pts = number
        encoded += [bytes(packet) for packet in encoder.encode(wall)]
    return encoded
