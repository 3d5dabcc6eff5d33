"""The page of a room that anybody may open: what is computed, what leaves the bot, and how not to be read."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from functools import partial
from time import monotonic
from typing import Protocol, TypeVar
from urllib.parse import parse_qs

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import BaseRoute

from bot.privacy.page import privacy_page
from bot.rooms.local.join_page import WEB
from bot.rooms.notice import Notice, name_key
from dashboard_protocol.auth.consent import ABSENT
from dashboard_protocol.errors import BusError, ConsentRefused
from dashboard_protocol.events import PolicyMeaning, Profile
from dashboard_protocol.http.body import bounded_body
from dashboard_protocol.http.described import HTML, JSON, Described, Operation, operation
from dashboard_protocol.http.languages import LANG_QUERY, asked_language, page_response
from dashboard_protocol.http.problems import FieldProblem, refused
from dashboard_protocol.http.request_rules import asker
from dashboard_protocol.language import Language, speaking
from dashboard_protocol.privacy_requests.base import KEPT_S, SHARE, Noted
from dashboard_protocol.rate_limit import RateLimiter
from dashboard_protocol.view.sentences import say

MAX_BODY_BYTES = 16 << 10
"""A name is as long as a room shows it, each character up to twelve bytes of a form; what is kept of it is short."""
SECURITY = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'",
    # Not no-referrer: with it a form's Origin is "null", as a foreign page's may be, and older browsers say no more.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
FORM = "application/x-www-form-urlencoded"
NO_ROOM = "No bot reads faces in a room of this name."

OptOut = Callable[[str], None]
"""Takes a display name: whoever bears it is not read any more."""
Agree = Callable[[str], None]
"""Takes a consent token: who is here under its name is shown. Raises ConsentRefused."""


class PrivacyBackend(Protocol):
    """Who takes people's requests. Methods raise BusError where the bot cannot be reached."""

    async def notice(self, room: str) -> Notice | None:
        """Return what people may know in a room; None where no bot is or will be."""

    async def opt_out(self, room: str, name: str, asker: str) -> Noted:
        """Have whoever bears a name not be read any more; never refused, however many ask from one address."""

    async def agree(self, room: str, token: str) -> None:
        """Take a consent: who is there under its name is shown. Raises ConsentRefused."""


class BotBackend:
    """That of a bot, for its own room.

    Args:
        known_as: What the room is called in addresses: the meeting's key, and its name for people.
        notice: What the people in it may know.
        opt_out: Carries the request out, at once.
        agree: Takes a consent; only where the notice says that people may agree.
        names: Gives the names of those who are in the room.
    """

    def __init__(
        self,
        known_as: Collection[str],
        notice: Notice,
        opt_out: OptOut,
        agree: Agree,
        names: Callable[[], Iterable[str]] = tuple,
    ) -> None:
        self._known_as = known_as
        self._notice = notice
        self._opt_out = opt_out
        self._agree = agree
        self._names = names
        self._shares = RateLimiter(burst=SHARE, per_s=SHARE / KEPT_S)

    async def notice(self, room: str) -> Notice | None:
        """Return what people may know; None for another room."""
        return self._notice if room in self._known_as else None

    async def opt_out(self, room: str, name: str, asker: str) -> Noted:
        """Carry it out; for those who are there also where the asker's share of the memory is used up."""
        if self._shares.take(asker, monotonic()):
            self._opt_out(name)
            return Noted.HELD
        if name_key(name) in map(name_key, self._names()):
            self._opt_out(name)
        return Noted.PRESENT

    async def agree(self, room: str, token: str) -> None:
        """Take it."""
        self._agree(token)


def notice_of(bot_name: str, title: str, meaning: PolicyMeaning, *, shares_class: bool = False) -> Notice:
    """Say what people in a room may know of its bot."""
    said = short_notice_of(bot_name, title, meaning.profile)
    return replace(said, meaning=meaning, shares_class=shares_class and meaning.profile is not Profile.INDIVIDUAL)


