"""What learning platforms and their browsers ask: how a launch begins and ends, and which keys this service has."""

import logging
from collections.abc import Awaitable
from time import monotonic
from urllib.parse import urlencode

from fastapi import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute

from dashboard_protocol.auth.security_log import SecurityEvent, note
from dashboard_protocol.auth.tokens import Signer
from dashboard_protocol.control_api.room_routes import origin_of
from dashboard_protocol.control_api.service import Control
from dashboard_protocol.errors import LaunchRefused
from dashboard_protocol.http.body import bounded_body
from dashboard_protocol.http.described import HTML, JSON, Described, operation
from dashboard_protocol.http.languages import page_response
from dashboard_protocol.http.request_rules import LTI_LAUNCH, LTI_LOGIN, asker
from dashboard_protocol.language import spoken
from dashboard_protocol.lti.browser_state import BEGUN_S, begin, cookie, cookie_name, read_cookie
from dashboard_protocol.lti.claims import MOST_BYTES, LoginRequest, read_launch, read_login, read_token
from dashboard_protocol.lti.courses import Courses, Launch
from dashboard_protocol.lti.platform_keys import PlatformKeys
from dashboard_protocol.lti.platforms import Platform, Platforms
from dashboard_protocol.lti.spent import SpentNonces
from dashboard_protocol.lti.validation import validate
from dashboard_protocol.rate_limit import RateLimiter
from dashboard_protocol.view.markup import element
from dashboard_protocol.view.plain_text import plain
from dashboard_protocol.view.sentences import say

NOT_VERIFIED = (
    "This launch could not be verified. Open it from your course again, in a window of its own; if that does not help, "
    "whoever runs this service finds in its log why."
)
BURST, PER_S = 300, 20
"""Of one address: a school's whole course may come by one, in one minute."""
FORM = "application/x-www-form-urlencoded"
_FRAMED = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'"
_TEXT = {"type": "string"}
_LOGIN = {
    "type": "object",
    "required": ["iss", "login_hint"],
    "properties": dict.fromkeys(LoginRequest.model_fields, _TEXT),
}
_LAUNCH = {"type": "object", "required": ["state", "id_token"], "properties": {"state": _TEXT, "id_token": _TEXT}}
_log = logging.getLogger(__name__)


class Launches:
    """Takes launches.

    Args:
        platforms: whose.
        control: knows classes.
        signer: binds each to its browser.
        spent: sees that each counts once.
        keys: of the platforms.
        limiter: how often one address may launch; None for as often as a school does.
    """

    def __init__(
        self,
        platforms: Platforms,
        control: Control,
        signer: Signer,
        spent: SpentNonces,
        keys: PlatformKeys,
        limiter: RateLimiter | None = None,
    ) -> None:
        self._platforms = platforms
        self._courses = Courses(control)
        self._public_url = control.public_url
        self._signer = signer
        self._spent = spent
        self._keys = keys
        self._asked = limiter or RateLimiter(BURST, PER_S)

    async def login(self, request: Request) -> Response:
        """Begin a launch: send the browser back to its platform, with a cookie."""
        self._limit(request)
        wanted = read_login(await _form(request))
        platform = self._platforms.find(wanted.iss, wanted.client_id)
        if platform is None:
            raise LaunchRefused(
                f"No such platform is registered: {wanted.iss[:200]!r}, client {wanted.client_id!r:.200}"
            )
        if request.headers.get("sec-fetch-dest") in ("iframe", "frame"):
            return _own_window(request, wanted, platform)
        begun = begin(platform)
        answer = RedirectResponse(self._back(wanted, platform, begun.state, begun.nonce, request), 302)
        answer.headers["cache-control"] = "no-store"
        # Not Lax: the launch ends with a form that a page of the platform posts.
        answer.set_cookie(
            cookie_name(begun.state), cookie(begun, self._signer),
            max_age=round(BEGUN_S), path=LTI_LAUNCH, secure=True, httponly=True, samesite="none",
        )  # fmt: skip
        return answer

    def _back(self, wanted: LoginRequest, platform: Platform, state: str, nonce: str, request: Request) -> str:
        said = {
            "scope": "openid", "response_type": "id_token", "response_mode": "form_post", "prompt": "none",
            "client_id": platform.client_id, "redirect_uri": f"{self._public_url or origin_of(request)}{LTI_LAUNCH}",
            "login_hint": wanted.login_hint, "state": state, "nonce": nonce,
        }  # fmt: skip
        if wanted.lti_message_hint:
            said["lti_message_hint"] = wanted.lti_message_hint
        return f"{platform.auth_url}{'&' if '?' in platform.auth_url else '?'}{urlencode(said)}"

    async def launch(self, request: Request) -> Response:
        """End it: verify what the platform signed, and lead on."""
        self._limit(request)
        form = read_launch(await _form(request))
        begun = read_cookie(request.cookies.get(cookie_name(form.state)), form.state, self._signer)
        token = read_token(form.id_token)
        platform = self._platforms.find(token.claims.iss, token.claims.client_id)
        if platform is None:
            raise LaunchRefused(f"No such platform is registered: {token.claims.iss[:200]!r}")
        validate(form.id_token, token, platform, await self._keys.find(platform, token.header.kid), begun)
        if not await self._spent.spend(begun.nonce):
            raise LaunchRefused("It was launched before")
        said = token.claims
        launch = Launch(platform, said.deployment_id, said.context.id, said.teaches)
        where = await self._courses.leads_to(launch, origin_of(request))
        answer = RedirectResponse(where, 303, {"cache-control": "no-store"})
        answer.delete_cookie(cookie_name(form.state), path=LTI_LAUNCH, secure=True, httponly=True, samesite="none")
        return answer

    def _limit(self, request: Request) -> None:
        if not self._asked.take(asker(request), monotonic()):
            note(SecurityEvent.LIMIT_HIT, "launches")
            raise HTTPException(429, "Too many launches. Try again in a minute.", headers={"retry-after": "60"})


