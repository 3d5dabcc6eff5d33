"""`classpulse recording` of a gallery: one film that shows a class is read as that class is, person by person."""

import asyncio
import contextlib
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from bot.errors import RoomClosed
from bot.recordings.file_time import FileTimeLoop
from bot.recordings.recorded_gallery import RecordedGallery
from bot.recordings.video_file import VideoFile
from bot.rooms.base import CameraOff, CameraOn, CameraUnreadable, Joined, RoomEvent
from bot.rooms.gallery.people import FROZEN
from bot.samples.people import PEOPLE
from dashboard_protocol.codec import decode
from dashboard_protocol.events import Bye, ClassSummary, Event, ParticipantUpdate
from engine.readings import Image
from tests.bot.recordings.files import Stamped, evenly, shown, write

PATIENCE_S = 300
CLASS = [person.id for person in PEOPLE]
COLUMNS, TILE = 3, (416, 234)
RATE = 10
LENGTH_S, FLOWS_ANEW_S = 40, 20
PHOTOGRAPH = "photograph"
BUSY_S = (24, 34)
BUSY_WITH = {"kofi": "down", "liam": "away_left", "amara": "laugh", "priya": "eyes_closed", "mateo": "laugh"}
"""What some do in these seconds; else everybody is calm."""
ORDERS = ([*CLASS, PHOTOGRAPH], [CLASS[5], PHOTOGRAPH, *CLASS[:5], CLASS[7], CLASS[6]])
"""Who stands where, before and after the layout flows anew."""


