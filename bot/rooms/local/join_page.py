"""The join page of a local room: where a person with a webcam reads the notice and joins."""

from pathlib import Path
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from bot.rooms.notice import Notice, visible_name
from dashboard_protocol.view.plain_text import shown

if TYPE_CHECKING:
    from bot.rooms.local.room import LocalRoom

WEB = Path(__file__).parent / "web"
SECURITY = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self'; media-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Permissions-Policy": "camera=(self), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}
NOT_KEPT = {**SECURITY, "Cache-Control": "no-store"}
ASSETS = {
    "join.js": "text/javascript",
    "whip.js": "text/javascript",
    "join.css": "text/css",
    "icon.svg": "image/svg+xml",
}


def routes(room: "LocalRoom") -> list[BaseRoute]:
    """Build the page's routes for one room."""

    async def show(request: Request) -> Response:
        return page()

    async def info(request: Request) -> Response:
        described = describe(room.name, room.notice, is_open=room.is_open, needs_token=room.token is not None)
        return JSONResponse(described, headers=NOT_KEPT)

    path = f"/join/{room.name}"
    return [Route(path, show), Route(path + "/info.json", info), assets()]


def page() -> Response:
    """Return the page, the same for every room: what is in it comes from `describe`."""
    return FileResponse(WEB / "join.html", media_type="text/html", headers=SECURITY)


def assets() -> BaseRoute:
    """Build the route of the page's other files."""

    async def asset(request: Request) -> Response:
        name = request.path_params["asset"]
        if name not in ASSETS:
            return Response(status_code=404)
        return FileResponse(WEB / name, media_type=ASSETS[name], headers=SECURITY)

    return Route("/join-assets/{asset}", asset)


def describe(room: str, notice: Notice, *, is_open: bool, needs_token: bool) -> dict[str, object]:
    """Show people what awaits them in a room, as the page shows it."""
    return {
        "room": room,
        "title": shown(notice.title or room),
        "bot": visible_name(notice.bot_name),
        "is_open": is_open,
        "needs_token": needs_token,
        "profile": notice.profile,
        "summary": shown(notice.summary),
        "points": [{"heading": shown(heading), "text": shown(text)} for heading, text in notice.points],
        "offers_individual": notice.offers_individual,
    }
