"""The WHIP endpoint of a local room (RFC 9725): POST an offer, get an answer, DELETE to leave.

With `?as=gallery` the video is a window that shows many people, and the bearer token that of an instructor's link.
It supports neither trickle ICE nor ICE restarts, and answers PATCH with 405.
"""

import secrets
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from bot.errors import BotError, RoomRefused, RoomUnreachable
from bot.rooms.local.admission import (
    CONSENT_HEADER,
    MAX_OFFER_BYTES,
    NAME_HEADER,
    Admission,
    GalleryRefused,
    RoomFull,
    RoomNotOpen,
)
from bot.rooms.local.descriptions import LEAVE, OPTIONS, PUBLISH
from bot.rooms.webrtc.sdp import OfferMalformed, OfferUnsupported
from dashboard_protocol.errors import ConsentRefused
from dashboard_protocol.http.body import bounded_body
from dashboard_protocol.http.described import Described
from dashboard_protocol.http.problems import refused as problem
from dashboard_protocol.http.proxies import is_loopback
from dashboard_protocol.http.request_rules import asker

if TYPE_CHECKING:
    from bot.rooms.local.room import LocalRoom

RETRY_AFTER_S = 5
ELSEWHERE = (
    "Video is received on the bot's own machine alone, so nobody can come from elsewhere: "
    "its operator names an address of that machine (--media-host for a worker, --host for a bot alone)."
)


NOT_THEIRS = (
    "Only who holds an instructor's link of this class shares a window: send what stands behind #t= in it as bearer "
    "token."
)


class RequestRefused(BotError):
    """A request that cannot be served, with the status that says so."""

    def __init__(self, status: int, text: str, **headers: str) -> None:
        super().__init__(text)
        self.status = status
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


Opens = Callable[[str], bool]
"""Says whether the token of an instructor's link opens this class."""


def routes(
    room: "LocalRoom",
    opens: Opens = lambda link: False,
    shared: Callable[[bool], object] = lambda is_confirmed: None,
) -> list[BaseRoute]:
    """Build the endpoint's routes for one room. Other origins get no CORS headers, so browsers keep them out.

    Args:
        room: The room.
        opens: Knows instructors' links.
        shared: Called when a window is shared, with whether the instructor confirmed that its people were informed.
    """

    async def endpoint(request: Request) -> Response:
        if request.method == "OPTIONS":
            return Response(status_code=204, headers={"Allow": "OPTIONS, POST", "Accept-Post": "application/sdp"})
        try:
            is_gallery = _is_gallery(request)
            return await (_share(room, request, opens, shared) if is_gallery else _publish(room, request))
        except RequestRefused as refused:
            return problem(request, refused.status, str(refused), headers=refused.headers)

    async def session(request: Request) -> Response:
        try:
            _authorize(room, request, opens)
        except RequestRefused as refused:
            return problem(request, refused.status, str(refused), headers=refused.headers)
        if not room.dismiss(request.path_params["resource"]):
            return problem(request, 404, "This publisher has left already.")
        return Response(status_code=200)

    path = f"/whip/{room.name}"
    return [
        Described(path, endpoint, {"options": OPTIONS, "post": PUBLISH}),
        Described(path + "/{resource}", session, {"delete": LEAVE}),
    ]


async def _publish(room: "LocalRoom", request: Request) -> Response:
    _authorize(room, request)
    _check_offer(room, request)
    name = _name(request)
    admitting = room.admit(
        await _offer(request),
        name,
        asker=asker(request),
        wants_individual=request.query_params.get("individual") == "1",
        consent=request.headers.get(CONSENT_HEADER),
    )
    return await _answered(request, admitting)


async def _share(room: "LocalRoom", request: Request, opens: Opens, shared: Callable[[bool], object]) -> Response:
    if not opens(_bearer(request)):
        raise RequestRefused(401, NOT_THEIRS, WWW_Authenticate="Bearer")
    _check_offer(room, request)
    asks_first = request.query_params.get("ask") == "1"
    offer = await _offer(request)
    response = await _answered(request, room.admit_gallery(offer, asker=asker(request), asks_first=asks_first))
    shared(request.query_params.get("informed") == "1")
    return response


def _is_gallery(request: Request) -> bool:
    """Read what the video is; refused where it is unknown, for a class that is taken for one person is misread."""
    wanted = request.query_params.getlist("as")
    if wanted not in ([], ["gallery"]):
        raise RequestRefused(400, "Say as=gallery for a window that shows many people, and nothing for one person.")
    return bool(wanted)


def _check_offer(room: "LocalRoom", request: Request) -> None:
    if room.is_on_loopback and not _is_of_this_machine(request):
        raise RequestRefused(409, ELSEWHERE)
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/sdp":
        raise RequestRefused(415, "Send the offer as application/sdp.", Accept_Post="application/sdp")


async def _answered(request: Request, admitting: Awaitable[Admission]) -> Response:
    try:
        admission = await admitting
    except OfferMalformed as error:
        raise RequestRefused(400, str(error)) from error
    except OfferUnsupported as error:
        raise RequestRefused(422, str(error)) from error
    except (RoomRefused, RoomUnreachable) as error:
        raise RequestRefused(500, str(error)) from error
    except (ConsentRefused, GalleryRefused) as error:
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


def _authorize(room: "LocalRoom", request: Request, opens: Opens = lambda link: False) -> None:
    """Refuse who brings no token of this room; where it is known, an instructor's link is one."""
    token = _bearer(request)
    if room.token is None or secrets.compare_digest(token.encode(), room.token.encode()) or opens(token):
        return
    raise RequestRefused(
        401, "Use the link you were invited with: its token is missing or wrong.", WWW_Authenticate="Bearer"
    )


def _bearer(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""
