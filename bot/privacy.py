"""The page of a room that anybody may open: what is computed, what leaves the bot, and how not to be read."""

from collections.abc import Callable
from html import escape
from time import monotonic
from urllib.parse import parse_qs

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from bot.rooms.join import WEB
from bot.rooms.notice import Notice, visible_name
from dashboard_protocol.allowance import Allowances

MAX_BODY_BYTES = 2048
SECURITY = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
# Whether anybody of that name is here, or whose it is, is nobody's business: the answer is always the same.
DONE = "From now on nobody of this name is read in this meeting, also after coming back."

OptOut = Callable[[str], None]
"""Takes a display name: whoever bears it is not read any more."""


class OptOutRequest(BaseModel):
    """Body of the API call."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=200)
    """Display name in the meeting, any capitalisation."""


class _Refused(Exception):
    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


def routes(room: str, notice: Notice, opt_out: OptOut) -> list[BaseRoute]:
    """Build `/privacy/ROOM` and `POST /v1/rooms/ROOM/opt-outs`; neither asks who is asking.

    Args:
        room: The room's name.
        notice: What the people in it are told.
        opt_out: Carries the wish out, at once.
    """
    desk = _Desk(room, notice, opt_out)
    path = f"/privacy/{room}"
    return [
        Route(path, desk.show),
        Route(path, desk.submit, methods=["POST"]),
        Route(f"/v1/rooms/{room}/opt-outs", desk.call, methods=["POST"]),
        Route("/privacy-assets/page.css", _style),
    ]


class _Desk:
    """Takes the wishes of one room."""

    def __init__(self, room: str, notice: Notice, opt_out: OptOut) -> None:
        self._room = room
        self._notice = notice
        self._opt_out = opt_out
        self._allowances = Allowances(burst=10, per_s=0.5)

    async def show(self, request: Request) -> Response:
        return _page(self._room, self._notice)

    async def submit(self, request: Request) -> Response:
        try:
            self._opt_out(_from_form(await self._body(request)))
        except _Refused as refusal:
            return _page(self._room, self._notice, trouble=str(refusal), status=refusal.status)
        return _page(self._room, self._notice, done=DONE)

    async def call(self, request: Request) -> Response:
        try:
            self._opt_out(_from_json(await self._body(request)))
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
                raise _Refused(413, "That is too long for a name.")
        return body


async def _style(request: Request) -> Response:
    return FileResponse(WEB / "join.css", media_type="text/css", headers={**SECURITY, "Cache-Control": "no-cache"})


def _from_form(body: bytes) -> str:
    try:
        name = parse_qs(body.decode(), max_num_fields=5).get("name", [""])[0].strip()
    except (UnicodeDecodeError, ValueError):
        name = ""
    if not name:
        raise _Refused(422, "Enter your name as the meeting shows it.")
    return name


def _from_json(body: bytes) -> str:
    try:
        return OptOutRequest.model_validate_json(body).name
    except ValidationError as error:
        raise _Refused(422, 'Send {"name": "the display name in the meeting"}.') from error


def _page(room: str, notice: Notice, *, done: str = "", trouble: str = "", status: int = 200) -> Response:
    points = "".join(f"<dt>{escape(heading)}</dt><dd>{escape(text)}</dd>" for heading, text in notice.points)
    return HTMLResponse(
        f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Privacy · {escape(room)} · classpulse</title>
<link rel="stylesheet" href="/privacy-assets/page.css">
</head>
<body>
<main>
  <h1>Privacy in {escape(room)}</h1>
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
    <form method="post">
      <label for="name">Your name, as the meeting shows it</label>
      <input id="name" name="name" maxlength="60" autocomplete="name" required>
      <div class="buttons"><button class="primary">Do not read my face</button></div>
    </form>
    <p id="status" role="status">{escape(done)}</p>
    <p id="trouble" role="alert">{escape(trouble)}</p>
    <p class="note">It takes effect at once and holds for this meeting. You can also add #optout to your name, or tick
    the box on the join page. You stay in the meeting and are counted as present.</p>
  </section>
</main>
</body>
</html>
""",
        status,
        SECURITY,
    )
