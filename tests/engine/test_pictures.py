"""Picture files as cameras, screens and printers write them, all read by one decoder."""

import io
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from engine.errors import ImageUnreadable
from engine.pictures import load_picture
from engine.readings import Image

pillow = pytest.importorskip("PIL.Image", reason="needs Pillow, which matplotlib brings")

SHOWN = np.zeros((40, 60, 3), np.uint8)
"""Red above, below black on the left and green on the right: no two ways to hold it look alike."""
SHOWN[:20] = (250, 10, 20)
SHOWN[20:, 30:] = (10, 240, 30)


def file(folder: Path, kind: str, picture: Any, **options: Any) -> Path:
    path = folder / f"picture.{kind.lower()}"
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    path.write_bytes(buffer.getvalue())
    return path


def error(picture: Image, shown: Image) -> float:
    assert picture.shape == shown.shape
    assert picture.dtype == np.uint8
    return float(np.abs(picture.astype(int) - shown).mean())


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_picture_stands_upright_however_the_camera_was_held(tmp_path: Path, kind: str, orientation: int) -> None:
    held = {
        1: SHOWN, 2: SHOWN[:, ::-1], 3: SHOWN[::-1, ::-1], 4: SHOWN[::-1], 5: SHOWN.swapaxes(0, 1),
        6: np.rot90(SHOWN, 1), 7: np.rot90(SHOWN, 2).swapaxes(0, 1), 8: np.rot90(SHOWN, 3),
    }[orientation]  # fmt: skip
    exif = pillow.Exif()
    exif[0x0112] = orientation
    path = file(tmp_path, kind, pillow.fromarray(np.ascontiguousarray(held)), exif=exif, quality=95)
    assert error(load_picture(path), SHOWN) < 12
    assert load_picture(path, grey=True).shape == SHOWN.shape[:2]


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_grey_picture_is_read_as_three_equal_channels(tmp_path: Path, kind: str) -> None:
    grey = np.asarray(pillow.fromarray(SHOWN).convert("L"))
    picture = load_picture(file(tmp_path, kind, pillow.fromarray(grey)))
    assert error(picture, np.dstack([grey] * 3)) < 4


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_picture_of_16_bits_is_read_as_8(tmp_path: Path, channels: int) -> None:
    shown = {1: SHOWN[:, :, :1], 3: SHOWN, 4: np.dstack([SHOWN, np.full(SHOWN.shape[:2], 255, np.uint8)])}[channels]
    turned = shown[:, :, [2, 1, 0, 3][:channels]] if channels > 1 else shown
    path = tmp_path / "picture.png"
    path.write_bytes(cv2.imencode(".png", np.ascontiguousarray(turned.astype(np.uint16) * 257))[1].tobytes())
    assert error(load_picture(path), np.dstack([shown] * 3) if channels == 1 else SHOWN) < 2


@pytest.mark.parametrize(("kind", "options"), [("PNG", {}), ("WEBP", {"lossless": True})])
def test_transparency_is_ignored(tmp_path: Path, kind: str, options: dict[str, bool]) -> None:
    picture = pillow.fromarray(np.dstack([SHOWN, np.full(SHOWN.shape[:2], 200, np.uint8)]), "RGBA")
    assert error(load_picture(file(tmp_path, kind, picture, **options)), SHOWN) < 2


def test_palette_and_one_bit_are_read(tmp_path: Path) -> None:
    assert error(load_picture(file(tmp_path, "PNG", pillow.fromarray(SHOWN).quantize(8))), SHOWN) < 8
    assert load_picture(file(tmp_path, "PNG", pillow.fromarray(SHOWN).convert("1"))).shape == SHOWN.shape


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}])
def test_jpeg_for_print_and_of_every_kind_is_read(tmp_path: Path, options: dict[str, int]) -> None:
    for mode in ("CMYK", "RGB"):
        path = file(tmp_path, "JPEG", pillow.fromarray(SHOWN).convert(mode), quality=95, **options)
        assert error(load_picture(path), SHOWN) < 12


def test_of_several_pictures_in_a_file_the_first_is_read(tmp_path: Path) -> None:
    first, second = pillow.fromarray(SHOWN), pillow.fromarray(np.full_like(SHOWN, 255))
    for kind, options in (("PNG", {}), ("WEBP", {"lossless": True})):
        path = file(tmp_path, kind, first, save_all=True, append_images=[second], **options)
        assert error(load_picture(path), SHOWN) < 2


@pytest.mark.parametrize("kind", ["GIF", "TIFF", "BMP"])
def test_what_is_not_read_is_refused_in_one_line_that_says_what_is(tmp_path: Path, kind: str) -> None:
    with pytest.raises(ImageUnreadable, match="not a picture; give a JPEG, PNG or WebP file") as refused:
        load_picture(file(tmp_path, kind, pillow.fromarray(SHOWN)))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "exif",
    [
        b"", b"II", b"II*\0\xff\xff\xff\xff", b"MM\0*\0\0\0\x08\xff\xff" + bytes(40), b"II*\0\x08\0\0\0\x01\0\x12\x01",
        b"II*\0\x08\0\0\0\x01\0\x12\x01\3\0\1\0\0\0\xff\xff\0\0",
    ],
)  # fmt: skip
def test_broken_exif_leaves_a_picture_as_it_lies(tmp_path: Path, exif: bytes) -> None:
    path = file(tmp_path, "WEBP", pillow.fromarray(SHOWN), lossless=True, exif=b"Exif\0\0" + exif)
    assert error(load_picture(path), SHOWN) < 2
