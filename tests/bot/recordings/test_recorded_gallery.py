"""`classpulse recording` of a gallery: one film that shows a class is read as that class is, person by person."""

import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

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
ORDERS = ([*CLASS, PHOTOGRAPH], [CLASS[5], PHOTOGRAPH, *CLASS[:5], CLASS[7], CLASS[6]])
"""Who stands where, before and after the layout flows anew."""


def of_person(person: str, number: int) -> Image:
    if person == PHOTOGRAPH:
        return np.ascontiguousarray(shown("noor-calm", 1, TILE)[0][:, ::-1])
    clip = shown(f"{person}-calm", 150, TILE)
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
    gallery = write(tmp_path / "gallery.mp4", list(film()))
    files = [
        write(
            tmp_path / f"{person}.mp4",
            [(number * 1000 // RATE, of_person(person, number)) for number in range(LENGTH_S * RATE)],
        )
        for person in CLASS
    ]
    seen = events_of(environment, gallery)
    summaries = [event.body for event in seen if isinstance(event.body, ClassSummary)]
    bye = seen[-1].body
    assert isinstance(bye, Bye)
    assert bye.present_max == len(CLASS), "a picture was counted, or somebody twice"
    assert summaries[FLOWS_ANEW_S - 1].present == summaries[-1].present == len(CLASS)
    assert summaries[-1].visible == summaries[-1].camera_on == len(CLASS)
    assert not any(isinstance(event.body, ParticipantUpdate) for event in seen)
    one, other = index_by_second(seen), index_by_second(events_of(environment, *files, "--each-file-is-one-person"))
    both = one.keys() & other.keys()
    assert len(both) >= 8
    assert statistics.median(abs(one[at] - other[at]) for at in both) <= 5


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
