"""The WHIP endpoint of a local room (RFC 9725): POST an offer, get an answer, DELETE to leave.

It supports neither trickle ICE nor ICE restarts, and answers PATCH with 405.
"""

import secrets
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from bot.errors import BotError, RoomRefused, RoomUnreachable
from bot.rooms.local.admission import CONSENT_HEADER, MAX_OFFER_BYTES, NAME_HEADER, RoomFull, RoomNotOpen
from bot.rooms.webrtc.sdp import OfferMalformed, OfferUnsupported
from dashboard_protocol.errors import ConsentRefused
from dashboard_protocol.http.body import bounded_body
from dashboard_protocol.http.proxies import is_loopback
from dashboard_protocol.http.request_rules import asker

if TYPE_CHECKING:
    from bot.rooms.local.room import LocalRoom

RETRY_AFTER_S = 5
ELSEWHERE = (
    "Video is received on the bot's own machine alone, so nobody can come from elsewhere: "
    "its operator names an address of that machine (--media-host for a worker, --host for a bot alone)."
)


class RequestRefused(BotError):
    """A request that cannot be served, with the status that says so."""

    def __init__(self, status: int, text: str, **headers: str) -> None:
        super().__init__(text)
        self.status = status
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


def routes(room: "LocalRoom") -> list[BaseRoute]:
    """Build the endpoint's routes for one room. Other origins get no CORS headers, so browsers keep them out."""

    async def endpoint(request: Request) -> Response:
        if request.method == "OPTIONS":
            return Response(status_code=204, headers={"Allow": "OPTIONS, POST", "Accept-Post": "application/sdp"})
        try:
            return await _publish(room, request)
        except RequestRefused as refused:
            return PlainTextResponse(f"{refused}\n", refused.status, refused.headers)

    async def session(request: Request) -> Response:
        try:
            _authorize(room, request)
        except RequestRefused as refused:
            return PlainTextResponse(f"{refused}\n", refused.status, refused.headers)
        if not room.dismiss(request.path_params["resource"]):
            return PlainTextResponse("This publisher has left already.\n", 404)
        return Response(status_code=200)

    path = f"/whip/{room.name}"
    return [
        Route(path, endpoint, methods=["OPTIONS", "POST"]),
        Route(path + "/{resource}", session, methods=["DELETE"]),
    ]


async def _publish(room: "LocalRoom", request: Request) -> Response:
    _authorize(room, request)
    if room.is_on_loopback and not _is_of_this_machine(request):
        raise RequestRefused(409, ELSEWHERE)
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/sdp":
        raise RequestRefused(415, "Send the offer as application/sdp.", Accept_Post="application/sdp")
    name = _name(request)
    try:
        admission = await room.admit(
            await _offer(request),
            name,
            asker=asker(request),
            wants_individual=request.query_params.get("individual") == "1",
            consent=request.headers.get(CONSENT_HEADER),
        )
    except OfferMalformed as error:
        raise RequestRefused(400, str(error)) from error
    except OfferUnsupported as error:
        raise RequestRefused(422, str(error)) from error
    except (RoomRefused, RoomUnreachable) as error:
        raise RequestRefused(500, str(error)) from error
    except ConsentRefused as error:
        raise RequestRefused(403, str(error)) from error
    except (RoomFull, RoomNotOpen) as error:
        raise RequestRefused(503, str(error), Retry_After=str(RETRY_AFTER_S)) from error
    location = f"{request.url.path}/{admission.resource}"
    headers = {"Location": location, "Cache-Control": "no-store"}
    return Response(admission.answer, 201, headers, media_type="application/sdp")


def _is_of_this_machine(request: Request) -> bool:
    return request.client is None or is_loopback(request.client.host)


def _name(request: Request) -> str:
    """Read the display name; programs that send none, such as OBS, join as a guest."""
    if "name" in request.query_params:
        # Refused, not ignored: with it, `#optout` would be lost.
        raise RequestRefused(
            400, f"Send the name in the header {NAME_HEADER}, percent-encoded: addresses stand in logs."
        )
    given = request.headers.getlist(NAME_HEADER)
    try:
        [text] = given or [""]
        return unquote_to_bytes(text).decode()
    except ValueError as error:  # of UnicodeError too
        raise RequestRefused(400, f"{NAME_HEADER} carries one display name as percent-encoded UTF-8.") from error


async def _offer(request: Request) -> str:
    try:
        body = await bounded_body(request, MAX_OFFER_BYTES)
        if body is None:
            raise RequestRefused(413, f"An offer is {MAX_OFFER_BYTES >> 10} KiB at most.")
        return body.decode()
    except (ClientDisconnect, UnicodeDecodeError) as error:
        raise RequestRefused(400, "This is no SDP offer: it is cut short or no UTF-8 text.") from error


def _authorize(room: "LocalRoom", request: Request) -> None:
    if room.token is None:
        return
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not secrets.compare_digest(token.strip().encode(), room.token.encode()):
        raise RequestRefused(
            401, "Use the link you were invited with: its token is missing or wrong.", WWW_Authenticate="Bearer"
        )
