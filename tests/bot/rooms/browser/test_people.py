"""What a page says of its people becomes the room's events."""

from bot.rooms.base import CameraOff, CameraUnreadable, Joined, Left, RoomEvent
from bot.rooms.browser.people import PagePeople
from bot.rooms.browser.site_state import PageState, Person, Said, UnreadableCamera

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
