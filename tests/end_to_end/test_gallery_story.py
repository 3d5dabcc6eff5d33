"""The drawn class as somebody else's gallery, shared as one window: what the bot reads against what was drawn."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from statistics import median

import httpx
import pytest

from bot.app import Addresses, Surroundings, run
from bot.rooms.gallery.layout import Rect
from bot.rooms.publishing.publisher import Publisher
from bot.rooms.publishing.window_camera import WindowCamera
from bot.samples.story import Act, Story, load_story
from bot.samples.window import places
from bot.samples.window_story import DrawnGallery, gallery_of
from bot.settings import Settings
from dashboard_protocol.events import Bye, ClassSummary, Event, ParticipantUpdate, Profile
from engine.expressions import Expression
from tests.bot.rooms.gallery.judged import rect_of
from tests.end_to_end.window_truth import Held, Reading, readings_kept

pytestmark = pytest.mark.alone

LATER_S = 14.0
"""The story begins so much later: first everybody has to be seen to live."""
SWITCH_S = 1.6
"""A picture is encoded, sent, looked at and read some time after it was drawn."""


def later(story: Story) -> Story:
    """Give everybody a while to be calm first; nobody leaves and every camera stays on."""
    people = []
    for person in story.people:
        cues = [cue for cue in person.cues if cue.act is Act.PLAY]
        people.append(
            replace(person, cues=tuple(replace(cue, at_s=cue.at_s + LATER_S * (cue.at_s > 0)) for cue in cues))
        )
    return replace(story, people=tuple(people), length_s=story.length_s + LATER_S)


@dataclass
class Shared:
    """A story as it was shown in a window, read and published."""

    story: Story
    gallery: DrawnGallery
    zero: float = 0.0
    """Second 0 of the story on the room's clock."""
    by_name: Mapping[str, Sequence[Reading]] = field(default_factory=dict)
    """Readings by display name."""
    who: dict[str, str] = field(default_factory=dict)
    """By display name: whose tile it is."""
    events: list[Event] = field(default_factory=list)

    def readings(self, person: str) -> list[Reading]:
        """Return all of a person's, with times of the story."""
        [name] = [name for name, whose in self.who.items() if whose == person]
        return [(at - self.zero, reading) for at, reading in self.by_name[name]]

    def during(self, segment: str) -> Held:
        """Find who plays a segment, and their readings while it is held."""
        for person in self.story.people:
            for cue, following in zip(person.cues, [*person.cues[1:], None], strict=True):
                if cue.segment == segment and segment != "calm":
                    end = following.at_s if following else self.story.length_s
                    held = [(at, each) for at, each in self.readings(person.id) if cue.at_s + SWITCH_S < at < end - 0.5]
                    assert len(held) >= 3, f"{person.name} was read {len(held)} times while playing {segment}"
                    calm = [reading for at, reading in self.readings(person.id) if at < LATER_S + 5.5]
                    drawn = partial(self.truth, person.id, [at for at, _ in held])
                    return Held([reading for _, reading in held], calm, drawn)
        raise LookupError(f"nobody plays {segment}")

    def truth(self, person: str, times: list[float], value: str) -> float:
        """The median of what was drawn at the times of readings."""
        poses = [self.story.moment(person, at).pose for at in times]
        return float(median(getattr(pose, value) for pose in poses if pose is not None))


async def perform(shared: Shared) -> None:
    stop = asyncio.Event()

    async def guests(addresses: Addresses) -> None:
        url = f"{addresses.whip}?as=gallery#{addresses.dashboard.partition('#')[2]}"
        async with Publisher(url, "", WindowCamera(shared.gallery.picture)) as sharing:
            shared.zero = time.time()
            end = asyncio.get_running_loop().time() + shared.story.length_s
            await asyncio.sleep(LATER_S)
            shared.who = await whose_tiles(sharing, shared.gallery)
            await asyncio.sleep(end - asyncio.get_running_loop().time())
        stop.set()

    settings = Settings(room_url="local://window", policy=Profile.AGGREGATE, port=0, k=3, notice_given=True)
    surroundings = Surroundings(stop=stop, report_addresses=lambda _: None, show=shared.events.append, guests=guests)
    async with asyncio.timeout(120):
        await run(settings, surroundings)


async def whose_tiles(sharing: Publisher, gallery: DrawnGallery) -> dict[str, str]:
    """Say whose tile everybody is whom the bot has found, as the window's sharer sees them."""
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {sharing.token}"}) as client:
        seen = (await client.get(f"{sharing.resource}/people")).raise_for_status().json()
    width, height = seen["width"], seen["height"]
    truth = {id_: rect_of(place) for id_, place in places(gallery.view(LATER_S), gallery.style).items()}
    found = {}
    for tile in seen["tiles"]:
        x, y, wide, high = tile["box"]
        rect = Rect(round(y * height), round(x * width), round(high * height), round(wide * width))
        found[tile["id"].replace("p", "Tile ")] = max(truth, key=lambda each: rect.overlap(truth[each]))
    return found


@pytest.fixture(scope="module")
def shared() -> Shared:
    story = later(load_story("quick"))
    played = Shared(story, gallery_of(story))

    with pytest.MonkeyPatch.context() as patch, readings_kept() as played.by_name:
        patch.setenv("CLASSPULSE_SECRET", "s" * 64)
        asyncio.run(perform(played))
    return played


def test_everybody_in_the_window_is_there_once_and_no_picture_is(shared: Shared) -> None:
    summaries = [event.body for event in shared.events if isinstance(event.body, ClassSummary)]
    assert summaries[-1].present == len(shared.story.people)
    assert {shared.who[name] for name in shared.by_name} == {person.id for person in shared.story.people}
    assert any(isinstance(event.body, Bye) for event in shared.events)


def test_nobody_in_a_window_is_published_by_themselves(shared: Shared) -> None:
    assert not any(isinstance(event.body, ParticipantUpdate) for event in shared.events)


@pytest.mark.parametrize(("segment", "expression"), [("laugh", Expression.HAPPY), ("surprise", Expression.SURPRISE)])
def test_displayed_expression_leads_through_a_shared_window(
    shared: Shared, segment: str, expression: Expression
) -> None:
    shared.during(segment).check_expression(expression)


@pytest.mark.parametrize("segment", ["turned_25", "turned_-40"])
def test_head_is_turned_as_drawn_through_a_shared_window(shared: Shared, segment: str) -> None:
    shared.during(segment).check_turned_as_drawn()


def test_closed_eyes_are_seen_through_a_shared_window(shared: Shared) -> None:
    shared.during("eyes_closed").check_eyes_closed()


def test_gaze_aside_is_seen_on_its_side_through_a_shared_window(shared: Shared) -> None:
    shared.during("gaze_aside").check_gaze_aside()


def test_those_who_look_away_are_seen_to_through_a_shared_window(shared: Shared) -> None:
    shared.during("away_left").check_looks_away()
