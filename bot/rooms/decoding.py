"""What stands before and behind a decoder thread: a bounded inbox for encoded frames, and a way out for pictures."""

import asyncio
import queue
import threading
from collections.abc import Callable, Coroutine
from typing import Any

from av import VideoFrame

from bot.rooms.h264_size import largest_px, nal_type, nal_units

MAX_WAITING_FRAMES = 30
"""Encoded frames a decoder may lag behind: 2 s at 15 frames a second."""

MOST_PX = 4096 * 2304
"""Of one picture."""

LOOP_PATIENCE_S = 0.5
"""An event loop that takes no picture for so long may have ended, and its decoders must be able to end too."""


class EncodedFrames(queue.Queue[Any]):
    """The decoder's inbox, bounded: a decoder that lags skips to the next whole picture instead of showing the past.

    aiortc's own has no limit, and on its end waits until everything in it is decoded.
    """

    def __init__(self, lost_picture: threading.Event) -> None:
        """Open an empty inbox.

        Args:
            lost_picture: Set when pictures were skipped; aiortc then asks the sender for a whole one.
        """
        super().__init__()
        self._lost_picture = lost_picture
        self._awaits_keyframe = True

    def await_keyframe(self) -> None:
        """Skip what cannot be decoded by itself."""
        self._awaits_keyframe = True

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        """Add (codec, encoded frame), or None to end the decoder."""
        if item is not None and not item[1].data:
            return  # it would tell the decoder that the video is over, and nothing later would be decoded
        if item is None or self.qsize() >= MAX_WAITING_FRAMES:
            with self.mutex:
                self.queue.clear()
            self._awaits_keyframe = True
        if item is not None and self._awaits_keyframe:
            if not is_keyframe(item[0].name, item[1].data):
                self._lost_picture.set()
                return
            self._awaits_keyframe = False
        if item is not None and is_oversized(item[0].name, item[1].data):
            self._awaits_keyframe = True
            return
        super().put(item, block, timeout)


def is_keyframe(codec: str, data: bytes) -> bool:
    """Tell whether an encoded frame can be decoded without the ones before it.

    VP8: RFC 6386 section 9.1, the first bit is 0. H264 (with start codes): a NAL unit of type 5 or 7.
    """
    if codec == "VP8":
        return bool(data) and not data[0] & 1
    return any(nal_type(unit) in (5, 7) for unit in nal_units(data))


def is_oversized(codec: str, data: bytes) -> bool:
    """Tell whether an encoded frame asks for more memory than a camera's picture takes.

    Ten bytes are enough to make the decoder fetch a gigabyte. VP8: a key frame (RFC 6386, section 9.1). H264: any
    frame, for its sizes hold from then on, and one that cannot be read is none of a camera's.
    """
    if codec == "H264":
        try:
            return largest_px(data) > MOST_PX
        except ValueError:
            return True
    if codec != "VP8" or len(data) < 10 or data[0] & 1 or data[3:6] != b"\x9d\x01\x2a":
        return False
    width, height = (int.from_bytes(data[at : at + 2], "little") & 0x3FFF for at in (6, 8))
    return width * height > MOST_PX


class Pictures:
    """Takes the place of a track's queue of decoded pictures, which has no limit, and hands each on as soon as it can.

    A decoder never gives the memory of a picture back, but uses it again: were all to wait that it makes while the
    event loop is busy, their memory would be the stream's until its end, half a megabyte each. So it waits itself.
    """

    def __init__(self, deliver: Callable[[VideoFrame], None]) -> None:
        self.ended = asyncio.Event()
        """Set by the decoder's last act."""
        self._deliver = deliver
        self._place = threading.Semaphore(1)

    def put(self, picture: VideoFrame | None) -> Coroutine[Any, Any, None]:
        """Take a picture in the decoder's thread, or None when it has ended; returns what is for the event loop."""
        if picture is None:
            return self._end()
        return self._hand_on(picture, has_place=self._place.acquire(timeout=LOOP_PATIENCE_S))

    async def _hand_on(self, picture: VideoFrame, *, has_place: bool) -> None:
        if has_place:
            self._place.release()
        self._deliver(picture)

    async def _end(self) -> None:
        self.ended.set()
