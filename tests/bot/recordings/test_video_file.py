"""Files of every kind that people hand over: what is in them is read, and what is not is said in one line."""

import os
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from bot.errors import RecordingUnreadable
from bot.recordings.video_file import MOST_GAP_S, VideoFile, _Timing
from bot.rooms.base import Frame
from engine.readings import Image
from tests.bot.recordings.files import (
    HEIGHT_PX,
    RATE,
    WIDTH_PX,
    cut,
    encrypted,
    evenly,
    overwritten,
    shown,
    sound,
    turned,
    write,
)
from tests.hostile import RECORDING_FILES

KINDS = {
    "mp4 of a phone": ("a.mp4", {}),
    "mp4 in fragments": ("a.mp4", {"of_file": {"movflags": "frag_keyframe+empty_moov"}}),
    "mov": ("a.mov", {}),
    "mkv": ("a.mkv", {}),
    "webm of VP8": ("a.webm", {"codec": "libvpx"}),
    "webm of VP9": ("a.webm", {"codec": "libvpx-vp9"}),
    "avi of pictures": ("a.avi", {"codec": "mjpeg", "pixels": "yuvj420p"}),
    "10 bits": ("a.mkv", {"pixels": "yuv420p10le"}),
    "4:4:4": ("a.mkv", {"pixels": "yuv444p"}),
    "interlaced": ("a.mkv", {"of_codec": {"flags": "+ildct+ilme"}}),
}
LONG = evenly(shown()) + evenly(shown("yuki-calm"), 2000) + evenly(shown("kofi-calm"), 4000)


def read(path: Path) -> tuple[list[Frame], str | None]:
    frames: list[Frame] = []
    with VideoFile(path) as file:
        while more := file.read(7):
            frames += more
        return frames, file.damage


def error(frame: Frame, picture: Image) -> float:
    seen = frame.to_rgb()
    assert seen.shape == picture.shape == (frame.height_px, frame.width_px, 3)
    return float(np.abs(seen.astype(int) - picture).mean())


@pytest.mark.parametrize("kind", KINDS)
def test_file_of_every_kind_shows_its_pictures_at_their_times(tmp_path: Path, kind: str) -> None:
    name, options = KINDS[kind]
    frames, damage = read(write(tmp_path / name, evenly(shown()), **options))  # type: ignore[arg-type]
    assert damage is None
    assert [round(frame.at * RATE) for frame in frames] == list(range(30))
    assert max(error(frame, picture) for frame, picture in zip(frames, shown(), strict=True)) < 8


@pytest.mark.parametrize("quarters", range(4))
@pytest.mark.parametrize("name", ["phone.mp4", "phone.mov"])
def test_recording_of_a_phone_stands_upright_however_it_was_held(tmp_path: Path, name: str, quarters: int) -> None:
    held = [np.ascontiguousarray(np.rot90(picture, quarters)) for picture in shown()]
    frames, damage = read(turned(write(tmp_path / name, evenly(held)), quarters))
    assert damage is None
    assert max(error(frame, picture) for frame, picture in zip(frames, shown(), strict=True)) < 8


def test_rate_that_changes_and_gaps_are_reported_as_they_are(tmp_path: Path) -> None:
    times = [0, 30, 100, 110, 500, 2500, 2533, 62_533, 62_600]
    frames, damage = read(write(tmp_path / "a.mkv", list(zip(times, shown(), strict=False)), of_codec={"bf": "0"}))
    assert damage is None
    assert [round(frame.at * 1000) for frame in frames] == times


@pytest.mark.parametrize(("name", "codec"), [("a.webm", "libvpx"), ("a.mkv", "libx264")])
def test_size_that_changes_in_the_middle_is_followed(tmp_path: Path, name: str, codec: str) -> None:
    larger = [np.asarray(cv2.resize(picture, (480, 270)), np.uint8) for picture in shown()[15:]]
    pictures = [*shown()[:15], *larger]
    frames, damage = read(write(tmp_path / name, evenly(pictures), codec=codec))
    assert damage is None
    assert max(error(frame, picture) for frame, picture in zip(frames, pictures, strict=True)) < 8


def test_pixels_that_are_not_square_are_made_so(tmp_path: Path) -> None:
    frames, _ = read(write(tmp_path / "dv.mkv", evenly(shown()), pixel_ratio=Fraction(4, 3)))
    assert {(frame.width_px, frame.height_px) for frame in frames} == {(round(WIDTH_PX * 4 / 3), HEIGHT_PX)}
    assert frames[0].to_rgb().shape == (HEIGHT_PX, round(WIDTH_PX * 4 / 3), 3)


