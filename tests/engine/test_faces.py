"""Finds faces in drawn and real pictures with the real models."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from itertools import islice
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from engine.errors import EngineError, ImageUnreadable
from engine.faces import FaceFinder
from engine.readings import Box, Face, Image

drawing = pytest.importorskip("bot.samples.drawing")
people = pytest.importorskip("bot.samples.people")
pose = pytest.importorskip("bot.samples.pose")

LOOKS = {person.id: person.look for person in people.PEOPLE}


@cache
def drawn(who: str = "amara", **posed: float) -> Image:
    image: Image = drawing.draw(LOOKS[who], pose.Pose(**posed))
    return image


def found(finder: FaceFinder, image: Image, last_box: Box | None = None) -> Face:
    face = finder.find(image, last_box)
    assert face is not None
    return face


def overlap(a: Box, b: Box) -> float:
    across = min(a.x + a.width, b.x + b.width) - max(a.x, b.x)
    down = min(a.y + a.height, b.y + b.height) - max(a.y, b.y)
    common = max(across, 0) * max(down, 0)
    return common / (a.width * a.height + b.width * b.height - common)


@pytest.mark.parametrize("who", LOOKS)
def test_every_drawn_person_is_found_from_the_front(finder: FaceFinder, who: str) -> None:
    face = found(finder, drawn(who))
    assert abs(face.yaw_deg) < 8
    assert abs(face.pitch_deg) < 8
    assert abs(face.roll_deg) < 5
    assert 0.25 < face.eye_openness < 0.5
    assert face.mouth_openness < 0.08
    assert abs(face.iris_offset) < 0.05
    assert face.box_width_px == pytest.approx(2 * LOOKS[who].scale_px, rel=0.2)
    assert face.landmarks.shape == (478, 3)
    assert face.landmarks.dtype == np.float32
    x, y = LOOKS[who].place
    assert face.box.x < x < face.box.x + face.box.width
    assert face.box.y < y < face.box.y + face.box.height


@pytest.mark.parametrize("who", ["amara", "yuki", "kofi"])
@pytest.mark.parametrize("yaw_deg", [-40, -25, 25, 40])
def test_yaw_is_measured_within_eight_degrees(finder: FaceFinder, who: str, yaw_deg: float) -> None:
    assert found(finder, drawn(who, yaw_deg=yaw_deg)).yaw_deg == pytest.approx(yaw_deg, abs=8)


@pytest.mark.parametrize("who", ["amara", "yuki"])
def test_pitch_rises_with_the_raised_head(finder: FaceFinder, who: str) -> None:
    pitches = [found(finder, drawn(who, pitch_deg=pitch)).pitch_deg for pitch in (-25, -10, 0, 10, 20)]
    assert pitches == sorted(pitches)
    assert pitches[0] < pitches[2] - 6
    assert pitches[4] > pitches[2] + 6


@pytest.mark.parametrize("roll_deg", [-15, 15])
def test_roll_is_measured_within_five_degrees(finder: FaceFinder, roll_deg: float) -> None:
    assert found(finder, drawn(roll_deg=roll_deg)).roll_deg == pytest.approx(roll_deg, abs=5)


def test_iris_offset_follows_the_eyes(finder: FaceFinder) -> None:
    assert found(finder, drawn(gaze=0.15)).iris_offset > 0.06
    assert found(finder, drawn(gaze=-0.15)).iris_offset < -0.06


def test_shut_eyes_measure_far_below_open_ones(finder: FaceFinder) -> None:
    open_eyes = found(finder, drawn()).eye_openness
    assert found(finder, drawn(lids=0.0)).eye_openness < 0.4 * open_eyes


def test_open_mouth_is_measured(finder: FaceFinder) -> None:
    assert found(finder, drawn(mouth=0.5)).mouth_openness == pytest.approx(0.5, abs=0.15)


def test_face_is_followed_where_it_was_last_seen(finder: FaceFinder) -> None:
    first = found(finder, drawn())
    moved = found(finder, drawn(shift_x=0.8), first.box)
    assert overlap(moved.box, found(finder, drawn(shift_x=0.8)).box) > 0.8


def test_face_far_from_its_last_place_is_found_again(finder: FaceFinder) -> None:
    anew = found(finder, drawn(), Box(0.9, 0.8, 0.05, 0.09))
    assert overlap(anew.box, found(finder, drawn()).box) > 0.9


def test_last_place_outside_the_picture_or_without_size_does_no_harm(finder: FaceFinder) -> None:
    for box in (Box(3, 3, 0.1, 0.1), Box(-2, 0, 0.1, 0.1), Box(0.5, 0.5, 0, 0), Box(0, 0, 1, 1)):
        assert found(finder, drawn(), box)


@pytest.mark.parametrize("width_px", [60, 48, 40])
def test_small_face_is_found_and_measured(finder: FaceFinder, width_px: int) -> None:
    share = width_px / (2 * LOOKS["amara"].scale_px)
    scene = np.full((360, 640, 3), 90, np.uint8)
    small = cv2.resize(drawn(yaw_deg=25), None, fx=share, fy=share, interpolation=cv2.INTER_AREA)
    top, left = 180 - small.shape[0] // 2, 320 - small.shape[1] // 2
    scene[top : top + small.shape[0], left : left + small.shape[1]] = small
    face = found(finder, scene)
    assert face.box_width_px == pytest.approx(width_px, rel=0.25)
    assert face.yaw_deg == pytest.approx(25, abs=10)


def test_of_two_faces_the_larger_is_found_and_both_are_listed(finder: FaceFinder) -> None:
    scene = np.full((360, 960, 3), 90, np.uint8)
    scene[:, :640] = drawn("amara")
    small = cv2.resize(drawn("yuki"), (320, 180), interpolation=cv2.INTER_AREA)
    scene[60:240, 640:] = small
    faces = finder.find_all(scene)
    assert len(faces) == 2
    assert faces[0].box_width_px > faces[1].box_width_px > 30
    assert overlap(found(finder, scene).box, faces[0].box) > 0.8
    assert overlap(found(finder, scene, faces[1].box).box, faces[1].box) > 0.8


@pytest.mark.parametrize("shape", [(360, 640), (640, 360), (200, 200), (1, 1), (3, 500)])
def test_empty_room_has_no_face(finder: FaceFinder, shape: tuple[int, int]) -> None:
    y, x = np.mgrid[0 : shape[0], 0 : shape[1]]
    room = np.stack([x % 200, y % 180, (x + y) % 220], -1).astype(np.uint8)
    assert finder.find(room) is None
    assert finder.find(room, Box(0.2, 0.2, 0.3, 0.3)) is None
    assert finder.find_all(room) == []


def test_face_that_fills_the_picture_needs_a_thorough_search(finder: FaceFinder) -> None:
    face = found(finder, drawn())
    left, top = int(face.box.x * 640), int(face.box.y * 360)
    close = drawn()[top : int(top + face.box.height * 360), left : int(left + face.box.width * 640)]
    scene = np.full((360, 640, 3), 90, np.uint8)
    scene[100 : 100 + close.shape[0], 250 : 250 + close.shape[1]] = close
    assert finder.find(scene, thorough=True)


def test_portrait_picture_and_a_view_into_a_larger_array_are_read(finder: FaceFinder) -> None:
    scene = np.full((640, 640, 3), 90, np.uint8)
    scene[140:500] = drawn()
    assert found(finder, scene[:, 140:500])


@pytest.mark.parametrize(
    "picture", [np.zeros((9, 9), np.uint8), np.zeros((9, 9, 3), np.float32), np.zeros((0, 9, 3), np.uint8)]
)
def test_what_is_no_picture_is_refused(finder: FaceFinder, picture: Image) -> None:
    with pytest.raises(ImageUnreadable, match="give RGB as uint8"):
        finder.find(picture)
    with pytest.raises(ImageUnreadable, match="give RGB as uint8"):
        finder.find_all(picture)


def test_threads_that_share_a_finder_get_the_same_answers(finder: FaceFinder) -> None:
    pictures = [drawn(), drawn(yaw_deg=25)] * 8
    alone = [found(finder, picture).landmarks for picture in pictures[:2]]
    with ThreadPoolExecutor(4) as threads:
        faces = list(threads.map(finder.find, pictures))
    for index, face in enumerate(faces):
        assert face is not None
        np.testing.assert_allclose(face.landmarks, alone[index % 2], atol=1e-4)


def test_finder_loads_nothing_later(monkeypatch: pytest.MonkeyPatch) -> None:
    with FaceFinder() as own:
        monkeypatch.setattr("engine.face_models.network.onnxruntime", None)
        with ThreadPoolExecutor(2) as threads:
            assert list(threads.map(own.find, [np.zeros((64, 64, 3), np.uint8)] * 8)) == [None] * 8


class Counts:
    """How often each network of a finder was asked."""

    def __init__(self, finder: FaceFinder, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: Counter[str] = Counter()
        for name in ("_mesh", "_short_range", "_full_range"):
            network = getattr(finder, name)._network
            monkeypatch.setattr(network, "run", partial(self._count, name, network.run))

    def _count(self, name: str, run: Callable[..., object], *given: object) -> object:
        self.asked[name] += 1
        return run(*given)


def test_known_face_costs_one_mesh_and_no_detector(finder: FaceFinder, monkeypatch: pytest.MonkeyPatch) -> None:
    reads = [drawn(), drawn(shift_x=0.05), drawn(lids=0.0), drawn(yaw_deg=10), drawn(roll_deg=8), drawn(mouth=0.5)]
    counts, last = Counts(finder, monkeypatch), found(finder, reads[0]).box
    counts.asked.clear()
    for picture in reads:
        last = found(finder, picture, last).box
    assert counts.asked == {"_mesh": len(reads)}


def test_face_that_moved_costs_a_second_mesh_and_one_that_left_a_detector(
    finder: FaceFinder, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts, last = Counts(finder, monkeypatch), found(finder, drawn()).box
    counts.asked.clear()
    assert found(finder, drawn(shift_x=0.5), last)
    assert counts.asked == {"_mesh": 2}
    counts.asked.clear()
    assert finder.find(np.full((360, 640, 3), 90, np.uint8), last, thorough=False) is None
    assert counts.asked == {"_mesh": 1, "_short_range": 1, "_full_range": 1}


@pytest.mark.parametrize(
    ("measure", "usual", "most"),
    [
        ("yaw_deg", 1.0, 3.0), ("pitch_deg", 1.0, 4.0), ("eye_openness", 0.02, 0.06), ("mouth_openness", 0.02, 0.08),
        ("iris_offset", 0.015, 0.15),
    ],
)  # fmt: skip
def test_known_face_measures_as_if_it_were_found_anew(
    finder: FaceFinder, measure: str, usual: float, most: float
) -> None:
    poses: list[dict[str, float]] = [
        {}, {"roll_deg": 15}, {"yaw_deg": 25}, {"yaw_deg": -40}, {"pitch_deg": -20}, {"lids": 0.0}, {"mouth": 0.5},
    ]  # fmt: skip
    apart = []
    for picture in [drawn(**posed) for posed in poses] + [drawn(who) for who in LOOKS]:
        anew = found(finder, picture)
        box = Box(anew.box.x + 0.01, anew.box.y - 0.01, anew.box.width, anew.box.height, anew.box.tilt_deg + 2)
        apart += [getattr(found(finder, picture, last), measure) - getattr(anew, measure) for last in (anew.box, box)]
    assert np.median(np.abs(apart)) < usual
    assert np.abs(apart).max() < most
    assert abs(np.median(apart)) < usual / 2, "neither more nor less"


def test_closed_finder_says_so() -> None:
    with FaceFinder() as own:
        assert own.find(np.zeros((64, 64, 3), np.uint8)) is None
    with pytest.raises(EngineError, match="the face finder is closed"):
        own.find(np.zeros((64, 64, 3), np.uint8))


def test_real_face_is_found_in_every_frame(finder: FaceFinder, clip: Callable[[str], list[Image]]) -> None:
    last, openness = None, []
    for frame in clip("single_face.mp4"):
        face = found(finder, frame, last)
        assert abs(face.yaw_deg) < 10
        openness.append(face.eye_openness)
        last = face.box
    assert np.median(openness) > 0.2  # there is a blink among them


def test_real_face_that_leaves_is_lost(finder: FaceFinder, clip: Callable[[str], list[Image]]) -> None:
    last, seen = None, []
    for frame in clip("face_noface.mov"):
        face = finder.find(frame, last)
        last = None if face is None else face.box
        seen.append(face is not None)
    left_at = seen.index(False)
    assert left_at > 10
    assert not any(seen[left_at:])


@pytest.mark.parametrize(("name", "people"), [("two_people.jpg", 2), ("multi_face.jpg", 5)])
def test_all_real_people_are_found(
    finder: FaceFinder, clip: Callable[[str], list[Image]], name: str, people: int
) -> None:
    assert len(finder.find_all(clip(name)[0])) == people


@pytest.mark.parametrize("width_px", [40, 50, 60])
def test_real_faces_of_a_small_size_are_found(
    finder: FaceFinder, clip: Callable[[str], list[Image]], width_px: int
) -> None:
    frames = clip("single_face.mp4")[::2] + clip("face_noface.mov")[:16:4]
    hits = 0
    for frame in frames:
        share = width_px / found(finder, frame).box_width_px
        small = cv2.resize(frame, None, fx=share, fy=share, interpolation=cv2.INTER_AREA)
        scene = np.full((360, 640, 3), 110, np.uint8)
        scene[90 : 90 + small.shape[0], 200 : 200 + small.shape[1]] = small
        face = finder.find(scene)
        hits += face is not None and abs(face.box_width_px - width_px) < 0.25 * width_px
    assert hits >= 0.9 * len(frames)


def test_face_upside_down_is_no_reading_and_upright_ones_stay(finder: FaceFinder) -> None:
    """The mesh finds an upright face on one that is upside down, surprised where it is calm."""
    pictures = [picture for person in drawn_people() for picture in person]
    upright = [finder.find(picture) for picture in pictures]
    assert all(face is not None and abs(face.roll_deg) < 20 for face in upright)
    turned = [finder.find(picture[::-1, ::-1]) for picture in pictures]
    assert sum(face is not None and abs(face.roll_deg) < 90 for face in turned) <= len(pictures) // 20


@pytest.mark.parametrize("turns", [1, 3])
def test_face_on_its_side_is_read_as_it_lies_or_not_at_all(finder: FaceFinder, turns: int) -> None:
    pictures = [person[0] for person in drawn_people()]
    faces = [finder.find(np.rot90(picture, turns)) for picture in pictures]
    found = [face for face in faces if face is not None]
    assert len(found) >= len(pictures) * 0.7
    assert all(abs(abs(face.roll_deg) - 90) < 25 for face in found)


@pytest.mark.parametrize("name", ["single_face.mp4", "test.mp4", "multi_face.jpg", "two_people.jpg"])
def test_real_faces_are_judged_upright(
    finder: FaceFinder, clip: Callable[[str], list[Image]], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    pictures = clip(name)[:12]
    judged = [len(finder.find_all(picture)) for picture in pictures]
    monkeypatch.setattr(FaceFinder, "_fits", lambda self, image, face: True)
    assert judged == [len(finder.find_all(picture)) for picture in pictures]


def drawn_people() -> list[list[Image]]:
    """Two pictures of every drawn person's calm clip."""
    people = []
    for path in sorted((Path(__file__).resolve().parents[2] / "bot/samples").rglob("*-calm.webm")):
        with av.open(str(path)) as container:
            shown = [picture.to_ndarray(format="rgb24") for picture in islice(container.decode(video=0), 16)]
        people.append([np.asarray(shown[index], np.uint8) for index in (0, 15)])
    return people
