"""The models give what mediapipe's public interface gives, from the same files, in whatever thread asks."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.errors import EngineError
from engine.face_models.detector import Detector
from engine.face_models.mesh import Mesh
from engine.face_models.network import Region
from engine.readings import Image

EMPTY = np.zeros((200, 200, 3), np.uint8)


def test_landmarks_are_those_of_the_public_interface(public: Any, squares: list[Image]) -> None:
    mesh, detector = Mesh(), Detector.short_range()
    settings = {"static_image_mode": True, "refine_landmarks": True, "min_detection_confidence": 0.3}
    with public.face_mesh.FaceMesh(**settings) as theirs:
        for square in squares:
            points = theirs.process(np.ascontiguousarray(square)).multi_face_landmarks[0].landmark
            expected = np.array([(p.x, p.y, p.z) for p in points], np.float32)
            landmarks, presence = mesh.landmarks(square, detector.detections(square, 0.3)[0].region(360, 360))
            assert presence > 0.999
            assert landmarks.dtype == np.float32
            assert landmarks.flags.c_contiguous
            np.testing.assert_allclose(landmarks, expected, rtol=0, atol=0.1 / 360, err_msg="a tenth of a pixel")


def test_mesh_is_not_sure_where_no_face_is(squares: list[Image]) -> None:
    mesh = Mesh()
    assert mesh.landmarks(EMPTY, Region(100, 100, 150))[1] < 0.1
    assert mesh.landmarks(squares[0], Region(20, 20, 100))[1] < 0.1
    assert mesh.landmarks(squares[0], Region(-900, 5000, 100))[1] < 0.1


@pytest.mark.parametrize(("model", "load"), [(0, Detector.short_range), (1, Detector.full_range)])
def test_boxes_are_those_of_the_public_interface(
    model: int, load: Callable[[], Detector], public: Any, squares: list[Image]
) -> None:
    detector = load()
    pictures = [*squares, np.hstack(squares[:2]), np.vstack(squares[2:]), squares[0][40:, ::2]]
    with public.face_detection.FaceDetection(model_selection=model) as theirs:
        for picture in pictures:
            expected = theirs.process(np.ascontiguousarray(picture)).detections or ()
            found = detector.detections(picture)
            assert len(found) == len(expected)
            for ours, one in zip(found, expected, strict=True):
                box = one.location_data.relative_bounding_box
                assert ours.confidence == pytest.approx(one.score[0], abs=1e-3)
                assert (ours.box.x, ours.box.y, ours.box.width, ours.box.height) == pytest.approx(
                    (box.xmin, box.ymin, box.width, box.height), abs=1e-3
                )
        assert detector.detections(EMPTY) == []


def test_models_work_in_the_thread_that_asks(squares: list[Image]) -> None:
    tasks = Path("/proc/self/task")
    if not tasks.exists():
        pytest.skip("counts threads as Linux shows them")
    region = Region(180, 180, 250)
    Mesh().landmarks(squares[0], region)
    before = {path.name for path in tasks.iterdir()}
    Mesh().landmarks(squares[0], region)
    Detector.full_range().detections(squares[0])
    assert {path.name for path in tasks.iterdir()} <= before


def test_other_threads_run_while_a_model_works(squares: list[Image]) -> None:
    """A model that kept the interpreter's lock would stop the event loop for every face."""
    mesh = Mesh()
    is_enough, pictures = threading.Event(), 0

    def work() -> None:
        nonlocal pictures
        while not is_enough.is_set():
            mesh.landmarks(squares[0], Region(180, 180, 250))
            pictures += 1

    end_s = time.monotonic() + 60  # a machine that has other work gives turns late, and gives them all the same
    seen: list[int] = []
    with ThreadPoolExecutor(1) as thread:
        working = thread.submit(work)
        while max(map(seen.count, seen[-5:]), default=0) < 4 and time.monotonic() < end_s:
            time.sleep(0.0001)
            seen.append(pictures)
        is_enough.set()
        working.result()
    assert max(map(seen.count, seen)) >= 4, "turns while one picture is looked at"


def test_threads_that_share_a_model_get_the_same_answers(squares: list[Image]) -> None:
    mesh, region = Mesh(), Region(180, 180, 250)
    alone = [mesh.landmarks(square, region)[0] for square in squares]
    with ThreadPoolExecutor(4) as threads:
        together = list(threads.map(lambda number: mesh.landmarks(squares[number % 4], region)[0], range(16)))
    for number, landmarks in enumerate(together):
        np.testing.assert_array_equal(landmarks, alone[number % 4])


def test_closed_model_says_so_and_closes_again(squares: list[Image]) -> None:
    detector = Detector.short_range()
    detector.close()
    detector.close()
    with pytest.raises(EngineError, match="closed: make a new one"):
        detector.detections(squares[0])
