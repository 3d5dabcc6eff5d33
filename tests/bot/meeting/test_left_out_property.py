"""Nobody's class contains its teacher: who is left out is neither read nor counted, and all others are."""

import asyncio
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.errors import RoomClosed
from bot.meeting.left_out import LeftOut
from bot.rooms.base import (
    Absence,
    CameraOff,
    CameraOn,
    CameraUnreadable,
    Joined,
    Left,
    OptedIn,
    OptedOut,
    Participant,
    Renamed,
    Unheard,
)
from dashboard_protocol.events import Profile
from tests.bot.meeting.stay import Camera, Stay, nobody_is_watched_but

TEACHER = "Dr Öz"
NAMES = (
    ("Dr Öz", True), (" dr  öz\u200b", True), ("ＤＲ Öｚ", True), ("DR O\u0308Z", True), ("\u2068Dr Öz\u2069", True),
    ("Anna", False), ("Bo", False), ("Dr Öz 2", False), ("", False), ("\u200b", False), ("Anna #optout", False),
)  # fmt: skip
"""As shown, and whether it is the teacher's: written down here so that the code has to find it."""


@dataclass
class Person:
    """Somebody who is in the room, as the test knows them."""

    participant: Participant
    is_left_out: bool
    is_on: bool = False


class World:
    """A meeting, and what must be true of it."""

    def __init__(self) -> None:
        self.stay = Stay(Profile.INDIVIDUAL, LeftOut([TEACHER, ""]))
        self.people: list[Person] = []
        self.numbers = iter(range(10_000))

    async def join(self, name: int, choice: int) -> None:
        shown, is_teacher = NAMES[name]
        participant = Participant(f"p{next(self.numbers)}", shown, opted_in=choice % 2 == 1)
        says_so_early = choice == 4
        if says_so_early:
            self.stay.meeting.leave_out(participant)
        reported = self.stay.meeting.is_read(participant)
        await self.stay.room.happens(Joined(participant))
        self.people.append(Person(participant, is_teacher or says_so_early))
        assert reported == (participant.id in self.stay.meeting.metered), (
            "what they are answered on joining is what happens"
        )

    async def rename(self, person: Person, name: int) -> None:
        shown, is_teacher = NAMES[name]
        person.participant = Participant(person.participant.id, shown)
        person.is_left_out |= is_teacher
        await self.stay.room.happens(Renamed(person.participant))

    async def leave(self, person: Person, _: int) -> None:
        self.people.remove(person)
        await self.stay.room.happens(Left(person.participant, Absence.LEFT))

    async def camera(self, person: Person, choice: int) -> None:
        participant = person.participant
        person.is_on = choice % 3 > 0
        track = Camera(participant)
        on = CameraOn(participant, track) if choice % 3 == 1 else CameraUnreadable(participant, "codec vp9")
        await self.stay.room.happens(on if person.is_on else CameraOff(participant))

    async def asks(self, person: Person, choice: int) -> None:
        kind = (OptedOut, OptedIn, Unheard)[choice % 3]
        await self.stay.room.happens(kind(person.participant))

    async def teaches(self, person: Person, _: int) -> None:
        self.stay.meeting.leave_out(person.participant)
        person.is_left_out = True

    async def check(self) -> None:
        meeting, summary = self.stay.meeting, self.stay.summary()
        class_ = [each for each in self.people if not each.is_left_out]
        assert meeting.metered <= {each.participant.id for each in class_}
        assert summary.present == len(class_)
        assert summary.camera_on == sum(each.is_on for each in class_)
        assert meeting.present == len(self.people), "a bot whom the teacher keeps company is not alone"
        for each in self.people:
            assert meeting.is_read(each.participant) == (each.participant.id in meeting.metered), (
                "metered, and shown as read"
            )
        await nobody_is_watched_but(meeting.metered & {each.participant.id for each in class_ if each.is_on})
        self.stay.at += 1.0


async def live(steps: list[tuple[str, int, int]]) -> None:
    """Play one class; each step is what happens, to whom, and how."""
    world = World()
    following = asyncio.create_task(world.stay.follow())
    for kind, who, how in steps:
        if kind == "join":
            await world.join(who % len(NAMES), how % 5)
        elif world.people:
            await getattr(world, kind)(world.people[who % len(world.people)], how % len(NAMES))
        await world.check()
    world.stay.room.queue.put_nowait(None)
    with pytest.raises(RoomClosed):
        await following


STEPS = st.lists(
    st.tuples(
        st.sampled_from(("join", "join", "rename", "leave", "camera", "camera", "asks", "teaches")),
        st.integers(0, len(NAMES) - 1),
        st.integers(0, len(NAMES) - 1),
    ),
    min_size=5,
    max_size=30,
)


@settings(max_examples=300)
@given(STEPS)
def test_who_is_left_out_is_neither_read_nor_counted_and_everybody_else_is(steps: list[tuple[str, int, int]]) -> None:
    asyncio.run(live(steps))


def test_opt_out_of_somebody_who_is_left_out_holds_for_others_of_the_name() -> None:
    async def play() -> None:
        stay = Stay(Profile.AGGREGATE, LeftOut())
        following = asyncio.create_task(stay.follow())
        teacher, namesake = Participant("p1", "Anna"), Participant("p2", "Anna")
        await stay.room.happens(Joined(teacher))
        stay.meeting.leave_out(teacher)
        await stay.room.happens(OptedOut(teacher), Joined(namesake))
        assert not stay.meeting.metered
        stay.room.queue.put_nowait(None)
        with pytest.raises(RoomClosed):
            await following

    asyncio.run(play())


def test_audit_says_that_somebody_is_left_out_without_a_name() -> None:
    async def play() -> None:
        stay = Stay(Profile.AGGREGATE, LeftOut())
        following = asyncio.create_task(stay.follow())
        teacher = Participant("p1", "Anna")
        await stay.room.happens(Joined(teacher))
        assert not stay.meeting.leaves_out
        stay.meeting.leave_out(teacher)
        assert stay.meeting.leaves_out
        assert b'"left_out"' in stay.audit.lines[-1]
        assert not any(b"Anna" in line for line in stay.audit.lines)
        stay.room.queue.put_nowait(None)
        with pytest.raises(RoomClosed):
            await following

    asyncio.run(play())
