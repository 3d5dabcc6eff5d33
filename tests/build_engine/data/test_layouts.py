"""Files of FER-2013: what is read, and what is refused with a clear line."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from build_engine.data.labelled_faces import LabelledFaces, Split
from build_engine.data.layouts import read_csv, read_folder, read_npz
from build_engine.errors import DataUnreadable
from engine.expressions import FER7

HEADERS = ["emotion,pixels,Usage", "emotion, Usage, pixels"]


def arrays(faces: LabelledFaces) -> dict[str, Any]:
    return {"images": faces.images, "labels": faces.labels, "usage": faces.splits, "ferplus": faces.votes}


def write_csv(path: Path, faces: LabelledFaces, header: str) -> None:
    columns = [name.strip() for name in header.split(",")]
    lines = [header]
    for image, label, split in zip(faces.images, faces.labels, faces.splits, strict=True):
        row = {"emotion": str(label), "pixels": " ".join(map(str, image.ravel())), "Usage": Split(split).label}
        lines.append(",".join(row[name] for name in columns))
    path.write_text("\n".join(lines) + "\n")


def write_folder(path: Path, faces: LabelledFaces, names: dict[Split, str]) -> None:
    for index, (image, label, split) in enumerate(zip(faces.images, faces.labels, faces.splits, strict=True)):
        folder = path / names[Split(split)] / FER7[label]
        folder.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / f"{index:03}.png"), image)


def test_npz_is_read_with_its_votes(drawn: LabelledFaces, tmp_path: Path) -> None:
    np.savez(tmp_path / "faces.npz", **arrays(drawn))
    read = read_npz(tmp_path / "faces.npz")
    for name in ("images", "labels", "splits", "votes"):
        np.testing.assert_array_equal(getattr(read, name), getattr(drawn, name))


def test_votes_of_uncertain_rows_are_dropped(drawn: LabelledFaces, tmp_path: Path) -> None:
    certain = np.arange(len(drawn)) != 3
    np.savez(tmp_path / "faces.npz", **arrays(drawn), row_certain=certain)
    read = read_npz(tmp_path / "faces.npz")
    assert not read.votes[3].any()
    np.testing.assert_array_equal(read.votes[certain], drawn.votes[certain])


def test_npz_without_votes_is_read(drawn: LabelledFaces, tmp_path: Path) -> None:
    np.savez(tmp_path / "faces.npz", images=drawn.images, labels=drawn.labels, usage=drawn.splits)
    assert not read_npz(tmp_path / "faces.npz").votes.any()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"images": np.zeros((70, 64, 64), np.uint8)}, r"\(70, 64, 64\) uint8; \(N, 48, 48\) uint8 is needed"),
        ({"images": np.zeros((70, 48, 48), np.float32)}, "float32"),
        ({"labels": np.full(70, 7)}, "label outside 0 to 6"),
        ({"usage": np.full(70, -1)}, "usage outside 0 to 2"),
        ({"labels": np.zeros(69, int)}, "different lengths"),
        ({"ferplus": np.zeros((70, 8), np.uint8)}, r"votes \(70, 8\)"),
    ],
)
def test_npz_with_wrong_arrays_is_refused(
    drawn: LabelledFaces, tmp_path: Path, changes: dict[str, Any], reason: str
) -> None:
    np.savez(tmp_path / "faces.npz", **(arrays(drawn) | changes))
    with pytest.raises(DataUnreadable, match=reason):
        read_npz(tmp_path / "faces.npz")


def test_npz_without_labels_is_refused(drawn: LabelledFaces, tmp_path: Path) -> None:
    np.savez(tmp_path / "faces.npz", images=drawn.images, usage=drawn.splits)
    with pytest.raises(DataUnreadable, match="labels"):
        read_npz(tmp_path / "faces.npz")


@pytest.mark.parametrize("damage", ["cut", "flip", "noise", "empty", "npy"])
def test_broken_npz_is_refused(drawn: LabelledFaces, tmp_path: Path, damage: str) -> None:
    path = tmp_path / "faces.npz"
    np.savez_compressed(path, **arrays(drawn))
    whole = path.read_bytes()
    if damage == "npy":
        with path.open("wb") as file:
            np.save(file, drawn.images)
    else:
        flipped = whole[:200] + bytes(200) + whole[400:]
        path.write_bytes({"cut": whole[:-500], "flip": flipped, "noise": b"no zip " * 99, "empty": b""}[damage])
    with pytest.raises(DataUnreadable, match="is broken"):
        read_npz(path)


@pytest.mark.parametrize("header", HEADERS)
def test_csv_is_read_in_both_spellings(drawn: LabelledFaces, tmp_path: Path, header: str) -> None:
    write_csv(tmp_path / "faces.csv", drawn, header)
    read = read_csv(tmp_path / "faces.csv")
    for name in ("images", "labels", "splits"):
        np.testing.assert_array_equal(getattr(read, name), getattr(drawn, name))
    assert not read.votes.any()


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("0,1 2 3,Training", "line 2: emotion 0, 3 pixels"),
        ("0," + " ".join(["256"] * 2304) + ",Training", "0 to 255"),
        ("9," + " ".join(["1"] * 2304) + ",Training", "emotion 9"),
        ("0,a b c,Training", "line 2"),
        ("x," + " ".join(["1"] * 2304) + ",Training", "line 2"),
        ("0," + " ".join(["1"] * 2304) + ",Holdout", "'Holdout' is unusable"),
        ("0", "line 2"),
    ],
)
def test_csv_row_that_is_no_face_is_named(tmp_path: Path, row: str, reason: str) -> None:
    (tmp_path / "faces.csv").write_text(f"emotion,pixels,Usage\n{row}\n")
    with pytest.raises(DataUnreadable, match=reason):
        read_csv(tmp_path / "faces.csv")


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n", b"\xff\xfe\x00"])
def test_file_that_is_no_fer2013_csv_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "faces.csv").write_bytes(content)
    with pytest.raises(DataUnreadable):
        read_csv(tmp_path / "faces.csv")


def test_folders_are_read_by_their_names(drawn: LabelledFaces, tmp_path: Path) -> None:
    names = {Split.TRAINING: "train", Split.PUBLIC_TEST: "validation", Split.PRIVATE_TEST: "test"}
    write_folder(tmp_path, drawn, names)
    (tmp_path / "README.txt").write_text("not a split")
    (tmp_path / "extra").mkdir()
    read = read_folder(tmp_path)
    assert [len(read.of(split)) for split in Split] == [56, 7, 7]
    expected = {(image.tobytes(), label) for image, label in zip(drawn.images, drawn.labels.tolist(), strict=True)}
    assert {
        (image.tobytes(), label) for image, label in zip(read.images, read.labels.tolist(), strict=True)
    } == expected


def test_official_names_keep_their_split(drawn: LabelledFaces, tmp_path: Path) -> None:
    folder = tmp_path / "test" / "happy"
    folder.mkdir(parents=True)
    for index, name in enumerate(("PublicTest_1.png", "PrivateTest_2.png", "PrivateTest_3.png")):
        cv2.imwrite(str(folder / name), drawn.images[index])
    read = read_folder(tmp_path)
    assert [len(read.of(split)) for split in Split] == [0, 1, 2]


def test_validation_is_held_out_of_training_with_equal_pictures_on_one_side(tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    originals = random.integers(0, 256, (60, 48, 48)).astype(np.uint8)
    images = np.concatenate([originals, originals])
    splits = np.full(120, int(Split.TRAINING))
    faces = LabelledFaces(images, np.arange(120) % 7, splits, np.zeros((120, 10), np.uint8))
    write_folder(tmp_path, faces, {Split.TRAINING: "train"})
    read = read_folder(tmp_path)
    held, kept = ({image.tobytes() for image in read.of(split).images} for split in (Split.PUBLIC_TEST, Split.TRAINING))
    assert 1 <= len(held) <= 20
    assert not held & kept


def test_unknown_class_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "train" / "bored").mkdir(parents=True)
    with pytest.raises(DataUnreadable, match="bored is no class"):
        read_folder(tmp_path)


@pytest.mark.parametrize(("content", "reason"), [(b"", "no picture"), (b"no png", "no picture"), (None, "50x40")])
def test_unusable_picture_is_named(tmp_path: Path, content: bytes | None, reason: str) -> None:
    folder = tmp_path / "train" / "sad"
    folder.mkdir(parents=True)
    if content is None:
        cv2.imwrite(str(folder / "1.png"), np.zeros((40, 50), np.uint8))
    else:
        (folder / "1.png").write_bytes(content)
    with pytest.raises(DataUnreadable, match=rf"1\.png is {reason}"):
        read_folder(tmp_path)


def test_folder_without_splits_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataUnreadable, match="holds no train/CLASS"):
        read_folder(tmp_path)
