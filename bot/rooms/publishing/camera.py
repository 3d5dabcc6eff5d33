"""What a publisher's camera sends: encoded clips as they are, or any other video file encoded live."""

import asyncio
from abc import abstractmethod
from collections.abc import Iterator
from fractions import Fraction
from itertools import cycle
from pathlib import Path
from typing import TypeAlias, cast

import av
import numpy as np
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack
from av.stream import Stream

from bot.rooms.publishing.encoded_clip import Clip, ClipFrame, ClipUnreadable, NotAsItIs, read_clip
from bot.rooms.webrtc.orientation import UPRIGHT, turn_of
from engine.readings import Image

EncodedPicture: TypeAlias = "av.Packet[Stream]"  # subscriptable for type checkers only
Picture: TypeAlias = "av.VideoFrame | EncodedPicture"
RTP_TIME_BASE = Fraction(1, 90_000)
LATEST_S = 0.5
"""Frames later than that are moved, not hurried: a burst after a stall would only be lost."""
LARGEST_PX = 1280
SHORTEST_S, LONGEST_S = 1 / 120, 10.0
"""How long a picture of a file is shown, whatever the file says."""


class Camera(MediaStreamTrack):
    """A video track in real time that can be switched off and on while its connection stays."""

    kind = "video"

    def __init__(self) -> None:
        super().__init__()
        self._is_on = asyncio.Event()
        self._is_on.set()
        self._origin: float | None = None
        self._due = 0.0

    def switch_off(self) -> None:
        """Stop sending; the connection stays."""
        self._is_on.clear()

    def switch_on(self) -> None:
        """Send again."""
        self._is_on.set()

    async def recv(self) -> Picture:
        """Return the next picture when it is due; aiortc's sender calls this.

        Raises:
            MediaStreamError: The track was stopped.
        """
        await self._wait_until_due()
        picture, duration_s = await self._next()
        picture.pts = round((self._due - (self._origin or 0.0)) / RTP_TIME_BASE)
        picture.time_base = RTP_TIME_BASE
        self._due += duration_s
        return picture

    async def _wait_until_due(self) -> None:
        now = asyncio.get_running_loop().time
        if self._origin is None:
            self._origin = self._due = now()
        while self.readyState == "live":
            await self._is_on.wait()
            if now() - self._due > LATEST_S:
                self._due = now()
            await asyncio.sleep(self._due - now())
            if self._is_on.is_set():
                return
        raise MediaStreamError

    @abstractmethod
    async def _next(self) -> tuple[Picture, float]:
        """Return a picture and the seconds until the next is due; its timestamp is set by the caller."""


class ClipCamera(Camera):
    """Plays a clip in a loop, unencoded; switches to another at once, because every clip begins with a key frame.

    A request for a key frame needs no answer: one comes within a second.
    """

    def __init__(self, clip: Clip) -> None:
        super().__init__()
        self._clip = clip
        self._frames: Iterator[ClipFrame] = cycle(clip.frames)

    def play(self, clip: Clip) -> None:
        """Play another clip, from its beginning, with the next frame."""
        self._clip = clip
        self._frames = cycle(clip.frames)

    def switch_on(self) -> None:
        """Send again, from the beginning of the clip: what follows a gap has to be a key frame."""
        self.play(self._clip)
        super().switch_on()

    async def _next(self) -> tuple[EncodedPicture, float]:
        frame = next(self._frames)
        packet: EncodedPicture = av.Packet(frame.data)
        return packet, frame.duration_s


class FileCamera(Camera):
    """Plays any video file in a loop: decodes it in a thread and leaves the encoding to aiortc."""

    def __init__(self, path: Path) -> None:
        """Open the file.

        Raises:
            ClipUnreadable: It is missing or holds no video that can be decoded.
        """
        super().__init__()
        self._path = path
        self._pictures = self._decode()
        try:
            self._ahead = next(self._pictures)
        except (OSError, av.FFmpegError, StopIteration) as error:
            reason = error or "no pictures"
            raise ClipUnreadable(f"{path} cannot be read as video ({reason}): give a video file") from error

    async def _next(self) -> tuple[av.VideoFrame, float]:
        current = self._ahead
        try:
            self._ahead = await asyncio.to_thread(next, self._pictures)
        except (OSError, av.FFmpegError) as error:
            raise MediaStreamError(f"{self._path}: {error}") from error
        return current

    def _decode(self) -> Iterator[tuple[av.VideoFrame, float]]:
        """Yield pictures and how long each is shown, from the beginning again after the end."""
        found = True
        while found:
            found = False
            with av.open(str(self._path)) as container:
                if not container.streams.video:
                    return
                stream = container.streams.video[0]
                pictures = container.decode(stream)
                if (picture := next(pictures, None)) is None:
                    return
                found, shown_s = True, _stated_s(stream.average_rate)
                for following in pictures:
                    shown_s = _between_s(picture, following, shown_s)
                    yield _fitted(picture), shown_s
                    picture = following
                yield _fitted(picture), shown_s


def open_camera(path: Path) -> Camera:
    """Choose the camera for a file: VP8 with regular key frames is sent as it is, all else is encoded live.

    Raises:
        ClipUnreadable: The file is missing or holds no video.
    """
    try:
        return ClipCamera(read_clip(path))
    except NotAsItIs:
        return FileCamera(path)


def _stated_s(rate: Fraction | None) -> float:
    """Return how long a picture is shown by the file's own word, which need not be true."""
    return min(max(float(1 / (rate or Fraction(25))), SHORTEST_S), LONGEST_S)


def _between_s(picture: av.VideoFrame, following: av.VideoFrame, otherwise_s: float) -> float:
    """Return how long a picture is shown: until the next one, as both of them say."""
    if picture.time is None or following.time is None or following.time <= picture.time:
        return otherwise_s
    return min(max(following.time - picture.time, SHORTEST_S), LONGEST_S)


def _fitted(picture: av.VideoFrame) -> av.VideoFrame:
    """Turn a picture upright, and shrink one whose longer side exceeds what a meeting sends; sides become even."""
    share = min(1.0, LARGEST_PX / max(picture.width, picture.height))
    width, height = (max(2, int(side * share) // 2 * 2) for side in (picture.width, picture.height))
    turn = turn_of(picture)
    if turn == UPRIGHT:
        return picture.reformat(width=width, height=height, format="yuv420p")
    image = cast(Image, picture.reformat(width=width, height=height, format="rgb24").to_ndarray())
    upright = av.VideoFrame.from_ndarray(np.ascontiguousarray(turn.upright(image)), format="rgb24")
    return upright.reformat(format="yuv420p")
