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
from dashboard_protocol.control_api.api_keys import PREFIX, Scope
from dashboard_protocol.control_api.auth import ApiKeyAuth
from dashboard_protocol.control_api.service import Control
from dashboard_protocol.errors import AccessDenied
from dashboard_protocol.events import Event, Mark, MarkKind
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
        control: knows the keys of programs; None where there are none.
    """

    def __init__(self, bus: Bus, access: Access, control: Control | None) -> None:
        self._bus = bus
        self._access = access
        self._control = control
        self._auth = None if control is None else ApiKeyAuth(control.keys, control.access)
        self._limiter = RateLimiter(BURST, PER_S)

    async def set(self, room: str, wanted: MarkRequest, request: Request) -> MarkView:
        """Set a mark at this moment of the class."""
        await self._admit(room, request)
        if not self._limiter.take(room, monotonic()):
            note(SecurityEvent.LIMIT_HIT, "marks")
            raise HTTPException(429, "Too many marks. Try again in a few seconds.", headers={"retry-after": "5"})
        mark = Mark(id=token_hex(6), kind=wanted.kind, text=unicodedata.normalize("NFC", wanted.text))
        if not await self._bus.ask(Event(room=room, epoch=0, seq=0, at=time(), body=mark)):
            raise HTTPException(409, "No bot is in this room now: there is no class to mark.")
        return MarkView(id=mark.id, kind=mark.kind, text=mark.text)

    async def _admit(self, room: str, request: Request) -> None:
        """Let in a session of the room, or a key of the scope `watch` whose class is on."""
        if self._is_session(room, request):
            return
        if self._control is None or self._auth is None:
            note(SecurityEvent.REFUSED, "mark")
            raise HTTPException(401, "Send a session token of this room.", headers={"www-authenticate": "Bearer"})
        by = self._auth.admit(request, Scope.WATCH)
        await self._control.current_class(room, by)

    def _is_session(self, room: str, request: Request) -> bool:
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or token.startswith(PREFIX):
            return False
        try:
            self._access.verify(room, token)
        except AccessDenied:
            return False
        return True


def add_marks(app: FastAPI, marks: Marks) -> None:
    """Add the route."""

    @app.post("/v1/rooms/{room}/marks", status_code=201)
    async def mark(room: str, wanted: MarkRequest, request: Request) -> MarkView:
        """Mark this moment of the class: with a key of the scope `watch`, or the session token of an instructor."""
        return await marks.set(room, wanted, request)
