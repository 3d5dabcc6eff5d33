"""What a teacher's link opens: the rooms it lists, with the classes that are kept, on, or to come."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote

from fastapi import HTTPException
from fastapi.exceptions import RequestValidationError

from dashboard_protocol.auth.links import Access, instructor_url, report_url
from dashboard_protocol.auth.meetings import AFTER_S
from dashboard_protocol.auth.teacher_links import Teacher, teacher_url
from dashboard_protocol.control_api.api_keys import OPERATOR, ApiKey, Scope
from dashboard_protocol.control_api.schemas import BotRequest
from dashboard_protocol.control_api.service import Control
from dashboard_protocol.errors import RoomNotAllowed
from dashboard_protocol.home.classes import ClassFold, ClassFolds
from dashboard_protocol.home.qr import qr_path
from dashboard_protocol.home.schemas import (
    LONGEST_TOKEN,
    ClassView,
    HomeView,
    QrCode,
    RoomHome,
    Started,
    StartRequest,
    TeacherLinkRequest,
)
from dashboard_protocol.queue.records import BotRecord
from dashboard_protocol.room_urls import LOCAL, is_key, read_room, slug_of
from dashboard_protocol.vocabulary import State

FRESH_S = 5.0
"""What is kept of a room is folded anew after so long: reading all of it takes a moment."""
MOST_CLASSES = 30
"""Of one room."""
MOST_KNOWN = 500


@dataclass(frozen=True, slots=True)
class _Known:
    at: float
    classes: tuple[ClassFold, ...]


class Home:
    """Answers for teachers' links.

    Args:
        control: knows bots, what is kept of their classes, and who may invite.
    """

    def __init__(self, control: Control) -> None:
        self._control = control
        self._known: dict[str, _Known] = {}
        self._folding = asyncio.Lock()

    @property
    def _access(self) -> Access:
        return self._control.access

    async def link(self, wanted: TeacherLinkRequest, by: ApiKey, origin: str) -> str:
        """Make a teacher's link to rooms that an API key knows of."""
        if wanted.may_start and not by.opens(Scope.INVITE):
            raise HTTPException(403, f"Classes are started by a key of the scope {Scope.INVITE.value!r}.")
        seen = await self._control.seen_by(by)
        rooms = {}
        for number, named in enumerate(wanted.rooms):
            room, url = self._named(named, number)
            # Whose room a class is to be started in need not have had one before.
            if not (by.is_admin or room in seen or (url and by.opens(Scope.INVITE))):
                raise HTTPException(404, f"You have invited no bot to {named!r}.")
            rooms[room] = url
        teacher = Teacher(by.name, by.is_admin, wanted.may_start, rooms)
        token = self._access.teachers.make(teacher)
        if len(token) > LONGEST_TOKEN:
            raise HTTPException(422, "Name fewer rooms: such a link is too long to be handed on.")
        return teacher_url(self._control.public_url or origin, token)

    def _named(self, named: str, number: int) -> tuple[str, str]:
        """Return key and address without secrets of a room that is named by either."""
        if is_key(named):
            return named, ""
        try:
            return self._access.key_of(named), read_room(named).bare
        except RoomNotAllowed as error:
            said = {"type": "value_error", "loc": ("body", "rooms", number), "ctx": {"error": error}}
            raise RequestValidationError([said]) from None

    async def view(self, teacher: Teacher, origin: str) -> HomeView:
        """Return what a link shows now."""
        records = await self._control.queue.bots()
        may_start = self._starter(teacher) is not None
        rooms = [await self._room(teacher, room, url, records, origin) for room, url in teacher.rooms.items()]
        policies = sorted(self._control.policies) if may_start else []
        return HomeView(rooms=rooms, policies=policies)

    async def start(self, teacher: Teacher, wanted: StartRequest, origin: str) -> Started:
        """Begin a class now, by the key that made the link."""
        by = self._starter(teacher)
        if by is None:
            raise HTTPException(403, "This link starts no classes.")
        if wanted.room not in teacher.rooms:
            raise HTTPException(404, "This link has no such room.")
        url = self._url(teacher, wanted.room, await self._control.queue.bots())
        if not url:
            raise HTTPException(404, "Nobody said where this room is: invite a bot there once.")
        title = {} if wanted.title is None else {"title": wanted.title}
        record = await self._control.invite(BotRequest(room_url=url, policy=wanted.policy, **title), by, None)
        return Started(id=record.invitation.id, link=self._live(wanted.room, record.invitation.id, origin))

    def _starter(self, teacher: Teacher) -> ApiKey | None:
        """Return the key that starts classes for a link; None where there is none any more."""
        if not teacher.may_start or self._control.rooms is None:
            return None
        if not teacher.owner:
            return OPERATOR
        known = (key for key in self._control.keys.known() if key.name == teacher.owner)
        return next((key for key in known if key.opens(Scope.INVITE) and not key.is_over(time.time())), None)

    def _url(self, teacher: Teacher, room: str, records: list[BotRecord]) -> str:
        """Return a room's address: as its newest own invitation has it, secrets included, else as the link has it."""
        own = (r.invitation for r in records if r.invitation.room == room and _is_own(teacher, r))
        return next((invitation.room_url for invitation in own), teacher.rooms[room])

    async def _room(self, teacher: Teacher, room: str, url: str, records: list[BotRecord], origin: str) -> RoomHome:
        invited = {r.invitation.id: r for r in records if r.invitation.room == room and _is_own(teacher, r)}
        folds = {fold.meeting: fold for fold in await self._folds(room)}
        meetings = [*(m for m in folds if m in invited or teacher.sees_all), *(m for m in invited if m not in folds)]
        views = [self._class(room, folds.get(m), invited.get(m), origin) for m in meetings]
        views.sort(key=lambda view: (view.state == "to_come", view.began or datetime.min.replace(tzinfo=UTC)))
        base = self._control.public_url or origin
        join, meeting = self._join(room, invited, base)
        code = QrCode(**dict(zip(("side", "path"), qr_path(join), strict=True))) if join else None
        return RoomHome(
            room=room,
            name=slug_of(room),
            classes=views[::-1][:MOST_CLASSES],
            join=join,
            join_code=code,
            share=f"{base}/share/{quote(room, safe='')}#t={self._access.link(room, meeting)}" if join else None,
            privacy=f"{base}/privacy/{quote(room, safe='')}",
            can_start=self._starter(teacher) is not None and bool(self._url(teacher, room, records) or url),
        )

    def _join(self, room: str, invited: Mapping[str, BotRecord], base: str) -> tuple[str | None, str]:
        """Return where people come into a local room that has a bot or is about to, and for which class that is."""
        for meeting, record in invited.items():
            is_local = read_room(record.invitation.room_url).places[0].scheme == LOCAL
            if is_local and record.now.state is not State.ENDED:
                token = self._access.join_token(room, meeting)
                return f"{base}/join/{quote(room, safe='')}#t={token}", meeting
        return None, ""

    async def _folds(self, room: str) -> tuple[ClassFold, ...]:
        async with self._folding:
            known = self._known.get(room)
            if known is None or time.monotonic() - known.at > FRESH_S:
                folds = ClassFolds()
                async for event in self._control.bus.archive(room):
                    folds.apply(event)
                if len(self._known) >= MOST_KNOWN:
                    self._known.clear()
                known = self._known[room] = _Known(time.monotonic(), tuple(folds))
        return known.classes

    def _class(self, room: str, fold: ClassFold | None, record: BotRecord | None, origin: str) -> ClassView:
        meeting = fold.meeting if fold is not None else record.invitation.id if record is not None else ""
        is_over = _is_over(fold, record)
        return ClassView(
            id=meeting,
            title=_title(room, fold, record),
            policy=fold.policy if fold is not None else record.invitation.policy if record is not None else None,
            state="over" if is_over else "to_come" if fold is None else "on",
            began=_began(fold, record),
            duration_s=0.0 if fold is None else round(fold.duration_s, 1),
            present_max=0 if fold is None else fold.present_max,
            index=None if fold is None else fold.index,
            attentive=None if fold is None else fold.attentive,
            rounding_points=0 if fold is None else fold.rounding_points,
            alerts=0 if fold is None else fold.alerts,
            curve=[] if fold is None else fold.curve(),
            link=self._link(room, meeting, fold, is_over=is_over, origin=origin),
        )

    def _link(self, room: str, meeting: str, fold: ClassFold | None, *, is_over: bool, origin: str) -> str | None:
        base = self._control.public_url or origin
        if not is_over:
            return self._live(room, meeting, base)
        return None if fold is None else report_url(base, room, self._access.report_link(room, meeting))

    def _live(self, room: str, meeting: str, origin: str) -> str:
        base = self._control.public_url or origin
        return instructor_url(base, room, self._access.link(room, meeting))


def _is_own(teacher: Teacher, record: BotRecord) -> bool:
    return teacher.sees_all or (teacher.owner != "" and record.invitation.owner == teacher.owner)


def _is_over(fold: ClassFold | None, record: BotRecord | None) -> bool:
    if record is not None:
        return record.now.state is State.ENDED
    return fold is not None and (fold.ended is not None or fold.last + AFTER_S < time.time())


def _title(room: str, fold: ClassFold | None, record: BotRecord | None) -> str:
    said = fold.title if fold is not None and fold.title else None
    return said or (record.invitation.title if record is not None else None) or slug_of(room)


def _began(fold: ClassFold | None, record: BotRecord | None) -> datetime | None:
    at = None if fold is None else fold.live_since or fold.began
    if at is None and record is not None:
        at = record.invitation.join_at or record.invitation.requested_at
    return None if at is None else datetime.fromtimestamp(at, UTC)
