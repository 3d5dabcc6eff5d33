"""The pages of a local room: a person with a webcam reads the notice and joins, an instructor shares a window."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import BaseRoute

from bot.rooms.notice import Notice, points_of, summary_of, visible_name
from dashboard_protocol.http.described import HTML, JSON, Described, operation
from dashboard_protocol.http.languages import LANG_QUERY, asked_language, page_response, texts_response
from dashboard_protocol.http.problems import refused
from dashboard_protocol.language import speaking
from dashboard_protocol.view.pages import page_in_words
from dashboard_protocol.view.plain_text import shown
from dashboard_protocol.view.sentences import say

if TYPE_CHECKING:
    from bot.rooms.local.room import LocalRoom

WEB = Path(__file__).parent / "web"
PAGE_WEB = Path(__file__).parents[3] / "dashboard_protocol" / "web"
SECURITY = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self'; media-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Permissions-Policy": "camera=(self), display-capture=(self), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}
NOT_KEPT = {**SECURITY, "Cache-Control": "no-store"}
ASSETS = {
    "join.js": "text/javascript",
    "whip.js": "text/javascript",
    "join.css": "text/css",
    "share.js": "text/javascript",
    "share.css": "text/css",
    "icon.svg": "image/svg+xml",
    "words.js": "text/javascript",
}
SHARED = {"words.js": PAGE_WEB / "words.js"}
"""Of the instructor's page."""
SAID_HERE = frozenset({"join", "sharing", "notice"})
"""Groups of sentences that the pages' scripts say something of."""
PAGE = operation(
    "join_page", "The page on which people read the notice and join with a webcam.", "joining",
    answers={200: HTML}, refusals=(404, 409, 429, 503), query=LANG_QUERY,
)  # fmt: skip
SHARE_PAGE = operation(
    "share_page", "The page on which an instructor shares a window of another meeting.", "joining",
    answers={200: HTML}, refusals=(404, 409, 429, 503), query=LANG_QUERY,
)  # fmt: skip
INFO = operation(
    "join_info", "What awaits people in a room, as the join page shows it.", "joining",
    answers={200: (JSON, {"type": "object"})}, refusals=(404, 409, 429, 503), query=LANG_QUERY,
)  # fmt: skip
ASSET = operation("join_asset", "A file of the join page.", "pages", answers={200: None}, refusals=(404,))
ASSET["responses"]["200"]["content"] = {media_type: {"schema": {"type": "string"}} for media_type in ASSETS.values()}


def routes(room: "LocalRoom") -> list[BaseRoute]:
    """Build the pages' routes for one room."""

    async def show(request: Request) -> Response:
        return page(request)

    async def info(request: Request) -> Response:
        with speaking(asked_language(request)):
            described = describe(
                room.name,
                room.notice,
                is_open=room.is_open,
                needs_token=room.token is not None,
                gallery_obstacle=room.gallery_obstacle,
            )
        return JSONResponse(described, headers=NOT_KEPT)

    path = f"/join/{room.name}"
    return [
        Described(path, show, {"get": PAGE}),
        Described(path + "/info.json", info, {"get": INFO}),
        Described(f"/share/{room.name}", show, {"get": SHARE_PAGE}),
        assets(),
    ]


def page(request: Request) -> Response:
    """Return the page that is asked for, the same for every room: what is in it comes from `describe`."""
    name = "share.html" if request.url.path.startswith("/share/") else "join.html"
    return page_response(request, partial(page_in_words, WEB / name), SECURITY)


def assets() -> BaseRoute:
    """Build the route of the page's other files."""

    async def asset(request: Request) -> Response:
        name = request.path_params["asset"]
        if name.startswith("text."):
            return texts_response(request, name, SAID_HERE, SECURITY)
        if name not in ASSETS:
            return refused(request, 404, "There is no such file.")
        return FileResponse(SHARED.get(name, WEB / name), media_type=ASSETS[name], headers=SECURITY)

    return Described("/join-assets/{asset}", asset, {"get": ASSET})


def describe(
    room: str, notice: Notice, *, is_open: bool, needs_token: bool, gallery_obstacle: str | None = None
) -> dict[str, object]:
    """Show people what awaits them in a room, as the pages show it; the obstacle is why no window can be shared."""
    return {
        "room": room,
        "title": shown(notice.title or room),
        "bot": visible_name(notice.bot_name),
        "is_open": is_open,
        "needs_token": needs_token,
        "profile": notice.profile,
        "summary": shown(summary_of(notice)),
        "points": [{"heading": shown(heading), "text": shown(text)} for heading, text in points_of(notice)],
        "privacy_page": say("policy.privacy_page"),
        "offers_individual": notice.offers_individual,
        "shares_class": notice.shares_class,
        "gallery_obstacle": None if gallery_obstacle is None else _obstacle(notice),
    }


def _obstacle(notice: Notice) -> str:
    return say("sharing.obstacle.individual") if notice.offers_individual else say("sharing.obstacle.not_informed")