def lti_routes(launches: Launches) -> list[BaseRoute]:
    """Build the routes."""

    async def login(request: Request) -> Response:
        return await _answered(launches.login(request))

    async def launch(request: Request) -> Response:
        return await _answered(launches.launch(request))

    async def jwks(_: Request) -> Response:
        return JSONResponse({"keys": []})

    begins = operation(
        "lti_login", "Begin a launch of LTI 1.3 (OIDC login initiation).", "launching", answers={302: None, 200: HTML},
        refusals=(403, 413, 429), query=dict.fromkeys(LoginRequest.model_fields, _TEXT),
    )  # fmt: skip
    posted = operation(
        "lti_login_form", "The same, as a form.", "launching", answers={302: None, 200: HTML}, refusals=(403, 413, 429),
        body=(FORM, _LOGIN),
    )  # fmt: skip
    ends = operation(
        "lti_launch", "End it: to the class for who teaches the course, to where people come in for everybody else.",
        "launching", answers={303: None}, refusals=(403, 404, 413, 429, 503), body=(FORM, _LAUNCH),
    )  # fmt: skip
    keys = operation(
        "lti_jwks", "The keys with which this service signs what it says to platforms: none, it says nothing.",
        "launching", answers={200: (JSON, {"type": "object", "properties": {"keys": {"type": "array"}}})},
    )  # fmt: skip
    return [
        Described(LTI_LOGIN, login, {"get": begins, "post": posted}),
        Described(LTI_LAUNCH, launch, {"post": ends}),
        Described("/lti/jwks", jwks, {"get": keys}),
    ]


async def _answered(asked: Awaitable[Response]) -> Response:
    """Say the same of everything that is no launch: the cause is the operator's to read."""
    try:
        return await asked
    except LaunchRefused as error:
        note(SecurityEvent.REFUSED, "launch")
        _log.warning("a launch was refused: %s", plain(str(error)))
        raise HTTPException(403, NOT_VERIFIED) from None


async def _form(request: Request) -> bytes:
    if request.method == "GET":
        body: bytes | None = request.url.query.encode()
    else:
        body = await bounded_body(request, MOST_BYTES)
    if body is None or len(body) > MOST_BYTES:
        raise HTTPException(413, "The form is larger than 32 KB.")
    return body


def _own_window(asked: Request, wanted: LoginRequest, platform: Platform) -> Response:
    """Return what stands in a frame of the platform, where browsers keep no cookie of ours: a way out of it.

    It holds nothing but what the platform itself has just said.
    """
    again = f"{LTI_LOGIN}?{urlencode(wanted.model_dump(exclude_none=True))}"

    def draw() -> str:
        head = element(
            "head",
            element("meta", charset="utf-8"),
            element("meta", name="color-scheme", content="light dark"),
            element("title", "classpulse"),
            element("link", rel="stylesheet", href="/static/plain.css"),
        )
        way = element("a", say("launch.open"), href=again, target="_blank", rel="noopener")
        body = element("body", element("main", element("p", say("launch.own_window")), element("p", way)))
        return f"<!doctype html>{element('html', head, body, lang=spoken().value, dir=say('direction'))}"

    policy = f"{_FRAMED}; frame-ancestors {' '.join(platform.origins)}"
    return page_response(asked, draw, {"content-security-policy": policy, "cache-control": "no-store"})
