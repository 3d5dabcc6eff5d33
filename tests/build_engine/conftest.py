"""Small data and runs for the tests of `build_engine`."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from build_engine.data.dataset import repeated
from build_engine.data.drawn import read_drawn
from build_engine.data.labelled_faces import LabelledFaces, Split
from build_engine.data.landmarks import AlignedFaces, align_faces
from build_engine.deployment.export import Judged, export
from build_engine.deployment.quantize import quantize
from build_engine.recipe import DECAY, SMOKE, Recipe
from build_engine.training.run import Run
from build_engine.training.train import train

SHARED_DATA = Path(__file__).resolve().parents[2] / "../shared/data/fer2013.npz"


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def drawn() -> LabelledFaces:
    """Seventy drawn faces: 56 of Training, 7 of each test split."""
    return read_drawn("drawn:70")


@pytest.fixture(scope="session")
def faces(drawn: LabelledFaces, tmp_path_factory: pytest.TempPathFactory) -> AlignedFaces:
    """The same, cut out by the mesh."""
    return align_faces(drawn, tmp_path_factory.mktemp("landmarks"))


@pytest.fixture(scope="session")
def recipe() -> Recipe:
    """Two epochs of a second or so, of the layers that ship, trained as they are."""
    return replace(
        SMOKE, epochs=2, last_blocks=DECAY.last_blocks, pooling=DECAY.pooling, augmentation=DECAY.augmentation,
        sharpness_radius=DECAY.sharpness_radius,
    )  # fmt: skip


@pytest.fixture(scope="session")
def trained(recipe: Recipe, faces: AlignedFaces, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A finished run."""
    run = Run(tmp_path_factory.mktemp("run"))
    train(recipe, faces, run)
    return run


@pytest.fixture(scope="session")
def splits(faces: AlignedFaces) -> dict[Split, Judged]:
    """The three splits, with their repeated faces."""
    return {split: Judged(faces.of(split), repeated(faces.labelled, split)) for split in Split}


@pytest.fixture(scope="session")
def exported(trained: Run, splits: dict[Split, Judged], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The finished run as an fp32 file with manifest."""
    path = tmp_path_factory.mktemp("models") / "tiny.onnx"
    export([trained], path, splits[Split.PUBLIC_TEST], splits[Split.PRIVATE_TEST], trained_on="drawn faces")
    return path


@pytest.fixture(scope="session")
def int8(exported: Path, splits: dict[Split, Judged]) -> Path:
    """Its int8 form, beside it."""
    path = exported.with_name("tiny-int8.onnx")
    judged = {"PublicTest": splits[Split.PUBLIC_TEST]}
    quantize(exported, path, splits[Split.TRAINING].faces, judged)
    return path


@pytest.fixture(scope="session")
def fer2013() -> Path:
    """The real data, where they lie beside the checkout."""
    if not SHARED_DATA.exists():
        pytest.skip("../shared/data/fer2013.npz is absent")
    return SHARED_DATA


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(1)
