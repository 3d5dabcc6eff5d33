"""Reads whole pictures: find faces, cut them out, ask the network."""

import os
from pathlib import Path
from typing import Self

from engine.crops import face_batch
from engine.faces import FaceFinder
from engine.pictures import load_picture
from engine.readings import FaceReading, Image
from engine.runtimes import Runtime


class Engine:
    """A face finder and an expression network. Use it in a `with`, or call `close`."""

    def __init__(self, finder: FaceFinder, runtime: Runtime) -> None:
        """Take over a finder and a runtime; `close` closes them.

        Args:
            finder: finds the faces.
            runtime: reads their expressions.
        """
        self.finder = finder
        self.runtime = runtime

    def read(self, picture: Image | str | os.PathLike[str]) -> list[FaceReading]:
        """Read every face in a picture.

        Args:
            picture: (H, W, 3) RGB uint8, or the path of a picture file.

        Returns:
            A reading for each face, largest face first; empty without faces. The readings own their arrays.

        Raises:
            ImageUnreadable: The picture is missing, no picture, or out of the bounds of `engine.pictures`.
            InferenceFailed: The network rejected the faces.
        """
        image = load_picture(Path(picture)) if isinstance(picture, str | os.PathLike) else picture
        faces = self.finder.find_all(image)
        scores = self.runtime.infer(face_batch([(image, face) for face in faces], self.runtime.manifest.input))
        fer7 = scores.fer7.copy()
        ferplus8 = None if scores.ferplus8 is None else scores.ferplus8.copy()
        return [
            FaceReading(face, fer7[index], None if ferplus8 is None else ferplus8[index])
            for index, face in enumerate(faces)
        ]

    def close(self) -> None:
        """Free finder and network."""
        self.finder.close()
        self.runtime.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
