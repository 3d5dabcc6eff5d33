"""Labelled faces as a meeting's video carries them: in a scene, encoded, decoded, found again and cut out.

It shows what lies between the figures of a data set and those of a meeting: the codec, a face that is larger than the
network's crop, and a finder that must find it. `film` measures that, always in the same scene; `film_some` makes
training faces of it, each in a scene of its own: what is measured is not what was learned by heart.
"""

import functools
import inspect
import math
import multiprocessing
import sys
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import av
import cv2
import numpy as np
from av.video.codeccontext import VideoCodecContext
from numpy.typing import NDArray

from build_engine.data.labelled_faces import LabelledFaces
from build_engine.data.landmarks import LANDMARKS, PROCESSES, AlignedFaces, Progress, digest, faded_square
from build_engine.files import save
from engine.crops import CropSpec, align, region_maps
from engine.faces import FaceFinder
from engine.readings import Face, Image

_WIDTH, _HEIGHT = 640, 360
_FPS: Final = 15
_SEED: Final = 2013
_CHUNK: Final = 128


@dataclass(frozen=True, slots=True)
class Scenes:
    """What surrounds the faces, and how long each is shown."""

    sides_px: tuple[int, int] = (100, 200)
    """Sides of FER-2013's squares; a face fills most of its square."""
    frames_a_face: int = 5
    """A third of a second: as a bot that reads four times a second meets a face, not at a key frame."""
    are_various: bool = False
    """Each face has a wall, light and noise of its own; else all stand before the same wall, as they are."""


MEETING: Final = Scenes()
"""In which networks are measured."""
VARIOUS: Final = Scenes(sides_px=(56, 220), frames_a_face=3, are_various=True)
"""In which they learn."""
_BITRATES_KBPS: Final = (150, 800)


@dataclass(frozen=True, slots=True, eq=False)
class Filmed:
    """What came back from the video."""

    faces: AlignedFaces
    """The faces that were found, as serving cuts them out."""
    seen: NDArray[np.bool_]
    """(N,) which of the given faces these are."""


@dataclass(frozen=True, slots=True)
class _Place:
    """A square in the scene, in pixels."""

    left: int
    top: int
    side: int

    def holds(self, face: Face) -> bool:
        """Return whether a found face is the one that was put here: its middle lies in the square."""
        x = (face.box.x + face.box.width / 2) * _WIDTH - self.left
        y = (face.box.y + face.box.height / 2) * _HEIGHT - self.top
        return 0 < x < self.side and 0 < y < self.side


def film(
    faces: LabelledFaces, spec: CropSpec, bitrate_kbps: int = 500, progress: Progress = lambda done, total: None
) -> Filmed:
    """Send every face through a VP8 stream and look for it in the decoded pictures.

    Args:
        faces: N ≥ 1 faces; each is enlarged to 100 to 200 px and stands still in a 640x360 scene.
        spec: what the network expects.
        bitrate_kbps: of the stream at 15 pictures a second; a browser sends 640x360 with 300 to 800.
        progress: called with each face.

    Returns:
        The faces that were found. The largest face of a picture counts, as in a meeting, and only in its own place.
    """
    with FaceFinder() as finder:
        shot = _shoot(faces.images, spec, bitrate_kbps, MEETING, np.random.default_rng(_SEED), finder, progress)
    return shot.of(faces, np.arange(len(faces)))


