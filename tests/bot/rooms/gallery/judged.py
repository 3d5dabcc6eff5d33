"""Drawn galleries as a bot sees them, judged by what was drawn: who is found, who is mixed up, who is kept apart."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import av
import numpy as np

from bot.rooms.gallery.layout import Rect
from bot.rooms.gallery.sightings import Gallery, Sighting
from bot.rooms.publishing.window_camera import window_encoder
from bot.samples.look import Look
from bot.samples.occupants import PHOTOGRAPH, STILLS
from bot.samples.people import PEOPLE
from bot.samples.window import View, places
from bot.samples.window_story import DrawnGallery, Scene
from engine.readings import Box, Image

SETTLED_S = 10.0
"""After which everybody has blinked or spoken often enough to be known as somebody who lives."""
KEPT_WITHIN_S = 2.5
"""After a change, by when whoever stayed has to be known again."""


@dataclass
class Judge:
    """Compares what a bot says about every picture with what it shows."""

    drawn: DrawnGallery
    scenes: Sequence[Scene] = ()
    lag_s: float = 0.0
    """How long after a change what is said may still be about what was shown before."""
    settled_s: float = SETTLED_S
    """Of the living, those are counted who are shown for so long."""
    who: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """Everybody in whose tile an id was seen."""
    found: int = 0
    living: int = 0
    """Of the living who could have been found, in settled pictures."""
    known: dict[str, str] = field(default_factory=dict)
    """By occupant: the id that was last theirs."""
    _since: dict[str, float] = field(default_factory=dict)
    _before: dict[str, str] = field(default_factory=dict)
    _after: dict[str, str] = field(default_factory=dict)
    _scene: Scene | None = None
    stayed: int = 0
    kept: int = 0
    lost: list[tuple[str, str]] = field(default_factory=list)
    """What happened, and who was taken for somebody new."""

    def take(self, at_s: float, sighting: Sighting) -> None:
        """Judge what is said about the picture of a time."""
        view = self.drawn.view(at_s)
        self._follow_scene(at_s, view)
        if self._scene is not None and at_s - self._scene.at_s < self.lag_s:
            return
        tiles = {id_: rect_of(place) for id_, place in places(view, self.drawn.style).items()}
        self._since = {id_: self._since.get(id_, at_s) for id_ in tiles}
        shown = set()
        for id_, rect in sighting.people.items():
            occupant = max(tiles, key=lambda each: rect.overlap(tiles[each]))
            if rect.overlap(tiles[occupant]) < 0.5:
                occupant = "nowhere"
            self.who[id_].add(occupant)
            self.known[occupant] = self._after[occupant] = id_
            shown.add(occupant)
        for occupant in tiles:
            if self.drawn.lives(occupant, at_s) and at_s - self._since[occupant] >= self.settled_s:
                self.living += 1
                self.found += occupant in shown

    def finish(self) -> "Judge":
        """Judge the last scene."""
        self._close_scene()
        return self

    @property
    def mixed(self) -> dict[str, set[str]]:
        """Ids that were more than one."""
        return {id_: them for id_, them in self.who.items() if len(them) > 1}

    @property
    def pictures_counted(self) -> set[str]:
        """What lives in no tile, and was said to."""
        return {occupant for them in self.who.values() for occupant in them} & {*STILLS, "nowhere"}

    @property
    def found_share(self) -> float:
        return self.found / max(self.living, 1)

    @property
    def kept_share(self) -> float:
        return self.kept / max(self.stayed, 1)

    def _follow_scene(self, at_s: float, view: View) -> None:
        scene = next((each for each in reversed(self.scenes) if each.at_s <= at_s), None)
        if scene is not self._scene:
            self._close_scene()
            self._scene = scene
            self._before = {id_: self.known[id_] for id_ in view.shown if id_ in self._after and id_ in self.known}
            self._after = {}

    def _close_scene(self) -> None:
        if self._scene is None:
            return
        for occupant, before in self._before.items():
            self.stayed += 1
            if self._after.get(occupant) == before:
                self.kept += 1
            else:
                self.lost.append((self._scene.what, occupant))


def faces_of(drawn: DrawnGallery, at_s: float) -> list[Box]:
    """Say where a search would find faces, the photographed one among them; in shares of the picture."""
    view, looks = drawn.view(at_s), {each.id: each.look for each in PEOPLE}
    faces = []
    for id_, place in places(view, drawn.style).items():
        if id_ == PHOTOGRAPH:
            face = _face_of(looks["amara"], is_mirrored=True)
        elif drawn.lives(id_, at_s):
            person = drawn.people[id_]
            face = _face_of(looks[person.person], is_mirrored=person.variant % 2 == 1)
        else:
            continue
        width, height = view.picture
        faces.append(
            Box(
                (place.left + face.x * place.width) / width,
                (place.top + face.y * place.height) / height,
                face.width * place.width / width,
                face.height * place.height / height,
            )
        )
    return faces


def _face_of(look: Look, *, is_mirrored: bool) -> Box:
    half_x, half_y = look.scale_px / 640, look.scale_px / 360
    x, y = look.place
    return Box((1 - x if is_mirrored else x) - half_x, y - 0.8 * half_y, 2 * half_x, 2 * half_y)


def rect_of(place: Sequence[int]) -> Rect:
    left, top, width, height = place
    return Rect(top, left, height, width)


def watched(
    drawn: DrawnGallery,
    scenes: Sequence[Scene],
    search: Callable[[Image], Iterator[list[Box]]],
    *,
    length_s: float,
    rate: float = 4.0,
    picture: Callable[[float], Image] | None = None,
    through: Callable[[Iterator[Image]], Iterator[Image]] = lambda pictures: pictures,
) -> Judge:
    """Look at a gallery for so long."""
    draw = picture or drawn.picture
    gallery, judge = Gallery(search), Judge(drawn, scenes)
    times = [number / rate for number in range(round(length_s * rate))]
    for at_s, shown in zip(times, through(draw(at_s) for at_s in times), strict=True):
        judge.take(at_s, gallery.take(at_s, shown))
    return judge.finish()


def as_video(pictures: Iterator[Image], rate: int = 8) -> Iterator[Image]:
    """Encode and decode as a share is that is sent in real time."""
    encoder: Any = None
    decoder: Any = av.CodecContext.create("vp8", "r")
    for number, picture in enumerate(pictures):
        height, width = picture.shape[:2]
        encoder = encoder or window_encoder(width, height, rate)
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="yuv420p")
        frame.pts, frame.time_base = number, encoder.time_base
        for packet in encoder.encode(frame):
            for decoded in decoder.decode(packet):
                yield np.asarray(decoded.to_ndarray(format="rgb24"), np.uint8)
