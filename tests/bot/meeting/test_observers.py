"""A meter for everybody who is read, a task for each of their cameras, and nothing of anybody else."""

import asyncio

import pytest

from bot.disclosure.listening import Listening
from bot.disclosure.policy import Policy
from bot.engagement import EngagementParameters
from bot.meeting.observers import Observers
from bot.rooms.base import Absence, CameraOff, CameraOn, CameraUnreadable, Left
from dashboard_protocol.events import Profile
from tests.bot.meeting.stay import ANNA, BERND, Blind, Camera


def observing() -> set[str]:
    tasks = (task for task in asyncio.all_tasks() if not task.done() and not task.cancelling())
    return {task.get_name().removeprefix("observer of ") for task in tasks if "observer" in task.get_name()}


@pytest.fixture
def observers() -> Observers:
    return Observers(Blind(), Policy(Profile.AGGREGATE), lambda: 100.0, EngagementParameters(), Listening(lambda: True))


async def test_camera_is_watched_exactly_while_it_is_on_and_its_person_is_kept(observers: Observers) -> None:
    camera = CameraOn(ANNA, Camera(ANNA))
    async with observers.running():
        observers.take(camera)
        assert observing() == set(), "nobody said that they are read"
        observers.keep({"p1", "p2"})
        assert observing() == {"p1"}
        observers.take(CameraOff(ANNA))
        assert observing() == set()
        observers.take(camera)
        observers.take(CameraUnreadable(BERND, "codec vp9"))
        assert observing() == {"p1", "p2"}
        assert observers.keep({"p2"}) == {"p1"}
        assert observing() == {"p2"}
        assert observers.cameras_on == 2, "the room shows both cameras, whoever is read"
        observers.take(Left(BERND, Absence.LEFT))
        assert observing() == set()
        assert observers.cameras_on == 1
    assert observing() == set()


async def test_whoever_is_kept_again_begins_with_nothing_measured(observers: Observers) -> None:
    observers.keep({"p1"})
    observers.take(CameraUnreadable(ANNA, "codec vp9"))
    async with observers.running():
        observers.take(CameraUnreadable(ANNA, "codec vp9"))
        assert observers.values(100.0)["p1"].camera_on
        observers.keep(set())
        assert observers.values(100.0) == {}
        observers.take(CameraOff(ANNA))
        observers.keep({"p1"})
        assert not observers.values(101.0)["p1"].camera_on


async def test_nothing_is_watched_before_observers_run(observers: Observers) -> None:
    """A name may be put out before the bot is in its room, and then nothing runs yet."""
    observers.keep({"p1"})
    observers.take(CameraOn(ANNA, Camera(ANNA)))
    assert observing() == set()
    async with observers.running():
        observers.take(CameraOn(ANNA, Camera(ANNA)))
        assert observing() == {"p1"}


async def test_whole_shared_window_that_cannot_be_read_is_logged_in_one_line(
    observers: Observers, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):
        caplog.clear()
        for person in (ANNA, BERND):
            observers.take(CameraUnreadable(person, "the picture stands still"))
        assert [record.message for record in caplog.records] == [
            "The video of participant p1 cannot be read: the picture stands still"
        ]
        for person in (ANNA, BERND):
            observers.take(CameraOn(person, Camera(person)))
