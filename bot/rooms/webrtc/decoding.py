"""A decoder thread: a bounded inbox for encoded frames before it, and a way out for pictures behind it."""

import asyncio
import logging
import queue
import threading
from collections.abc import Callable, Coroutine
from typing import Any

from aiortc.codecs import get_decoder
from av import VideoFrame

from bot.rooms.video_size import is_camera_size, wrong_size
from bot.rooms.webrtc.h264 import announced_sizes, nal_type, nal_units

log = logging.getLogger(__name__)

MAX_WAITING_FRAMES = 30
"""Encoded frames a decoder may lag behind: 2 s at 15 frames a second."""

LOOP_PATIENCE_S = 0.5
"""An event loop that takes no picture for so long may have ended, and its decoders must be able to end too."""


class EncodedFrames(queue.Queue[Any]):
    """The decoder's inbox, bounded: a decoder that lags skips to the next whole picture instead of showing the past.

    aiortc's own has no limit, and on its end waits until everything in it is decoded.
    """

    def __init__(self, lost_picture: threading.Event, refuse: Callable[[str], object] = lambda reason: None) -> None:
        """Open an empty inbox.

        Args:
            lost_picture: Set when pictures were skipped; aiortc then asks the sender for a whole one.
            refuse: Called with the reason for every frame that must not be decoded.
        """
        super().__init__()
        self._lost_picture = lost_picture
        self._refuse = refuse
        self._awaits_keyframe = True
        self._says_all = False

    def await_keyframe(self) -> None:
        """Skip what cannot be decoded by itself."""
        self._awaits_keyframe = True

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        """Add (codec, encoded frame), or None to end the decoder."""
        if item is not None and not item[1].data:
            return  # it would mean to the decoder that the video is over, and nothing later would be decoded
        if item is None or self.qsize() >= MAX_WAITING_FRAMES:
            # A Queue has no call that empties it; its own lock keeps the decoder's `get` out meanwhile.
            with self.mutex:
                self.queue.clear()
            self._awaits_keyframe = True
        if item is not None and item[0].name == "H264":
            self._complete(*item)
        if item is not None and self._awaits_keyframe:
            if not is_keyframe(item[0].name, item[1].data):
                self._lost_picture.set()
                return
            self._awaits_keyframe = False
        if item is not None and (reason := refusal(item[0].name, item[1].data)) is not None:
            self._awaits_keyframe = True
            self._refuse(reason)
            return
        super().put(item, block, timeout)

    def _complete(self, codec: Any, frame: Any) -> None:
        """Put what the description says before a whole picture of a stream that never says it itself."""
        kinds = {nal_type(unit) for unit in nal_units(frame.data)}
        self._says_all |= 7 in kinds
        if 5 in kinds and not self._says_all:
            frame.data = getattr(codec, "parameter_sets", b"") + frame.data


def is_keyframe(codec: str, data: bytes) -> bool:
    """Return whether an encoded frame can be decoded without the ones before it.

    VP8: RFC 6386 section 9.1, the first bit is 0. H264 (with start codes): a NAL unit of type 5 or 7.
    """
    if codec == "VP8":
        return bool(data) and not data[0] & 1
    return any(nal_type(unit) in (5, 7) for unit in nal_units(data))


def refusal(codec: str, data: bytes) -> str | None:
    """Return why an encoded frame must not be decoded; None where it may.

    Ten bytes are enough to make the decoder fetch a gigabyte. VP8: a key frame (RFC 6386, section 9.1). H264: any
    frame, for its sizes hold from then on, and one that cannot be read is none of a camera's.
    """
    try:
        sizes = announced_sizes(data) if codec == "H264" else _vp8_sizes(data)
    except ValueError:
        return "its size cannot be read"
    return next((wrong_size(*size) for size in sizes if not is_camera_size(*size)), None)


