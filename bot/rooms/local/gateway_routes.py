"""Local rooms of a worker's bots, as people reach them at a gateway: join page and WHIP, handed on to the bot.

The bot listens on loopback of its worker's machine: a gateway there hands on what opens and ends a stay, and any other
says why it does not. Video does not come this way, it goes to the bot directly.
"""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from time import monotonic

import httpx
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from bot.errors import BotError
from bot.rooms.local import join_page
from bot.rooms.local.admission import CONSENT_HEADER, MAX_OFFER_BYTES, NAME_HEADER
from bot.rooms.local.descriptions import CLASS, DECIDE, FOUND, LEAVE, OPTIONS, PUBLISH, READ, READING, TEACH
from bot.rooms.local.join_page import NOT_KEPT, assets, describe, page
from bot.rooms.notice import Notice
from dashboard_protocol.errors import BusError, OutboundRefused, OutboundUnreachable
from dashboard_protocol.http.body import bounded_body
from dashboard_protocol.http.described import Described
from dashboard_protocol.http.languages import asked_language
from dashboard_protocol.http.outbound import Answer, Server
from dashboard_protocol.http.problems import refused as problem
from dashboard_protocol.http.proxies import is_loopback
from dashboard_protocol.http.request_rules import asker
from dashboard_protocol.language import speaking
from dashboard_protocol.queue.base import Queue
from dashboard_protocol.queue.records import BotRecord
from dashboard_protocol.queue.worker_names import is_of_this_machine
from dashboard_protocol.rate_limit import RateLimiter
from dashboard_protocol.room_urls import LOCAL, read_room

ANSWER_S = 15.0
"""An offer may wait nine seconds for a place."""
MOST_OFFERS = 256
"""That one gateway hands on at a time; as many wait at a bot."""
RETRY_AFTER_S = 5
STAY = re.compile(r"[A-Za-z0-9_-]{1,64}")
ASKED = ("content-type", "authorization", NAME_HEADER, CONSENT_HEADER)
ANSWERED = ("content-type", "allow", "accept-post", "www-authenticate", "retry-after", "cache-control")
NO_ROOM = "No bot reads faces in a room of this name."
NOT_LOCAL = "People come into this meeting at its own address, not here."
NOT_YET = "The bot is not in this room yet: try again in a moment."
NO_ANSWER = "The bot of this room does not answer: try again in a moment."
ELSEWHERE = (
    "The bot of this room runs on another machine than this gateway, and is reached on its own alone: "
    "run a gateway beside its worker."
)

NoticeOf = Callable[[str], Awaitable[Notice | None]]
"""Returns what people in a room, by its key, may know of its bot; None where none is or will be."""


class RequestRefused(BotError):
    """What cannot be handed on, with the status that says so."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


@dataclass(frozen=True, slots=True)
class _Bot:
    """Where the bot of a room is asked."""

    name: str
    """The room's, as its bot knows it."""
    origin: httpx.URL

    def whip(self, rest: str = "", query: str = "") -> httpx.URL:
        return self.origin.copy_with(path=f"/whip/{self.name}{rest}", query=query.encode() or None)


def routes(queue: Queue, notice_of: NoticeOf) -> list[BaseRoute]:
    """Build `/join/ROOM`, `/share/ROOM` and `/whip/ROOM`, where ROOM is a meeting's key.

    Args:
        queue: Knows which bot serves a room, and where.
        notice_of: Returns what people may know, also of a bot that is yet to come.
    """
    at = _LocalRooms(queue, notice_of)
    return [
        Described("/join/{room}", at.refusing(at.show), {"get": join_page.PAGE}),
        Described("/join/{room}/info.json", at.refusing(at.info), {"get": join_page.INFO}),
        Described("/share/{room}", at.refusing(at.show), {"get": join_page.SHARE_PAGE}),
        assets(),
        Described("/whip/{room}", at.refusing(at.publish), {"options": OPTIONS, "post": PUBLISH}),
        Described("/whip/{room}/{stay}", at.refusing(at.stay), {"delete": LEAVE}),
        Described("/whip/{room}/{stay}/reading", at.refusing(at.stay), {"get": READING, "put": READ}),
        Described("/whip/{room}/{stay}/class", at.refusing(at.stay), {"get": CLASS}),
        Described("/whip/{room}/{stay}/teaching", at.refusing(at.stay), {"put": TEACH}),
        Described("/whip/{room}/{stay}/people", at.refusing(at.stay), {"get": FOUND, "put": DECIDE}),
    ]


