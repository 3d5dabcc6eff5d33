"""`/` and what its page asks for: a page to browsers, addresses to programs."""

import time
from pathlib import Path

from fastapi import APIRouter, HTTPException, Request, Response
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute

from dashboard_protocol.auth.security_log import SecurityEvent, note
from dashboard_protocol.auth.teacher_links import Teacher
from dashboard_protocol.control_api.api_keys import Scope
from dashboard_protocol.control_api.callers import OPEN, By, needs
from dashboard_protocol.control_api.openapi import may_refuse
from dashboard_protocol.control_api.room_routes import origin_of
from dashboard_protocol.control_api.schemas import LinkView
from dashboard_protocol.control_api.service import Control
from dashboard_protocol.errors import AccessDenied
from dashboard_protocol.home.schemas import HomeRequest, HomeView, Started, StartRequest, TeacherLinkRequest
from dashboard_protocol.home.service import Home
from dashboard_protocol.http.described import HTML, JSON, Described, operation
from dashboard_protocol.http.languages import LANG_QUERY, page_response
from dashboard_protocol.http.problems import wants_page
from dashboard_protocol.http.request_rules import asker
from dashboard_protocol.rate_limit import RateLimiter
from dashboard_protocol.view.pages import page_in_words

WEB = Path(__file__).parent.parent / "web"
BURST, PER_S = 30, 0.5
"""What a link opens is read out of everything that is kept of its rooms."""
SECURITY = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "cache-control": "no-store",
    "vary": "accept",
}
ADDRESSES = {
    "software": "classpulse",
    "docs": "/docs",
    "openapi": "/openapi.json",
    "asyncapi": "/asyncapi.json",
    "healthz": "/healthz",
    "readyz": "/readyz",
}
REFUSAL = "This link does not open anything here, or not any more: ask whoever runs this for a new one."


def home_route() -> BaseRoute:
    """Build `/`."""

    async def home(asked: Request) -> Response:
        if wants_page(asked):
            return page_response(asked, lambda: page_in_words(WEB / "home.html"), SECURITY)
        return JSONResponse(ADDRESSES, headers={"vary": "accept"})

    said = operation(
        "home", "A page to browsers, which a teacher's link opens; to programs what is served here.", "pages",
        answers={200: (JSON, {"type": "object", "additionalProperties": {"type": "string"}})}, query=LANG_QUERY,
    )  # fmt: skip
    said["responses"]["200"]["content"][HTML] = {"schema": {"type": "string"}}
    return Described("/", home, {"get": said})


def add_home(router: APIRouter, control: Control) -> None:
    """Add what the page asks for, and how its link is made."""
    home = Home(control)
    asked_for = RateLimiter(BURST, PER_S)

    def opened(token: str, request: Request) -> Teacher:
        if not asked_for.take(asker(request), time.monotonic()):
            note(SecurityEvent.LIMIT_HIT, "home")
            raise HTTPException(429, "Too many requests. Try again in a minute.", headers={"retry-after": "60"})
        try:
            return control.access.teachers.read(token)
        except AccessDenied:
            note(SecurityEvent.REFUSED, "teacher's link")
            raise HTTPException(403, REFUSAL) from None

    @router.post(
        "/teacher-links", status_code=201, tags=["access"], openapi_extra=needs(Scope.WATCH),
        responses=may_refuse(403, 404),
    )  # fmt: skip
    async def teacher_link(wanted: TeacherLinkRequest, request: Request, by: By) -> LinkView:
        """Make a link for a teacher: to the home, with the classes of some rooms, for a term.

        It shows the key's own classes there; all of them where the key is an administrator's.
        """
        link = await home.link(wanted, by, origin_of(request))
        note(SecurityEvent.LINK_MADE, "teacher", key=by.fingerprint)
        return LinkView(link=link)

    @router.post("/home", tags=["feed"], openapi_extra=OPEN, responses=may_refuse(403, 429, 503))
    async def view(wanted: HomeRequest, request: Request, response: Response) -> HomeView:
        """Say what a teacher's link opens: its rooms, with classes to come, on and past."""
        response.headers["cache-control"] = "no-store"
        return await home.view(opened(wanted.token, request), origin_of(request))

    @router.post(
        "/home/classes", status_code=201, tags=["feed"], openapi_extra=OPEN,
        responses=may_refuse(403, 404, 409, 429, 503),
    )  # fmt: skip
    async def start(wanted: StartRequest, request: Request) -> Started:
        """Start a class in a room of a teacher's link, where its maker's key allows it."""
        return await home.start(opened(wanted.token, request), wanted, origin_of(request))
