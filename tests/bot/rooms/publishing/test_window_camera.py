"""A drawn window as a browser would send it."""

import asyncio
from typing import Any

import av
import numpy as np

from bot.rooms.publishing.window_camera import PICTURES_PER_S, WindowCamera
from engine.readings import Image


def test_window_is_sent_as_it_is_drawn_for_its_time_and_follows_a_change_of_its_size() -> None:
    asked: list[float] = []

    def picture(at_s: float) -> Image:
        asked.append(at_s)
        size = (180, 320) if len(asked) < 4 else (90, 160)
        return np.full((*size, 3), 40 * (len(asked) % 5), np.uint8)

    async def shown() -> list[av.VideoFrame]:
        camera, decoder = WindowCamera(picture), av.CodecContext.create("vp8", "r")
        packets: list[Any] = [await camera.recv() for _ in range(6)]
        camera.stop()
        sent_s = [float(packet.pts * packet.time_base) for packet in packets]
        assert np.allclose(sent_s, asked, atol=1e-3)
        assert sent_s[0] == 0.0
        assert min(np.diff(sent_s)) > 0.9 / PICTURES_PER_S
        return [frame for packet in packets for frame in decoder.decode(packet)]

    frames = asyncio.run(shown())
    assert [(frame.width, frame.height) for frame in frames] == [(320, 180)] * 3 + [(160, 90)] * 3
    means = [float(frame.to_ndarray(format="rgb24").mean()) for frame in frames]
    assert np.allclose(means, [40 * (number % 5) for number in range(1, 7)], atol=6)
