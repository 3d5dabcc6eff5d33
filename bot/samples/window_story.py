"""What happens in a drawn gallery: a story's people in one window, or a class whose layout flows anew again and again.

A scene is what the window shows from a time on; the truth about every moment is `places` of its view.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from bot.samples.occupants import STILLS, Occupant, Projector, dressed, initials, occupants, still
from bot.samples.story import Story
from bot.samples.window import Style, View, compose
from engine.readings import Image

SPOKEN: Final = ("talk", "laugh")
"""Segments that others hear: whoever plays one has the speaker's frame."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What the window shows from a time on."""

    at_s: float
    what: str
    """What changed, in a word: join, leave, order, page, back, resize, move, speaker, grid, or begin."""
    view: View


@dataclass(frozen=True, slots=True)
class Part:
    """What somebody does at one time."""

    segment: str
    """Empty while their camera is off."""
    since_s: float
    """When they began with it."""


class DrawnGallery:
    """A class in one window, picture by picture."""

    def __init__(
        self,
        people: Sequence[Occupant],
        view: Callable[[float], View],
        part: Callable[[Occupant, float], Part] = lambda _, __: Part("calm", 0.0),
        style: Style | None = None,
    ) -> None:
        """Describe it; reads no file yet.

        Args:
            people: Everybody who lives; what else a view shows is one of `STILLS`.
            view: What the window shows at a time.
            part: What somebody does at a time.
            style: How the window is drawn.
        """
        self.style = style or Style()
        self.view = view
        self.people = {each.id: each for each in people}
        self._names: Mapping[str, str] = {each.id: each.name for each in people} | {
            kind: kind.capitalize() for kind in STILLS
        }
        self._part = part
        self._projector = Projector()

    def picture(self, at_s: float) -> Image:
        """Draw the window as it is at a time; times that go on are cheap."""

        def shown(id_: str, width: int, height: int) -> Image:
            if id_ not in self.people:
                return still(id_, width, height)
            person = self.people[id_]
            part = self._part(person, at_s)
            if not part.segment:
                return initials(person.name, width, height)
            picture = self._projector.picture(person.person, part.segment, at_s - part.since_s)
            return dressed(picture, person.variant, width, height)

        return compose(self.view(at_s), self.style, self._names, shown)

    def lives(self, id_: str, at_s: float) -> bool:
        """Return whether somebody is a person whose camera is on at a time."""
        return id_ in self.people and bool(self._part(self.people[id_], at_s).segment)


def gallery_of(story: Story, style: Style | None = None, *, stills: Sequence[str] = STILLS) -> DrawnGallery:
    """Show a story's people in one window, and pictures among them: whoever leaves is not shown, the others move up."""
    people = tuple(Occupant(person.id, person.name, person.id) for person in story.people)

    def part(person: Occupant, at_s: float) -> Part:
        segment, since_s = story.playing(person.id, at_s)
        return Part(segment if story.moment(person.id, at_s).camera_on else "", since_s)

    def view(at_s: float) -> View:
        moments = {person.id: story.moment(person.id, at_s) for person in people}
        present = tuple(id_ for id_, moment in moments.items() if moment.is_present)
        speaking = (id_ for id_ in present if moments[id_].camera_on and moments[id_].segment in SPOKEN)
        return View((*present, *stills), speaker=next(speaking, None))

    return DrawnGallery(people, view, part, style)


def gallery_that_flows(  # noqa: PLR0913  one parameter a thing that may differ
    count: int,
    seed: int,
    *,
    changes: int = 20,
    every_s: float = 3.0,
    first_s: float = 8.0,
    stills: Sequence[str] = STILLS,
    style: Style | None = None,
    kinds: Sequence[str] = ("join", "leave", "order", "page"),
    picture: tuple[int, int] = (1920, 1080),
) -> tuple[DrawnGallery, list[Scene]]:
    """Make a class of so many tiles, pictures among them, whose layout changes; the same for the same seed."""
    people = occupants(count + max(6, changes // 2))
    chance = random.Random(seed)
    ids = [each.id for each in people]
    shown = [*ids[: count - len(stills)], *stills]
    chance.shuffle(shown)
    scenes = [Scene(0.0, "begin", View(tuple(shown), size=picture, picture=picture))]
    for number in range(changes):
        kind = _next_kind(scenes, kinds, chance)
        before = scenes[-2].view if kind == "back" else scenes[-1].view  # the page that was turned
        what, view = _changed(before, kind, ids, chance)
        scenes.append(Scene(first_s + number * every_s, what, view))

    def view_at(at_s: float) -> View:
        return next(scene.view for scene in reversed(scenes) if scene.at_s <= at_s)

    return DrawnGallery(people, view_at, style=style), scenes


def _next_kind(scenes: Sequence[Scene], kinds: Sequence[str], chance: random.Random) -> str:
    """Choose what happens; a page that was turned is turned back next, and a speaker's view ends."""
    undone = {"page": "back", "speaker": "grid"}
    return undone.get(scenes[-1].what) or chance.choice(kinds)


def _changed(view: View, kind: str, ids: Sequence[str], chance: random.Random) -> tuple[str, View]:
    shown = list(view.shown)
    away = [id_ for id_ in ids if id_ not in shown]
    if kind == "join" and away:
        shown.insert(chance.randrange(len(shown) + 1), chance.choice(away))
    elif kind == "leave" and len(shown) > 4:
        shown.remove(chance.choice([id_ for id_ in shown if id_ not in STILLS]))
    elif kind == "page":
        # The next page shows others, and a few who are on both.
        others = away + [id_ for id_ in shown if id_ not in STILLS]
        return kind, replace(view, shown=tuple(others[: max(4, len(away))]), stage=None)
    elif kind == "resize":
        share = chance.uniform(0.75, 0.95)
        size = int(view.picture[0] * share), int(view.picture[1] * share)
        at = chance.randrange(view.picture[0] - size[0] + 1), chance.randrange(view.picture[1] - size[1] + 1)
        return kind, replace(view, size=size, at=at)
    elif kind == "move":
        at = chance.randrange(view.picture[0] - view.size[0] + 1), chance.randrange(view.picture[1] - view.size[1] + 1)
        return kind, replace(view, at=at)
    elif kind == "speaker":
        return kind, replace(view, stage=chance.choice([id_ for id_ in shown if id_ not in STILLS]))
    elif kind in ("join", "leave", "order"):
        kind = "order"
        chance.shuffle(shown)
    return kind, replace(view, shown=tuple(shown), stage=None)
