"""The control API's rooms: links for instructors, histories and reports of classes, and their deletion."""

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Annotated, Literal

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.responses import StreamingResponse

from dashboard_protocol.codec import encode
from dashboard_protocol.control_forms import LinkView, RoomView
from dashboard_protocol.doorkeeper import Doorkeeper
from dashboard_protocol.keys import ApiKey, Scope
from dashboard_protocol.record import Record
from dashboard_protocol.report import NewestClass, render_csv, render_html
from dashboard_protocol.room_urls import is_key, slug, slug_of

if TYPE_CHECKING:
    from dashboard_protocol.control import Control


def add_rooms(router: APIRouter, control: "Control", door: Doorkeeper) -> None:
    """Add the routes."""
    _add_links(router, control, door)
    _add_histories(router, control, door)


def _add_links(router: APIRouter, control: "Control", door: Doorkeeper) -> None:
    @router.get("/rooms")
    async def named(named: str, by: Annotated[ApiKey, Depends(door.known)]) -> RoomView:
        """Find a meeting by its key, by its address without secrets, or by the readable part of its key."""
        return RoomView(room=await _find(control, named, by))

    @router.post("/rooms/{room}/link", dependencies=[Depends(door.needs(Scope.WATCH))])
    async def link(room: str, request: Request, standing: bool = False) -> LinkView:
        """Make a link for an instructor: to the class that is on or about to come, or to every class of the room."""
        return LinkView(link=await control.link(room, origin_of(request), standing=standing))


def _add_histories(router: APIRouter, control: "Control", door: Doorkeeper) -> None:
    may_watch, may_delete = Depends(door.needs(Scope.WATCH)), Depends(door.needs(Scope.ADMIN))

    @router.get("/rooms/{room}/history", dependencies=[may_watch])
    async def history(room: str) -> StreamingResponse:
        """Return the class events that are kept, one JSON line each; nobody's own events are among them."""
        await control.bus.ping()  # so that an absent bus is a 503 and not half an answer

        async def lines() -> AsyncIterator[str]:
            async for event in control.bus.archive(room):
                yield encode(event) + "\n"

        return StreamingResponse(lines(), media_type="application/x-ndjson")

    @router.get("/rooms/{room}/report", dependencies=[may_watch])
    async def report(room: str, format: Literal["html", "csv"] = "html") -> Response:
        """Return the report of the newest class that is kept, one HTML file or CSV; 404 while nothing is."""
        newest = NewestClass()
        async for event in control.bus.archive(room):
            newest.apply(event)
        if newest.record.hello is None:
            raise HTTPException(404, f"Nothing is kept of {room!r}.")
        return await asyncio.to_thread(_file, newest.record, format)  # drawing takes too long for the readers' loop

    @router.delete("/rooms/{room}/history", status_code=204, dependencies=[may_delete])
    async def erase(room: str) -> None:
        """Delete all that is kept of a room: events, snapshot, and what became of its bots; 409 while one serves it."""
        if room in control.own or not await control.queue.erase(room, control.bus):
            raise HTTPException(409, f"A bot serves {room!r}: make it leave first.")


async def _find(control: "Control", named: str, by: ApiKey) -> str:
    if "://" in named:
        return control.access.key_of(named)
    seen = await control.seen_by(by)
    if named in seen or is_key(named):
        return named
    found = sorted(room for room in seen if slug_of(room) == slug(named))
    if len(found) > 1:
        raise HTTPException(409, f"Several rooms are called so: name one of {', '.join(found)}.")
    if not found:
        raise HTTPException(404, "No room of this name is known: give its address, or its key.")
    return found[0]


def _file(record: Record, kind: Literal["html", "csv"]) -> Response:
    text, media_type = (render_html(record), "text/html") if kind == "html" else (render_csv(record), "text/csv")
    attached = {"content-disposition": f'attachment; filename="report.{kind}"'}
    return Response(text, media_type=media_type, headers=attached)


def origin_of(request: Request) -> str:
    """Return scheme, host and port under which the gateway was asked."""
    return str(request.base_url).rstrip("/")
