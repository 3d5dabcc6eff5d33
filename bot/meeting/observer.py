"""The path from a participant's frames to their meter. The product, in one function."""

import asyncio
import logging
from collections.abc import Callable

from bot.engagement import ReadSink
from bot.inference import Inference
from bot.meeting.read_rate import ReadSchedule
from bot.meeting.resolution import PictureSize
from bot.rooms.base import Clock, PictureLost, Scalable, Track
from bot.rooms.latest_frame import FreshFrame, newest
from dashboard_protocol.events import Unmeasurable
from engine.errors import EngineError

log = logging.getLogger(__name__)

THOROUGH_EVERY = 8
"""While nobody is in view, one read of so many searches thoroughly: an empty chair must not cost more than a face."""


async def observe(
    track: Track,
    inference: Inference,
    meter: ReadSink,
    turns: ReadSchedule,
    *,
    clock: Clock,
    size: PictureSize | None = None,
    may_look: Callable[[], bool] = lambda: True,
) -> None:
    """Watch one participant until the track ends.

    Args:
        track: The participant's video, from camera on to camera off.
        inference: Finds and reads the face.
        meter: Takes every due read, made or missed.
        turns: When reads are due.
        clock: The room's clock.
        size: Judges whether the pictures are large enough, where the room has a choice; None is content with any.
        may_look: Whether a picture may be taken now; while it may not, none is converted or read.
    """
    last_box = None
    lost = 0  # reads in a row without a face
    # A meter's time never runs backwards: a frame may have been decoded before the miss that was noted just now.
    at = clock()
    async with newest(track.frames()) as frames:
        fresh = FreshFrame(frames)
        while True:
            await turns.next()
            if not may_look():
                at = max(at, clock())
                meter.skip(at, Unmeasurable.WISHES_UNREACHABLE)
                continue
            try:
                # At 15 frames a second a picture is never this late by itself.
                async with asyncio.timeout(turns.interval_s):
                    frame = await fresh.next()
            except TimeoutError:
                at = max(at, clock())
                meter.skip(at, Unmeasurable.NOT_IN_VIEW)
                continue
            except StopAsyncIteration:
                return
            try:
                with turns.reading():
                    reading = await inference.read(
                        fresh.deferred(frame), last_box, participant=track.participant.id, thorough=_is_thorough(lost)
                    )
            except PictureLost:
                at = max(at, fresh.captured.at)
                meter.skip(at, Unmeasurable.NOT_IN_VIEW)
                continue
            except EngineError as error:
                log.warning("a read failed: %s", error)
                meter.skip(max(at, fresh.captured.at), Unmeasurable.ENGINE_AWAY)
                continue
            frame = fresh.captured
            at = max(at, frame.at)
            meter.update(at, reading, frame.width_px / frame.height_px)
            if size is not None and isinstance(track, Scalable):
                track.prefer(frame, size.factor(at, reading.face.box_width_px if reading else None))
            last_box = reading.face.box if reading else None
            lost = 0 if reading else lost + 1


def _is_thorough(lost: int) -> bool:
    """Choose between quick and thorough after so many reads in a row without a face."""
    return lost < 2 or lost % THOROUGH_EVERY == 0
