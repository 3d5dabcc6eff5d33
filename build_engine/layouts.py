"""The files in which FER-2013 travels: .npz, Kaggle's .csv in both spellings, and folders of images."""

import csv
import zipfile
import zlib
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from build_engine.dataset import CROP_PX, LabelledFaces, Split
from build_engine.errors import DataUnreadable
from engine.expressions import FER7

_CLASS_FOLDERS = {name.value: index for index, name in enumerate(FER7)} | {"anger": 0, "happiness": 3, "sadness": 4}
_SPLIT_FOLDERS = {
    "train": Split.TRAINING, "training": Split.TRAINING,
    "val": Split.PUBLIC_TEST, "validation": Split.PUBLIC_TEST, "publictest": Split.PUBLIC_TEST,
    "test": Split.PRIVATE_TEST, "privatetest": Split.PRIVATE_TEST,
}  # fmt: skip
_USAGES = {split.label: split for split in Split}
_IMAGES = {".png", ".jpg", ".jpeg"}


def read_npz(path: Path) -> LabelledFaces:
    """Read `images (N, 48, 48) uint8, labels (N,), usage (N,)`; also, where present, `ferplus (N, 10), row_certain (N,)`.

    Votes of rows that are not certain are dropped.

    Raises:
        DataUnreadable: The file is broken, or an array is missing or of another shape.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            images, labels, splits = arrays["images"], arrays["labels"], arrays["usage"]
            votes = arrays["ferplus"] if "ferplus" in arrays else np.zeros((len(labels), 10), np.uint8)
            certain = arrays["row_certain"] if "row_certain" in arrays else np.ones(len(labels), np.bool_)
    except KeyError as error:
        raise DataUnreadable(f"{path} lacks an array: {error.args[0]}") from error
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
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
    images, labels, splits = [], [], []
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = csv.reader(file)
            header = [name.strip().lower() for name in next(rows, [])]
            emotion, pixels, usage = (header.index(name) for name in ("emotion", "pixels", "usage"))
            for row in rows:
                images.append(_pixels(path, rows.line_num, row[pixels]))
                labels.append(int(row[emotion]))
                splits.append(_USAGES[row[usage].strip()])
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataUnreadable(f"{path} is broken ({error}): get it again") from error
    except (ValueError, KeyError, IndexError) as error:
        raise DataUnreadable(f"{path} is no fer2013.csv ({error}): emotion, pixels and Usage are needed") from error
    _check_range(path, np.array(labels), len(FER7), "emotion")
    return _without_votes(images, labels, splits)


def read_folder(path: Path) -> LabelledFaces:
    """Read `train|validation|test/CLASS/*.png|jpg`.

    Files named PublicTest_* or PrivateTest_* keep their official split. Where nothing is PublicTest, a tenth of the
    training faces is held out, chosen by a hash of the pixels, so that equal pictures stay on one side.

    Raises:
        DataUnreadable: There is no split or class folder, or an image is broken or not 48x48.
    """
    images, labels, splits = [], [], []
    for split_folder in sorted(path.iterdir()):
        split = _SPLIT_FOLDERS.get(split_folder.name.lower())
        if split is None or not split_folder.is_dir():
            continue
        for class_folder in sorted(folder for folder in split_folder.iterdir() if folder.is_dir()):
            label = _CLASS_FOLDERS.get(class_folder.name.lower())
            if label is None:
                raise DataUnreadable(f"{class_folder} is no class of FER-2013: {', '.join(FER7)}")
            for file in sorted(file for file in class_folder.iterdir() if file.suffix.lower() in _IMAGES):
                images.append(_image(file))
                labels.append(label)
                splits.append(_USAGES.get(file.name.split("_")[0], split))
    if not images:
        raise DataUnreadable(f"{path} holds no train/CLASS/*.png or test/CLASS/*.png")
    if Split.PUBLIC_TEST not in splits:
        splits = [_held_out(image, split) for image, split in zip(images, splits, strict=True)]
    return _without_votes(images, labels, splits)


def _pixels(path: Path, line: int, text: str) -> NDArray[np.uint8]:
    values = np.array(text.split(), dtype=np.int64)
    if values.size != CROP_PX**2 or values.min() < 0 or values.max() > 255:
        raise DataUnreadable(f"{path}, line {line}: {values.size} pixels; {CROP_PX**2} values of 0 to 255 are needed")
    return values.astype(np.uint8).reshape(CROP_PX, CROP_PX)


def _image(file: Path) -> NDArray[np.uint8]:
    image = (
        cv2.imdecode(np.frombuffer(file.read_bytes(), np.uint8), cv2.IMREAD_GRAYSCALE) if file.stat().st_size else None
    )
    if image is None:
        raise DataUnreadable(f"{file} is no picture: remove it or get it again")
    if image.shape != (CROP_PX, CROP_PX):
        raise DataUnreadable(
            f"{file} is {image.shape[1]}x{image.shape[0]}: scale the images to {CROP_PX}x{CROP_PX} first"
        )
    return np.asarray(image, np.uint8)


def _held_out(image: NDArray[np.uint8], split: Split) -> Split:
    is_held_out = split is Split.TRAINING and zlib.crc32(image.tobytes()) % 10 == 0
    return Split.PUBLIC_TEST if is_held_out else split


def _check_range(path: Path, values: NDArray[np.int64], limit: int, name: str) -> None:
    if len(values) and (values.min() < 0 or values.max() >= limit):
        raise DataUnreadable(f"{path} holds a {name} outside 0 to {limit - 1}")


def _without_votes(images: list[NDArray[np.uint8]], labels: list[int], splits: list[Split]) -> LabelledFaces:
    stacked = np.stack(images) if images else np.zeros((0, CROP_PX, CROP_PX), np.uint8)
    votes = np.zeros((len(labels), 10), np.uint8)
    return LabelledFaces(stacked, np.array(labels, np.int64), np.array(splits, np.int64), votes)