def film_some(
    faces: LabelledFaces, count: int, spec: CropSpec, cache: Path, progress: Progress = lambda done, total: None
) -> Filmed:
    """Do the same with some of the faces in scenes that differ, or take it from the cache.

    Faces are 56 to 220 px large before walls of any grey, light comes from any side, pictures are bright or dark and
    noisy, and streams have 150 to 800 kbit/s.

    Args:
        faces: N ≥ 1 faces.
        count: how many of them, ≥ 1, drawn by a fixed seed.
        spec: what the network expects.
        cache: folder of the cache; a file's name is a digest of images, sizes and the code that makes them crops.
        progress: called with each chunk.

    Raises:
        SaveFailed: The cache cannot be written.
    """
    drawn = np.sort(np.random.default_rng(_SEED).permutation(len(faces))[:count])
    images = faces.images[drawn]
    name = digest(images, inspect.getsource(sys.modules[__name__]), spec.model_dump_json())
    path = cache / f"filmed-{name}.npz"
    try:
        with path.open("rb") as file, np.load(file) as kept:
            return _Shot(*(kept[part] for part in _PARTS)).of(faces, drawn)
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error):
        pass  # absent or broken: filmed again below
    shots: list[_Shot] = []
    chunks = [images[start : start + _CHUNK] for start in range(0, len(images), _CHUNK)]
    with ProcessPoolExecutor(PROCESSES, multiprocessing.get_context("spawn")) as pool:
        for shot in pool.map(_shoot_variously, chunks, range(len(chunks)), [spec] * len(chunks)):
            shots.append(shot)
            progress(sum(len(done.seen) for done in shots), len(images))
    whole = _Shot(*(np.concatenate([getattr(shot, part) for shot in shots]) for part in _PARTS))
    buffer = BytesIO()
    np.savez(buffer, **{part: getattr(whole, part) for part in _PARTS})
    save(path, buffer.getvalue())
    return whole.of(faces, drawn)


@dataclass(frozen=True, slots=True, eq=False)
class _Shot:
    """What came back of N faces, M of them found."""

    crops: NDArray[np.uint8]
    """(M, 48, 48)."""
    regions: NDArray[np.float32]
    """(M, 9, 6, 6)."""
    landmarks: NDArray[np.float32]
    """(M, 478, 3)."""
    seen: NDArray[np.bool_]
    """(N,)."""

    def of(self, faces: LabelledFaces, shown: NDArray[np.int64]) -> Filmed:
        """Join the faces that were found with their labels; N of all faces were shown, which ones is said."""
        seen = np.zeros(len(faces), np.bool_)
        seen[shown[self.seen]] = True
        return Filmed(AlignedFaces(faces.rows(seen), self.crops, self.regions, self.landmarks), seen)


_PARTS: Final = ("crops", "regions", "landmarks", "seen")


def _shoot_variously(images: NDArray[np.uint8], number: int, spec: CropSpec) -> _Shot:
    random = np.random.default_rng((_SEED, number))
    bitrate_kbps = round(math.exp(random.uniform(*np.log(_BITRATES_KBPS))))
    return _shoot(images, spec, bitrate_kbps, VARIOUS, random, _finder())


@functools.cache
def _finder() -> FaceFinder:
    """Hold the models for all chunks of a process."""
    return FaceFinder()


def _shoot(
    images: NDArray[np.uint8],
    spec: CropSpec,
    bitrate_kbps: int,
    scenes: Scenes,
    random: np.random.Generator,
    finder: FaceFinder,
    progress: Progress = lambda done, total: None,
) -> _Shot:
    """Show faces in one stream, and find them in it again."""
    places = [_place(random, scenes.sides_px) for _ in range(len(images))]
    pictures = (
        _lit_scene(image, place, random) if scenes.are_various else _scene(image, place)
        for image, place in zip(images, places, strict=True)
    )
    crops: list[NDArray[np.uint8]] = []
    regions: list[NDArray[np.float32]] = []
    landmarks: list[NDArray[np.float32]] = []
    seen = np.zeros(len(images), np.bool_)
    for index, picture in enumerate(_decoded(pictures, scenes.frames_a_face, bitrate_kbps)):
        face = finder.find(picture)
        if face is not None and places[index].holds(face):
            crop, in_crop = align(picture, face.landmarks, spec.size_px)
            crops.append(crop)
            regions.append(region_maps(in_crop, spec.region_grid))
            landmarks.append(face.landmarks)
            seen[index] = True
        progress(index + 1, len(images))
    nothing = region_maps(None, spec.region_grid).shape
    return _Shot(
        np.stack(crops) if crops else np.empty((0, spec.size_px, spec.size_px), np.uint8),
        np.stack(regions) if regions else np.empty((0, *nothing), np.float32),
        np.stack(landmarks) if landmarks else np.empty((0, LANDMARKS, 3), np.float32),
        seen,
    )


def _place(random: np.random.Generator, sides_px: tuple[int, int]) -> _Place:
    side = int(random.integers(sides_px[0], sides_px[1] + 1))
    return _Place(int(random.integers(0, _WIDTH - side + 1)), int(random.integers(0, _HEIGHT - side + 1)), side)