class _LocalRooms:
    def __init__(self, queue: Queue, notice_of: NoticeOf) -> None:
        self._queue = queue
        self._notice_of = notice_of
        self._limiter = RateLimiter(burst=300, per_s=20)
        """A class behind one address comes at once. Leaving, and asking not to be read, count for nothing."""
        self._offers = 0

    @staticmethod
    def refusing(handle: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
        """Answer what a handler refuses."""

        async def handled(request: Request) -> Response:
            try:
                return await handle(request)
            except RequestRefused as refused:
                status, text = refused.status, str(refused)
            except BusError as error:
                status, text = 503, str(error)
            retry = {"Retry-After": str(RETRY_AFTER_S)} if status in (429, 503) else {}
            return problem(request, status, text, headers=retry)

        return handled

    async def show(self, request: Request) -> Response:
        """Give the join or share page, or say why nobody can join."""
        self._count(request)
        record = await self._record(request)
        if record.worker is not None:
            _check_machine(record)
        return page(request)

    async def info(self, request: Request) -> Response:
        """Return what awaits people; where the bot is not there yet, what is known of it."""
        self._count(request)
        record = await self._record(request)
        try:
            bot = _bot_of(record)
            at = bot.origin.copy_with(
                path=f"/join/{bot.name}/info.json", query=f"lang={asked_language(request)}".encode()
            )
            answer = await self._ask(request, "GET", at)
            if answer.status == 200:
                return _handed_back(answer)
        except RequestRefused as refused:
            if refused.status != 503:
                raise
        notice = await self._notice_of(record.invitation.room)
        if notice is None:
            raise RequestRefused(404, NO_ROOM)
        with speaking(asked_language(request)):
            described = describe(_name_of(record), notice, is_open=False, needs_token=True)
        return JSONResponse(described, headers=NOT_KEPT)

    async def publish(self, request: Request) -> Response:
        """Hand an offer on."""
        self._count(request)
        bot = _bot_of(await self._record(request))
        content = await _text(request, MAX_OFFER_BYTES)
        if self._offers >= MOST_OFFERS:
            raise RequestRefused(503, "Too many people join at once: try again in a moment.")
        self._offers += 1
        try:
            answer = await self._ask(request, request.method, bot.whip(query=request.url.query), content)
        finally:
            self._offers -= 1
        back = _handed_back(answer)
        location = answer.headers.get("location", "").removeprefix(f"/whip/{bot.name}/")
        if STAY.fullmatch(location):
            back.headers["Location"] = f"{request.url.path}/{location}"
        return back

    async def stay(self, request: Request) -> Response:
        """Hand on what somebody who is there asks: to leave, of themselves, or of the people in their window."""
        stay = str(request.path_params["stay"])
        if not STAY.fullmatch(stay):
            raise RequestRefused(404, "There is no such stay.")
        bot = _bot_of(await self._record(request))
        said = request.url.path.rpartition("/")[2]
        rest = f"/{stay}/{said}" if said in ("class", "people", "reading", "teaching") else f"/{stay}"
        content = await _text(request, MAX_OFFER_BYTES)
        return _handed_back(await self._ask(request, request.method, bot.whip(rest), content))

    def _count(self, request: Request) -> None:
        if not self._limiter.take(asker(request), monotonic()):
            raise RequestRefused(429, "Too many requests from your network: try again in a moment.")

    async def _record(self, request: Request) -> BotRecord:
        """Find the bot of a local room."""
        room = str(request.path_params["room"])
        bot = await self._queue.serving(room)
        record = None if bot is None else await self._queue.bot(bot)
        if record is None:
            raise RequestRefused(404, NO_ROOM)
        if read_room(record.invitation.room_url).places[0].scheme != LOCAL:
            raise RequestRefused(404, NOT_LOCAL)
        return record

    @staticmethod
    async def _ask(request: Request, method: str, url: httpx.URL, content: str | None = None) -> Answer:
        headers = {name: request.headers[name] for name in ASKED if name in request.headers}
        headers["x-forwarded-for"] = request.client.host if request.client else ""
        try:
            return await Server(url).ask(method, url, content=content or None, headers=headers, within_s=ANSWER_S)
        except (OutboundUnreachable, OutboundRefused):
            raise RequestRefused(503, NO_ANSWER) from None


def _check_machine(record: BotRecord) -> None:
    if record.worker is None or not is_of_this_machine(record.worker):
        raise RequestRefused(409, ELSEWHERE)


def _bot_of(record: BotRecord) -> _Bot:
    """Say where a bot is asked.

    Raises:
        RequestRefused: It is not there yet, or elsewhere.
    """
    if record.worker is None or record.join is None:
        raise RequestRefused(503, NOT_YET)
    _check_machine(record)
    try:
        origin = httpx.URL(record.join).copy_with(path="/", query=None, fragment=None)
    except httpx.InvalidURL:
        raise RequestRefused(503, NO_ANSWER) from None
    if not is_loopback(origin.host):  # whatever stands there: nobody but this machine is asked
        raise RequestRefused(409, ELSEWHERE)
    return _Bot(_name_of(record), origin)


def _name_of(record: BotRecord) -> str:
    return read_room(record.invitation.room_url).name


async def _text(request: Request, most_bytes: int) -> str:
    try:
        body = await bounded_body(request, most_bytes)
        if body is None:
            raise RequestRefused(413, f"This is more than {most_bytes >> 10} KiB.")
        return body.decode()
    except (ClientDisconnect, UnicodeDecodeError) as error:
        raise RequestRefused(400, "This is cut short or no UTF-8 text.") from error


def _handed_back(answer: Answer) -> Response:
    headers = {name: answer.headers[name] for name in ANSWERED if name in answer.headers}
    return Response(answer.text, answer.status, {**NOT_KEPT, **headers})
