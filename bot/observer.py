"""The path from a participant's frames to her meter. The product, in one function."""

import asyncio
import logging

from bot.engagement import Meter
from bot.frames import newest
from bot.inference import Inference
from bot.rooms.base import Clock, Track
from dashboard_protocol.events import Unmeasurable
from engine.errors import EngineError

log = logging.getLogger(__name__)

THOROUGH_EVERY = 8
"""While nobody is in view, one read of so many searches thoroughly: an empty chair must not cost more than a face."""


async def observe(track: Track, inference: Inference, meter: Meter, *, clock: Clock, reads_per_s: float) -> None:
    """Watch one participant until the track ends.

    Args:
        track: The participant's video, from camera on to camera off.
        inference: Finds and reads the face.
        meter: Takes every due read, made or missed.
        clock: The room's clock.
        reads_per_s: Wanted rate; when reads take longer, fewer are due.
    """
    patience_s = 2.0 / reads_per_s  # at 15 frames a second a picture is never this late by itself
    last_box = None
    lost = 0  # reads in a row without a face
    at = clock()
    async with newest(track.frames(), at_most_per_s=reads_per_s) as frames:
        while True:
            try:
                async with asyncio.timeout(patience_s):
                    frame = await anext(frames)
            except TimeoutError:
                at = max(at, clock())
                meter.skip(at, Unmeasurable.NOT_IN_VIEW)
                continue
            except StopAsyncIteration:
                return
            at = max(at, frame.at)
            try:
                reading = await inference.read(frame, last_box, thorough=lost < 2 or lost % THOROUGH_EVERY == 0)
            except EngineError as error:
                log.warning("a read failed: %s", error)
                meter.skip(at, Unmeasurable.ENGINE_AWAY)
                continue
            meter.update(at, reading, frame.width_px / frame.height_px)
            last_box = reading.face.box if reading else None
            lost = 0 if reading else lost + 1
