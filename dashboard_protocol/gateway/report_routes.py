"""The report of a class for whoever holds its link: on the page, as a file, as a table; for as long as it is kept."""

import asyncio
import functools
import json
from time import monotonic
from typing import Final, NamedTuple
from urllib.parse import parse_qs
from zoneinfo import ZoneInfo, available_timezones

from fastapi import FastAPI, HTTPException, Request, Response

from dashboard_protocol.auth.links import STANDING, Access
from dashboard_protocol.auth.security_log import SecurityEvent, note
from dashboard_protocol.bus.base import Bus
from dashboard_protocol.codec import encode
from dashboard_protocol.errors import AccessDenied, BusError
from dashboard_protocol.events import Event, Hello
from dashboard_protocol.gateway.static_files import room_page
from dashboard_protocol.http.body import bounded_body
from dashboard_protocol.http.described import HTML, Described, operation
from dashboard_protocol.http.languages import LANG_QUERY, asked_language
from dashboard_protocol.http.request_rules import asker
from dashboard_protocol.language import speaking
from dashboard_protocol.messages import REFUSAL
from dashboard_protocol.rate_limit import RateLimiter
from dashboard_protocol.report import NewestClass, render_csv, render_html
from dashboard_protocol.report.findings import found
from dashboard_protocol.view.record import Record

MAX_BODY_BYTES = 4096
BURST = 20
PER_S = 0.5
"""Drawing a report takes a moment of a processor; a page asks once, and once for each file."""
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
KINDS: Final = ("page", "html", "csv")
_PAGE = {200: HTML}
_FORM = {
    "type": "object",
    "required": ["token", "as"],
    "properties": {
        "token": {"type": "string"},
        "as": {"type": "string", "enum": list(KINDS)},
        "zone": {"type": "string", "description": "A time zone by its name, such as Europe/Berlin."},
        **LANG_QUERY,
    },
}


class Reports:
    """Draws the report of a class from what the bus keeps of it."""

    def __init__(self, bus: Bus, access: Access) -> None:
        self._bus = bus
        self._access = access
        self._asked = RateLimiter(BURST, PER_S)

    async def answer(self, room: str, request: Request) -> Response:
        """Answer a form: `token` of a session or a report's address, `as`, one of `KINDS`, and the asker's `zone`."""
        if not self._asked.take(asker(request), monotonic()):
            note(SecurityEvent.LIMIT_HIT, "reports")
            raise HTTPException(429, "Too many attempts. Try again in a minute.", headers={"retry-after": "60"})
        form = await _form(request)
        try:
            held = self._access.read_report(room, form.token)
        except AccessDenied:
            note(SecurityEvent.REFUSED, "report")
            raise HTTPException(403, REFUSAL) from None
        try:
            record = await class_record(self._bus, room, held.meeting)
        except BusError as error:
            raise HTTPException(503, str(error), headers={"retry-after": "5"}) from None
        if record.hello is None:
            raise HTTPException(404, "Nothing of this class is kept any more.")
        site = str(request.base_url).rstrip("/")
        with speaking(asked_language(request, form.language)):
            return await asyncio.to_thread(_drawn, record, form, site)  # takes too long for the readers' loop


async def class_record(bus: Bus, room: str, meeting: str) -> Record:
    """Fold what is kept of one class; of the newest for `STANDING`.

    Raises:
        BusError: The bus cannot be reached.
    """
    newest, seen = NewestClass(), STANDING
    async for event in bus.archive(room):
        seen = event.body.meeting if isinstance(event.body, Hello) else seen
        if meeting in (STANDING, seen):
            newest.apply(event)
    return newest.record


def add_reports(app: FastAPI, reports: Reports) -> None:
    """Add the routes: the page, which finds what opens it in its address, and what it asks for."""

    async def report(request: Request) -> Response:
        if request.method != "POST":
            return room_page(request)
        return await reports.answer(request.path_params["room"], request)

    page = operation(
        "report_page",
        "The page of a class that is over, by its report's address.",
        "pages",
        answers=_PAGE,
        query=LANG_QUERY,
    )
    asked = operation(
        "report_file",
        "The report for whoever shows what opens it: a file, a table, or what the page folds.",
        "pages",
        answers=_PAGE,
        refusals=(403, 404, 413, 422, 429, 503),
        query=LANG_QUERY,
        body=("application/x-www-form-urlencoded", _FORM),
    )
    app.router.routes.append(Described("/rooms/{room}/report", report, {"get": page, "post": asked}))


class _Form(NamedTuple):
    token: str
    kind: str
    zone: ZoneInfo | None
    language: str


async def _form(request: Request) -> _Form:
    body = await bounded_body(request, MAX_BODY_BYTES)
    if body is None:
        raise HTTPException(413, "The body is larger than 4 KB.")
    try:
        fields = parse_qs(body.decode(), max_num_fields=5)
    except (UnicodeDecodeError, ValueError):
        fields = {}
    token, kind, zone, language = (fields.get(name, [""])[0] for name in ("token", "as", "zone", "lang"))
    if kind not in KINDS:
        raise HTTPException(422, f"Send token and as, one of {', '.join(KINDS)}.")
    return _Form(token, kind, _zone(zone), language)


def _zone(name: str) -> ZoneInfo | None:
    """Find a zone by its name; one that this machine does not know is its own."""
    return ZoneInfo(name) if name in _available_zones() else None


@functools.cache
def _available_zones() -> frozenset[str]:
    # Once: what is asked for then opens no file of any other name.
    return frozenset(available_timezones())


def _drawn(record: Record, form: _Form, site: str) -> Response:
    headers = {"cache-control": "no-store", "content-security-policy": CONTENT_SECURITY_POLICY}
    if form.kind == "csv":
        headers["content-disposition"] = 'attachment; filename="report.csv"'
        return Response(render_csv(record), media_type="text/csv", headers=headers)
    if form.kind == "html":
        return Response(render_html(record, form.zone, site), media_type="text/html", headers=headers)
    return Response(_for_the_page(record, form.zone), media_type="application/json", headers=headers)


def _for_the_page(record: Record, zone: ZoneInfo | None) -> str:
    """Say what the page's script folds as it folds the feed, over the whole class, and what stands above it."""
    assert record.hello is not None
    said = found(record, zone=zone)
    at = record.at or 0.0
    bodies = (record.hello, record.snapshot())
    events = ",".join(encode(Event(room=record.room, epoch=0, seq=0, at=at, body=body)) for body in bodies)
    above = json.dumps({"headline": said.headline, "findings": said.findings}, ensure_ascii=False)
    return f'{above[:-1]}, "events": [{events}]}}'
