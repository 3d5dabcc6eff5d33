"""A class in a browser's page, shared by the browser itself: who is found in it, over every change of its layout."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from bot.samples.occupants import STILLS
from bot.samples.window import View
from bot.samples.window_story import DrawnGallery, Scene, gallery_that_flows
from tests.bot.rooms.gallery.judged import Judge
from tests.end_to_end import gallery_page
from tests.end_to_end.browser_share import IN_LONG_SHARES, Looked, Window, share

LEAST_FOUND = {9: 0.97, 25: 0.97, 49: 0.92}
"""Of the living, by tiles; pictures are among these."""
CHANGES, LEAST_KEPT = 20, 0.9
FILM_PX = {9: 480, 25: 384, 49: 224}
"""Width of what the page plays."""
LOOKED_AT, LOOKED_AT_FIRST = 20, 60
"""Pictures of each view, 2.5 s of them: the time in which everybody has to be known again; and of the first."""
PATIENCE_S = 600

pytestmark = [*IN_LONG_SHARES, pytest.mark.timeout(2 * PATIENCE_S)]


@dataclass(frozen=True)
class Seen:
    """What came of everything that was shown."""

    tiles: int
    still: Judge
    """While nothing changes."""
    present: int
    flowing: Judge


async def perform(tiles: int, folder: Path, changes: int = CHANGES) -> Seen:
    drawn, scenes = gallery_that_flows(tiles, seed=7, changes=changes)
    everybody, seen = [*drawn.people.values()], list[Seen]()
    gallery_page.draw(folder, everybody, FILM_PX[tiles])

    async def act(window: Window) -> None:
        living = [each.id for each in everybody[: tiles - len(STILLS)]]
        still = await found(window, View((*living[:3], *STILLS, *living[3:])))
        present = window.newest().present
        seen.append(Seen(tiles, still, present, await flowing(window, scenes)))

    async with asyncio.timeout(PATIENCE_S):
        await share(folder, drawn.style, everybody, scenes[0].view, act)
    return seen[0]


async def found(window: Window, view: View) -> Judge:
    """Show a view until all who live are found, or long enough; say who is found from then on."""
    number, living = await window.show(view), len(set(view.shown) - {*STILLS})
    await window.until(lambda: any(shows(look, number, living) for look in window.looks[-4:]))
    settled = len(window.looks)
    await window.looked_at(number, LOOKED_AT_FIRST)
    return judged(window, [view], number, window.looks[settled:])


def shows(look: Looked, number: int, people: int) -> bool:
    return look.number == number and len(look.sighting.people) >= people


async def flowing(window: Window, scenes: Sequence[Scene]) -> Judge:
    """Show one scene after the other, each until it was looked at often enough."""
    first, began = window.number + 1, len(window.looks)
    for scene in scenes:
        await window.looked_at(await window.show(scene.view), LOOKED_AT)
    views = [scene.view for scene in scenes]
    return judged(window, views, first, window.looks[began:], scenes)


def judged(
    window: Window, views: Sequence[View], first: int, looks: Sequence[Looked], scenes: Sequence[Scene] = ()
) -> Judge:
    """Judge pictures by the view that each shows; a view's number takes the place of time."""
    drawn = DrawnGallery(window.everybody, lambda number: views[int(number) - first], style=window.style)
    numbered = [replace(scene, at_s=float(first + place)) for place, scene in enumerate(scenes)]
    judge = Judge(drawn, numbered, settled_s=0.0)
    for look in looks:
        if 0 <= look.number - first < len(views) and look.sighting.tiles is not None:
            judge.take(float(look.number), look.sighting)
    return judge.finish()


@pytest.fixture(scope="module", params=LEAST_FOUND, ids=lambda tiles: f"{tiles} tiles")
def seen(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Seen:
    return asyncio.run(perform(request.param, tmp_path_factory.mktemp("shown")))


def test_living_are_found_in_a_page_that_a_browser_shares_and_no_picture_is_counted(seen: Seen) -> None:
    least, living = LEAST_FOUND[seen.tiles], seen.tiles - len(STILLS)
    assert seen.still.pictures_counted == set()
    assert seen.still.found_share >= least
    assert least * living <= seen.present <= living


def test_nobody_is_mixed_and_most_are_kept_when_the_page_flows_anew_in_a_browser(seen: Seen) -> None:
    assert seen.flowing.mixed == {}
    assert seen.flowing.pictures_counted == set()
    assert seen.flowing.kept_share >= LEAST_KEPT, seen.flowing.lost
