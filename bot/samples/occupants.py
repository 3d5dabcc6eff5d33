"""Who and what stands in the tiles of a drawn gallery: any number of living people, and what is no person."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from bot.samples.people import PEOPLE
from bot.samples.segments import FRAMES_PER_S
from bot.samples.story import clip_path
from engine.readings import Image

PHOTOGRAPH, AVATAR, CHAIR = "photograph", "avatar", "chair"
STILLS: Final = (PHOTOGRAPH, AVATAR, CHAIR)
"""What moves in no tile: the photograph of somebody, a disc with their initials, and a room in which nobody sits."""
_PHOTOGRAPHED: Final = ("amara", "smile", 45)
"""Whose clip, and which of its pictures, the photograph is."""


@dataclass(frozen=True, slots=True)
class Occupant:
    """Somebody of a gallery who moves."""

    id: str
    name: str
    person: str
    """Whose clips are played: one of the drawn people."""
    variant: int = 0
    """0 as they are drawn; else in another light and before other walls, of no two the same."""


def occupants(count: int) -> tuple[Occupant, ...]:
    """Make so many people of the eight who play everything."""
    made = []
    for number in range(count):
        turn, at = divmod(number, len(PEOPLE))
        drawn = PEOPLE[at]
        made.append(
            Occupant(f"{drawn.id}{turn + 1}", f"{drawn.name} {turn + 1}", drawn.id, number)
            if turn
            else Occupant(drawn.id, drawn.name, drawn.id)
        )
    return tuple(made)


@dataclass(slots=True)
class _Playing:
    """A segment's clip, played on and on."""

    path: Path
    number: int = -1
    pictures: Iterator[Image] = field(default_factory=lambda: iter(()))
    picture: Image | None = None


class Projector:
    """Plays clips by the clock of whoever asks: one decoder for each person, however many of them look alike."""

    def __init__(self) -> None:
        self._playing: dict[str, _Playing] = {}

    def picture(self, person: str, segment: str, at_s: float) -> Image:
        """Return what a person's camera shows `at_s` seconds into a segment, which loops; (360, 640, 3) RGB, shared."""
        playing, path = self._playing.get(person), clip_path(person, segment)
        if playing is None or playing.path != path:
            playing = self._playing[person] = _Playing(path)
        wanted = int(at_s * FRAMES_PER_S + 1e-6)
        if wanted < playing.number:
            playing = self._playing[person] = _Playing(path)
        while playing.number < wanted or playing.picture is None:
            picture = next(playing.pictures, None)
            if picture is None:
                playing.pictures = _decoded(path)
                picture = next(playing.pictures)
            playing.picture, playing.number = picture, playing.number + 1
        return playing.picture


def _decoded(path: Path) -> Iterator[Image]:
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            yield np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)


def dressed(picture: Image, variant: int, width: int, height: int) -> Image:
    """Make a picture fit a tile, and show it in the light and before the walls of a variant."""
    small = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    if not variant:
        return np.asarray(small, np.uint8)
    curves, posters = _variant(variant)
    small = cv2.LUT(small, curves)
    if variant % 2:
        small = cv2.flip(small, 1)
    for (left, top, right, bottom), colour in posters:
        corners = (int(left * width), int(top * height)), (int(right * width), int(bottom * height))
        cv2.rectangle(small, *corners, colour, -1)
    return np.asarray(small, np.uint8)


_Poster = tuple[tuple[float, float, float, float], tuple[int, int, int]]


@cache
def _variant(variant: int) -> tuple[NDArray[np.uint8], tuple[_Poster, ...]]:
    dice = np.random.default_rng(variant)
    gains = dice.uniform(0.7, 1.0, 3)
    curves = (np.arange(256)[:, None] * gains[None, :]).round().astype(np.uint8)[None]  # (1, 256, 3)
    posters = []
    for left, right in ((0.0, 0.17), (0.83, 1.0)):
        middle = float(dice.uniform(0.15, 0.45))
        for top, bottom in ((0.0, middle), (middle, 0.62)):
            red, green, blue = dice.integers(30, 240, 3).tolist()
            posters.append(((left, top, right, bottom), (red, green, blue)))
    return np.ascontiguousarray(curves), tuple(posters)


@cache
def still(kind: str, width: int, height: int) -> Image:
    """Draw one of `STILLS`; shared between calls, so not to be written to."""
    if kind == PHOTOGRAPH:
        return dressed(_photograph(), 99, width, height)
    if kind == CHAIR:
        return np.asarray(cv2.resize(_chair(), (width, height), interpolation=cv2.INTER_AREA), np.uint8)
    return initials(kind, width, height)


@cache
def initials(name: str, width: int, height: int) -> Image:
    """Draw what stands for somebody whose camera is off; shared between calls."""
    picture = np.full((height, width, 3), (60, 64, 67), np.uint8)
    hue = sum(name.encode()) * 37 % 180
    disc = cv2.cvtColor(np.array([[[hue, 140, 190]]], np.uint8), cv2.COLOR_HSV2RGB)[0, 0].tolist()
    cv2.circle(picture, (width // 2, height // 2), height // 4, disc, -1, cv2.LINE_AA)
    letters = "".join(word[:1].upper() for word in name.split())[:2]
    size = height / 130
    (wide, tall), _ = cv2.getTextSize(letters, cv2.FONT_HERSHEY_SIMPLEX, size, 2)
    at = ((width - wide) // 2, (height + tall) // 2)
    cv2.putText(picture, letters, at, cv2.FONT_HERSHEY_SIMPLEX, size, (250, 250, 250), 2, cv2.LINE_AA)
    return picture


@cache
def _photograph() -> Image:
    person, segment, number = _PHOTOGRAPHED
    return Projector().picture(person, segment, number / FRAMES_PER_S).copy()


@cache
def _chair() -> Image:
    fade = np.linspace(1.0, 0.8, 360)[:, None, None]
    picture = np.ascontiguousarray(np.broadcast_to((196, 188, 172) * fade, (360, 640, 3)).astype(np.uint8))
    cv2.rectangle(picture, (36, 40), (150, 180), (120, 150, 170), -1)
    cv2.rectangle(picture, (44, 48), (142, 172), (190, 215, 232), -1)
    cv2.rectangle(picture, (0, 300), (640, 360), (110, 84, 62), -1)
    cv2.ellipse(picture, (330, 210), (92, 130), 0, 0, 360, (54, 58, 66), -1, cv2.LINE_AA)
    cv2.rectangle(picture, (238, 230), (422, 330), (54, 58, 66), -1)
    return picture
