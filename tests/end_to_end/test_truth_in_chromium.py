"""People in a page that a browser shares: what the bot reads of them against what was drawn."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median

import pytest

from bot.rooms.gallery.layout import Rect
from bot.rooms.gallery.people import tile_name
from bot.samples.occupants import STILLS, occupants
from bot.samples.segments import FRAMES_PER_S, SEGMENTS
from bot.samples.story import load_story, true_pose
from bot.samples.window import Style, View, places
from engine.expressions import Expression
from engine.readings import FaceReading
from tests.bot.rooms.gallery.judged import rect_of
from tests.end_to_end import gallery_page
from tests.end_to_end.browser_share import IN_LONG_SHARES, Window, share
from tests.end_to_end.window_truth import Held, Reading, readings_kept

PEOPLE = occupants(9)
SHOWN = View((*(each.id for each in PEOPLE[:5]), *STILLS, *(each.id for each in PEOPLE[5:])))
FILM_PX = 480
READ, LEAST_READ = 24, 8
"""Readings that are waited for of everybody who does something, a film of them; and without which nothing is judged."""
PATIENCE_S = 300

pytestmark = [*IN_LONG_SHARES, pytest.mark.timeout(2 * PATIENCE_S)]


def parts() -> list[dict[str, str]]:
    """Say what the people of a story play, first and then, by id; who is not in it is calm."""
    played = {
        person.id: [cue.segment for cue in person.cues if cue.segment not in ("", "calm")]
        for person in load_story("quick").people
    }
    return [
        {id_: segments[turn] for id_, segments in played.items() if len(segments) > turn}
        for turn in range(max(map(len, played.values())))
    ]


@dataclass
class Shared:
    """What was read of everybody, while they were calm and then while they were not."""

    by_name: Mapping[str, Sequence[Reading]]
    window: Window
    playing: dict[int, Mapping[str, str]] = field(default_factory=dict)
    """By the number of a view: what was played in it."""

    def readings(self, person: str, number: int) -> list[FaceReading]:
        """Return what was read of somebody in a view."""
        views = {look.at: look.number for look in self.window.looks}
        return [
            reading
            for name in self.names(person)
            for at, reading in self.by_name.get(name, ())
            if views.get(at) == number
        ]

    def names(self, person: str) -> list[str]:
        """Return under which names somebody was in view: more than one, if they were lost and found."""
        tile = rect_of(places(SHOWN, self.window.style)[person])
        rects = dict[str, Rect]()
        for look in self.window.looks:
            rects.update(look.sighting.people)
        return [tile_name(id_) for id_, rect in rects.items() if rect.overlap(tile) > 0.5]

    async def play(self, playing: Mapping[str, str]) -> None:
        """Show a view until everybody who does something in it was read long enough."""
        number = await self.window.show(SHOWN, playing)
        self.playing[number] = playing
        who = playing or [each.id for each in PEOPLE]
        await self.window.until(lambda: all(len(self.readings(person, number)) >= READ for person in who))

    def during(self, segment: str) -> Held:
        """Find who plays a segment, and what was read of them."""
        number, person = next(
            (number, id_)
            for number, playing in self.playing.items()
            for id_, played in playing.items()
            if played == segment
        )
        read = self.readings(person, number)
        assert len(read) >= LEAST_READ
        return Held(read, self.readings(person, min(self.playing)), partial(drawn, person, segment))


def drawn(person: str, segment: str, value: str) -> float:
    """The median of what is drawn in a film."""
    times = range(SEGMENTS[segment].duration_s * FRAMES_PER_S)
    return float(median(getattr(true_pose(person, segment, number / FRAMES_PER_S), value) for number in times))


async def perform(folder: Path) -> Shared:
    gallery_page.draw(folder, PEOPLE, FILM_PX, [played for playing in parts() for played in playing.items()])
    made = list[Shared]()
    with readings_kept() as by_name:

        async def act(window: Window) -> None:
            made.append(Shared(by_name, window))
            for playing in ({}, *parts()):
                await made[0].play(playing)

        async with asyncio.timeout(PATIENCE_S):
            await share(folder, Style(), PEOPLE, SHOWN, act)
    return made[0]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Shared:
    return asyncio.run(perform(tmp_path_factory.mktemp("shown")))


@pytest.mark.parametrize(("segment", "expression"), [("laugh", Expression.HAPPY), ("surprise", Expression.SURPRISE)])
def test_displayed_expression_leads_through_a_browsers_share(
    shared: Shared, segment: str, expression: Expression
) -> None:
    shared.during(segment).check_expression(expression)


@pytest.mark.parametrize("segment", ["turned_25", "turned_-40"])
def test_head_is_turned_as_drawn_through_a_browsers_share(shared: Shared, segment: str) -> None:
    shared.during(segment).check_turned_as_drawn()


def test_closed_eyes_are_seen_through_a_browsers_share(shared: Shared) -> None:
    shared.during("eyes_closed").check_eyes_closed()


def test_gaze_aside_is_seen_on_its_side_through_a_browsers_share(shared: Shared) -> None:
    shared.during("gaze_aside").check_gaze_aside()


def test_those_who_look_away_are_seen_to_through_a_browsers_share(shared: Shared) -> None:
    shared.during("away_left").check_looks_away()


def test_all_nine_in_a_browsers_share_are_present_and_no_picture_is(shared: Shared) -> None:
    assert shared.window.newest().present == len(PEOPLE)
