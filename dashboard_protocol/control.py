"""The control API: invite bots, see where they stand, make them leave; links and histories of rooms."""

import hashlib
import secrets
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, Header, HTTPException, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from dashboard_protocol.access import Access, instructor_url
from dashboard_protocol.bus.base import Bus
from dashboard_protocol.codec import encode
from dashboard_protocol.doorkeeper import BoundedBody, Doorkeeper
from dashboard_protocol.errors import BusError, RoomNotAllowed, SecretRefused
from dashboard_protocol.keys import ApiKey, ApiKeys, Scope
from dashboard_protocol.queue.base import BotRecord, Invitation, Moment, Queue
from dashboard_protocol.record import Record
from dashboard_protocol.report import render_html
from dashboard_protocol.room_urls import AllowedRooms
from dashboard_protocol.vocabulary import Profile, State


class BotRequest(BaseModel):
    """An invitation as it comes in."""

    model_config = ConfigDict(extra="forbid")

    room_url: Annotated[str, Field(max_length=500)]
    policy: Profile | None = None
    """What may be computed and leave the bot; None for the operator's choice, where there is one."""
    bot_name: Annotated[str, Field(min_length=1, max_length=60)] | None = None
    title: Annotated[str, Field(min_length=1, max_length=120)] | None = None
    join_at: AwareDatetime | None = None
    """When to join (RFC 3339, with an offset); None for now."""
    max_duration_s: Annotated[float, Field(gt=0, le=86_400)] | None = None


class BotView(BaseModel):
    """Where a bot stands."""

    id: str
    room: str
    room_url: str
    """Without its query, where secrets stand."""
    policy: Profile
    state: State
    since: float
    """Unix seconds."""
    reason: str | None
    states: tuple[Moment, ...]
    """Every state so far, oldest first."""
    join: str | None
    """Where people join a local room."""
    link: str
    """For an instructor."""


class LinkView(BaseModel):
    """A link for an instructor."""

    link: str


@dataclass(frozen=True)
class Control:
    """What the routes share.

    Args:
        queue: where invitations go.
        bus: where histories are.
        access: makes links.
        keys: who may do what.
        rooms: which meetings may be named.
        policy: what holds when an invitation names no policy; None refuses it.
        policies: what an invitation may name.
    """

    queue: Queue
    bus: Bus
    access: Access
    keys: ApiKeys
    rooms: AllowedRooms
    policy: Profile | None = None
    policies: frozenset[Profile] = frozenset(Profile)

    async def invite(self, wanted: BotRequest, by: ApiKey, idempotency: str | None) -> BotRecord:
        """Queue an invitation, or find that of the same idempotency key."""
        policy = wanted.policy or self.policy
        if policy is None or policy not in self.policies:
            allowed = ", ".join(sorted(self.policies))
            raise HTTPException(422, f"Choose a policy, there is no default for a real meeting: {allowed}.")
        invitation = Invitation(
            id=secrets.token_hex(8),  # never begins with a dash, which a shell would take for a flag
            room=self.rooms.check(wanted.room_url),
            room_url=wanted.room_url,
            policy=policy,
            bot_name=wanted.bot_name,
            title=wanted.title,
            join_at=wanted.join_at.timestamp() if wanted.join_at else None,
            max_duration_s=wanted.max_duration_s,
            requested_at=round(time.time(), 3),
        )
        key = None if idempotency is None else hashlib.sha256(f"{by.name}\0{idempotency}".encode()).hexdigest()
        known = await self.queue.submitted(key) if key is not None else None
        if known is None and await self.serving(invitation.room):
            raise HTTPException(409, f"A bot serves {invitation.room!r} or is about to: ask it to leave first.")
        record = await self.queue.submit(invitation, key)
        as_before = {"id": record.invitation.id, "requested_at": record.invitation.requested_at}
        if record.invitation != invitation.model_copy(update=as_before):
            raise HTTPException(409, "This Idempotency-Key belongs to another invitation.")
        return record

    async def serving(self, room: str) -> bool:
        """Whether a bot is in the room, or about to be."""
        records = await self.queue.bots()
        return any(record.invitation.room == room and record.now.state is not State.ENDED for record in records)

    def view(self, record: BotRecord, origin: str) -> BotView:
        """Say where a bot stands, without secrets."""
        wanted = record.invitation
        return BotView(
            id=wanted.id,
            room=wanted.room,
            room_url=wanted.room_url.partition("?")[0],
            policy=wanted.policy,
            state=record.now.state,
            since=record.now.since,
            reason=record.now.reason,
            states=record.states,
            join=record.join,
            link=self.link(wanted.room, origin),
        )

    def link(self, room: str, origin: str) -> str:
        """Make a fresh link for an instructor."""
        return instructor_url(origin, room, self.access.link(room))


