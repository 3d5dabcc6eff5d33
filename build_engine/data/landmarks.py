"""From labelled faces to the network's input, by the mesh and the crops that serving uses."""

import functools
import hashlib
import inspect
import multiprocessing
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.metadata import version
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from build_engine.data.labelled_faces import LabelledFaces, Split
from build_engine.files import save
from engine import faces as engine_faces
from engine.crops import CropSpec, align, region_maps
from engine.readings import Box, Floats

SEARCH_PX = 192
"""FER-2013's 48-px images are enlarged to this side before the mesh looks at them."""

_EDGE_PX = 2
"""Over so many pixels a picture gives way to another background in `picture_in_crop`."""

_WHOLE = Box(0.0, 0.0, 1.0, 1.0)
_CHUNK = 128
PROCESSES = 2
"""So many search at once."""
LANDMARKS = 478

Progress = Callable[[int, int], None]
"""Takes how many images are done, and of how many."""


@dataclass(frozen=True, slots=True, eq=False)
class AlignedFaces:
    """Labelled faces as the network sees them."""

    labelled: LabelledFaces
    crops: NDArray[np.uint8]
    """(N, 48, 48) grey."""
    regions: Floats
    """(N, 9, 6, 6); zeros where no landmarks were found."""
    landmarks: Floats
    """(N, 478, 3), normalised to the picture that a crop was cut from; NaN where the mesh found no face: such a crop is
    the picture as it is."""

    @property
    def found(self) -> NDArray[np.bool_]:
        """(N,) whether the mesh found the face."""
        found: NDArray[np.bool_] = ~np.isnan(self.landmarks[:, 0, 0])
        return found

    def inside(self) -> NDArray[np.uint8]:
        """Say where each crop shows the labelled picture that it was cut from: (N, 48, 48), see `picture_in_crop`."""
        shown = np.full_like(self.crops, 255)
        for index in np.flatnonzero(self.found):
            side_px = self.labelled.images.shape[1]
            shown[index] = picture_in_crop(self.landmarks[index], side_px, self.crops.shape[1])
        return shown

    def of(self, split: Split) -> "AlignedFaces":
        """Keep the faces of one split."""
        return self.rows(self.labelled.splits == split)

    def rows(self, chosen: NDArray[np.bool_]) -> "AlignedFaces":
        """Keep the chosen faces, in their order."""
        return AlignedFaces(
            self.labelled.rows(chosen), self.crops[chosen], self.regions[chosen], self.landmarks[chosen]
        )


def align_faces(
    faces: LabelledFaces, cache: Path, spec: CropSpec | None = None, raw: bool = False,
    progress: Progress = lambda done, total: None,
) -> AlignedFaces:  # fmt: skip
    """Cut every face as serving does.

    Args:
        faces: labelled faces.
        cache: folder in which landmarks are kept, one file a split.
        spec: size of the crops and grid of the regions; by default those of `CropSpec`.
        raw: leave the images as they are; the mesh does not run and the regions are neutral.
        progress: called with each chunk of the search.

    Raises:
        SaveFailed: The cache cannot be written.
    """
    landmarks = np.full((len(faces), LANDMARKS, 3), np.nan, np.float32)
    if not raw:
        for split in Split:
            chosen = faces.splits == split
            if chosen.any():
                landmarks[chosen] = find_landmarks(faces.images[chosen], cache, progress)
    spec = spec or CropSpec()
    found = ~np.isnan(landmarks[:, 0, 0])
    crops = np.empty((len(faces), spec.size_px, spec.size_px), np.uint8)
    regions = np.empty((len(faces), *region_maps(None, spec.region_grid).shape), np.float32)
    for index, image in enumerate(faces.images):
        crops[index], in_crop = align(image, landmarks[index] if found[index] else None, spec.size_px)
        regions[index] = region_maps(in_crop, spec.region_grid)
    return AlignedFaces(faces, crops, regions, landmarks)


