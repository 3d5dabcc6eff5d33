"""A person's own word, while they are in a room of this process: on whether they are read, or teach the class.

Their stay's address is unguessable and known to their browser alone: whoever asks here is the person themselves.
"""

from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Protocol, TypeVar, runtime_checkable

from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from bot.rooms.base import OptedIn, OptedOut, Participant
from bot.rooms.local.descriptions import CLASS, READ, READING, TEACH
from dashboard_protocol.http.body import bounded_body
from dashboard_protocol.http.described import Described
from dashboard_protocol.http.problems import refused
from dashboard_protocol.rate_limit import RateLimiter

MAX_BODY_BYTES = 256
MAX_LINK_BYTES = 2048


Asked = TypeVar("Asked", bound=BaseModel)


@runtime_checkable
class Attended(Protocol):
    """A room that knows whose stay an unguessable address names."""

    name: str

    def participant(self, resource: str) -> Participant | None:
        """Return who stays there; None once they have left."""


class Readings(Protocol):
    """Who carries people's requests out."""

    def is_read(self, participant: Participant) -> bool:
        """Whether they are read."""

    def take(self, event: OptedOut | OptedIn) -> None:
        """Stop reading them, for the meeting; or read them again, for this stay."""

    def leave_out(self, participant: Participant) -> None:
        """Neither read nor count them, for this stay."""


class ReadingRequest(BaseModel):
    """Body of the request."""

    model_config = ConfigDict(extra="forbid", strict=True)

    read: bool


class Teaching(BaseModel):
    """Body of the request of somebody who teaches the class."""

    model_config = ConfigDict(extra="forbid", strict=True)

    link: str
    """The token of an instructor's link, which only who may watch the class holds."""


def routes(
    room: Attended,
    readings: Readings,
    opens: Callable[[str], bool] = lambda link: False,
    class_page: Callable[[], str | None] = lambda: None,
) -> list[BaseRoute]:
    """Build what a stay may ask.

    `/whip/ROOM/STAY/reading`: GET says whether they are read, PUT `{"read": …}` changes it.
    `/whip/ROOM/STAY/teaching`: PUT `{"link": …}` leaves them out of the class.
    `/whip/ROOM/STAY/class`: GET says where they see what their teacher sees.

    Args:
        room: Where they stay.
        readings: Carries the request out, at once.
        opens: Says whether the token of an instructor's link opens this class.
        class_page: Returns where people see what their teacher sees, with what opens it; None where they may not.
    """
    limiter = RateLimiter(burst=20, per_s=1.0)

    async def reading(request: Request) -> Response:
        resource = request.path_params["resource"]
        participant = room.participant(resource)
        if participant is None:
            return refused(request, 404, "There is no such stay.")
        if request.method == "PUT":
            asked = await _body(request, ReadingRequest, MAX_BODY_BYTES)
            if asked is None:
                return refused(request, 422, 'Send {"read": true} or {"read": false}.')
            # Not to be read is never too much to ask.
            if asked.read and not limiter.take(resource, monotonic()):
                return refused(request, 429, "Too many changes: wait a minute.")
            readings.take(OptedIn(participant) if asked.read else OptedOut(participant))
        return JSONResponse({"read": readings.is_read(participant)}, headers={"Cache-Control": "no-store"})

    async def shown(request: Request) -> Response:
        page = None if room.participant(request.path_params["resource"]) is None else class_page()
        if page is None:
            return refused(request, 404, "The class is not shown to the people in it here.")
        return JSONResponse({"page": page}, headers={"Cache-Control": "no-store"})

    stay = f"/whip/{room.name}/{{resource}}"
    return [
        Described(f"{stay}/reading", reading, {"get": READING, "put": READ}),
        Described(f"{stay}/class", shown, {"get": CLASS}),
        Described(f"{stay}/teaching", _teaching(room, readings, opens, limiter), {"put": TEACH}),
    ]


def _teaching(
    room: Attended, readings: Readings, opens: Callable[[str], bool], limiter: RateLimiter
) -> Callable[[Request], Awaitable[Response]]:
    async def teaching(request: Request) -> Response:
        resource = request.path_params["resource"]
        participant = room.participant(resource)
        if participant is None:
            return refused(request, 404, "There is no such stay.")
        if not limiter.take(f"{resource} teaches", monotonic()):
            return refused(request, 429, "Too many tries: wait a minute.")
        said = await _body(request, Teaching, MAX_LINK_BYTES)
        if said is None:
            return refused(request, 422, 'Send {"link": "…"} with the token of the instructor\'s link.')
        if not opens(said.link):
            return refused(request, 403, "This link does not open this class.")
        readings.leave_out(participant)
        return JSONResponse({"left_out": True}, headers={"Cache-Control": "no-store"})

    return teaching


async def _body(request: Request, kind: type[Asked], most_bytes: int) -> Asked | None:
    body = await bounded_body(request, most_bytes)
    try:
        return None if body is None else kind.model_validate_json(body)
    except ValidationError:
        return None
