"""What a picture must be before a native library sees it: one bound for every way in.

mediapipe and OpenCV end the whole process over sizes and numbers for which Python would raise.
"""

import os
import stat
from pathlib import Path
from typing import Final, Literal

import cv2
import numpy as np

from engine.errors import ImageUnreadable
from engine.readings import Floats, Image

LARGEST_SIDE_PX: Final = 16_384
"""mediapipe and OpenCV warp no picture with a side of 32,767 or more; a search looks twice as far as a face reaches."""
MOST_PX: Final = 1 << 27
"""More than any camera's picture has; 400 MB as RGB."""
LARGEST_RATIO: Final = 256
"""Of the longer side to the shorter."""
_MOST_FILE_BYTES: Final = 1 << 28
_MOST_CHUNKS: Final = 10_000
"""Of a WebP file, looked through for its EXIF."""
_FARTHEST: Final = 1000.0
"""Where landmarks may lie, in picture sides: one in the smallest crop of the largest picture stays far below."""
_MESH_SIZES: Final = (468, 478)


def checked_image(image: object, *, takes_grey: bool = False) -> Image:
    """Let a picture through that native libraries can take.

    Args:
        image: Anything.
        takes_grey: Whether one channel will do, (H, W).

    Returns:
        The same picture as a plain, contiguous array; a copy only where it was none.

    Raises:
        ImageUnreadable: It is no picture of numbers from 0 to 255, is empty, or its sides are out of bounds.
    """
    wanted = "uint8 (H, W, 3) or (H, W)" if takes_grey else "RGB as uint8 (H, W, 3)"
    if not isinstance(image, np.ndarray):
        raise ImageUnreadable(f"a {type(image).__name__} was given: give {wanted}")
    is_grey = takes_grey and image.ndim == 2
    if image.dtype != np.uint8 or image.size == 0 or not (is_grey or (image.ndim == 3 and image.shape[2] == 3)):
        raise ImageUnreadable(f"a picture of {image.dtype} {image.shape} was given: give {wanted}")
    if not is_within_bounds(image.shape[1], image.shape[0]):
        raise ImageUnreadable(_out_of_bounds(image.shape[1], image.shape[0]))
    return np.ascontiguousarray(image)


def checked_landmarks(landmarks: object) -> Floats:
    """Let the landmarks of a face through that a crop can be cut by.

    Raises:
        ImageUnreadable: They are no (478, 3) or (468, 3) finite numbers, or lie far outside of any picture.
    """
    if isinstance(landmarks, np.ndarray) and landmarks.ndim == 2 and landmarks.dtype.kind == "f":
        is_mesh = landmarks.shape[0] in _MESH_SIZES and landmarks.shape[1] == 3
        if is_mesh and bool((np.abs(landmarks) <= _FARTHEST).all()):  # not so where one is NaN
            return landmarks
    shape = getattr(landmarks, "shape", type(landmarks).__name__)
    raise ImageUnreadable(f"landmarks {shape} were given that are none: give (478, 3) finite shares of the picture")


def is_within_bounds(width_px: int, height_px: int) -> bool:
    """Return whether a picture of this size can be read."""
    shorter, longer = sorted((width_px, height_px))
    if shorter < 1 or longer > LARGEST_SIDE_PX:
        return False
    return shorter * longer <= MOST_PX and longer <= shorter * LARGEST_RATIO


def load_picture(path: Path, *, grey: bool = False) -> Image:
    """Load a picture file, upright where it says how it was held: the one way in for pictures from outside.

    Grey, 16 bit, palettes and CMYK are read as RGB; transparency is ignored: what it hides is read too. Of several
    pictures in a file the first is. A picture's size is read before anything is decoded: a file of a kilobyte can ask
    for gigabytes.

    Args:
        path: A JPEG, PNG or WebP file.
        grey: Whether one channel is wanted.

    Returns:
        (H, W, 3) RGB uint8, or (H, W) uint8.

    Raises:
        ImageUnreadable: It is missing, no JPEG, PNG or WebP file, or too large.
    """
    data = _read(path)
    size = _stated_size(data) if len(data) <= _MOST_FILE_BYTES else None
    if size is None:
        raise ImageUnreadable(f"{path}: not a picture; give a JPEG, PNG or WebP file")
    if not is_within_bounds(*size):
        raise ImageUnreadable(f"{path}: {_out_of_bounds(*size)}")
    try:
        kind = cv2.IMREAD_GRAYSCALE if grey else cv2.IMREAD_COLOR_RGB
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), kind)
    except cv2.error as error:
        raise ImageUnreadable(f"{path}: not a picture that can be read; give a JPEG, PNG or WebP file") from error
    if picture is None:
        raise ImageUnreadable(f"{path}: not a picture; give a JPEG, PNG or WebP file")
    if data[:4] == b"RIFF":  # OpenCV turns JPEG and PNG as their EXIF says, and leaves WebP as it is
        picture = _upright(picture, _webp_orientation(data))
    return checked_image(picture, takes_grey=grey)


