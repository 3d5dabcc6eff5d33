"""A recording's file: what it shows and when, on its own clock; what cannot be read is said in one line."""

import os
import stat
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any, Final, cast

import av
import cv2
import numpy as np
from av import VideoFrame
from av.video.stream import VideoStream

from bot.errors import RecordingUnreadable
from bot.rooms.base import Frame
from bot.rooms.video_size import MOST_PX, is_camera_size, wrong_size
from bot.rooms.webrtc.orientation import Turn, turn_of
from engine.readings import Image

FORMATS: Final = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi"
"""Containers by the names of FFmpeg's readers. Others could name further files or addresses that are read in turn."""
MOST_GAP_S: Final = 3600.0
"""Longest time without a picture that is believed; a longer one, or a step back, is a clock that was set anew."""
_STEP_BACK_S: Final = 1.0
"""Pictures that come out of order by less than this were only stored in another order."""
_LEAST_STEP_S: Final = 0.001
"""Between two pictures: no two are of one moment."""
_USUAL_STEP_S: Final = 1 / 25
_SHORTEST_STEP_S: Final = 1 / 240
_LONGEST_STEP_S: Final = 1.0
_MISSING_SHARE: Final = 0.02
"""Of a stated duration that may lack at the end; and a second more."""
_COVER: Final = av.stream.Disposition.attached_pic
_ENCRYPTED: Final = ("encryption_info", "encryption_init_info")


@dataclass(slots=True)
class _Timing:
    """Turns a file's time stamps into seconds from its beginning that only grow. Pure."""

    step_s: float
    """What lies between two pictures where nothing says it."""
    begins_s: float | None = None
    last_s: float = 0.0
    is_first: bool = True

    def at(self, stamp_s: float | None) -> float:
        """Take the time stamp of the next picture; None where it has none."""
        if self.is_first:
            self.is_first = False
            begins_s = self.begins_s
            if stamp_s is None:
                self.begins_s = 0.0
            elif begins_s is None or not 0 <= stamp_s - begins_s <= MOST_GAP_S:
                self.begins_s = stamp_s
            self.last_s = 0.0 if stamp_s is None else stamp_s - cast(float, self.begins_s)
            return self.last_s
        next_s = self.last_s + self.step_s
        at = next_s if stamp_s is None else stamp_s - cast(float, self.begins_s)
        if stamp_s is not None and not -_STEP_BACK_S <= at - self.last_s <= MOST_GAP_S:
            self.begins_s, at = stamp_s - next_s, next_s
        self.last_s = max(at, self.last_s + _LEAST_STEP_S)
        return self.last_s


class VideoFile:
    """One file, read once from its beginning to its end, by one thread at a time. Use it in a `with`, or `close` it."""

    def __init__(self, path: Path) -> None:
        """Open a file.

        Raises:
            RecordingUnreadable: It is missing, empty, no video, encrypted, or too large a picture.
        """
        self.name = path.stem
        """The file's name without its suffix: whoever records people one by one calls the files by their names."""
        self.damage: str | None = None
        """What could not be read so far, in one line; None for nothing."""
        self._path = path
        self._file = _opened(path)
        try:
            self._container, self._stream = _video_of(path, self._file)
        except BaseException:
            self._file.close()
            raise
        stream = self._stream
        self.step_s = _step_of(stream.average_rate)
        """Usual time between two pictures."""
        self.duration_s = _duration_of(self._container, stream)
        """As the file states it; None where it does not."""
        self.began_at = _creation_of(self._container.metadata.get("creation_time", ""))
        """Unix seconds, where the file says when it was recorded."""
        start = self._container.start_time
        self._timing = _Timing(self.step_s, None if start is None else start / av.time_base)
        self._shown = 0
        self._failures = 0
        self._pictures = self._decode()
        # What shows nothing is refused before anybody waits for it.
        self._next = next(self._pictures, None)
        if self._next is None:
            self.close()
            raise RecordingUnreadable(self.damage)

    def read(self, most: int) -> list[Frame]:
        """Return the next pictures, at most so many; none at the end. `at` counts seconds from the file's beginning."""
        frames: list[Frame] = []
        while self._next is not None and len(frames) < most:
            frames.append(self._next)
            self._next = next(self._pictures, None)
        return frames

    def close(self) -> None:
        """Close the file; nothing is read any more."""
        self._pictures.close()
        self._container.close()
        self._file.close()

    def __enter__(self) -> "VideoFile":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _decode(self) -> Generator[Frame, None, None]:
        try:
            for packet in self._container.demux(self._stream):
                if any(map(packet.has_sidedata, _ENCRYPTED)):
                    self.damage = f"{self._path} is encrypted: decrypt it first"
                    return
                yield from self._shown_by(packet)
        except (av.FFmpegError, OSError, ValueError) as error:
            self.damage = f"{self._path} is broken after {_clock(self._timing.last_s)} ({_reason(error)})"
            return
        if self.damage is None:
            self.damage = self._missing()

    def _shown_by(self, packet: "av.Packet[VideoStream]") -> Iterator[Frame]:
        try:
            pictures = packet.decode()
        except (av.FFmpegError, ValueError):
            self._failures += self._shown > 0  # a recording may begin amid what cannot be decoded by itself
            return
        for picture in pictures:
            if is_camera_size(picture.width, picture.height):
                self._shown += 1
                yield _frame(self._timing.at(_stamp_of(picture)), picture, self._stream.sample_aspect_ratio)
            elif self.damage is None:
                size = wrong_size(picture.width, picture.height)
                self.damage = f"{self._path}: {size} are too large or too narrow, and were left out"

    def _missing(self) -> str | None:
        """Compare what was read with what the file promised."""
        read_s = self._timing.last_s + self.step_s
        if self._shown == 0:
            return f"{self._path} shows nothing that can be decoded"
        if self.duration_s is not None and read_s < self.duration_s * (1 - _MISSING_SHARE) - 1:
            return f"{self._path} ends after {_clock(read_s)} of {_clock(self.duration_s)}: it was cut off"
        if self._failures:
            return f"{self._path}: {self._failures} pieces could not be decoded, and were left out"
        return None


