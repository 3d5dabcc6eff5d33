"""Recordings as phones, cameras, meeting services and accidents make them, made here with PyAV."""

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from av import AudioFrame, VideoFrame

from engine.readings import Image

CLIPS = Path(__file__).resolve().parents[3] / "bot/samples/clips"
WIDTH_PX, HEIGHT_PX, RATE = 320, 180, 15
QUICK = {
    "libx264": {"preset": "ultrafast"},
    "libvpx": {"deadline": "realtime", "cpu-used": "8"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8"},
}
Stamped = tuple[int, Image]
"""Milliseconds and a picture."""


@cache
def shown(name: str = "amara-calm", most: int = 30, size: tuple[int, int] = (WIDTH_PX, HEIGHT_PX)) -> tuple[Image, ...]:
    """The first pictures of a drawn person's clip, made smaller."""
    with av.open(str(CLIPS / f"{name}.webm")) as container:
        pictures = [picture.to_ndarray(format="rgb24") for picture in islice(container.decode(video=0), most)]
    return tuple(np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8) for picture in pictures)


def evenly(pictures: Iterable[Image], begin_ms: int = 0) -> list[Stamped]:
    return [(begin_ms + round(1000 * number / RATE), picture) for number, picture in enumerate(pictures)]


def write(
    path: Path,
    pictures: Sequence[Stamped],
    *,
    codec: str = "libx264",
    pixels: str = "yuv420p",
    pixel_ratio: Fraction | None = None,
    of_codec: dict[str, str] | None = None,
    of_file: dict[str, str] | None = None,
    metadata: dict[str, str] | None = None,
) -> Path:
    """Write pictures with time stamps; where their size changes, a new encoder goes on in the same stream."""
    with av.open(str(path), "w", options=of_file or {}) as container:
        container.metadata.update(metadata or {})
        height, width = pictures[0][1].shape[:2]
        of_codec = QUICK.get(codec, {}) | (of_codec or {})
        stream: Any = container.add_stream(codec, rate=1000 if path.suffix != ".avi" else RATE, options=of_codec)
        stream.width, stream.height, stream.pix_fmt = width, height, pixels
        if path.suffix != ".avi":
            stream.codec_context.time_base = Fraction(1, 1000)
        if pixel_ratio is not None:
            stream.codec_context.sample_aspect_ratio = pixel_ratio
        encoder = stream.codec_context
        for number, (at_ms, picture) in enumerate(pictures):
            if picture.shape[:2] != (encoder.height, encoder.width):
                for packet in encoder.encode(None):
                    packet.stream = stream
                    container.mux(packet)
                encoder = another(codec, picture, pixels, of_codec)
            frame = VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            frame.pts, frame.time_base = at_ms, Fraction(1, 1000)
            if path.suffix == ".avi":
                frame.pts, frame.time_base = number, Fraction(1, RATE)
            for packet in encoder.encode(frame):
                packet.stream = stream
                container.mux(packet)
        for packet in encoder.encode(None):
            packet.stream = stream
            container.mux(packet)
    return path


def another(codec: str, picture: Image, pixels: str, options: dict[str, str]) -> Any:
    encoder: Any = av.CodecContext.create(codec, "w")
    encoder.height, encoder.width = picture.shape[:2]
    encoder.pix_fmt, encoder.time_base, encoder.options = pixels, Fraction(1, 1000), options
    return encoder


def turned(path: Path, quarters: int) -> Path:
    """Have an mp4 or mov file say that it is to be turned to the right, as a phone does that was held upright."""
    cosine, sine = ((1, 0), (0, 1), (-1, 0), (0, -1))[quarters]
    matrix = np.array([cosine, sine, 0, -sine, cosine, 0, 0, 0, 0x4000], ">i4") * 0x10000
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4 + 40
    matrix[8] = 0x40000000
    data[at : at + 36] = matrix.astype(">i4").tobytes()
    path.write_bytes(data)
    return path


def sound(path: Path) -> Path:
    """A second of silence, and no video."""
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("aac", rate=16_000)
        stream.layout = "mono"
        for number in range(16):
            frame = AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 16_000, number * 1024
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def encrypted(path: Path) -> Path:
    """As players with a licence would take it."""
    secret = "00112233445566778899aabbccddeeff"
    return write(
        path,
        evenly(shown()),
        of_file={"encryption_scheme": "cenc-aes-ctr", "encryption_key": secret, "encryption_kid": secret},
    )


def cut(path: Path, share: float) -> Path:
    """Lose the end of a file."""
    data = path.read_bytes()
    path.write_bytes(data[: round(len(data) * share)])
    return path


def overwritten(path: Path, share: float, length: int) -> Path:
    """Lose a piece in the middle of a file."""
    data = bytearray(path.read_bytes())
    at = round(len(data) * share)
    data[at : at + length] = bytes(length)
    path.write_bytes(data)
    return path


Make = Callable[[Path], Path]
