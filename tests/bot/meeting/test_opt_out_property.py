"""Metered ⇔ shown as read: whatever people do, say and are called, in whatever order, however many bear one name."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.errors import RoomClosed
from bot.rooms.base import (
    Absence,
    CameraOff,
    CameraOn,
    CameraUnreadable,
    Joined,
    Left,
    OptedIn,
    Participant,
    Renamed,
    request_in_chat,
)
from dashboard_protocol.auth.consent import Consent
from dashboard_protocol.errors import ConsentRefused
from dashboard_protocol.events import Body, Forget, ParticipantUpdate, Profile
from tests.bot.meeting.stay import Camera, Stay, nobody_is_watched_but

NAMES = (
    ("Guest", "guest"), (" guest\u200b", "guest"), ("Anna", "anna"), ("ＡＮＮＡ", "anna"), ("An\u00adna", "anna"),
    ("Bo", "bo"), ("Anna #optout", "anna"), ("Bo ＃opt\u200bout", "bo"), ("#optout", ""),
)  # fmt: skip
"""As shown, and by what it is known: written down here so that the code has to find it."""
ASKING = {"Anna #optout", "Bo ＃opt\u200bout", "#optout"}
TEXTS = ("#optout", "please #OPT-OUT", "#optin", "hello", "what is #optin?")


@dataclass
class Person:
    """Somebody who is in the room, as the test knows them."""

    participant: Participant
    key: str
    is_metered: bool = False
    is_back: bool = False
    """Whether their own act of opting in is newer than any opt-out of their name."""


class World:
    """A meeting, what an open page holds of it, and what must be true of both."""

    def __init__(self) -> None:
        self.stay = Stay(Profile.INDIVIDUAL)
        self.meeting = self.stay.meeting
        self.people: list[Person] = []
        self.on: set[str] = set()
        self.page: set[str] = set()
        self.ever_agreed: set[str] = set()
        self.out_names: set[str] = set()
        self.just_out: set[str] = set()
        self.numbers = iter(range(10_000))

    async def join(self, name: int, choice: int) -> None:
        shown, key = NAMES[name]
        id_ = f"p{next(self.numbers)}"
        consent = Consent("r", shown, 0, 5000.0) if choice % 4 == 3 and shown not in ASKING else None
        participant = Participant(id_, shown, choice % 2 == 1 and shown not in ASKING, consent)
        by_own_act = consent is not None
        if consent is not None:
            await self.stay.room.happens(OptedIn(participant))
        if choice >= 4:  # at the join page, before the room has announced them
            (self.stay.opt_in if choice % 2 else self.stay.opt_out)(participant)
            by_own_act = choice % 2 == 1
            if choice % 2 == 0:
                self.goes_out(key)
        reported = self.meeting.is_read(participant)
        may_be_read = by_own_act or (key not in self.out_names and shown not in ASKING)
        await self.stay.room.happens(Joined(participant))
        assert (id_ in self.meeting.metered) == may_be_read
        assert reported == may_be_read, "what they are answered on joining is what happens"
        if participant.opted_in:
            self.ever_agreed.add(id_)
        if not may_be_read:
            self.out_names.add(key)
        self.people.append(Person(participant, key, may_be_read, by_own_act))
        if shown in ASKING and not by_own_act:
            self.goes_out(key)

    async def leave(self, person: Person, _: int) -> None:
        self.people.remove(person)
        self.on.discard(person.participant.id)
        await self.stay.room.happens(Left(person.participant, Absence.LEFT))

    async def rename(self, person: Person, name: int) -> None:
        shown, key = NAMES[name]
        was_metered = person.is_metered
        person.participant, person.key = Participant(person.participant.id, shown), key
        await self.stay.room.happens(Renamed(person.participant))
        if shown in ASKING:
            self.out_by_hand(person)
        elif not was_metered and key:
            self.out_names.add(key)
        unread = {each.participant.id for each in self.people if each.key in self.out_names and not each.is_back}
        self.just_out |= unread
        assert not unread & self.meeting.metered
        assert was_metered or person.participant.id not in self.meeting.metered, "a new name takes nothing back"

    async def says(self, person: Person, text: int) -> None:
        request = request_in_chat(person.participant, TEXTS[text % len(TEXTS)])
        if request is None:
            return
        await self.stay.room.happens(request)
        self.heard(person, is_in=isinstance(request, OptedIn))

    async def ticks(self, person: Person, choice: int) -> None:
        is_in = choice % 2 == 0
        (self.stay.opt_in if is_in else self.stay.opt_out)(person.participant)
        self.heard(person, is_in=is_in)

    def heard(self, person: Person, *, is_in: bool) -> None:
        if is_in:
            person.is_metered = person.is_back = True
        else:
            self.out_by_hand(person)
        assert (person.participant.id in self.meeting.metered) == is_in

    def out_by_hand(self, person: Person) -> None:
        person.is_back = False
        self.just_out.add(person.participant.id)
        self.goes_out(person.key)
        assert person.participant.id not in self.meeting.metered

    def goes_out(self, key: str) -> None:
        """After an opt-out by name nobody present under it is metered."""
        if key:
            self.out_names.add(key)
        for each in [each for each in self.people if key and each.key == key]:
            each.is_back = False
            self.just_out.add(each.participant.id)
            assert each.participant.id not in self.meeting.metered

    async def requests(self, name: int) -> None:
        shown, key = NAMES[name]
        self.meeting.opt_out(shown)
        self.goes_out(key)

    async def requests_elsewhere(self, name: int) -> None:
        _, key = NAMES[name]
        self.meeting.opt_out_known({key} - {""})
        self.goes_out(key)

    async def agrees(self, name: int) -> None:
        shown, key = NAMES[name]
        asks = shown in ASKING
        bearers = [each for each in self.people if each.key == key and (each.participant.name in ASKING) == asks]
        try:
            self.meeting.agree(Consent("r", shown, 0, 5000.0))
        except ConsentRefused:
            return
        assert len(bearers) == 1
        assert bearers[0].is_metered, "a consent that others may hold undoes no opt-out"
        self.ever_agreed.add(bearers[0].participant.id)

    async def camera(self, person: Person, choice: int) -> None:
        participant = person.participant
        if choice % 3 == 0:
            self.on.discard(participant.id)
            await self.stay.room.happens(CameraOff(participant))
        else:
            self.on.add(participant.id)
            track = Camera(participant)
            await self.stay.room.happens(
                CameraOn(participant, track) if choice % 3 == 1 else CameraUnreadable(participant, "codec vp9")
            )

    async def consents_end(self, name: int) -> None:
        self.stay.consents.ended.append(Consent("r", NAMES[name][0], 0, 5000.0))

    def take(self, *bodies: Body) -> None:
        """Show a page what the bot publishes."""
        for body in bodies:
            if isinstance(body, ParticipantUpdate):
                self.page.add(body.participant)
            elif isinstance(body, Forget):
                assert body.participant in self.ever_agreed, "nobody learns who opted out where nobody was shown"
                self.page.discard(body.participant)

    async def check(self) -> None:
        self.take(*self.stay.published)
        self.stay.published.clear()
        self.stay.at += 1.0
        present = {each.participant.id: each for each in self.people}
        metered = set(self.meeting.metered)
        assert metered <= present.keys()
        for id_, person in present.items():
            assert self.meeting.is_read(person.participant) == (id_ in metered), "metered, and shown as read"
            assert person.is_metered or id_ not in metered, "nobody comes back in but by their own act"
            assert not person.is_metered or id_ in metered or id_ in self.just_out, "nobody goes out unasked"
            person.is_metered = id_ in metered
        self.just_out.clear()
        assert self.page <= metered, "whoever goes out or away is forgotten"
        await nobody_is_watched_but(metered & self.on)
        self.take(*self.stay.second())
        assert self.page <= metered


async def live(steps: list[tuple[str, int, int]]) -> None:
    """Play one class; each step is what happens, to whom, and how."""
    world = World()
    following = asyncio.create_task(world.stay.follow())
    for kind, who, how in steps:
        if kind == "join":
            await world.join(who % len(NAMES), how)
        elif kind in REQUESTS:
            await REQUESTS[kind](world, how)
        elif world.people:
            await ACTS[kind](world, world.people[who % len(world.people)], how)
        await world.check()
    world.stay.room.queue.put_nowait(None)
    with pytest.raises(RoomClosed):
        await following


REQUESTS: dict[str, Callable[[World, int], Awaitable[None]]] = {
    "name at a gateway": World.requests,
    "name reported by another bot": World.requests_elsewhere,
    "consent": World.agrees,
    "consent ends": World.consents_end,
}
ACTS: dict[str, Callable[[World, Person, int], Awaitable[None]]] = {
    "leave": World.leave,
    "rename": World.rename,
    "word": World.says,
    "box": World.ticks,
    "camera": World.camera,
}
STEPS = st.lists(
    st.tuples(st.sampled_from(("join", "join", *REQUESTS, *ACTS)), st.integers(0, 8), st.integers(0, len(NAMES) - 1)),
    min_size=5,
    max_size=30,
)


@settings(max_examples=500)
@given(STEPS)
def test_whoever_is_metered_is_reported_as_read_and_every_opt_out_holds(steps: list[tuple[str, int, int]]) -> None:
    asyncio.run(live(steps))
