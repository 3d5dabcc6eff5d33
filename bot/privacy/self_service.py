"""A person's own word, while they are in a room of this process, on whether they are read.

Their stay's address is unguessable and known to their browser alone: whoever asks here is the person themselves.
"""

from time import monotonic
from typing import Protocol, runtime_checkable

from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from bot.rooms.base import OptedIn, OptedOut, Participant
from dashboard_protocol.http.body import bounded_body
from dashboard_protocol.rate_limit import RateLimiter

MAX_BODY_BYTES = 256


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


class ReadingRequest(BaseModel):
    """Body of the request."""

    model_config = ConfigDict(extra="forbid", strict=True)

    read: bool


def routes(room: Attended, readings: Readings) -> list[BaseRoute]:
    """Build `/whip/ROOM/STAY/reading`: GET says whether they are read, PUT `{"read": …}` changes it.

    Args:
        room: Where they stay.
        readings: Carries the request out, at once.
    """
    limiter = RateLimiter(burst=20, per_s=1.0)

    async def reading(request: Request) -> Response:
        resource = request.path_params["resource"]
        participant = room.participant(resource)
        if participant is None:
            return JSONResponse({"detail": "There is no such stay."}, 404)
        if request.method == "PUT":
            asked = await _asked(request)
            if asked is None:
                return JSONResponse({"detail": 'Send {"read": true} or {"read": false}.'}, 422)
            # Not to be read is never too much to ask.
            if asked.read and not limiter.take(resource, monotonic()):
                return JSONResponse({"detail": "Too many changes: wait a minute."}, 429)
            readings.take(OptedIn(participant) if asked.read else OptedOut(participant))
        return JSONResponse({"read": readings.is_read(participant)}, headers={"Cache-Control": "no-store"})

    return [Route(f"/whip/{room.name}/{{resource}}/reading", reading, methods=["GET", "PUT"])]


async def _asked(request: Request) -> ReadingRequest | None:
    body = await bounded_body(request, MAX_BODY_BYTES)
    try:
        return None if body is None else ReadingRequest.model_validate_json(body)
    except ValidationError:
        return None
