"""The network that ships: small, whole, and as good as its manifest says."""

import functools
from pathlib import Path

import numpy as np
import pytest

from build_engine.data.dataset import load_faces
from build_engine.data.labelled_faces import Split
from build_engine.data.landmarks import align_faces
from build_engine.evaluation.evaluate import read
from build_engine.recipe import Recipe
from engine.manifest import load_manifest
from engine.runtimes import DEFAULT_MODEL, load_runtime

FACES = 500


@functools.cache
def shipped_accuracy() -> dict[str, float]:
    return load_manifest(DEFAULT_MODEL).accuracy


def test_shipped_model_is_small_and_documented() -> None:
    manifest = load_manifest(DEFAULT_MODEL)
    assert DEFAULT_MODEL.stat().st_size <= 6_500_000
    assert Recipe.from_dict(manifest.recipe).crops == "aligned"
    assert "FER-2013" in manifest.trained_on
    assert manifest.ferplus8 is not None
    assert manifest.accuracy["PrivateTest"] >= 0.60
    readme = (DEFAULT_MODEL.parent / "README.md").read_text("utf-8")
    assert f"{100 * manifest.accuracy['PrivateTest']:.2f}" in readme


def test_shipped_model_reads_test_faces_as_well_as_its_manifest_says(fer2013: Path, tmp_path: Path) -> None:
    faces = load_faces(str(fer2013)).of(Split.PUBLIC_TEST).rows(np.arange(FACES))
    with load_runtime() as runtime:
        hits = read(runtime, align_faces(faces, tmp_path)).fer7.argmax(1) == faces.labels
    expected = shipped_accuracy()["PublicTest"]
    assert hits.mean() == pytest.approx(expected, abs=3 * np.sqrt(expected * (1 - expected) / FACES))
