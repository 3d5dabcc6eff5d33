"""Takes every hostile picture through every entry of the engine, and says what became of it.

A process of its own (`python -m tests.engine.hostile_pictures FOLDER`), so that whatever ends it fails one test.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np

from engine import load_engine
from engine.crops import CropSpec, align, face_batch
from engine.errors import EngineError
from engine.reader import Engine
from engine.readings import Box, Face
from tests.hostile import BOXES, LANDMARKS, PICTURE_FILES, PICTURES

SCENE = np.random.default_rng(1).integers(0, 255, (360, 640, 3), np.uint8)


def attempt(entry: str, row: str, work: Callable[..., object], *given: Any) -> None:
    """Say what became of one row at one entry; the last line of a process that died names what killed it."""
    print(f"{entry}\t{row}\t", end="", flush=True)
    try:
        work(*given)
    except EngineError as refused:
        lines = str(refused).count("\n")
        print("refused" if not lines else "refused in several lines", flush=True)
    except BaseException as escaped:
        print(f"escaped {type(escaped).__name__}: {escaped}"[:200].replace("\n", " "), flush=True)
    else:
        print("taken", flush=True)


def face(landmarks: Any) -> Face:
    """A face of which only the landmarks count."""
    return Face(Box(0, 0, 1, 1), 100.0, landmarks, 0, 0, 0, 0, 0, 0)


def main(folder: Path) -> None:
    """Run all rows."""
    upright = np.random.default_rng(2).random((478, 3), np.float32)
    with load_engine() as engine:
        for row, picture in PICTURES.items():
            image = cast(Any, picture())
            attempt("find", row, engine.finder.find, image)
            attempt("find near", row, engine.finder.find, image, Box(0.2, 0.2, 0.5, 0.5))
            attempt("find_all", row, engine.finder.find_all, image)
            attempt("read", row, engine.read, image)
            attempt("align", row, align, image, upright, 48)
            attempt("align without landmarks", row, align, image, None, 48)
            attempt("face_batch", row, face_batch, [(image, face(upright))], CropSpec())
        faces(engine)
        for number, (row, data) in enumerate(PICTURE_FILES.items()):
            path = folder / f"{number}.png"
            path.write_bytes(data)
            attempt("file", row, engine.read, path)
        places: tuple[Any, ...] = (folder, folder / "absent.png", Path("/dev/zero"), "a\0b")
        for place in places:
            attempt("place", str(place).replace("\0", "?"), engine.read, place)


def faces(engine: Engine) -> None:
    """Run what may be said of a face in a good picture."""
    for row, box in BOXES.items():
        attempt("last box", row, engine.finder.find, SCENE, Box(*box))
    for row, landmarks in LANDMARKS.items():
        attempt("landmarks", row, align, SCENE, cast(Any, landmarks()), 48)
        attempt("landmarks in a batch", row, face_batch, [(SCENE, face(landmarks()))], CropSpec())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