def faded_square(side_px: int, edge_px: float) -> NDArray[np.float64]:
    """Weigh a picture against what it is put before: (side_px, side_px), from 0 at its edge to 1 `edge_px` inside."""
    distance = np.minimum(np.arange(side_px), np.arange(side_px)[::-1]) / edge_px
    weight: NDArray[np.float64] = np.minimum.outer(distance, distance).clip(0, 1)
    return weight


def picture_in_crop(landmarks: Floats, side_px: int, size_px: int) -> NDArray[np.uint8]:
    """Say where a crop shows the square picture it was cut from, and where it only repeats the picture's border.

    Args:
        landmarks: (478, 3), normalised to the picture.
        side_px: side of the picture.
        size_px: side of the crop.

    Returns:
        (size_px, size_px); 255 inside, 0 outside, less towards the picture's edge.
    """
    framed = np.zeros((3 * side_px, 3 * side_px), np.uint8)
    framed[side_px:-side_px, side_px:-side_px] = 255 * faded_square(side_px, _EDGE_PX)
    return align(framed, (landmarks + np.array((1, 1, 0), np.float32)) / 3, size_px)[0]


def find_landmarks(images: NDArray[np.uint8], cache: Path, progress: Progress = lambda done, total: None) -> Floats:
    """Find the face mesh of every image, or read it from the cache.

    Args:
        images: (N, H, W) grey.
        cache: folder of the cache; a file's name is a digest of images, mediapipe's version and the searching code.
        progress: called with each chunk.

    Returns:
        (N, 478, 3) float32, normalised; NaN where no face was found.

    Raises:
        SaveFailed: The cache cannot be written.
    """
    path = cache / f"landmarks-{digest(images, inspect.getsource(_search))}.npy"
    try:
        return np.load(path)  # type: ignore[no-any-return]
    except (OSError, ValueError, EOFError):
        pass  # absent or broken: found again below
    chunks = [images[start : start + _CHUNK] for start in range(0, len(images), _CHUNK)]
    results: list[Floats] = []
    with ExitStack() as workers:
        search: Callable[..., Iterable[Floats]] = map
        if len(chunks) > 4:  # for fewer, starting processes would cost more than they save
            pool = ProcessPoolExecutor(PROCESSES, multiprocessing.get_context("spawn"))
            search = workers.enter_context(pool).map
        for result in search(_search, chunks):
            results.append(result)
            progress(sum(map(len, results)), len(images))
    landmarks = np.concatenate(results)
    buffer = BytesIO()
    np.save(buffer, landmarks)
    save(path, buffer.getvalue())
    return landmarks


def digest(images: NDArray[np.uint8], *more: str) -> str:
    """Name what was made of images by the code that finds faces, mediapipe's models, and whatever else it hangs on."""
    engine = Path(engine_faces.__file__).parent
    searching = [
        engine / "faces.py",
        engine / "parts.py",
        engine / "face_geometry.py",
        *sorted((engine / "face_models").glob("*.py")),
    ]
    code = [*(path.read_text() for path in searching), *more]
    parts = (version("mediapipe"), *code, str(images.shape))
    hashed = hashlib.sha256("\0".join(parts).encode())
    hashed.update(np.ascontiguousarray(images).data)
    return hashed.hexdigest()[:20]


def _search(images: NDArray[np.uint8]) -> Floats:
    landmarks = np.full((len(images), LANDMARKS, 3), np.nan, np.float32)
    for index, image in enumerate(images):
        enlarged = cv2.resize(image, (SEARCH_PX, SEARCH_PX), interpolation=cv2.INTER_CUBIC)
        face = _finder().find(cv2.cvtColor(enlarged, cv2.COLOR_GRAY2RGB), last_box=_WHOLE)
        if face is not None:
            landmarks[index] = face.landmarks
    return landmarks


@functools.cache
def _finder() -> engine_faces.FaceFinder:
    return engine_faces.FaceFinder()
