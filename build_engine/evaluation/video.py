"""Labelled faces as a meeting's video carries them: in a scene, encoded, decoded, found again and cut out.

It shows what lies between the figures of a data set and those of a meeting: the codec, a face that is larger than the
network's crop, and a finder that must find it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

import av
import cv2
import numpy as np
from av.video.codeccontext import VideoCodecContext
from numpy.typing import NDArray

from build_engine.data.labelled_faces import LabelledFaces
from build_engine.data.landmarks import LANDMARKS, AlignedFaces, Progress, faded_square
from engine.crops import CropSpec, align, region_maps
from engine.faces import FaceFinder
from engine.readings import Face, Image

_WIDTH, _HEIGHT = 640, 360
_SIDES_PX: Final = (100, 200)
"""Sides of FER-2013's squares in the scene; a face fills most of its square."""
_FPS: Final = 15
_FRAMES_A_FACE: Final = 5
"""A face is read after a third of a second: as a bot that reads four times a second meets it, not at a key frame."""
_SEED: Final = 2013


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
    random = np.random.default_rng(_SEED)
    places = [_place(random) for _ in range(len(faces))]
    crops: list[NDArray[np.uint8]] = []
    regions: list[NDArray[np.float32]] = []
    landmarks: list[NDArray[np.float32]] = []
    seen = np.zeros(len(faces), np.bool_)
    with FaceFinder() as finder:
        for index, picture in enumerate(_decoded(faces.images, places, bitrate_kbps)):
            face = finder.find(picture)
            if face is not None and places[index].holds(face):
                crop, in_crop = align(picture, face.landmarks, spec.size_px)
                crops.append(crop)
                regions.append(region_maps(in_crop, spec.region_grid))
                landmarks.append(face.landmarks)
                seen[index] = True
            progress(index + 1, len(faces))
    grid = (0, *region_maps(None, spec.region_grid).shape)
    found = AlignedFaces(
        faces.rows(seen),
        np.stack(crops) if crops else np.empty((0, spec.size_px, spec.size_px), np.uint8),
        np.stack(regions) if regions else np.empty(grid, np.float32),
        np.stack(landmarks) if landmarks else np.empty((0, LANDMARKS, 3), np.float32),
    )
    return Filmed(found, seen)


def _place(random: np.random.Generator) -> _Place:
    side = int(random.integers(_SIDES_PX[0], _SIDES_PX[1] + 1))
    return _Place(int(random.integers(0, _WIDTH - side + 1)), int(random.integers(0, _HEIGHT - side + 1)), side)


def _scene(image: NDArray[np.uint8], place: _Place) -> NDArray[np.uint8]:
    """Put a face before a wall that darkens downwards, (360, 640) grey, its square's edge blended in."""
    scene = np.repeat(np.linspace(150, 90, _HEIGHT, dtype=np.float32)[:, None], _WIDTH, axis=1)
    enlarged = cv2.resize(image, (place.side, place.side), interpolation=cv2.INTER_CUBIC).astype(np.float32)
    part = scene[place.top : place.top + place.side, place.left : place.left + place.side]
    part += faded_square(place.side, 0.04 * place.side) * (enlarged - part)
    return scene.round().astype(np.uint8)


def _decoded(images: NDArray[np.uint8], places: list[_Place], bitrate_kbps: int) -> Iterator[Image]:
    """Encode and decode the scenes as one stream; yields the last picture of each face, RGB."""
    encoder, decoder = _encoder(bitrate_kbps), av.CodecContext.create("vp8", "r")
    shown = 0
    for image, place in zip(images, places, strict=True):
        scene = av.VideoFrame.from_ndarray(_scene(image, place), format="gray").reformat(format="yuv420p")
        picture = None
        for _ in range(_FRAMES_A_FACE):
            scene.pts, scene.time_base = shown, Fraction(1, _FPS)
            shown += 1
            for packet in encoder.encode(scene):
                for frame in decoder.decode(packet):
                    picture = frame
        assert picture is not None, "an encoder without look-ahead gives a packet for every picture"
        yield picture.to_ndarray(format="rgb24").astype(np.uint8, copy=False)


def _encoder(bitrate_kbps: int) -> VideoCodecContext:
    """Set libvpx up as a browser does for a call: real time, no look-ahead, constant rate."""
    encoder: Any = av.CodecContext.create("libvpx", "w")
    encoder.width, encoder.height, encoder.pix_fmt = _WIDTH, _HEIGHT, "yuv420p"
    encoder.time_base, encoder.framerate = Fraction(1, _FPS), Fraction(_FPS)
    encoder.bit_rate, encoder.gop_size = bitrate_kbps * 1000, 3000
    encoder.options = {
        "deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0", "auto-alt-ref": "0", "error-resilient": "1",
        "max-intra-rate": "450", **dict.fromkeys(("minrate", "maxrate", "bufsize"), f"{bitrate_kbps}k"),
    }  # fmt: skip
    return encoder  # type: ignore[no-any-return]
