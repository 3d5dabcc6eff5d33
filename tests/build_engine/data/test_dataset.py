"""Labelled faces: targets, duplicates, and data that cannot be used."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from build_engine.data.dataset import fer7_targets, has_majority, load_faces, repeated, vote_shares
from build_engine.data.labelled_faces import LabelledFaces, Split
from build_engine.errors import DataUnreadable
from engine.expressions import FER7, FERPLUS8, Expression

PAIRS = [
    ("neutral", Expression.NEUTRAL), ("happiness", Expression.HAPPY), ("surprise", Expression.SURPRISE),
    ("sadness", Expression.SAD), ("anger", Expression.ANGRY), ("disgust", Expression.DISGUST),
    ("fear", Expression.FEAR),
]  # fmt: skip


def votes(**counts: int) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    columns = (*FERPLUS8, "unknown", "nf")
    return np.array([[counts.get(name, 0) for name in columns]], np.uint8)


def one_face(label: Expression, row: np.ndarray[tuple[int, int], np.dtype[np.uint8]]) -> LabelledFaces:
    image = np.zeros((1, 48, 48), np.uint8)
    return LabelledFaces(image, np.array([FER7.index(label)]), np.array([int(Split.TRAINING)]), row)


@pytest.mark.parametrize(("vote", "label"), PAIRS)
def test_votes_move_to_the_column_of_their_fer_class(vote: str, label: Expression) -> None:
    target = fer7_targets(one_face(Expression.NEUTRAL, votes(**{vote: 10})), votes_share=1.0)
    assert target[0].argmax() == FER7.index(label)
    assert target[0].max() == pytest.approx(1.0)


def test_target_mixes_label_and_votes_by_their_share() -> None:
    target = fer7_targets(one_face(Expression.ANGRY, votes(sadness=5, neutral=5)), votes_share=0.4)[0]
    assert target[FER7.index(Expression.ANGRY)] == pytest.approx(0.6)
    assert target[FER7.index(Expression.SAD)] == pytest.approx(0.2)
    assert target[FER7.index(Expression.NEUTRAL)] == pytest.approx(0.2)


@pytest.mark.parametrize("row", [votes(), votes(contempt=10), votes(unknown=6, anger=4), votes(nf=10)])
def test_face_without_usable_votes_keeps_its_label(row: np.ndarray[tuple[int, int], np.dtype[np.uint8]]) -> None:
    target = fer7_targets(one_face(Expression.FEAR, row), votes_share=0.4)[0]
    np.testing.assert_array_equal(target, np.eye(7, dtype=np.float32)[FER7.index(Expression.FEAR)])


def test_single_votes_are_dropped() -> None:
    shares, counted = vote_shares(votes(happiness=6, neutral=3, fear=1))
    assert counted.all()
    assert shares[0, FERPLUS8.index("happiness")] == pytest.approx(6 / 9)
    assert shares[0, FERPLUS8.index("fear")] == 0


@pytest.mark.parametrize(
    ("row", "counts"),
    [(votes(anger=6, unknown=4), True), (votes(anger=4, unknown=6), False), (votes(nf=10), False), (votes(), False)],
)
def test_rows_with_most_votes_for_no_expression_do_not_count(
    row: np.ndarray[tuple[int, int], np.dtype[np.uint8]], counts: bool
) -> None:
    shares, counted = vote_shares(row)
    assert counted[0] == counts
    assert shares.sum() == pytest.approx(1.0 if counts else 0.0)


@pytest.mark.parametrize(
    ("row", "agreed"),
    [
        (votes(anger=6, sadness=4), True), (votes(anger=5, sadness=4, fear=1), True), (votes(anger=2, fear=1), True),
        (votes(anger=5, sadness=5), False), (votes(anger=4, sadness=3, fear=3), False), (votes(anger=1, fear=1), False),
        (votes(anger=5, unknown=3, nf=2), False), (votes(unknown=8, anger=2), False), (votes(nf=10), False),
        (votes(), False),
    ],
)  # fmt: skip
def test_majority_is_more_than_half_of_what_more_than_one_says(
    row: np.ndarray[tuple[int, int], np.dtype[np.uint8]], agreed: bool
) -> None:
    assert has_majority(row).tolist() == [agreed]


def test_repeated_marks_pictures_of_an_earlier_split_only(drawn: LabelledFaces) -> None:
    private = np.flatnonzero(drawn.splits == Split.PRIVATE_TEST)
    images = drawn.images.copy()
    images[private[2]] = images[np.flatnonzero(drawn.splits == Split.TRAINING)[0]]
    images[private[4]] = images[np.flatnonzero(drawn.splits == Split.PUBLIC_TEST)[1]]
    images[private[6]] = images[private[5]]  # twice in the same split is no leak
    marked = repeated(replace(drawn, images=images), Split.PRIVATE_TEST)
    assert np.flatnonzero(marked).tolist() == [2, 4]


def test_drawn_faces_are_split_eight_one_one_with_every_class(drawn: LabelledFaces) -> None:
    assert [len(drawn.of(split)) for split in Split] == [56, 7, 7]
    for split in Split:
        assert set(drawn.of(split).labels.tolist()) == set(range(7))
    np.testing.assert_array_equal(fer7_targets(drawn, 1.0).argmax(1), drawn.labels)


def test_drawn_faces_are_the_same_each_time(drawn: LabelledFaces) -> None:
    np.testing.assert_array_equal(load_faces("drawn:70").images, drawn.images)


@pytest.mark.parametrize("source", ["drawn:", "drawn:many", "drawn:69", "drawn:-100"])
def test_too_few_drawn_faces_are_refused(source: str) -> None:
    with pytest.raises(DataUnreadable, match="at least 70"):
        load_faces(source)


def test_missing_data_say_what_can_be_given(tmp_path: Path) -> None:
    with pytest.raises(DataUnreadable, match=r"nothing\.npz does not exist: give an \.npz"):
        load_faces(str(tmp_path / "nothing.npz"))


def test_unknown_kind_of_data_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "faces.parquet"
    path.write_bytes(b"PAR1")
    with pytest.raises(DataUnreadable, match="no known kind"):
        load_faces(str(path))


def test_class_without_training_faces_is_named(drawn: LabelledFaces, tmp_path: Path) -> None:
    kept = drawn.rows((drawn.labels != FER7.index(Expression.DISGUST)) | (drawn.splits != Split.TRAINING))
    path = tmp_path / "faces.npz"
    np.savez(path, images=kept.images, labels=kept.labels, usage=kept.splits)
    with pytest.raises(DataUnreadable, match="no training face that shows disgust"):
        load_faces(str(path))


def test_empty_data_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "faces.csv"
    path.write_text("emotion,pixels,Usage\n")
    with pytest.raises(DataUnreadable, match="holds no face"):
        load_faces(str(path))
