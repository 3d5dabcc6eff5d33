"""The still picture by which a bot shows in a room that somebody reads faces there."""

import asyncio
from fractions import Fraction

import av
import cv2
import numpy as np
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack

from bot.rooms.notice import Notice
from bot.rooms.opt_out_words import OPT_OUT
from dashboard_protocol.language import Language, speaking, spoken
from dashboard_protocol.view.sentences import say
from engine.readings import Image

WIDTH_PX, HEIGHT_PX = 640, 360
INTERVAL_S = 1.0
CLOCK_RATE = 90_000
BACKGROUND = (24, 32, 44)
FOREGROUND = (245, 245, 245)
ACCENT = (255, 196, 0)


def draw_notice(notice: Notice) -> Image:
    """Draw what the bot does, in words that can be read in a small tile.

    They are in the room's language where OpenCV's font has its letters, which are those of ASCII; else in English.

    Returns:
        (360, 640, 3) RGB.
    """
    picture = np.full((HEIGHT_PX, WIDTH_PX, 3), BACKGROUND, np.uint8)
    cv2.rectangle(picture, (0, 0), (WIDTH_PX - 1, HEIGHT_PX - 1), ACCENT, 8)
    reads, policy, nothing_kept, opt_out = _words(notice)
    lines = (
        (reads, 1.35, 3, ACCENT),
        (_plain(notice.bot_name) or "classpulse", 1.0, 2, FOREGROUND),
        (policy, 0.9, 2, FOREGROUND),
        (nothing_kept, 0.9, 2, FOREGROUND),
        (opt_out, 0.75, 2, FOREGROUND),
    )
    for number, (text, scale, weight, color) in enumerate(lines):
        (width, _), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, weight)
        scale *= min(1.0, (WIDTH_PX - 60) / max(width, 1))
        (width, _), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, weight)
        where = ((WIDTH_PX - width) // 2, 80 + 60 * number)
        cv2.putText(picture, text, where, cv2.FONT_HERSHEY_SIMPLEX, scale, color, weight, cv2.LINE_AA)
    return picture


def notice_png(notice: Notice) -> bytes:
    """Draw the same as a PNG file."""
    _, encoded = cv2.imencode(".png", cv2.cvtColor(draw_notice(notice), cv2.COLOR_RGB2BGR))
    return encoded.tobytes()


class NoticeTrack(MediaStreamTrack):
    """Sends one picture again and again, once a second."""

    kind = "video"

    def __init__(self, picture: Image) -> None:
        super().__init__()
        self._picture = picture
        self._sent = 0
        self._started_at: float | None = None

    async def recv(self) -> av.VideoFrame:
        """Return the picture when it is due; aiortc's sender calls this.

        Raises:
            MediaStreamError: The track was stopped.
        """
        now = asyncio.get_running_loop().time
        if self._started_at is None:
            self._started_at = now()
        await asyncio.sleep(self._started_at + self._sent * INTERVAL_S - now())
        if self.readyState != "live":
            raise MediaStreamError
        frame = av.VideoFrame.from_ndarray(self._picture, format="rgb24")
        frame.pts = round(self._sent * INTERVAL_S * CLOCK_RATE)
        frame.time_base = Fraction(1, CLOCK_RATE)
        self._sent += 1
        return frame


def _words(notice: Notice) -> tuple[str, str, str, str]:
    said = (
        say("notice.picture.reads"),
        say("notice.picture.policy", profile=_plain(notice.profile)),
        say("notice.picture.nothing_kept"),
        say("notice.picture.opt_out", out=OPT_OUT),
    )
    if spoken() is Language.EN or all(text.isascii() for text in said):
        return said
    with speaking(Language.EN):
        return _words(notice)


def _plain(text: str) -> str:
    # OpenCV's font knows ASCII only, and draws question marks for the rest.
    return text.encode("ascii", "ignore").decode().strip()
