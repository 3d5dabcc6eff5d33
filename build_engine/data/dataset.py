"""Labelled faces: what a training run and an evaluation read, whatever file they came from."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from build_engine.data.labelled_faces import LabelledFaces, Split
from build_engine.errors import DataUnreadable
from engine.expressions import FER7, FERPLUS8
from engine.readings import Floats

_VOTES_IN_FER7 = [FERPLUS8.index(name) for name in (
    "anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral",
)]  # fmt: skip


def load_faces(source: str) -> LabelledFaces:
    """Read labelled faces by path.

    Args:
        source: `fer2013.npz` as described in build_engine/README.md, `fer2013.csv` or `icml_face_data.csv`, a folder
            `train|validation|test/CLASS/*.png`, or `drawn:N` for N drawn faces that only serve to check the chain.

    Raises:
        DataUnreadable: The data are missing, broken, not 48x48, or lack a class in training.
    """
    faces = _read(source)
    if not len(faces):
        raise DataUnreadable(f"{source} holds no face")
    training = faces.labels[faces.splits == Split.TRAINING]
    missing = [name.value for index, name in enumerate(FER7) if not (training == index).any()]
    if len(training) and missing:
        raise DataUnreadable(f"{source} has no training face that shows {', '.join(missing)}: every class needs some")
    return faces


def _read(source: str) -> LabelledFaces:
    if source.startswith("drawn:"):
        from build_engine.data.drawn import read_drawn

        return read_drawn(source)
    from build_engine.data.layouts import read_csv, read_folder, read_npz

    path = Path(source)
    if path.is_dir():
        return read_folder(path)
    if not path.is_file():
        raise DataUnreadable(f"{source} does not exist: give an .npz, a .csv, a folder of images, or drawn:N")
    readers = {".npz": read_npz, ".csv": read_csv}
    if path.suffix.lower() not in readers:
        raise DataUnreadable(f"{source} is no known kind of data: give an .npz, a .csv, a folder of images, or drawn:N")
    return readers[path.suffix.lower()](path)


def vote_shares(votes: NDArray[np.uint8]) -> tuple[Floats, NDArray[np.bool_]]:
    """Turn FERPlus votes into targets of the eight-class head; votes of one annotator alone are dropped.

    Args:
        votes: (N, 10) in the order of `FERPLUS8`, then unknown and not-a-face.

    Returns:
        (N, 8) shares that sum to 1, and (N,) whether the row counts: the most votes are for one of the eight. Rows
        that do not count are zero.
    """
    kept = _kept(votes)
    counts = (kept.max(1) > 0) & (kept.argmax(1) < len(FERPLUS8))
    shares = kept[:, : len(FERPLUS8)] * counts[:, None]
    return shares / np.maximum(shares.sum(1, keepdims=True), 1.0), counts


def has_majority(votes: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Find the faces on which more than half of the annotators agree, and that they show one of the eight expressions.

    FERPlus is tested on these faces: mode "majority" in the program of Barsoum et al. (2016, "Training deep networks
    for facial expression recognition with crowd-sourced label distribution"). Votes of one annotator alone are
    dropped first; those for unknown and not-a-face count.

    Args:
        votes: (N, 10) in the order of `FERPLUS8`, then unknown and not-a-face.
    """
    kept = _kept(votes)
    agreed: NDArray[np.bool_] = (kept.max(1) > kept.sum(1) / 2) & (kept.argmax(1) < len(FERPLUS8))
    return agreed


def _kept(votes: NDArray[np.uint8]) -> Floats:
    return np.where(votes > 1, votes, 0).astype(np.float32)


def fer7_targets(faces: LabelledFaces, votes_share: float) -> Floats:
    """Mix the FER label with the FERPlus votes.

    Args:
        faces: the faces.
        votes_share: weight of the votes in [0, 1]; contempt, which FER-2013 does not know, is left out of them.

    Returns:
        (N, 7) targets that sum to 1; the label alone where a face has no votes that count.
    """
    labels = np.eye(len(FER7), dtype=np.float32)[faces.labels]
    shares, _ = vote_shares(faces.votes)
    shares = shares[:, _VOTES_IN_FER7]
    total = shares.sum(1, keepdims=True)
    weight = np.where(total > 0, votes_share, 0.0).astype(np.float32)
    mixed: Floats = (1 - weight) * labels + weight * shares / np.maximum(total, 1e-6)
    return mixed


def repeated(faces: LabelledFaces, split: Split) -> NDArray[np.bool_]:
    """Mark the faces of a split whose pixels also occur in an earlier split.

    Returns:
        (M,) for the M faces of the split, in their order.
    """
    earlier = {image.tobytes() for image in faces.images[faces.splits < split]}
    return np.array([image.tobytes() in earlier for image in faces.images[faces.splits == split]], dtype=np.bool_)
