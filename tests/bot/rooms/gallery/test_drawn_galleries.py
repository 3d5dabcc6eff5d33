"""The drawn class in one window, as meetings show it: every tile is found, and no two people are ever one."""

from collections.abc import Iterator

import numpy as np
import pytest

from bot.rooms.gallery.layout import layout
from bot.samples.occupants import STILLS
from bot.samples.window import Style, View, places
from bot.samples.window_story import DrawnGallery, gallery_that_flows
from engine.readings import Box, Image
from tests.bot.rooms.gallery.drawn import compressed
from tests.bot.rooms.gallery.judged import Judge, faces_of, rect_of, watched

STYLES = {
    "names under tiles": Style(),
    "names over tiles with round corners": Style(caption_px=0, corner_px=12, gap_px=6),
    "on white": Style(canvas=(250, 250, 250)),
    "without gaps": Style(gap_px=0, margin_px=0, caption_px=0),
    "between bars and in a letterbox": Style(bars_px=(44, 72), letterbox_px=(60, 24), caption_px=0),
}


@pytest.mark.parametrize("style", STYLES.values(), ids=STYLES)
@pytest.mark.parametrize("count", [9, 49])
def test_every_tile_of_the_drawn_class_is_found(style: Style, count: int) -> None:
    drawn, _ = gallery_that_flows(count, seed=count, changes=0, style=style)
    assert missed(drawn) == []


def test_every_tile_is_found_on_a_screen_of_twice_the_pixels() -> None:
    drawn, scenes = gallery_that_flows(25, seed=25, changes=0, style=Style(gap_px=16, corner_px=20, caption_px=40))
    view = View(scenes[0].view.shown, size=(3840, 2160), picture=(3840, 2160))
    assert missed(DrawnGallery([*drawn.people.values()], lambda _: view, style=drawn.style)) == []


def test_hands_and_the_speakers_frame_over_tiles_change_none() -> None:
    drawn, scenes = gallery_that_flows(9, seed=9, changes=0)
    shown = scenes[0].view.shown
    view = View(shown, speaker=next(id_ for id_ in shown if id_ not in STILLS), icons=frozenset(shown[::2]))
    assert missed(DrawnGallery([*drawn.people.values()], lambda _: view)) == []


def missed(drawn: DrawnGallery) -> list[str]:
    """Return whose tile is not found as it is, and what is found that is no tile."""
    picture, faces = drawn.picture(0.0), faces_of(drawn, 0.0)
    wrong = []
    for shown in (picture, compressed(picture, 60)):
        found = layout(shown, faces).tiles
        tiles = {id_: rect_of(place) for id_, place in places(drawn.view(0.0), drawn.style).items()}
        wrong += [id_ for id_, rect in tiles.items() if sum(rect.overlap(each) > 0.85 for each in found) != 1]
        wrong += [str(each) for each in found if max(rect.overlap(each) for rect in tiles.values()) < 0.5]
    return wrong


@pytest.mark.parametrize("kinds", [("join", "leave", "order", "page"), ("resize", "move", "speaker", "order")])
def test_no_two_people_are_mixed_and_most_are_kept_over_twenty_changes(kinds: tuple[str, ...]) -> None:
    judge = watched_small(12, seed=3, kinds=kinds)
    assert judge.mixed == {}
    assert judge.pictures_counted == set()
    assert judge.kept_share >= 0.9, judge.lost
    assert judge.found_share >= 0.97


def watched_small(count: int, seed: int, kinds: tuple[str, ...]) -> Judge:
    changes, every_s, first_s = 20, 3.0, 12.0
    drawn, scenes = gallery_that_flows(
        count, seed, changes=changes, every_s=every_s, first_s=first_s, kinds=kinds, picture=(1280, 720)
    )
    at_s = 0.0

    def search(_: Image) -> Iterator[list[Box]]:
        yield faces_of(drawn, at_s)

    def follow(time_s: float) -> Image:
        nonlocal at_s
        at_s = time_s
        return drawn.picture(time_s)

    return watched(drawn, scenes, search, length_s=first_s + changes * every_s, rate=2.0, picture=follow)


def test_same_seed_draws_the_same() -> None:
    first, second = (gallery_that_flows(9, seed=5)[0] for _ in range(2))
    assert np.array_equal(first.picture(1.0), second.picture(1.0))
