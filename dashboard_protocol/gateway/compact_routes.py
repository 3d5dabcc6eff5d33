"""The compact view beside a meeting, and as an overlay in a film: pages, and the link that opens an overlay."""

from time import monotonic
from urllib.parse import quote

from fastapi import FastAPI, HTTPException, Request, Response
from pydantic import BaseModel

from dashboard_protocol.auth.links import STANDING, Access
from dashboard_protocol.auth.security_log import SecurityEvent, note
from dashboard_protocol.bus.base import Bus
from dashboard_protocol.control_api.openapi import may_refuse
from dashboard_protocol.events import Hello
from dashboard_protocol.gateway.sessions import BY_SESSION, session_that_may
from dashboard_protocol.gateway.static_files import compact_page
from dashboard_protocol.http.described import HTML, Described, operation
from dashboard_protocol.http.languages import LANG_QUERY
from dashboard_protocol.rate_limit import RateLimiter

BURST, PER_S = 10, 0.1
"""Of one room."""
NOT_SHOWN = "The figures of this class are not shown to others: its operator has not allowed it, or it is over."


class OverlayLink(BaseModel):
    """Where an overlay shows a class."""

    page: str
    """Path and fragment: what opens it only watches, sees nobody by themselves, and ends with the class."""


def add_compact(app: FastAPI, bus: Bus, access: Access, frame_origins: tuple[str, ...]) -> None:
    """Add the routes.

    Args:
        app: of the gateway.
        bus: knows what each class says of itself.
        access: makes links.
        frame_origins: whose pages may show the compact view in a frame.
    """
    made = RateLimiter(BURST, PER_S)

    async def compact(asked: Request) -> Response:
        return compact_page(asked, frame_origins)

    async def overlay(asked: Request) -> Response:
        return compact_page(asked)

    small = operation(
        "compact_page", "The class in 320 x 180, which a link opens.", "pages", answers={200: HTML}, query=LANG_QUERY
    )
    film = operation("overlay_page", "The same on nothing, for a film.", "pages", answers={200: HTML}, query=LANG_QUERY)
    app.router.routes += [
        Described("/compact/{room}", compact, {"get": small}),
        Described("/overlay/{room}", overlay, {"get": film}),
    ]

    @app.post(
        "/rooms/{room}/overlay-links",
        status_code=201,
        tags=["feed"],
        openapi_extra=BY_SESSION,
        responses=may_refuse(401, 409, 429, 503),
    )
    async def overlay_link(room: str, request: Request, response: Response) -> OverlayLink:
        """Make a link to the overlay of an instructor's class, where its figures may be shown to others."""
        session = session_that_may(access, room, request, "overlay")
        if not made.take(room, monotonic()):
            note(SecurityEvent.LIMIT_HIT, "overlays")
            raise HTTPException(429, "Too many links. Try again in a minute.", headers={"retry-after": "60"})
        retained = await bus.snapshot(room)
        hello = None if retained is None else retained.hello.body
        if not isinstance(hello, Hello) or not hello.shares_class or session.meeting not in (STANDING, hello.meeting):
            raise HTTPException(409, NOT_SHOWN)
        note(SecurityEvent.LINK_MADE, "overlay", room=room)
        response.headers["cache-control"] = "no-store"
        return OverlayLink(page=f"/overlay/{quote(room, safe='')}#t={access.class_link(room, hello.meeting)}")
