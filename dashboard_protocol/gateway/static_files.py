"""The instructor's page and its files, with the headers that keep them safe."""

from collections.abc import Sequence
from pathlib import Path, PurePath

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from dashboard_protocol.http.described import Described, operation
from dashboard_protocol.http.languages import page_response, texts_response
from dashboard_protocol.language import Language
from dashboard_protocol.view.language_files import groups
from dashboard_protocol.view.pages import page_in_words

WEB = Path(__file__).parent.parent / "web"
_FILES = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'"
CONTENT_SECURITY_POLICY = f"{_FILES}; frame-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
# The platform's own table may lack these or say otherwise, and browsers refuse modules of another type.
_MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".js": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".ico": "image/x-icon",
}


NOT_SAID_HERE = frozenset(
    {"formula", "report", "headline", "found", "terminal", "notice", "join", "sharing", "privacy", "launch"}
)
"""Groups of sentences that no script of these pages says: a page waits for fewer."""


def room_page(asked: Request, web: Path = WEB) -> Response:
    """Return the instructor's page; it is never cached, so that a reload after an update gets the new one."""
    headers = {
        "content-security-policy": CONTENT_SECURITY_POLICY,
        "cache-control": "no-store",
        # Not no-referrer: with it a form's Origin is "null", as a foreign page's may be.
        "referrer-policy": "same-origin",
    }
    return page_response(asked, lambda: page_in_words(web / "index.html"), headers)


def compact_page(asked: Request, frame_origins: Sequence[str] = (), web: Path = WEB) -> Response:
    """Return the compact view, which only shows.

    Args:
        asked: the request.
        frame_origins: whose pages may show it in a frame, `https://HOST[:PORT]`; nobody's unless they are named.
        web: where it stands.
    """
    ancestors = " ".join(frame_origins) or "'none'"
    policy = f"{_FILES}; base-uri 'none'; form-action 'none'; frame-ancestors {ancestors}"
    headers = {"content-security-policy": policy, "cache-control": "no-store"}
    return page_response(asked, lambda: page_in_words(web / "compact.html"), headers)


def static_route() -> BaseRoute:
    """Build the route of the page's files."""
    files = PageFiles()

    async def static(asked: Request) -> Response:
        name = str(asked.path_params["file"])
        if name.startswith("text."):
            said_here = frozenset(groups(Language.EN)) - NOT_SAID_HERE
            return texts_response(asked, name, said_here, {"content-security-policy": CONTENT_SECURITY_POLICY})
        return await files.get_response(name, asked.scope)

    said = operation(
        "static", "A file of a page.", "pages", answers={200: None, 304: None}, refusals=(404,)
    )  # fmt: skip
    said["responses"]["200"]["content"] = {kind: {"schema": {"type": "string"}} for kind in _MEDIA_TYPES.values()}
    return Described("/static/{file}", static, {"get": said})


class PageFiles(StaticFiles):
    """The page's modules, styles and pictures; browsers ask again each time and mostly hear 304."""

    def __init__(self, web: Path = WEB) -> None:
        super().__init__(directory=web)

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Serve one file, only of a kind the page uses."""
        media_type = _MEDIA_TYPES.get(PurePath(path).suffix)
        if media_type is None:
            raise HTTPException(404)
        response = await super().get_response(path, scope)
        response.headers["content-type"] = media_type
        response.headers["content-security-policy"] = CONTENT_SECURITY_POLICY
        response.headers["cache-control"] = "no-cache"
        return response
