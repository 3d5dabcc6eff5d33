"""Dividing the faces anew."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from build_engine.data.labelled_faces import LabelledFaces, Split
from build_engine.evaluation.split_study import DIVISIONS, divide


def some_faces(count: int, pictures: int, seed: int) -> LabelledFaces:
    """Faces of which some have the same pixels."""
    draw = np.random.default_rng(seed)
    images = draw.integers(0, 256, (pictures, 48, 48), dtype=np.uint8)[draw.integers(pictures, size=count)]
    zeros = np.zeros(count, np.int64)
    return LabelledFaces(images, draw.integers(7, size=count), zeros, np.zeros((count, 10), np.uint8))


@pytest.mark.parametrize("name", DIVISIONS)
def test_divisions_have_the_shares_of_their_name(name: str) -> None:
    shares = DIVISIONS[name]
    assert name == "-".join(f"{100 * share:.0f}" for share in shares)
    divided = divide(some_faces(2000, 1500, 1), shares, seed=1)
    found = np.bincount(divided.splits, minlength=3) / len(divided)
    assert found == pytest.approx(shares, abs=0.005)


@given(st.integers(1, 120), st.integers(1, 60), st.integers(0, 1000), st.sampled_from(sorted(DIVISIONS)))
def test_copies_never_stand_on_two_sides(count: int, pictures: int, seed: int, name: str) -> None:
    faces = some_faces(count, pictures, seed)
    divided = divide(faces, DIVISIONS[name], seed)
    assert np.array_equal(divided.images, faces.images)
    sides: dict[bytes, set[int]] = {}
    for image, split in zip(divided.images, divided.splits, strict=True):
        sides.setdefault(image.tobytes(), set()).add(int(split))
    assert all(len(side) == 1 for side in sides.values())
    assert set(divided.splits) <= set(Split)


def test_copies_may_stand_anywhere_where_their_worth_is_asked_for() -> None:
    faces = some_faces(600, 60, 1)
    divided = divide(faces, DIVISIONS["80-10-10"], seed=1, copies_together=False)
    training = {image.tobytes() for image in divided.of(Split.TRAINING).images}
    assert all(image.tobytes() in training for image in divided.of(Split.PRIVATE_TEST).images)
    assert np.bincount(divided.splits) == pytest.approx([480, 60, 60], abs=1)


def test_another_seed_divides_differently_and_the_same_seed_alike() -> None:
    faces = some_faces(400, 400, 1)
    first, again, other = (divide(faces, (0.8, 0.1, 0.1), seed).splits for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
