"""What a bot serves of itself beside its room: the page of the formula, and for a demo the way into its class."""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from bot.formula_page import formula_routes
from dashboard_protocol.auth.links import Access, instructor_url
from dashboard_protocol.http.described import Described, operation


def own_routes(key: str, meeting: str, open_access: Access | None) -> list[BaseRoute]:
    """Build them.

    Args:
        key: the meeting's key.
        meeting: the class.
        open_access: makes the link that `/` leads to; None where `/` leads to none.
    """

    async def root(request: Request) -> Response:
        assert open_access is not None
        address = instructor_url("", key, open_access.link(key, meeting))
        return RedirectResponse(address, 303, {"cache-control": "no-store"})

    routes = formula_routes()
    if open_access is not None:
        opens = operation("root", "Opens the class of a demo, on loopback alone.", "pages", answers={303: None})
        routes.append(Described("/", root, {"get": opens}))
    return routes
