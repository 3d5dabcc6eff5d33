"""The instructor's page and its files, with the headers that keep them safe."""

from pathlib import Path, PurePath

from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

WEB = Path(__file__).parent.parent / "web"
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
# The platform's own table may lack these or say otherwise, and browsers refuse modules of another type.
_MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".ico": "image/x-icon",
}


def room_page(web: Path = WEB) -> Response:
    """Return the instructor's page; it is never cached, so that a reload after an update gets the new one."""
    headers = {"content-security-policy": CONTENT_SECURITY_POLICY, "cache-control": "no-store"}
    return FileResponse(web / "index.html", media_type="text/html", headers=headers)


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
