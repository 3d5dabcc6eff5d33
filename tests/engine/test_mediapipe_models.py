"""The models give what mediapipe's public interface gives, and the pool lends them."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from engine.errors import EngineError
from engine.mediapipe_models import Detector, Mesh, Pool
from engine.readings import Box, Image


class Counted:
    """A model that knows how many of its kind there are and whether it was freed."""

    made = 0

    def __init__(self) -> None:
        type(self).made += 1
        self.closed = False

    def close(self) -> None:
        self.closed = True


@pytest.fixture(autouse=True)
def _none_made() -> None:
    Counted.made = 0


def test_pool_loads_nothing_before_it_lends() -> None:
    Pool(Counted, 3).close()
    assert Counted.made == 0


def test_pool_lends_the_same_copy_again() -> None:
    pool = Pool(Counted, 3)
    with pool.lend() as first:
        pass
    with pool.lend() as second:
        assert second is first
    assert Counted.made == 1


def test_pool_never_makes_more_copies_than_its_size_and_lends_each_to_one_at_a_time() -> None:
    pool = Pool(Counted, 2)
    lent: set[int] = set()
    lock = threading.Lock()
    both_lent = threading.Barrier(2, timeout=10)

    def borrow(turn: int) -> None:
        with pool.lend() as model:
            with lock:
                assert id(model) not in lent
                lent.add(id(model))
                assert len(lent) <= 2
            if turn < 8:
                both_lent.wait()
            with lock:
                lent.remove(id(model))

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(borrow, range(16)))
    assert Counted.made == 2


def test_filled_pool_has_every_copy_and_makes_no_more() -> None:
    pool = Pool(Counted, 3)
    pool.fill()
    assert Counted.made == 3
    with pool.lend() as one, pool.lend() as two, pool.lend() as three:
        assert len({id(one), id(two), id(three)}) == 3
    assert Counted.made == 3


def test_model_that_fails_goes_back_to_the_pool() -> None:
    pool = Pool(Counted, 1)
    with pytest.raises(ValueError, match="broken"), pool.lend():
        raise ValueError("broken")
    with pool.lend() as model:
        assert not model.closed
    assert Counted.made == 1


def test_closing_frees_idle_copies_now_and_lent_ones_later() -> None:
    pool = Pool(Counted, 2)
    with pool.lend() as lent:
        with pool.lend() as idle:
            pass
        pool.close()
        assert idle.closed
        assert not lent.closed
    assert lent.closed
    with pytest.raises(EngineError, match="closed: make a new one"), pool.lend():
        pass


def squares() -> list[Image]:
    """Four drawn people from several sides, cut square."""
    drawing = pytest.importorskip("bot.samples.drawing")
    people = pytest.importorskip("bot.samples.people")
    pose = pytest.importorskip("bot.samples.pose")
    poses = [pose.Pose(), pose.Pose(yaw_deg=25), pose.Pose(mouth=0.5), pose.Pose(pitch_deg=-15, lids=0.0)]
    drawn = [drawing.draw(person.look, posed) for person, posed in zip(people.PEOPLE, poses, strict=False)]
    return [np.ascontiguousarray(picture[:, 140:500]) for picture in drawn]


def test_landmarks_are_bit_for_bit_those_of_the_public_interface() -> None:
    from mediapipe.python.solutions.face_mesh import FaceMesh

    mesh = Mesh()
    with FaceMesh(static_image_mode=True, refine_landmarks=True, min_detection_confidence=0.3) as public:
        for square in squares():
            points = public.process(square).multi_face_landmarks[0].landmark
            landmarks = mesh.landmarks(square)
            assert landmarks is not None
            assert landmarks.flags.c_contiguous
            np.testing.assert_array_equal(landmarks, np.array([(p.x, p.y, p.z) for p in points], np.float32))
        empty = np.zeros((200, 200, 3), np.uint8)
        assert mesh.landmarks(empty) is None
        assert public.process(empty).multi_face_landmarks is None
    mesh.close()


@pytest.mark.parametrize(("model", "load"), [(0, Detector.short_range), (1, Detector.full_range)])
def test_boxes_are_those_of_the_public_interface(model: int, load: Callable[[], Detector]) -> None:
    from mediapipe.python.solutions.face_detection import FaceDetection

    detector = load()
    pictures = squares()
    pictures.append(np.ascontiguousarray(np.hstack(pictures[:2])))
    with FaceDetection(model_selection=model) as public:
        for picture in pictures:
            found = [item.location_data.relative_bounding_box for item in public.process(picture).detections or ()]
            assert [box for box, _ in detector.detections(picture)] == [
                Box(box.xmin, box.ymin, box.width, box.height) for box in found
            ]
        assert detector.detections(np.zeros((200, 200, 3), np.uint8)) == []
    detector.close()


def test_model_works_in_the_thread_that_asks() -> None:
    tasks = Path("/proc/self/task")
    if not tasks.exists():
        pytest.skip("counts threads as Linux shows them")
    mesh, square = Mesh(), squares()[0]
    mesh.landmarks(square)
    before = {path.name for path in tasks.iterdir()}
    another = Mesh()
    another.landmarks(square)
    assert {path.name for path in tasks.iterdir()} <= before
    mesh.close()
    another.close()


def test_other_threads_run_while_a_model_works() -> None:
    """A model that kept the interpreter's lock would stop the event loop for every face."""
    mesh, square = Mesh(), squares()[0]
    mesh.landmarks(square)
    done, turns = threading.Event(), 0

    def work() -> None:
        for _ in range(20):
            mesh.landmarks(square)
        done.set()

    with ThreadPoolExecutor(1) as thread:
        working = thread.submit(work)
        while not done.wait(0.0005):
            turns += 1
        working.result()
    assert turns > 20, "at least once for each picture"
    mesh.close()
