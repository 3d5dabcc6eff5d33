"""A picture that has come, for tests of what becomes of it: nothing is encoded, and no thread decodes."""

import asyncio
from collections.abc import Callable
from typing import cast

from bot.rooms.webrtc.decoding import CodedPicture


class _Picture:
    codec = "VP8"

    def __init__(self, width_px: int, height_px: int, is_good: bool) -> None:
        self.width_px, self.height_px = width_px, height_px
        self._is_good = is_good

    def prove(self, proven: Callable[[bool], object]) -> None:
        asyncio.get_running_loop().call_soon(proven, self._is_good)

    def decode(self) -> None: ...

    decode_ahead = decode


def staged_picture(width_px: int = 16, height_px: int = 16, *, is_good: bool = True) -> CodedPicture:
    """Make one; `is_good`: whether it can be decoded."""
    return cast(CodedPicture, _Picture(width_px, height_px, is_good))