def _read(path: Path) -> bytes:
    """Read a regular file up to one byte more than the largest picture's."""
    try:
        # Without waiting for somebody who would write into a pipe of this name.
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise ImageUnreadable(f"{path}: no file; give the path of a picture file")
            return file.read(_MOST_FILE_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ImageUnreadable(f"{path}: {reason}; give the path of a picture file") from error


def _upright(picture: Image, orientation: int) -> Image:
    """Turn and mirror a picture as EXIF's orientation says, 1 to 8; anything else leaves it."""
    if orientation in (5, 6, 7, 8):
        picture = picture.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        picture = picture[::-1]
    if orientation in (2, 3, 6, 7):
        picture = picture[:, ::-1]
    return picture


def _webp_orientation(data: bytes) -> int:
    """Find the orientation in a WebP file's EXIF chunk; 1, as it lies, where there is none."""
    at = 12
    for _ in range(_MOST_CHUNKS):
        if at + 8 > len(data):
            break
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        if data[at : at + 4] == b"EXIF":
            return _exif_orientation(data[at + 8 : at + 8 + length].removeprefix(b"Exif\0\0"))
        at += 8 + length + length % 2
    return 1


def _exif_orientation(exif: bytes) -> int:
    """Look through the entries of the first directory (Exif 2.32, 4.6.2) for tag 0x0112."""
    order: Literal["little", "big"] = "little" if exif[:2] == b"II" else "big"
    directory = int.from_bytes(exif[4:8], order)
    for number in range(int.from_bytes(exif[directory : directory + 2], order)):
        start = directory + 2 + 12 * number
        entry = exif[start : start + 12]
        if int.from_bytes(entry[:2], order) == 0x0112:
            return int.from_bytes(entry[8:10], order)
        if not entry:
            break
    return 1


def _out_of_bounds(width_px: int, height_px: int) -> str:
    return (
        f"a picture of {width_px}x{height_px} pixels is too large or too narrow: give sides of at most "
        f"{LARGEST_SIDE_PX} pixels, {MOST_PX >> 20} million in all"
    )


def _stated_size(data: bytes) -> tuple[int, int] | None:
    """Read width and height off a file's head; None for what is no JPEG, PNG or WebP file."""
    if data[:8] == b"\x89PNG\r\n\x1a\n" and data[12:16] == b"IHDR" and len(data) >= 24:
        return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP" and len(data) >= 30:
        return _webp_size(data)
    return _jpeg_size(data) if data[:2] == b"\xff\xd8" else None


def _webp_size(data: bytes) -> tuple[int, int] | None:
    """See Google's "WebP Container Specification" and RFC 6386 (VP8), RFC 9649 (lossless)."""
    match data[12:16]:
        case b"VP8X":
            return 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
        case b"VP8L":
            bits = int.from_bytes(data[21:25], "little")
            return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
        case b"VP8 ":
            return int.from_bytes(data[26:28], "little") & 0x3FFF, int.from_bytes(data[28:30], "little") & 0x3FFF
    return None


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    """Walk the segments up to the frame header (ITU-T T.81, B.2.2)."""
    at = 2
    while at + 9 <= len(data):
        if data[at] != 0xFF:
            return None
        kind = data[at + 1]
        if kind == 0xFF:  # fill
            at += 1
        elif 0xC0 <= kind <= 0xCF and kind not in (0xC4, 0xC8, 0xCC):
            return int.from_bytes(data[at + 7 : at + 9], "big"), int.from_bytes(data[at + 5 : at + 7], "big")
        else:
            at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return None