def add_control(app: FastAPI, control: Control) -> None:
    """Add the routes to the gateway's app."""
    door = Doorkeeper(control.keys)
    router = APIRouter(prefix="/v1")
    _add_bots(router, control, door)
    _add_rooms(router, control, door)
    _add_histories(router, control, door)
    app.include_router(router)
    app.add_middleware(BoundedBody)
    for kind, status in ((RoomNotAllowed, 422), (BusError, 503), (SecretRefused, 503)):
        app.add_exception_handler(kind, _answer(status))


def _answer(status: int) -> Callable[[Request, Exception], JSONResponse]:
    return lambda _, error: JSONResponse({"detail": str(error)}, status)


def _add_bots(router: APIRouter, control: Control, door: Doorkeeper) -> None:
    def inviter(request: Request) -> ApiKey:
        return door.admit(request, Scope.INVITE)

    Inviter = Annotated[ApiKey, Depends(inviter)]

    @router.post("/bots", status_code=201)
    async def invite(
        wanted: BotRequest,
        request: Request,
        by: Inviter,
        idempotency_key: Annotated[str | None, Header(max_length=200)] = None,
    ) -> BotView:
        """Invite a bot into a meeting."""
        return control.view(await control.invite(wanted, by, idempotency_key), _origin(request))

    @router.get("/bots")
    async def bots(request: Request, by: Inviter) -> list[BotView]:
        """List the bots of the last days, newest first."""
        return [control.view(record, _origin(request)) for record in await control.queue.bots()]

    @router.get("/bots/{bot}")
    async def bot(bot: str, request: Request, by: Inviter) -> BotView:
        """Say where a bot stands."""
        return control.view(_found(await control.queue.bot(bot)), _origin(request))

    @router.delete("/bots/{bot}", status_code=202)
    async def leave(bot: str, request: Request, by: Inviter) -> BotView:
        """Make a bot leave its meeting."""
        return control.view(_found(await control.queue.ask_to_leave(bot)), _origin(request))


def _add_rooms(router: APIRouter, control: Control, door: Doorkeeper) -> None:
    def watcher(request: Request) -> ApiKey:
        return door.admit(request, Scope.WATCH)

    @router.post("/rooms/{room}/link")
    async def link(room: str, request: Request, by: Annotated[ApiKey, Depends(watcher)]) -> LinkView:
        """Make a link for an instructor."""
        return LinkView(link=control.link(room, _origin(request)))

    @router.get("/rooms/{room}/report")
    async def report(room: str, by: Annotated[ApiKey, Depends(watcher)]) -> Response:
        """Return the report of the newest class that is kept, one HTML file; 404 while nothing is."""
        record = Record()
        async for event in control.bus.archive(room):
            record.apply(event)
        if record.hello is None:
            raise HTTPException(404, f"Nothing is kept of {room!r}.")
        attached = {"content-disposition": 'attachment; filename="report.html"'}
        return Response(render_html(record), media_type="text/html", headers=attached)


def _add_histories(router: APIRouter, control: Control, door: Doorkeeper) -> None:
    def watcher(request: Request) -> ApiKey:
        return door.admit(request, Scope.WATCH)

    def admin(request: Request) -> ApiKey:
        return door.admit(request, Scope.ADMIN)

    @router.get("/rooms/{room}/history")
    async def history(room: str, by: Annotated[ApiKey, Depends(watcher)]) -> StreamingResponse:
        """Return the class events that are kept, one JSON line each; nobody's own events are among them."""
        await control.bus.ping()  # so that an absent bus is a 503 and not half an answer

        async def lines() -> AsyncIterator[str]:
            async for event in control.bus.archive(room):
                yield encode(event) + "\n"

        return StreamingResponse(lines(), media_type="application/x-ndjson")

    @router.delete("/rooms/{room}/history", status_code=204)
    async def erase(room: str, by: Annotated[ApiKey, Depends(admin)]) -> None:
        """Delete all that is kept of a room; 409 while a bot serves it."""
        if await control.serving(room):
            raise HTTPException(409, f"A bot serves {room!r}: make it leave first.")
        await control.bus.erase(room)


def _found(record: BotRecord | None) -> BotRecord:
    if record is None:
        raise HTTPException(404, "There is no such bot.")
    return record


def _origin(request: Request) -> str:
    return str(request.base_url).rstrip("/")