def _scene(image: NDArray[np.uint8], place: _Place) -> NDArray[np.uint8]:
    """Put a face before a wall that darkens downwards, (360, 640) grey, its square's edge blended in."""
    wall = np.repeat(np.linspace(150, 90, _HEIGHT, dtype=np.float32)[:, None], _WIDTH, axis=1)
    return _put_into(wall, _enlarged(image, place), place)


def _lit_scene(image: NDArray[np.uint8], place: _Place, random: np.random.Generator) -> NDArray[np.uint8]:
    """Put a face before a wall of its own, into light from one side, as a camera with noise sees it."""
    face = 255 * (_enlarged(image, place).clip(0, 255) / 255) ** math.exp(random.uniform(-0.35, 0.35))
    face *= _shade(random, (0.6, 1.2), (place.side, place.side))
    face += np.float32(random.uniform(0, 5)) * random.standard_normal(face.shape, np.float32)
    return _put_into(_shade(random, (20, 235), (_WIDTH, _HEIGHT)), face, place)


def _shade(random: np.random.Generator, limits: tuple[float, float], size_px: tuple[int, int]) -> NDArray[np.float32]:
    """Draw a value for each corner, and blend them over a picture of this width and height."""
    corners = random.uniform(*limits, (2, 2)).astype(np.float32)
    shade: NDArray[np.float32] = cv2.resize(corners, size_px, interpolation=cv2.INTER_LINEAR)
    return shade


def _enlarged(image: NDArray[np.uint8], place: _Place) -> NDArray[np.float32]:
    enlarged: NDArray[np.uint8] = cv2.resize(image, (place.side, place.side), interpolation=cv2.INTER_CUBIC)
    return enlarged.astype(np.float32)


def _put_into(scene: NDArray[np.float32], face: NDArray[np.float32], place: _Place) -> NDArray[np.uint8]:
    part = scene[place.top : place.top + place.side, place.left : place.left + place.side]
    part += faded_square(place.side, 0.04 * place.side) * (face - part)
    return scene.clip(0, 255).round().astype(np.uint8)


def _decoded(pictures: Iterable[NDArray[np.uint8]], frames_each: int, bitrate_kbps: int) -> Iterator[Image]:
    """Encode and decode grey pictures as one stream, each shown for some frames; yields the last of each, RGB."""
    encoder, decoder = _encoder(bitrate_kbps), av.CodecContext.create("vp8", "r")
    decoder.thread_count = 1
    shown = 0
    for picture in pictures:
        scene = av.VideoFrame.from_ndarray(picture, format="gray").reformat(format="yuv420p")
        seen = None
        for _ in range(frames_each):
            scene.pts, scene.time_base = shown, Fraction(1, _FPS)
            shown += 1
            for packet in encoder.encode(scene):
                for frame in decoder.decode(packet):
                    seen = frame
        assert seen is not None, "an encoder without look-ahead gives a packet for every picture"
        yield seen.to_ndarray(format="rgb24").astype(np.uint8, copy=False)


def _encoder(bitrate_kbps: int) -> VideoCodecContext:
    """Set libvpx up as a browser does for a call: real time, no look-ahead, constant rate."""
    encoder: Any = av.CodecContext.create("libvpx", "w")
    encoder.width, encoder.height, encoder.pix_fmt = _WIDTH, _HEIGHT, "yuv420p"
    encoder.time_base, encoder.framerate = Fraction(1, _FPS), Fraction(_FPS)
    encoder.thread_count = 1  # more wait for each other in loops: on a busy machine twenty times as long as they work
    encoder.bit_rate, encoder.gop_size = bitrate_kbps * 1000, 3000
    # Less than 0: as fast on every machine; else libvpx saves work where it is slow, and pictures hang on the load.
    encoder.options = {
        "deadline": "realtime", "cpu-used": "-8", "lag-in-frames": "0", "auto-alt-ref": "0", "error-resilient": "1",
        "max-intra-rate": "450", **dict.fromkeys(("minrate", "maxrate", "bufsize"), f"{bitrate_kbps}k"),
    }  # fmt: skip
    return encoder  # type: ignore[no-any-return]