def test_file_knows_its_name_its_length_and_when_it_was_recorded(tmp_path: Path) -> None:
    path = write(tmp_path / "Anna Öz.mp4", evenly(shown()), metadata={"creation_time": "2024-05-01T10:00:00Z"})
    with VideoFile(path) as file:
        assert file.name == "Anna Öz"
        assert file.duration_s == pytest.approx(2, abs=0.1)
        assert file.began_at == 1_714_557_600
    with VideoFile(write(tmp_path / "b.mp4", evenly(shown()))) as file:
        assert file.began_at is None


def test_file_of_sound_alone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordingUnreadable, match=r"sound\.mp4 holds no video"):
        VideoFile(sound(tmp_path / "sound.mp4"))


def test_encrypted_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordingUnreadable, match=r"a\.mp4 is encrypted: decrypt it first"):
        VideoFile(encrypted(tmp_path / "a.mp4"))


def test_file_whose_index_is_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordingUnreadable, match=r"a\.mp4 is no recording that can be read"):
        VideoFile(cut(write(tmp_path / "a.mp4", LONG), 0.7))


@pytest.mark.parametrize(
    ("name", "options"),
    [("a.mp4", {"of_file": {"movflags": "faststart"}}), ("a.mkv", {}), ("a.webm", {"codec": "libvpx"})],
)
def test_of_a_file_that_was_cut_off_the_rest_is_read_and_the_loss_reported(
    tmp_path: Path, name: str, options: dict[str, object]
) -> None:
    frames, damage = read(cut(write(tmp_path / name, LONG, **options), 0.6))  # type: ignore[arg-type]
    assert 10 < len(frames) < 80
    assert error(frames[0], shown()[0]) < 8
    assert damage is not None
    assert "cut off" in damage
    assert "\n" not in damage


@pytest.mark.parametrize(("name", "codec"), [("a.mkv", "libx264"), ("a.webm", "libvpx"), ("a.mp4", "libx264")])
@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
def test_file_with_a_hole_is_read_as_far_as_that_goes(tmp_path: Path, name: str, codec: str, share: float) -> None:
    frames, damage = read(overwritten(write(tmp_path / name, LONG, codec=codec), share, 1500))
    assert frames
    assert all(later.at > sooner.at for sooner, later in pairwise(frames))
    assert damage is None or "\n" not in damage


def test_missing_file_folder_and_pipe_are_refused_and_nothing_is_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    for name, reason in (
        ("absent.mp4", "No such file"),
        ("pipe.mp4", "is no file"),
        (".", "Is a directory|is no file"),
    ):
        with pytest.raises(RecordingUnreadable, match=reason):
            VideoFile(tmp_path / name)


@pytest.mark.parametrize("row", RECORDING_FILES)
def test_what_is_no_recording_is_refused_in_one_line(tmp_path: Path, row: str) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(RECORDING_FILES[row])
    with pytest.raises(RecordingUnreadable) as refused:
        VideoFile(path)
    assert "\n" not in str(refused.value)
    assert "a.mp4" in str(refused.value)


def test_picture_too_large_for_a_camera_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    wide = np.zeros((64, 5000, 3), np.uint8)
    with pytest.raises(RecordingUnreadable, match="5000x64 are too large or too narrow"):
        VideoFile(write(tmp_path / "a.mkv", [(0, wide)], codec="mpeg4"))


def timed(*stamps: float | None, begins_s: float | None = None) -> list[float]:
    timing = _Timing(0.04, begins_s)
    return [round(timing.at(stamp), 3) for stamp in stamps]


def test_time_counts_from_the_beginning_of_the_file() -> None:
    assert timed(100.0, 100.5) == [0.0, 0.5]
    assert timed(102.0, 102.5, begins_s=100.0) == [2.0, 2.5]
    assert timed(0.0, 1.0, begins_s=50_000.0) == [0.0, 1.0]


def test_time_only_grows_whatever_the_stamps_say() -> None:
    assert timed(0.0, 0.1, 0.05, 0.1, 0.2) == [0.0, 0.1, 0.101, 0.102, 0.2]
    assert timed(None, None, None) == [0.0, 0.04, 0.08]


def test_clock_that_was_set_anew_is_no_gap_of_hours() -> None:
    assert timed(0.0, 1.0, 1e6, 1e6 + 1) == [0.0, 1.0, 1.04, 2.04]
    assert timed(500.0, 501.0, 3.0, 4.0) == [0.0, 1.0, 1.04, 2.04]
    assert timed(0.0, MOST_GAP_S) == [0.0, MOST_GAP_S]
