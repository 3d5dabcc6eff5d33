"""The control API's rooms: links for instructors, histories and reports of classes, and their deletion."""

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Query, Request, Response
from fastapi.responses import StreamingResponse

from dashboard_protocol.auth.security_log import SecurityEvent, note
from dashboard_protocol.codec import encode
from dashboard_protocol.control_api.api_keys import ApiKey, Scope
from dashboard_protocol.control_api.callers import By, needs
from dashboard_protocol.control_api.openapi import may_refuse
from dashboard_protocol.control_api.paging import NEXT, EventLimit, Since, events_after, say_next
from dashboard_protocol.control_api.schemas import LinkView, RoomView
from dashboard_protocol.events import Event, Hello
from dashboard_protocol.language import Language, speaking
from dashboard_protocol.report import NewestClass, render_csv, render_html
from dashboard_protocol.room_urls import is_key, slug, slug_of
from dashboard_protocol.view.record import Record

if TYPE_CHECKING:
    from dashboard_protocol.control_api.service import Control


MAY_WATCH, MAY_DELETE = needs(Scope.WATCH), needs(Scope.ADMIN)
NDJSON = "application/x-ndjson"
ATTACHED = {"Content-Disposition": {"description": "The name of a file.", "schema": {"type": "string"}}}
HISTORY: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "A class event a line, as in `/schemas/events-v1.schema.json`.",
        "content": {NDJSON: {"schema": {"type": "string"}}},
        "headers": NEXT,
    }
}
REPORT: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "One HTML file, or its table.",
        "content": {kind: {"schema": {"type": "string"}} for kind in ("text/html", "text/csv")},
        "headers": ATTACHED,
    }
}


def add_rooms(router: APIRouter, control: "Control") -> None:
    """Add the routes."""
    _add_links(router, control)
    _add_histories(router, control)


def _add_links(router: APIRouter, control: "Control") -> None:
    @router.get("/rooms", tags=["rooms"], openapi_extra=needs(None), responses=may_refuse(404, 409))
    async def named(named: Annotated[str, Query(max_length=500)], by: By) -> RoomView:
        """Find a meeting by its key, by its address without secrets, or by the readable part of its key."""
        return RoomView(room=await _find(control, named, by))

    @router.post("/rooms/{room}/link", tags=["access"], openapi_extra=MAY_WATCH, responses=may_refuse(404))
    async def link(room: str, request: Request, by: By, standing: bool = False) -> LinkView:
        """Make a link for an instructor: to the key's class that is on or about to come.

        `standing` makes one to every class of the room, whoever invites its bot; it takes the scope `admin`.
        """
        origin = origin_of(request)
        return LinkView(
            link=control.standing_link(room, by, origin) if standing else await control.link(room, by, origin)
        )


def _add_histories(router: APIRouter, control: "Control") -> None:
    @router.get(
        "/rooms/{room}/history", tags=["rooms"], openapi_extra=MAY_WATCH, responses=HISTORY, response_class=Response
    )
    async def history(room: str, request: Request, by: By, limit: EventLimit = None, after: Since = None) -> Response:
        """Return the class events that are kept, one JSON line each; nobody's own events are among them."""
        await control.bus.ping()  # so that an absent bus is a 503 and not half an answer
        events = events_after(await _own_events(control, room, by), after)
        if limit is not None:
            return await _page(request, events, limit)

        async def lines() -> AsyncIterator[str]:
            async for event in events:
                yield encode(event) + "\n"

        return StreamingResponse(lines(), media_type=NDJSON)

    @router.get(
        "/rooms/{room}/report",
        tags=["rooms"],
        openapi_extra=MAY_WATCH,
        responses=REPORT | may_refuse(404),
        response_class=Response,
    )
    async def report(
        room: str, request: Request, by: By, format: Literal["html", "csv"] = "html", lang: Language = Language.EN
    ) -> Response:
        """Return the report of the newest class that is kept, one HTML file or CSV; 404 while nothing is."""
        newest = NewestClass()
        async for event in await _own_events(control, room, by):
            newest.apply(event)
        if newest.record.hello is None:
            raise HTTPException(404, f"Nothing is kept of {room!r}.")
        with speaking(lang):
            # Drawing takes too long for the readers' loop.
            return await asyncio.to_thread(_file, newest.record, format, origin_of(request))

    @router.delete(
        "/rooms/{room}/history",
        status_code=204,
        tags=["rooms"],
        openapi_extra=MAY_DELETE,
        responses=may_refuse(409),
    )
    async def erase(room: str, by: By) -> None:
        """Delete all that is kept of a room: events, snapshot, and what became of its bots; 409 while one serves it."""
        if room in control.own or not await control.queue.erase(room, control.bus):
            raise HTTPException(409, f"A bot serves {room!r}: make it leave first.")
        note(SecurityEvent.ERASED, room=room, key=by.fingerprint)


async def _page(request: Request, events: AsyncIterator[Event], limit: int) -> Response:
    """Return so many events, and those that share the place of the last: what comes after it is the next page."""
    page: list[Event] = []
    is_more = False
    async for event in events:
        if len(page) >= limit and (event.epoch, event.seq) != (page[-1].epoch, page[-1].seq):
            is_more = True
            break
        page.append(event)
    answer = Response("".join(encode(event) + "\n" for event in page), media_type=NDJSON)
    if is_more:
        say_next(request, answer, limit=limit, after=f"{page[-1].epoch}-{page[-1].seq}")
    return answer


async def _own_events(control: "Control", room: str, by: ApiKey) -> AsyncIterator[Event]:
    """Return what is kept of the classes that an API key invited a bot to; of all for `admin`."""
    own = await control.own_classes(room, by)

    async def events() -> AsyncIterator[Event]:
        meeting = ""
        async for event in control.bus.archive(room):
            meeting = event.body.meeting if isinstance(event.body, Hello) else meeting
            if by.is_admin or meeting in own:
                yield event

    return events()


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


def _file(record: Record, kind: Literal["html", "csv"], site: str) -> Response:
    is_page = kind == "html"
    text, media_type = (render_html(record, site=site), "text/html") if is_page else (render_csv(record), "text/csv")
    attached = {"content-disposition": f'attachment; filename="report.{kind}"'}
    return Response(text, media_type=media_type, headers=attached)


def origin_of(request: Request) -> str:
    """Return scheme, host and port under which the gateway was asked."""
    return str(request.base_url).rstrip("/")
