"""What a page says of its people becomes the room's events."""

from dataclasses import dataclass, field
from random import Random

from bot.rooms.base import CameraOff, CameraUnreadable, Joined, Left, RoomEvent
from bot.rooms.browser.people import ONCE_IN_S, PagePeople, WantedWidth
from bot.rooms.browser.site_state import PageState, Person, Said, UnreadableCamera
from bot.rooms.size_demand import LARGER_AFTER_S

EVE = Person("eve", "Eve")


def said(*unreadable: UnreadableCamera) -> Said:
    return Said(PageState.LIVE, people=(EVE,), unreadable=unreadable)


async def test_camera_that_nothing_can_be_had_of_is_published_once_with_its_reason() -> None:
    events: list[RoomEvent] = []
    people = PagePeople(events.append)
    people.follow(said(UnreadableCamera("eve", "locked"), UnreadableCamera("nobody", "locked")))
    people.follow(said(UnreadableCamera("eve", "locked")))
    joined, unreadable = events
    assert isinstance(joined, Joined)
    assert unreadable == CameraUnreadable(joined.participant, "locked")
    people.follow(said())
    assert events[2:] == [CameraOff(joined.participant)]


async def test_camera_that_nothing_can_be_had_of_is_off_once_the_page_is_gone() -> None:
    events: list[RoomEvent] = []
    people = PagePeople(events.append)
    people.follow(said(UnreadableCamera("eve", "locked")))
    people.interrupt()
    assert isinstance(events[-1], CameraOff)
    people.follow(said(UnreadableCamera("eve", "locked")))
    people.follow(Said(PageState.LIVE))
    assert [type(event) for event in events[-2:]] == [CameraUnreadable, Left]


# -- how wide pictures are wanted --------------------------------------------------------------------------------------


@dataclass
class Shown:
    """A camera on a page that shows the smallest layer which is wide enough, read 4 times a second."""

    layers: tuple[int, ...] = (320, 640)
    width_px: int = 640
    at: float = 100.0
    width: WantedWidth = field(default_factory=WantedWidth)
    asked: list[tuple[float, int]] = field(default_factory=list)

    def read(self, seconds: float, wanted_px: float) -> None:
        """Read for a while somebody of whom pictures of this width would do."""
        for _ in range(round(seconds * 4)):
            self.at += 0.25
            asked_px = self.width.prefer(self.at, self.width_px, wanted_px / self.width_px)
            if asked_px is not None:
                self.asked.append((self.at, asked_px))
                self.width_px = next((layer for layer in self.layers if layer >= asked_px), self.layers[-1])


def test_face_that_sways_about_the_border_of_two_layers_changes_nothing() -> None:
    camera = Shown()
    for _ in range(30):
        camera.read(4, 300)
        camera.read(4, 345)
    assert camera.asked == []


def test_page_that_begins_with_small_pictures_is_soon_asked_for_larger_ones_and_then_left_alone() -> None:
    camera = Shown(width_px=320)
    camera.read(600, 450)
    assert camera.asked == [(100.25 + LARGER_AFTER_S, 450)]


def test_large_face_is_wanted_smaller_but_not_in_the_minute_in_which_the_bot_came() -> None:
    camera = Shown()
    camera.read(600, 200)
    assert camera.asked == [(100.25 + ONCE_IN_S, 200)]
    assert camera.width_px == 320


def test_page_that_has_nothing_larger_is_not_asked_again_and_again() -> None:
    camera = Shown(layers=(320,), width_px=320)
    camera.read(600, 450)
    camera.read(600, 460)
    assert [px for _, px in camera.asked] == [450]


def test_no_camera_is_wanted_in_another_width_more_than_once_a_minute() -> None:
    random = Random(1)
    camera = Shown((160, 320, 640, 1280))
    for _ in range(200):
        camera.read(random.uniform(1, 40), random.uniform(40, 1500))
    assert len(camera.asked) > 20
    pauses = [later - earlier for (earlier, _), (later, _) in zip(camera.asked, camera.asked[1:], strict=False)]
    assert min(pauses) >= ONCE_IN_S
