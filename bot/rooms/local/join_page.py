"""The join page of a local room: where a person with a webcam reads the notice and joins."""

from pathlib import Path
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from bot.rooms.notice import visible_name

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
ASSETS = {
    "join.js": "text/javascript",
    "whip.js": "text/javascript",
    "join.css": "text/css",
    "icon.svg": "image/svg+xml",
}


def routes(room: "LocalRoom") -> list[BaseRoute]:
    """Build the page's routes for one room."""

    async def page(request: Request) -> Response:
        return FileResponse(WEB / "join.html", media_type="text/html", headers=SECURITY)

    async def info(request: Request) -> Response:
        return JSONResponse(describe(room), headers={**SECURITY, "Cache-Control": "no-store"})

    async def asset(request: Request) -> Response:
        name = request.path_params["asset"]
        if name not in ASSETS:
            return Response(status_code=404)
        return FileResponse(WEB / name, media_type=ASSETS[name], headers=SECURITY)

    path = f"/join/{room.name}"
    return [
        Route(path, page),
        Route(path + "/info.json", info),
        Route("/join-assets/{asset}", asset),
    ]


def describe(room: "LocalRoom") -> dict[str, object]:
    """Tell a person what awaits her in the room, as the page shows it."""
    notice = room.notice
    return {
        "room": room.name,
        "title": notice.title or room.name,
        "bot": visible_name(notice.bot_name),
        "is_open": room.is_open,
        "needs_token": room.token is not None,
        "profile": notice.profile,
        "summary": notice.summary,
        "points": [{"heading": heading, "text": text} for heading, text in notice.points],
        "offers_individual": notice.offers_individual,
    }
