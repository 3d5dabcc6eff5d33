"""An explanation shows what the network did, and writes one picture."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from build_engine.data.drawn import draw_face
from build_engine.evaluation.explain import draw, explain
from engine.errors import ImageUnreadable, ModelRefused
from engine.expressions import Expression
from engine.runtimes import load_runtime


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A drawn face in the middle of a picture."""
    face = cv2.resize(draw_face(Expression.HAPPY, np.random.default_rng(2)), (192, 192), interpolation=cv2.INTER_CUBIC)
    scene = np.full((320, 480), 90, np.uint8)
    scene[60:252, 140:332] = face
    path = tmp_path_factory.mktemp("pictures") / "face.png"
    cv2.imwrite(str(path), scene)
    return path


def test_explanation_is_that_of_the_serving_engine(exported: Path, picture: Path) -> None:
    explanation = explain(picture, exported)
    assert explanation.found
    assert explanation.crop.shape == (48, 48)
    assert explanation.attention is not None
    assert explanation.attention.sum() == pytest.approx(1, abs=1e-4)
    assert explanation.scores is not None
    assert explanation.scores.shape == (9,)
    assert explanation.fer7.sum() == pytest.approx(1, abs=1e-5)
    from engine.crops import face_batch
    from engine.faces import FaceFinder
    from engine.pictures import load_picture

    image = load_picture(picture)
    with FaceFinder() as finder, load_runtime(exported) as runtime:
        face = finder.find(image)
        assert face is not None
        served = runtime.infer(face_batch([(image, face)], runtime.manifest.input)).fer7[0]
    np.testing.assert_allclose(explanation.fer7, served, atol=1e-5)


def test_picture_without_a_face_is_read_with_neutral_regions(exported: Path, tmp_path: Path) -> None:
    path = tmp_path / "grey.png"
    cv2.imwrite(str(path), np.full((100, 100), 128, np.uint8))
    explanation = explain(path, exported)
    assert not explanation.found
    assert not explanation.regions.any()
    assert draw(explanation, tmp_path / "out.png").read_bytes().startswith(b"\x89PNG")


def test_drawing_differs_between_networks_with_and_without_attention(
    exported: Path, picture: Path, tmp_path: Path
) -> None:
    from dataclasses import replace

    explanation = explain(picture, exported)
    one = draw(explanation, tmp_path / "one.png").read_bytes()
    other = draw(replace(explanation, attention=None, scores=None), tmp_path / "other.png").read_bytes()
    assert one.startswith(b"\x89PNG")
    assert one != other


def test_missing_picture_or_network_is_said(exported: Path, picture: Path, tmp_path: Path) -> None:
    with pytest.raises(ImageUnreadable, match="give the path"):
        explain(tmp_path / "none.png", exported)
    with pytest.raises(ModelRefused, match="no such model"):
        explain(picture, tmp_path / "none.onnx")
