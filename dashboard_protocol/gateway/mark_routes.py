"""Marks on the timeline: an instructor sets them on the page, a program of theirs by an API key."""

import unicodedata
from secrets import token_hex
from time import monotonic, time
from typing import Annotated

from fastapi import FastAPI, HTTPException, Request
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from dashboard_protocol.auth.links import Access
from dashboard_protocol.auth.security_log import SecurityEvent, note
from dashboard_protocol.bus.base import Bus
from dashboard_protocol.control_api.api_keys import Scope
from dashboard_protocol.control_api.callers import By, needs
from dashboard_protocol.control_api.openapi import may_refuse
from dashboard_protocol.control_api.service import Control
from dashboard_protocol.events import Event, Mark, MarkKind
from dashboard_protocol.gateway.sessions import BY_SESSION, session_that_may
from dashboard_protocol.rate_limit import RateLimiter
from dashboard_protocol.vocabulary import MAX_MARK

BURST = 20
PER_S = 0.5
"""Of one room: an hour of class has some dozens."""


class MarkRequest(BaseModel):
    """A mark as it comes in. It is shown to whoever sees the class, and is no place for anybody's name."""

    model_config = ConfigDict(extra="forbid")

    kind: MarkKind = "note"
    text: Annotated[str, StringConstraints(strip_whitespace=True), Field(max_length=MAX_MARK)] = ""


class MarkView(BaseModel):
    """A mark that was handed to the bot, which publishes it at once."""

    id: str
    kind: MarkKind
    text: str


class Marks:
    """Takes marks and hands them to the bot of the room.

    Args:
        bus: leads to the bot.
        access: knows the sessions of instructors.
    """

    def __init__(self, bus: Bus, access: Access) -> None:
        self._bus = bus
        self._access = access
        self._limiter = RateLimiter(BURST, PER_S)

    async def of_page(self, room: str, wanted: MarkRequest, request: Request) -> MarkView:
        """Set a mark for whoever shows the session token of an instructor of the room."""
        session_that_may(self._access, room, request, "mark")
        return await self.set(room, wanted)

    async def set(self, room: str, wanted: MarkRequest) -> MarkView:
        """Set a mark at this moment of the class."""
        if not self._limiter.take(room, monotonic()):
            note(SecurityEvent.LIMIT_HIT, "marks")
            raise HTTPException(429, "Too many marks. Try again in a few seconds.", headers={"retry-after": "5"})
        mark = Mark(id=token_hex(6), kind=wanted.kind, text=unicodedata.normalize("NFC", wanted.text))
        if not await self._bus.ask(Event(room=room, epoch=0, seq=0, at=time(), body=mark)):
            raise HTTPException(409, "No bot is in this room now: there is no class to mark.")
        return MarkView(id=mark.id, kind=mark.kind, text=mark.text)


def add_marks(app: FastAPI, marks: Marks, control: Control | None) -> None:
    """Add the routes: for the page, by its session, and for programs, by a key of the scope `watch`."""

    @app.post(
        "/rooms/{room}/marks",
        status_code=201,
        tags=["feed"],
        openapi_extra=BY_SESSION,
        responses=may_refuse(401, 409, 429),
    )
    async def mark_by_page(room: str, wanted: MarkRequest, request: Request) -> MarkView:
        """Mark this moment of a class, as the page does: with the session token of an instructor."""
        return await marks.of_page(room, wanted, request)

    if control is None:
        return

    @app.post(
        "/v1/rooms/{room}/marks",
        status_code=201,
        tags=["rooms"],
        openapi_extra=needs(Scope.WATCH),
        responses=may_refuse(404, 409),
    )
    async def mark(room: str, wanted: MarkRequest, by: By) -> MarkView:
        """Mark this moment of the key's own class, which is on: a slide, a question, an exercise, a break, or words."""
        await control.current_class(room, by)
        return await marks.set(room, wanted)