def short_notice_of(bot_name: str, title: str, profile: Profile) -> Notice:
    """Say the same of a bot that is yet to come, of which only this is known."""
    return Notice(
        bot_name=bot_name,
        profile=profile.value,
        title=title,
        offers_individual=profile is Profile.INDIVIDUAL,
    )


class OptOutRequest(BaseModel):
    """Body of the API call."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1)
    """Display name in the meeting, any capitalisation."""


class Agreement(BaseModel):
    """Body of the API call."""

    model_config = ConfigDict(extra="forbid")

    token: str = Field(min_length=1, max_length=2000)
    """The consent that the person was given."""


Form = TypeVar("Form", bound=BaseModel)


class _Refused(Exception):
    def __init__(self, status: int, text: str, errors: tuple[FieldProblem, ...] = ()) -> None:
        super().__init__(text)
        self.status = status
        self.errors = errors


def routes(backend: PrivacyBackend) -> list[BaseRoute]:
    """Build `/privacy/ROOM`, `POST /v1/rooms/ROOM/opt-outs` and `…/agreements`; none asks who is asking.

    Nobody needs leave not to be read; to be shown, a person brings the consent that they were given.
    """
    handlers = _Routes(backend)
    path = "/privacy/{room}"
    return [
        Described(path, handlers.show_or_submit, {"get": _SHOW, "post": _form("opt_out", "name")}),
        Described(path + "/consent", handlers.submit_consent, {"post": _form("agree", "token")}),
        Described("/v1/rooms/{room}/opt-outs", handlers.call, {"post": _CALL}),
        Described("/v1/rooms/{room}/agreements", handlers.call_consent, {"post": _CALL_CONSENT}),
        Described("/privacy-assets/page.css", _style, {"get": _STYLE}),
    ]


def _form(name: str, field: str) -> Operation:
    """Describe what the page's form sends."""
    form = {"type": "object", "properties": {field: {"type": "string"}}, "required": [field]}
    summary = {"name": "Not to be read, by the form.", "token": "To be shown, by the form."}[field]
    return operation(
        f"{name}_by_form", summary, "people", answers={200: HTML}, body=(FORM, form), query=LANG_QUERY,
        refusals=(403, 404, 413, 415, 422, 429, 503),
    )  # fmt: skip


_SHOW = operation(
    "privacy_page", "What is computed in a room, what leaves the bot, and how not to be read.", "people",
    answers={200: HTML}, refusals=(404, 503), query=LANG_QUERY,
)  # fmt: skip
_STYLE = operation("privacy_style", "The page's style.", "pages", answers={200: "text/css"})
_DETAIL = {"type": "object", "properties": {"detail": {"type": "string"}}, "required": ["detail"]}
_CALL = operation(
    "opt_out",
    "Have nobody of a name be read; 202 where it takes a moment. Nobody needs leave for it.",
    "people",
    answers={202: (JSON, _DETAIL), 204: None},
    body=(JSON, OptOutRequest.model_json_schema()),
    refusals=(404, 415, 503),
)
_CALL_CONSENT = operation(
    "agree",
    "Bring the consent that a person was given: they are shown under their name.",
    "people",
    answers={204: None},
    body=(JSON, Agreement.model_json_schema()),
    refusals=(403, 404, 415, 429, 503),
)


