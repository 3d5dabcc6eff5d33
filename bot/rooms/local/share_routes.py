"""What whoever shares a window sees of it and decides: who is found in it, and who of them is left out.

Where tiles are goes to them alone, by their stay's unguessable address; to nobody who watches the class.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from bot.rooms.base import Participant
from bot.rooms.gallery.shared_window import SharedWindow, State
from bot.rooms.local.descriptions import DECIDE, FOUND, Decision
from dashboard_protocol.http.body import bounded_body
from dashboard_protocol.http.described import Described
from dashboard_protocol.http.problems import refused

if TYPE_CHECKING:
    from bot.rooms.local.room import LocalRoom

MAX_BODY_BYTES = 4096
NOT_KEPT = {"Cache-Control": "no-store"}
NO_SHARE = "No window is shared by this stay any more."
WANTED = 'Send {"leave_out": ["p1"], "read": ["p2"], "begin": true}, or some of it.'


def routes(room: "LocalRoom", leave_out: Callable[[Participant], object]) -> list[BaseRoute]:
    """Build `/whip/ROOM/STAY/people`: GET says who is found in a shared window, PUT decides about them.

    Args:
        room: The room.
        leave_out: Has the meeting neither read nor count somebody.
    """

    async def people(request: Request) -> Response:
        resource = request.path_params["resource"]
        window = room.shared_window(resource)
        if window is None and room.is_coming(resource):
            return JSONResponse({"state": State.CONNECTING.value}, 202, NOT_KEPT)
        if window is None:
            return refused(request, 410 if room.was_replaced(resource) else 404, NO_SHARE)
        if request.method == "PUT":
            decision = await _decision(request)
            if decision is None:
                return refused(request, 422, WANTED)
            _decide(window, decision, leave_out)
        return JSONResponse(described(window), headers=NOT_KEPT)

    return [Described(f"/whip/{room.name}/{{resource}}/people", people, {"get": FOUND, "put": DECIDE})]


def described(window: SharedWindow) -> dict[str, object]:
    """Show who shares a window what is made of it."""
    width, height = window.size
    return {
        "state": window.state.value,
        "obstacle": window.obstacle,
        "has_begun": window.has_begun,
        "width": width,
        "height": height,
        "lost": window.lost,
        "tiles": [
            {
                "id": tile.id,
                "box": [round(side, 4) for side in (tile.box.x, tile.box.y, tile.box.width, tile.box.height)],
                "reading": tile.reading,
            }
            for tile in window.tiles
        ],
    }


def _decide(window: SharedWindow, decision: Decision, leave_out: Callable[[Participant], object]) -> None:
    for id_ in filter(window.knows, decision.leave_out):
        leave_out(window.leave_out(id_))
    for id_ in filter(window.knows, decision.read):
        if id_ not in decision.leave_out:
            window.read(id_)
    if decision.begin:
        window.begin_reading()


async def _decision(request: Request) -> Decision | None:
    body = await bounded_body(request, MAX_BODY_BYTES)
    try:
        return None if body is None else Decision.model_validate_json(body)
    except ValidationError:
        return None
