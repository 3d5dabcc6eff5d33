"""The files in which FER-2013 travels: .npz, Kaggle's .csv in both spellings, and folders of images."""

import csv
import zipfile
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from build_engine.data.labelled_faces import CROP_PX, LabelledFaces, Split
from build_engine.errors import DataUnreadable
from engine.errors import ImageUnreadable
from engine.expressions import FER7
from engine.pictures import load_picture

_CLASS_FOLDERS = {name.value: index for index, name in enumerate(FER7)} | {"anger": 0, "happiness": 3, "sadness": 4}
_SPLIT_FOLDERS = {
    "train": Split.TRAINING, "training": Split.TRAINING,
    "val": Split.PUBLIC_TEST, "validation": Split.PUBLIC_TEST, "publictest": Split.PUBLIC_TEST,
    "test": Split.PRIVATE_TEST, "privatetest": Split.PRIVATE_TEST,
}  # fmt: skip
_USAGES = {split.label: split for split in Split}
_IMAGES = {".png", ".jpg", ".jpeg"}

_LabelledImage = tuple[NDArray[np.uint8], int, Split]


def read_npz(path: Path) -> LabelledFaces:
    """Read `images (N, 48, 48) uint8, labels (N,), usage (N,)`; where present also `ferplus (N, 10), row_certain (N,)`.

    Votes of rows that are not certain are dropped.

    Raises:
        DataUnreadable: The file is broken, or an array is missing or of another shape.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            images, labels, splits = arrays["images"], arrays["labels"], arrays["usage"]
            votes = arrays["ferplus"] if "ferplus" in arrays else np.zeros((len(labels), 10), np.uint8)
            certain = arrays["row_certain"] if "row_certain" in arrays else np.ones(len(labels), np.bool_)
    except KeyError as error:
        raise DataUnreadable(f"{path} lacks an array: {error.args[0]}") from error
    except (OSError, ValueError, TypeError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise DataUnreadable(f"{path} is broken ({error}): get it again") from error
    if images.shape[1:] != (CROP_PX, CROP_PX) or images.dtype != np.uint8:
        raise DataUnreadable(
            f"{path} holds images {images.shape} {images.dtype}; (N, {CROP_PX}, {CROP_PX}) uint8 is needed"
        )
    shapes = {len(images), len(labels), len(splits), len(votes), len(certain)}
    if len(shapes) != 1 or votes.shape[1:] != (10,):
        raise DataUnreadable(f"{path} holds arrays of different lengths: {sorted(shapes)}, votes {votes.shape}")
    _check_range(path, labels, len(FER7), "label")
    _check_range(path, splits, len(Split), "usage")
    return LabelledFaces(
        images, labels.astype(np.int64), splits.astype(np.int64), votes * certain[:, None].astype(np.uint8)
    )


def read_csv(path: Path) -> LabelledFaces:
    """Read `fer2013.csv`, or `icml_face_data.csv` with its spaces in the column names.

    Raises:
        DataUnreadable: A column is missing, or a row is no 48x48 face; the message names the row.
    """
    faces = []
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = csv.reader(file)
            header = [name.strip().lower() for name in next(rows, [])]
            missing = {"emotion", "pixels", "usage"} - set(header)
            if missing:
                raise DataUnreadable(f"{path} has no column {', '.join(sorted(missing))}: it is no fer2013.csv")
            for row in rows:
                faces.append(_row(dict(zip(header, row, strict=False)), f"{path}, line {rows.line_num}"))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataUnreadable(f"{path} is broken ({error}): get it again") from error
    return _without_votes(faces)


def read_folder(path: Path) -> LabelledFaces:
    """Read `train|validation|test/CLASS/*.png|jpg`.

    Files named PublicTest_* or PrivateTest_* keep their official split. Where nothing is PublicTest, a tenth of the
    training faces is held out, chosen by a hash of the pixels, so that equal pictures stay on one side.

    Raises:
        DataUnreadable: There is no split or class folder, or an image is broken or not 48x48.
    """
    faces: list[_LabelledImage] = []
    for split_folder in sorted(folder for folder in path.iterdir() if folder.is_dir()):
        split = _SPLIT_FOLDERS.get(split_folder.name.lower())
        if split is None:
            continue
        for class_folder in sorted(folder for folder in split_folder.iterdir() if folder.is_dir()):
            label = _CLASS_FOLDERS.get(class_folder.name.lower())
            if label is None:
                raise DataUnreadable(f"{class_folder} is no class of FER-2013: {', '.join(FER7)}")
            files = sorted(file for file in class_folder.iterdir() if file.suffix.lower() in _IMAGES)
            faces += [(_image(file), label, _USAGES.get(file.name.split("_")[0], split)) for file in files]
    if not faces:
        raise DataUnreadable(f"{path} holds no train/CLASS/*.png or test/CLASS/*.png")
    if all(split is not Split.PUBLIC_TEST for _, _, split in faces):
        faces = [(image, label, _held_out(image, split)) for image, label, split in faces]
    return _without_votes(faces)


def _row(row: dict[str, str], place: str) -> _LabelledImage:
    try:
        pixels = np.array(row["pixels"].split(), dtype=np.int64)
        label, split = int(row["emotion"]), _USAGES[row["usage"].strip()]
    except (KeyError, ValueError) as error:
        raise DataUnreadable(f"{place}: {error} is unusable; emotion, pixels and Usage are needed") from error
    if pixels.size != CROP_PX**2 or pixels.min() < 0 or pixels.max() > 255 or not 0 <= label < len(FER7):
        raise DataUnreadable(
            f"{place}: emotion {label}, {pixels.size} pixels; 0 to 6 and {CROP_PX**2} values of 0 to 255 are needed"
        )
    return pixels.astype(np.uint8).reshape(CROP_PX, CROP_PX), label, split


def _image(file: Path) -> NDArray[np.uint8]:
    try:
        image = load_picture(file, grey=True)
    except ImageUnreadable as error:
        raise DataUnreadable(f"{file} is no picture that can be read: remove it or get it again") from error
    if image.shape != (CROP_PX, CROP_PX):
        raise DataUnreadable(
            f"{file} is {image.shape[1]}x{image.shape[0]}: scale the images to {CROP_PX}x{CROP_PX} first"
        )
    return image


def _held_out(image: NDArray[np.uint8], split: Split) -> Split:
    is_held_out = split is Split.TRAINING and zlib.crc32(image.tobytes()) % 10 == 0
    return Split.PUBLIC_TEST if is_held_out else split


def _check_range(path: Path, values: NDArray[np.int64], limit: int, name: str) -> None:
    if len(values) and (values.min() < 0 or values.max() >= limit):
        raise DataUnreadable(f"{path} holds a {name} outside 0 to {limit - 1}")


def _without_votes(faces: list[_LabelledImage]) -> LabelledFaces:
    images = np.array([image for image, _, _ in faces], np.uint8).reshape(-1, CROP_PX, CROP_PX)
    labels = np.array([label for _, label, _ in faces], np.int64)
    splits = np.array([split for _, _, split in faces], np.int64)
    return LabelledFaces(images, labels, splits, np.zeros((len(faces), 10), np.uint8))