class _Routes:
    """Takes requests to the desk."""

    def __init__(self, backend: PrivacyBackend) -> None:
        self._backend = backend
        self._limiter = RateLimiter(burst=10, per_s=0.5)

    async def show_or_submit(self, request: Request) -> Response:
        with speaking(asked_language(request)):
            return await (self._submit(request) if request.method == "POST" else self._page(request))

    async def _submit(self, request: Request) -> Response:
        try:
            body = await self._body(request, FORM)
            noted = await self._opt_out(request, _field("name", body, say("privacy.name_missing")))
        except _Refused as refusal:
            return await self._page(request, trouble=str(refusal), status=refusal.status)
        return await self._page(request, done=_answer(noted))

    async def submit_consent(self, request: Request) -> Response:
        with speaking(asked_language(request)):
            try:
                body = await self._body(request, FORM)
                await self._take(request, _field("token", body, say("privacy.consent_missing")))
            except _Refused as refusal:
                return await self._page(request, trouble=str(refusal), status=refusal.status)
            return await self._page(request, done=say("privacy.agreed"))

    async def call(self, request: Request) -> Response:
        with speaking(Language.EN):
            return await self._call(request)

    async def _call(self, request: Request) -> Response:
        try:
            body = await self._body(request, JSON)
            asked = _from_json(OptOutRequest, body, '{"name": "the display name in the meeting"}')
            noted = await self._opt_out(request, asked.name)
        except _Refused as refusal:
            return refused(request, refusal.status, str(refusal), errors=refusal.errors)
        return Response(status_code=204) if noted is Noted.HELD else JSONResponse({"detail": _answer(noted)}, 202)

    async def call_consent(self, request: Request) -> Response:
        with speaking(Language.EN):
            try:
                asked = _from_json(Agreement, await self._body(request, JSON), '{"token": "the consent"}')
                await self._take(request, asked.token)
            except _Refused as refusal:
                return refused(request, refusal.status, str(refusal), errors=refusal.errors)
            return Response(status_code=204)

    async def _opt_out(self, request: Request, name: str) -> Noted:
        try:
            return await self._backend.opt_out(_room(request), name, asker(request))
        except BusError as error:
            raise _Refused(503, say("privacy.away")) from error

    async def _take(self, request: Request, token: str) -> None:
        if not self._limiter.take(f"{asker(request)} {_room(request)}", monotonic()):
            raise _Refused(429, say("privacy.too_many"))
        try:
            await self._backend.agree(_room(request), token)
        except ConsentRefused as error:
            why = "privacy.consent_unused" if str(error) == ABSENT else "privacy.consent_refused"
            raise _Refused(403, say(why)) from error
        except BusError as error:
            raise _Refused(503, say("privacy.away")) from error

    async def _page(self, request: Request, *, done: str = "", trouble: str = "", status: int = 200) -> Response:
        try:
            notice = await self._notice(request)
        except _Refused as refusal:
            return refused(request, refusal.status, trouble or str(refusal))
        draw = partial(privacy_page, _room(request), notice, done=done, trouble=trouble)
        return page_response(request, draw, SECURITY, status)

    async def _notice(self, request: Request) -> Notice:
        try:
            notice = await self._backend.notice(_room(request))
        except BusError as error:
            raise _Refused(503, say("privacy.away")) from error
        if notice is None:
            raise _Refused(404, NO_ROOM)
        return notice

    async def _body(self, request: Request, kind: str) -> bytes:
        """Read what somebody asks of a room that has a bot, at most 16 KB of the kind that is asked for.

        Text of no kind or another is what pages of other sites can send without asking.
        """
        await self._notice(request)
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != kind:
            raise _Refused(415, f"Send it as {kind}.")
        body = await bounded_body(request, MAX_BODY_BYTES)
        if body is None:
            raise _Refused(413, "That is too long.")
        return body


def _answer(noted: Noted) -> str:
    # Whether anybody of that name is here, or whose it is, is nobody's business: the answer is always the same.
    return say(f"privacy.done.{noted.name.lower()}")


def _room(request: Request) -> str:
    return str(request.path_params["room"])


async def _style(request: Request) -> Response:
    return FileResponse(WEB / "join.css", media_type="text/css", headers={**SECURITY, "Cache-Control": "no-cache"})


def _field(name: str, body: bytes, wanted: str) -> str:
    try:
        value = parse_qs(body.decode(), max_num_fields=5).get(name, [""])[0].strip()
    except (UnicodeDecodeError, ValueError):
        value = ""
    if not value:
        raise _Refused(422, wanted)
    return value


def _from_json(model: type[Form], body: bytes, wanted: str) -> Form:
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        [field] = model.model_fields
        problem = FieldProblem(in_="body", at=f"/{field}", detail=wanted)
        raise _Refused(422, f"Send {wanted}.", (problem,)) from error