def of_person(person: str, number: int) -> Image:
    if person == PHOTOGRAPH:
        return np.ascontiguousarray(shown("noor-calm", 1, TILE)[0][:, ::-1])
    is_busy = BUSY_S[0] <= number / RATE < BUSY_S[1]
    clip = shown(f"{person}-{BUSY_WITH.get(person, 'calm') if is_busy else 'calm'}", 150, TILE)
    return clip[number * 15 // RATE % len(clip)]


def film() -> Iterator[Stamped]:
    """The class and a photograph in nine tiles, with names under them."""
    for number in range(LENGTH_S * RATE):
        picture = np.full((720, 1280, 3), (32, 33, 36), np.uint8)
        for place, person in enumerate(ORDERS[number >= FLOWS_ANEW_S * RATE]):
            left, top = 8 + place % COLUMNS * 424, 2 + place // COLUMNS * 240
            picture[top : top + 216, left : left + 416] = of_person(person, number)[9:225]
            cv2.putText(picture, person, (left + 6, top + 230), 0, 0.4, (230, 230, 230), 1)
        yield number * 1000 // RATE, picture


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {**os.environ, "XDG_STATE_HOME": str(tmp_path / "state")}


def events_of(environment: dict[str, str], *arguments: str | Path) -> list[Event]:
    command = [sys.executable, "-m", "bot", "recording", *map(str, arguments), "--policy", "aggregate", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, env=environment)
    assert done.returncode == 0, done.stderr
    return [decode(line) for line in done.stdout.splitlines()]


def index_by_second(events: list[Event]) -> dict[float, float]:
    return {
        event.at: event.body.engagement.mean
        for event in events
        if isinstance(event.body, ClassSummary) and event.body.engagement is not None
    }


def test_gallery_is_read_as_the_single_files_of_its_people_are(environment: dict[str, str], tmp_path: Path) -> None:
    gallery, teacher = write(tmp_path / "gallery.mp4", list(film())), CLASS[2]
    files = [
        write(
            tmp_path / f"{person}.mp4",
            [(number * 1000 // RATE, of_person(person, number)) for number in range(LENGTH_S * RATE)],
        )
        for person in CLASS
    ]
    seen = events_of(environment, gallery, "--leave-out", "Tile 3")
    summaries = [event.body for event in seen if isinstance(event.body, ClassSummary)]
    bye = seen[-1].body
    assert isinstance(bye, Bye)
    everybody = len(CLASS) - 1
    assert bye.present_max == everybody, "a picture or the teacher was counted, or somebody twice"
    assert summaries[FLOWS_ANEW_S - 1].present == summaries[-1].present == everybody
    assert summaries[-1].camera_on == everybody
    assert not any(isinstance(event.body, ParticipantUpdate) for event in seen)
    one, other = (
        index_by_second(seen),
        index_by_second(events_of(environment, *files, "--each-file-is-one-person", "--leave-out", teacher)),
    )
    both = one.keys() & other.keys()
    assert len(both) >= 8
    assert statistics.median(100 * abs(one[at] - other[at]) for at in both) <= 5, "points of the index"
    assert max(one.values()) - min(one.values()) >= 0.1, "the class drifted away, and nobody saw it"


def happened(path: Path) -> list[tuple[float, RoomEvent]]:
    """Return what a gallery's room says, and when."""
    events: list[tuple[float, RoomEvent]] = []

    async def stay() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, FileTimeLoop)
        room = RecordedGallery("gallery", [VideoFile(path)], began_at=0.0, standing=loop.standing)
        async with room:
            with contextlib.suppress(RoomClosed):
                async for event in room.events():
                    events.append((loop.time(), event))

    with asyncio.Runner(loop_factory=FileTimeLoop) as runner:
        runner.run(stay())
    return events


def test_picture_that_stands_still_is_unreadable_and_nobody_leaves(tmp_path: Path) -> None:
    pictures = [picture for at_ms, picture in film() if at_ms < 12_000]
    frozen_s, frozen_from_s = 8, 10
    stamps = [
        *pictures[: frozen_from_s * RATE],
        *pictures[frozen_from_s * RATE - 1 : frozen_from_s * RATE] * frozen_s * RATE,
    ]
    stamps += pictures[frozen_from_s * RATE :]
    path = write(tmp_path / "a.mp4", [(number * 1000 // RATE, picture) for number, picture in enumerate(stamps)])
    events = happened(path)
    assert [event.reason for _, event in events if isinstance(event, CameraUnreadable)] == [FROZEN] * len(CLASS)
    assert all(12 < at < 14 for at, event in events if isinstance(event, CameraUnreadable))
    assert not [event for at, event in events if isinstance(event, CameraOff) and at < 19]
    anew = [at for at, event in events if isinstance(event, CameraOn) and at > 14]
    assert len(anew) == len(CLASS)
    assert all(18 <= at < 18.5 for at in anew)
    assert len({event.participant.id for _, event in events if isinstance(event, Joined)}) == len(CLASS)
    assert events == sorted(events, key=lambda each: each[0])


def test_same_gallery_twice_says_the_same(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4", [stamp for stamp in film() if stamp[0] < 8000])
    assert [(at, repr(event)) for at, event in happened(path) if not isinstance(event, CameraOn)] == [
        (at, repr(event)) for at, event in happened(path) if not isinstance(event, CameraOn)
    ]


def test_picture_that_shows_no_gallery_counts_nobody(environment: dict[str, str], tmp_path: Path) -> None:
    dice = np.random.default_rng(1)
    slides = [dice.integers(0, 256, (360, 640, 3), dtype=np.uint8) for _ in range(8)]
    events = events_of(environment, write(tmp_path / "slides.mp4", evenly(slides)))
    assert isinstance(events[-1].body, Bye)
    assert events[-1].body.present_max == 0
    assert events[-1].body.live_s < 2


def test_film_of_pictures_too_small_for_a_gallery_is_read_to_its_end(
    environment: dict[str, str], tmp_path: Path
) -> None:
    events = events_of(environment, write(tmp_path / "small.mp4", evenly(shown(size=(64, 64)))))
    assert isinstance(events[-1].body, Bye)
    assert events[-1].body.present_max == 0
