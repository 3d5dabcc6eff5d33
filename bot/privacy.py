"""The page of a room that anybody may open: what is computed, what leaves the bot, and how not to be read."""

from collections.abc import Callable
from html import escape
from time import monotonic
from typing import TypeVar
from urllib.parse import parse_qs

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from bot.rooms.join import WEB
from bot.rooms.notice import Notice, visible_name
from dashboard_protocol.allowance import Allowances
from dashboard_protocol.errors import ConsentRefused

MAX_BODY_BYTES = 4096
SECURITY = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
# Whether anybody of that name is here, or whose it is, is nobody's business: the answer is always the same.
DONE = "From now on nobody of this name is read in this meeting, also after coming back."

AGREED = "From now on your own values are shown under your name, until you leave or your consent ends."

OptOut = Callable[[str], None]
"""Takes a display name: whoever bears it is not read any more."""
Agree = Callable[[str], None]
"""Takes a consent token: who is here under its name is shown. Raises ConsentRefused."""


class OptOutRequest(BaseModel):
    """Body of the API call."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=200)
    """Display name in the meeting, any capitalisation."""


class Agreement(BaseModel):
    """Body of the API call."""

    model_config = ConfigDict(extra="forbid")

    token: str = Field(min_length=1, max_length=2000)
    """The consent that the person was given."""


Form = TypeVar("Form", bound=BaseModel)


class _Refused(Exception):
    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


def routes(room: str, notice: Notice, opt_out: OptOut, agree: Agree) -> list[BaseRoute]:
    """Build `/privacy/ROOM`, `POST /v1/rooms/ROOM/opt-outs` and `…/agreements`; none asks who is asking.

    Nobody needs leave not to be read; to be shown, a person brings the consent that she was given.

    Args:
        room: The room's name.
        notice: What the people in it are told.
        opt_out: Carries the wish out, at once.
        agree: Takes a consent; only where the notice says that people may agree.
    """
    desk = _Desk(room, notice, opt_out, agree)
    path = f"/privacy/{room}"
    return [
        Route(path, desk.show),
        Route(path, desk.submit, methods=["POST"]),
        Route(path + "/consent", desk.submit_consent, methods=["POST"]),
        Route(f"/v1/rooms/{room}/opt-outs", desk.call, methods=["POST"]),
        Route(f"/v1/rooms/{room}/agreements", desk.call_consent, methods=["POST"]),
        Route("/privacy-assets/page.css", _style),
    ]


class _Desk:
    """Takes the wishes of one room."""

    def __init__(self, room: str, notice: Notice, opt_out: OptOut, agree: Agree) -> None:
        self._room = room
        self._notice = notice
        self._opt_out = opt_out
        self._agree = agree
        self._allowances = Allowances(burst=10, per_s=0.5)

    async def show(self, request: Request) -> Response:
        return _page(self._room, self._notice)

    async def submit(self, request: Request) -> Response:
        try:
            self._opt_out(_field("name", await self._body(request), "Enter your name as the meeting shows it."))
        except _Refused as refusal:
            return _page(self._room, self._notice, trouble=str(refusal), status=refusal.status)
        return _page(self._room, self._notice, done=DONE)

    async def submit_consent(self, request: Request) -> Response:
        try:
            self._take(_field("token", await self._body(request), "Paste the consent you were given."))
        except _Refused as refusal:
            return _page(self._room, self._notice, trouble=str(refusal), status=refusal.status)
        return _page(self._room, self._notice, done=AGREED)

    async def call_consent(self, request: Request) -> Response:
        try:
            self._take(_from_json(Agreement, await self._body(request), '{"token": "the consent"}').token)
        except _Refused as refusal:
            return JSONResponse({"detail": str(refusal)}, refusal.status)
        return Response(status_code=204)

    def _take(self, token: str) -> None:
        try:
            self._agree(token)
        except ConsentRefused as error:
            raise _Refused(403, str(error)) from error

    async def call(self, request: Request) -> Response:
        try:
            wish = _from_json(OptOutRequest, await self._body(request), '{"name": "the display name in the meeting"}')
            self._opt_out(wish.name)
        except _Refused as refusal:
            return JSONResponse({"detail": str(refusal)}, refusal.status)
        return Response(status_code=204)

    async def _body(self, request: Request) -> bytes:
        if not self._allowances.take(request.client.host if request.client else "", monotonic()):
            raise _Refused(429, "Too many tries from here: wait a minute.")
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY_BYTES:
                raise _Refused(413, "That is too long.")
        return body


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
        raise _Refused(422, f"Send {wanted}.") from error


_CONSENT = """  <section class="panel" aria-labelledby="in">
    <h2 id="in">To be shown under your name</h2>
    <form method="post" action="/privacy/{room}/consent">
      <label for="token">The consent you were given, once you are in the meeting</label>
      <input id="token" name="token" maxlength="2000" autocomplete="off" spellcheck="false" required>
      <div class="buttons"><button>Show my own values</button></div>
    </form>
  </section>
"""


def _page(room: str, notice: Notice, *, done: str = "", trouble: str = "", status: int = 200) -> Response:
    title = escape(notice.title or room)
    points = "".join(f"<dt>{escape(heading)}</dt><dd>{escape(text)}</dd>" for heading, text in notice.points)
    return HTMLResponse(
        f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Privacy · {title} · classpulse</title>
<link rel="stylesheet" href="/privacy-assets/page.css">
</head>
<body>
<main>
  <h1>Privacy in {title}</h1>
  <section class="panel" aria-labelledby="who">
    <h2 id="who">Who reads faces here</h2>
    <p class="bot"><strong>{escape(visible_name(notice.bot_name))}</strong></p>
    <p>{escape(notice.summary)}</p>
    <dl>{points}</dl>
    <p class="note">Pictures stay in memory and are never written or sent on. A displayed expression is what a face
    shows, nothing more. Not for grading or discipline.</p>
  </section>
  <section class="panel" aria-labelledby="out">
    <h2 id="out">Not to be read</h2>
    <form method="post" action="/privacy/{escape(room)}">
      <label for="name">Your name, as the meeting shows it</label>
      <input id="name" name="name" maxlength="60" autocomplete="name" required>
      <div class="buttons"><button class="primary">Do not read my face</button></div>
    </form>
    <p id="status" role="status">{escape(done)}</p>
    <p id="trouble" role="alert">{escape(trouble)}</p>
    <p class="note">It takes effect at once and holds for this meeting. You can also add #optout to your name, or tick
    the box on the join page. You stay in the meeting and are counted as present. To be read again, untick that box
    while you are in the room: nobody else can do it for you.</p>
  </section>
{_CONSENT.format(room=escape(room)) if notice.offers_individual else ""}</main>
</body>
</html>
""",
        status,
        SECURITY,
    )