def _vp8_sizes(data: bytes) -> list[tuple[int, int]]:
    if len(data) < 10 or data[0] & 1 or data[3:6] != b"\x9d\x01\x2a":
        return []
    width, height = (int.from_bytes(data[at : at + 2], "little") & 0x3FFF for at in (6, 8))
    return [(width, height)]


class Pictures:
    """Takes the place of a track's queue of decoded pictures, which has no limit, and hands each on as soon as it can.

    A decoder never gives the memory of a picture back, but uses it again: were all to wait that it makes while the
    event loop is busy, their memory would be the stream's until its end, half a megabyte each. So it waits itself.
    """

    def __init__(
        self, deliver: Callable[[VideoFrame], None], refuse: Callable[[str], object] = lambda reason: None
    ) -> None:
        """Begin.

        Args:
            deliver: Takes every picture, on the event loop.
            refuse: Takes the reason for every picture that must not be read, there as well.
        """
        self.ended = asyncio.Event()
        """Set by the decoder's last act."""
        self._deliver = deliver
        self._refuse = refuse
        self._place = threading.Semaphore(1)

    def put(self, picture: VideoFrame | None) -> Coroutine[Any, Any, None]:
        """Take a picture in the decoder's thread, or None when it has ended; returns what is for the event loop."""
        if picture is None:
            return self._end()
        return self._hand_on(picture, has_place=self._place.acquire(timeout=LOOP_PATIENCE_S))

    async def _hand_on(self, picture: VideoFrame, *, has_place: bool) -> None:
        # Who waited for the place in vain has none to give back: from then on two pictures would be on their way.
        if has_place:
            self._place.release()
        # What a frame announced and what a decoder makes of it are two things.
        if is_camera_size(picture.width, picture.height):
            self._deliver(picture)
        else:
            self._refuse(wrong_size(picture.width, picture.height))

    async def _end(self) -> None:
        self.ended.set()


class Decoder(threading.Thread):
    """Decodes what comes into an inbox until None comes. No frame ends it, and a process does not wait for it.

    aiortc's own logs a line for every frame that is none, ends with whatever a codec raises beside FFmpeg's errors, and
    is waited for when the process ends, however it hangs.
    """

    def __init__(
        self, inbox: EncodedFrames, pictures: Pictures, lost_picture: threading.Event, loop: asyncio.AbstractEventLoop
    ) -> None:
        """Prepare; `start` it.

        Args:
            inbox: Where frames come from, each with its codec.
            pictures: Where pictures go.
            lost_picture: Set when a frame cannot be decoded.
            loop: Where `pictures` delivers.
        """
        super().__init__(name="video-decoder", daemon=True)
        self.pictures = pictures
        self._inbox = inbox
        self._lost_picture = lost_picture
        self._loop = loop
        self._failures = 0

    def run(self) -> None:
        """Decode."""
        name, decoder = "", None
        while (task := self._inbox.get()) is not None:
            codec, frame = task
            try:
                if codec.name != name or decoder is None:
                    name, decoder = codec.name, get_decoder(codec)
                found = [picture for picture in decoder.decode(frame) if isinstance(picture, VideoFrame)]
            except Exception as error:  # of FFmpeg, and whatever else a frame may bring about
                self._lost_picture.set()
                self._note(name, error)
                continue
            for picture in found:
                self._hand_over(self.pictures.put(picture))
        self._hand_over(self.pictures.put(None))

    def _note(self, codec: str, error: Exception) -> None:
        self._failures += 1
        if self._failures.bit_count() == 1:  # the 1st, 2nd, 4th…: whoever sends such frames must not fill the log
            log.info("%d frames of %s were none that can be decoded, the last: %s", self._failures, codec, error)

    def _hand_over(self, handing: Coroutine[Any, Any, None]) -> None:
        try:
            asyncio.run_coroutine_threadsafe(handing, self._loop)
        except RuntimeError:  # the loop has ended, and nobody looks any more
            handing.close()
