"""The engine as an outsider uses it."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from engine import ImageUnreadable, ModelRefused, load_engine
from engine.runtimes import DEFAULT_MODEL

drawing = pytest.importorskip("bot.samples.drawing")
people = pytest.importorskip("bot.samples.people")
pose = pytest.importorskip("bot.samples.pose")


def test_drawn_face_is_read_from_array_and_from_file_alike(model: Callable[..., Path], tmp_path: Path) -> None:
    picture = drawing.draw(people.PEOPLE[0].look, pose.Pose())
    path = tmp_path / "drawn face ü.png"
    path.write_bytes(cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))[1].tobytes())
    with load_engine(model()) as engine:
        from_array = engine.read(picture)
        from_file = engine.read(path)
        from_text = engine.read(str(path))
    assert len(from_array) == len(from_file) == len(from_text) == 1
    reading = from_array[0]
    assert reading.fer7 is not None
    assert reading.fer7.shape == (7,)
    assert reading.fer7.sum() == pytest.approx(1, abs=1e-4)
    assert reading.ferplus8 is None
    same = from_file[0].fer7
    assert same is not None
    np.testing.assert_array_equal(reading.fer7, same)


def test_reading_has_its_probabilities_by_name_and_says_which_leads(model: Callable[..., Path]) -> None:
    from engine import FER7, FaceReading

    with load_engine(model()) as engine:
        reading = engine.read(drawing.draw(people.PEOPLE[0].look, pose.Pose()))[0]
    assert reading.fer7 is not None
    assert list(reading.expressions) == ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"]
    assert reading.expressions["happy"] == pytest.approx(float(reading.fer7[3]))
    assert reading.leading is FER7[int(reading.fer7.argmax())]
    assert reading.expressions[reading.leading] == max(reading.expressions.values())
    unread = FaceReading(reading.face, None)
    assert (unread.expressions, unread.leading) == ({}, None)


def test_network_with_two_heads_fills_both(model: Callable[..., Path]) -> None:
    from engine.expressions import FERPLUS8

    picture = drawing.draw(people.PEOPLE[1].look, pose.Pose())
    with load_engine(model(with_ferplus8=True, ferplus8=FERPLUS8), threads=2) as engine:
        reading = engine.read(picture)[0]
        assert engine.read(np.zeros((90, 160, 3), np.uint8)) == []
    assert reading.ferplus8 is not None
    assert reading.ferplus8.sum() == pytest.approx(1, abs=1e-4)


def test_what_is_no_picture_is_refused_with_advice(model: Callable[..., Path], tmp_path: Path) -> None:
    text, empty = tmp_path / "notes.txt", tmp_path / "empty.png"
    text.write_text("no picture")
    empty.touch()
    with load_engine(model()) as engine:
        with pytest.raises(ImageUnreadable, match=r"absent\.png: No such file or directory; give the path"):
            engine.read(tmp_path / "absent.png")
        for path in (text, empty):
            with pytest.raises(ImageUnreadable, match="not a picture; give a JPEG, PNG or WebP file"):
                engine.read(path)


def test_missing_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelRefused, match="no such model"):
        load_engine(tmp_path / "absent.onnx")


@pytest.mark.skipif(not DEFAULT_MODEL.exists(), reason="the default model is not built yet")
def test_default_engine_reads_a_drawn_face() -> None:
    with load_engine() as engine:
        reading = engine.read(drawing.draw(people.PEOPLE[0].look, pose.Pose()))[0]
    assert reading.fer7 is not None
    assert reading.fer7.shape == (7,)