def _opened(path: Path) -> Any:
    try:
        # Without waiting for somebody who would write into a pipe of this name.
        file = open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK))  # noqa: SIM115
    except (OSError, ValueError) as error:
        raise RecordingUnreadable(f"{path}: {getattr(error, 'strerror', None) or error}") from error
    about = os.fstat(file.fileno())
    if stat.S_ISREG(about.st_mode) and about.st_size:
        return file
    file.close()
    raise RecordingUnreadable(f"{path} is {'empty' if stat.S_ISREG(about.st_mode) else 'no file'}")


def _video_of(path: Path, file: Any) -> tuple[Any, VideoStream]:
    try:
        container = av.open(file, metadata_errors="replace", options={"format_whitelist": FORMATS})
    except (av.FFmpegError, OSError, ValueError) as error:
        raise RecordingUnreadable(
            f"{path} is no recording that can be read ({_reason(error)}): give mp4, mov, mkv, webm or avi"
        ) from error
    try:
        # A cover is a video stream of one picture.
        streams = [stream for stream in container.streams.video if not stream.disposition & _COVER]
        if not streams:
            raise RecordingUnreadable(f"{path} holds no video")
        stream = streams[0]
        context = stream.codec_context
        if context is None:
            raise RecordingUnreadable(f"{path} holds video of a kind that cannot be decoded")
        if context.width and not is_camera_size(context.width, context.height):
            raise RecordingUnreadable(
                f"{path}: {wrong_size(context.width, context.height)} are too large or too narrow"
            )
        context.thread_count = 1  # files share the cores as it is
        context.options = {"max_pixels": str(MOST_PX)}
    except BaseException:
        container.close()
        raise
    return container, stream


def _frame(at: float, picture: VideoFrame, pixel_ratio: Fraction | None) -> Frame:
    turn = turn_of(picture)
    width = round(picture.width * pixel_ratio) if pixel_ratio else picture.width
    size = turn.size(width if is_camera_size(width, picture.height) else picture.width, picture.height)
    return Frame(at, *size, partial(_to_rgb, picture, turn, size))


def _to_rgb(picture: VideoFrame, turn: Turn, size: tuple[int, int]) -> Image:
    image = cast(Image, picture.to_ndarray(format="rgb24", threads=1))
    if picture.interlaced_frame:
        image = np.repeat(image[::2], 2, axis=0)[: len(image)]  # lines of two moments would comb whatever moves
    image = turn.upright(image)
    return image if (image.shape[1], image.shape[0]) == size else cast(Image, cv2.resize(image, size))


def _stamp_of(picture: VideoFrame) -> float | None:
    return None if picture.pts is None or picture.time_base is None else float(picture.pts * picture.time_base)


def _step_of(rate: Fraction | None) -> float:
    step_s = float(1 / rate) if rate else _USUAL_STEP_S
    return step_s if _SHORTEST_STEP_S <= step_s <= _LONGEST_STEP_S else _USUAL_STEP_S


def _duration_of(container: Any, stream: VideoStream) -> float | None:
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    return None if container.duration is None else float(container.duration / av.time_base)


def _creation_of(said: str) -> float | None:
    """Read when the file was recorded; what many write that know no time is the year 1904 or 1970."""
    try:
        at = datetime.fromisoformat(said)
    except ValueError:
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return at.timestamp() if at.year >= 1990 else None


def _clock(at_s: float) -> str:
    return f"{int(at_s) // 3600}:{int(at_s) // 60 % 60:02}:{int(at_s) % 60:02}"


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error).partition("\n")[0]
