"""Which simulcast layer is asked for, of publishers that number, lack and change their sizes as they like."""

from dataclasses import dataclass, field

import pytest

from bot.rooms.janus.simulcast import LayerChoice
from bot.rooms.size_demand import LARGER_AFTER_S, SMALLER_AFTER_S

UPWARDS, DOWNWARDS = {0: 320, 1: 640, 2: 1280}, {0: 1280, 1: 640, 2: 320}


@dataclass
class Publisher:
    """A person whose face takes a share of the picture's width, read 4 times a second by somebody who wants 96 px."""

    widths: dict[int, int]
    face: float
    at: float = 100.0
    wanted_px: float = 96.0
    choice: LayerChoice = field(default_factory=LayerChoice)
    asked: list[int] = field(default_factory=list)
    width_px: int = 0

    def sends(self, seconds: float) -> int:
        """Let time pass; return the width that comes in at its end."""
        for _ in range(round(seconds * 4)):
            # Janus sends what it was asked for, or else what is next below it.
            relayed = max((layer for layer in self.widths if layer <= self.choice.asked), default=None)
            if relayed is None:
                self._wait_in_vain()
                continue
            if self.widths[relayed] != self.width_px:
                self.width_px = self.widths[relayed]
                self.choice.relayed(self.at, relayed)
            self.at += 0.25
            if self.choice.prefer(self.at, self.width_px, self.wanted_px / (self.width_px * self.face)):
                self.asked.append(self.choice.asked)
        return self.width_px

    def _wait_in_vain(self) -> None:
        self.at += 1.5
        if self.choice.silent(self.at):
            self.asked.append(self.choice.asked)


def test_large_face_is_received_in_the_smallest_size_and_nothing_is_asked() -> None:
    publisher = Publisher(UPWARDS, face=0.4)
    assert publisher.sends(60) == 320
    assert publisher.asked == []


@pytest.mark.parametrize(("face", "width_px", "asked"), [(0.2, 640, [1]), (0.1, 1280, [1, 2]), (0.03, 1280, [1, 2])])
def test_small_face_gets_the_smallest_size_that_serves(face: float, width_px: int, asked: list[int]) -> None:
    publisher = Publisher(UPWARDS, face=face)
    assert publisher.sends(60) == width_px
    assert publisher.asked == asked


def test_face_that_comes_close_is_received_smaller_again_at_once_by_what_is_known() -> None:
    publisher = Publisher(UPWARDS, face=0.1)
    publisher.sends(30)
    publisher.face = 0.5
    assert publisher.sends(SMALLER_AFTER_S + 1) == 320
    assert publisher.asked == [1, 2, 0]


def test_face_that_is_close_for_a_moment_changes_nothing() -> None:
    publisher = Publisher(UPWARDS, face=0.2)
    publisher.sends(30)
    for _ in range(10):
        publisher.face = 0.6
        publisher.sends(SMALLER_AFTER_S - 1)
        publisher.face = 0.2
        publisher.sends(2)
    assert publisher.asked == [1]


def test_publisher_whose_first_size_is_the_largest_is_found_out() -> None:
    publisher = Publisher(DOWNWARDS, face=0.4)
    assert publisher.sends(60) == 320
    assert publisher.asked == [2]
    publisher.face = 0.2
    assert publisher.sends(60) == 640
    assert publisher.asked == [2, 1]


def test_layer_that_is_missing_is_asked_for_once_and_left_again_when_it_is_too_much() -> None:
    publisher = Publisher({0: 320, 1: 640}, face=0.1)
    assert publisher.sends(120) == 640
    assert publisher.asked == [1, 2]
    publisher.widths = UPWARDS
    assert publisher.sends(10) == 1280, "the largest came up after all"
    publisher.face = 0.5
    publisher.sends(30)
    assert publisher.width_px == 320


def test_layer_that_falls_silent_is_left_for_whatever_there_is_and_never_asked_for_again() -> None:
    publisher = Publisher(DOWNWARDS, face=0.15)
    publisher.sends(2)
    publisher.widths = {1: 640, 2: 320}
    assert publisher.sends(60) == 640
    assert publisher.asked == [2, 1]
    publisher.face = 0.05
    publisher.sends(60)
    assert 0 not in publisher.asked


def test_camera_that_was_off_for_a_while_has_all_its_sizes_again() -> None:
    publisher = Publisher(UPWARDS, face=0.4)
    publisher.sends(10)
    publisher.widths, publisher.width_px = {}, 0
    publisher.sends(5)
    publisher.widths = UPWARDS
    assert publisher.sends(1) == 1280
    assert publisher.sends(60) == 320


def test_publisher_who_can_send_but_one_size_is_not_asked_for_others_again_and_again() -> None:
    publisher = Publisher({0: 320}, face=0.1)
    assert publisher.sends(600) == 320
    assert publisher.asked == [1, 2], "and Janus climbs by itself when the larger ones come"
    publisher.widths = UPWARDS
    assert publisher.sends(10) == 1280


def test_camera_that_changes_its_size_changes_what_is_known_of_all_layers() -> None:
    publisher = Publisher(UPWARDS, face=0.2)
    publisher.sends(30)
    publisher.widths = {0: 160, 1: 320, 2: 640}
    assert publisher.sends(60) == 640
    publisher.face = 0.65
    assert publisher.sends(60) == 160


def test_pictures_that_come_very_late_are_mistaken_for_another_layer_only_for_a_while() -> None:
    choice, at, asked = LayerChoice(), 100.0, list[int]()
    choice.relayed(at, 0)
    # What is asked for after 10 s is smaller, but for another 4 s the large pictures come.
    for width_px, factor, seconds in ((1280, 0.4, 14), (320, 1.6, 4)):
        for _ in range(4 * seconds):
            at += 0.25
            if choice.prefer(at, width_px, factor):
                choice.relayed(at, choice.asked)
                asked.append(choice.asked)
    assert asked == [2, 0], "the large ones are found again"


def test_changes_are_no_faster_than_they_take_effect() -> None:
    publisher = Publisher(UPWARDS, face=0.05)
    publisher.sends(LARGER_AFTER_S)
    assert publisher.asked == []
    publisher.sends(LARGER_AFTER_S)
    assert publisher.asked == [1]
