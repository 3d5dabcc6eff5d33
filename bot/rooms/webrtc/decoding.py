"""Encoded pictures wait for whoever reads them; a thread of the stream decodes them then, and no others.

Of a track that is read four times a second, three of four pictures are decoded only because later ones need them. So
nothing is decoded as it comes: what waits is decoded in one go when somebody wants to see the newest, and the event
loop is woken for none of it.
"""

import asyncio
import logging
import queue
import threading
from bisect import bisect_right
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any

from av import CodecContext, Packet, VideoFrame
from av.codec.context import Flags
from av.video.codeccontext import VideoCodecContext

from bot.rooms.base import PictureLost
from bot.rooms.codecs.h264 import Size, nal_type, nal_units
from bot.rooms.codecs.video_codecs import CODECS
from bot.rooms.video_size import is_camera_size, wrong_size
from bot.rooms.webrtc.jitter_buffer import EncodedFrame

log = logging.getLogger(__name__)

MAX_WAITING_FRAMES = 30
"""Encoded frames a decoder may lag behind: 2 s at 15 frames a second."""

UNREAD_FRAMES = 15
"""So many that nobody reads are decoded all the same, as somebody may read the next one."""

DECODING_S = 1.0
"""A decoder that makes no picture for so long hangs, or the machine is too busy for this person."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    number: int
    codec: str
    frame: EncodedFrame


_number = attrgetter("number")


class EncodedFrames:
    """The decoder's inbox, bounded: a decoder that lags skips to the next whole picture instead of showing the past.

    The event loop puts, the decoder's thread takes.
    """

    def __init__(self, lost_picture: threading.Event, refuse: Callable[[str], object] = lambda reason: None) -> None:
        """Open an empty inbox.

        Args:
            lost_picture: Set when pictures were skipped; the sender is then to be asked for a whole one.
            refuse: Called with the reason for every frame that must not be decoded.
        """
        self.size: Size = (0, 0)
        """Width and height in pixels of the pictures that come."""
        self._lost_picture = lost_picture
        self._refuse = refuse
        self._awaits_keyframe = True
        self._says_all = False
        self._numbers = 0
        self._waiting: list[_Waiting] = []
        self._turn = threading.Lock()

    def __len__(self) -> int:
        """Count what waits."""
        return len(self._waiting)

    def await_keyframe(self) -> None:
        """Skip what cannot be decoded by itself."""
        self._awaits_keyframe = True

    def put(self, codec: Any, frame: EncodedFrame) -> int | None:
        """Add an encoded frame of a codec, which may have `parameter_sets`.

        Returns:
            Its number, by which it is taken; None where it cannot be decoded, or must not be.
        """
        data, name = frame.data, codec.name
        if not data:
            return None  # it would mean to the decoder that the video is over, and nothing later would be decoded
        if len(self._waiting) >= MAX_WAITING_FRAMES:
            self._clear()
        if name == "H264":
            data = self._complete(codec, data)
        is_key = is_keyframe(name, data)
        if self._awaits_keyframe and not is_key:
            self._lost_picture.set()
            return None
        self._awaits_keyframe = False
        if (reason := refusal(name, data)) is not None:
            self._awaits_keyframe = True
            self._refuse(reason)
            return None
        self.size = CODECS[name].shown(data) or self.size
        self._numbers += 1
        coming = _Waiting(self._numbers, name, replace(frame, data=data))
        with self._turn:
            if is_key and CODECS[name].is_beginning(data):
                self._waiting.clear()  # nothing that follows refers to it
            self._waiting.append(coming)
        return self._numbers

    def take(self, number: int) -> list[_Waiting]:
        """Take out everything up to a frame, or the first that is there if it is gone."""
        with self._turn:
            count = max(1, bisect_right(self._waiting, number, key=_number))
            taken, self._waiting[:] = self._waiting[:count], self._waiting[count:]
        return taken

    def _clear(self) -> None:
        with self._turn:
            self._waiting.clear()
        self._awaits_keyframe = True

    def _complete(self, codec: Any, data: bytes) -> bytes:
        """Put what the description says before a whole picture of a stream that never says it itself."""
        kinds = {nal_type(unit) for unit in nal_units(data)}
        self._says_all |= 7 in kinds
        return getattr(codec, "parameter_sets", b"") + data if 5 in kinds and not self._says_all else data


def is_keyframe(codec: str, data: bytes) -> bool:
    """Return whether an encoded frame can be decoded without the ones before it."""
    return codec in CODECS and CODECS[codec].is_key(data)


def refusal(codec: str, data: bytes) -> str | None:
    """Return why an encoded frame must not be decoded; None where it may.

    Ten bytes are enough to make the decoder fetch a gigabyte. What any frame announces holds from then on, and one
    whose size cannot be read is none of a camera's.
    """
    try:
        sizes = CODECS[codec].sizes(data)
    except ValueError:
        return "its size cannot be read"
    return next((wrong_size(*size) for size in sizes if not is_camera_size(*size)), None)


Order = tuple[int, Callable[[VideoFrame | None], object]]
"""Up to which frame to decode, and who takes the last picture; None where there is none."""


class Decoder(threading.Thread):
    """Decodes what waits in an inbox on order, until its end. No frame ends it, and a process does not wait.

    It is a thread of its own for each stream: whatever a stream does to a native library, only that stream suffers.
    """

    def __init__(
        self,
        inbox: EncodedFrames,
        lost_picture: threading.Event,
        loop: asyncio.AbstractEventLoop,
        refuse: Callable[[str], object] = lambda reason: None,
    ) -> None:
        """Prepare; `start` it.

        Args:
            inbox: Where frames come from.
            lost_picture: Set when a frame cannot be decoded.
            loop: The event loop.
            refuse: Takes the reason for every picture that must not be read, on the loop.
        """
        super().__init__(name="video-decoder", daemon=True)
        self.ended = asyncio.Event()
        """Set by the last act."""
        self._inbox = inbox
        self._lost_picture = lost_picture
        self._loop = loop
        self._refuse = refuse
        self._orders: queue.SimpleQueue[Order | None] = queue.SimpleQueue()
        self._is_over = False
        self._overdue: queue.SimpleQueue[VideoFrame | None] | None = None
        self.codec = ""
        """Name of what it decoded last."""
        self._context: VideoCodecContext
        self._last: tuple[int, VideoFrame | None] = (0, None)
        self._failures = 0

    def end(self) -> None:
        """Decode nothing more, and end."""
        self._is_over = True
        self._orders.put(None)

    def catch_up(self, number: int) -> None:
        """Decode up to a frame, and let nobody wait for it."""
        self._orders.put((number, lambda picture: None))

    def prove(self, number: int, proven: Callable[[bool], object]) -> None:
        """Decode up to a frame, and say on the event loop whether a picture came of it."""
        self._orders.put((number, lambda picture: self._on_loop(proven, picture is not None)))

    def picture(self, number: int) -> VideoFrame:
        """Decode up to a frame, or a newer one if it is gone; waits for it: call it in a worker thread.

        Raises:
            PictureLost: Nothing came of it, or it takes too long.
        """
        known, picture = self._last
        if known >= number and picture is not None:
            return picture
        if self._is_over or (self._overdue is not None and self._overdue.empty()):
            raise PictureLost("the stream is over, or its decoder hangs")
        answer: queue.SimpleQueue[VideoFrame | None] = queue.SimpleQueue()
        self._orders.put((number, answer.put))
        try:
            picture, self._overdue = answer.get(timeout=DECODING_S), None
        except queue.Empty:
            self._overdue = answer
            raise PictureLost(f"the decoder made no picture within {DECODING_S} s") from None
        if picture is None:
            raise PictureLost("it cannot be decoded")
        return picture

    def run(self) -> None:
        """Decode."""
        while (order := self._orders.get()) is not None:
            number, answer = order
            if number > self._last[0]:
                taken = self._inbox.take(number)
                self._last = max([number, *(each.number for each in taken[-1:])]), self._newest(taken)
            answer(self._last[1])
        while not self._orders.empty():
            if (late := self._orders.get()) is not None:
                late[1](None)
        self._on_loop(self.ended.set)

    def _newest(self, waiting: list[_Waiting]) -> VideoFrame | None:
        """Decode frames in order; gives the last picture."""
        picture = None
        for each in waiting:
            if each.frame.is_discardable and each is not waiting[-1]:
                continue
            try:
                found = self._decode(each)
            except Exception as error:  # of FFmpeg, and whatever else a frame may bring about
                self._lost_picture.set()
                self._note(each.codec, error)
                continue
            picture = found[-1] if found else picture
        # What a frame announced and what a decoder makes of it are two things.
        if picture is not None and not is_camera_size(picture.width, picture.height):
            self._on_loop(self._refuse, wrong_size(picture.width, picture.height))
            return None
        return picture

    def _decode(self, waiting: _Waiting) -> list[VideoFrame]:
        if waiting.codec != self.codec:
            self._context, self.codec = new_context(waiting.codec), waiting.codec
        packet = Packet(waiting.frame.data)
        packet.pts = waiting.frame.timestamp
        return self._context.decode(packet)

    def _note(self, codec: str, error: Exception) -> None:
        self._failures += 1
        if self._failures.bit_count() == 1:  # the 1st, 2nd, 4th…: whoever sends such frames must not fill the log
            log.info("%d frames of %s were none that can be decoded, the last: %s", self._failures, codec, error)

    def _on_loop(self, act: Callable[..., object], *arguments: object) -> None:
        with suppress(RuntimeError):  # the loop has ended, and nobody looks any more
            self._loop.call_soon_threadsafe(act, *arguments)


def new_context(codec: str) -> VideoCodecContext:
    """Open a decoder in one thread: more cost more, and each stream has its own."""
    context = CodecContext.create(CODECS[codec].decoder, "r")
    assert isinstance(context, VideoCodecContext)
    context.thread_count = 1
    context.flags |= Flags.low_delay  # no picture waits for the next one
    return context


@dataclass(frozen=True, slots=True, eq=False)
class CodedPicture:
    """A picture that has come whole and is decoded when somebody wants to see it."""

    width_px: int
    height_px: int
    timestamp: int
    """Of its packets, in units of 1/90,000 s, modulo 2³²."""
    number: int
    decoder: Decoder

    @property
    def codec(self) -> str:
        """Name of the codec of what its decoder decoded last."""
        return self.decoder.codec

    def decode(self) -> VideoFrame:
        """Decode it; waits: call it in a worker thread.

        Returns:
            The picture, or a newer one if there is a key frame by now. It may have another size than was announced.

        Raises:
            PictureLost: It cannot be decoded.
        """
        return self.decoder.picture(self.number)

    def decode_ahead(self) -> None:
        """Decode it in the background."""
        self.decoder.catch_up(self.number)

    def prove(self, proven: Callable[[bool], object]) -> None:
        """Decode it in the background, and say on the event loop whether it can be decoded."""
        self.decoder.prove(self.number, proven)
