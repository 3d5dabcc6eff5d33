"""All that serves a local room over HTTP: its pages, its WHIP endpoint, and what whoever shares a window decides."""

from collections.abc import Callable

from starlette.routing import BaseRoute

from bot.rooms.base import Participant
from bot.rooms.local import join_page, share_routes, whip_endpoint
from bot.rooms.local.room import LocalRoom


def routes(
    room: LocalRoom,
    opens: whip_endpoint.Opens = lambda link: False,
    shared: Callable[[bool], object] = lambda is_confirmed: None,
    leave_out: Callable[[Participant], object] = lambda participant: None,
) -> list[BaseRoute]:
    """Build them, for the root of an HTTP server; see the modules."""
    return [
        *whip_endpoint.routes(room, opens, shared),
        *share_routes.routes(room, leave_out),
        *join_page.routes(room),
    ]
