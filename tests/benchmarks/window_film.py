"""Drawn galleries as files: as a recording keeps them, and as a browser sends them."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from bot.rooms.publishing.window_camera import window_encoder
from bot.samples.window_story import DrawnGallery


def record(drawn: DrawnGallery, path: Path, seconds: float, rate: int) -> Path:
    """Write a gallery as H.264, sharp and quickly encoded."""
    with av.open(str(path), "w") as file:
        stream: Any = file.add_stream("libx264", rate=rate, options={"preset": "ultrafast"})
        stream.pix_fmt = "yuv420p"
        stream.width, stream.height = drawn.view(0.0).picture
        for number in range(round(seconds * rate)):
            picture = drawn.picture(number / rate)
            file.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        file.mux(stream.encode(None))
    return path


def share(drawn: DrawnGallery, path: Path, seconds: float, rate: int, *, begins_s: float = 0.0) -> Path:
    """Write a gallery as VP8 in the quality in which it is shared, so that it can be sent as it is, again and again."""
    width, height = drawn.view(begins_s).picture
    encoder = window_encoder(width, height, rate)
    with av.open(str(path), "w", format="webm") as file:
        stream: Any = file.add_stream("libvpx", rate=rate)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for number in range(round(seconds * rate)):
            picture = drawn.picture(begins_s + number / rate)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, rate)
            for packet in encoder.encode(frame):
                packet.stream = stream
                file.mux(packet)
    return path
