"""Who may use the control API, how often, and with how large a body."""

import time

from fastapi import HTTPException, Request
from starlette.types import ASGIApp, Message, Receive, Send
from starlette.types import Scope as AsgiScope

from dashboard_protocol.auth.links import Access
from dashboard_protocol.auth.security_log import SecurityEvent, note
from dashboard_protocol.control_api.api_keys import OPERATOR, PREFIX, ApiKey, ApiKeys, Scope
from dashboard_protocol.errors import AccessDenied
from dashboard_protocol.http.request_rules import asker
from dashboard_protocol.rate_limit import RateLimiter

REQUESTS_BURST = 60
REQUESTS_PER_S = 5.0
UNAUTHENTICATED_BURST = 20
UNAUTHENTICATED_PER_S = 0.5
MAX_BODY_BYTES = 16_384
PREFIX_OF_PATHS = "/v1/"


class ApiKeyAuth:
    """Lets requests in by their API key.

    Args:
        keys: who may do what.
        access: knows the operator of this machine, whose shell holds the secret itself and so needs no key.
    """

    def __init__(self, keys: ApiKeys, access: Access) -> None:
        self._keys = keys
        self._access = access
        self._known = RateLimiter(REQUESTS_BURST, REQUESTS_PER_S)
        self._unauthenticated = RateLimiter(UNAUTHENTICATED_BURST, UNAUTHENTICATED_PER_S)

    def admit(self, request: Request, scope: Scope | None) -> ApiKey:
        """Return the request's key; refuse it with 401, 403 or 429. None for a scope takes any key."""
        known = self.known(request)
        if scope is not None and not known.opens(scope):
            note(SecurityEvent.REFUSED, f"scope {scope.value}", key=known.fingerprint)
            raise HTTPException(403, f"The API key {known.name!r} lacks the scope {scope.value!r}.")
        return known

    def known(self, request: Request) -> ApiKey:
        """Return the request's key, whatever it opens; refuse it with 401 or 429."""
        try:
            known = self._holder(request)
        except AccessDenied as error:
            note(SecurityEvent.REFUSED, "key")
            self._limit(self._unauthenticated, asker(request))
            raise HTTPException(401, str(error), headers={"www-authenticate": "Bearer"}) from None
        self._limit(self._known, known.name)
        note(SecurityEvent.KEY_USED, key=known.fingerprint)
        return known

    def _holder(self, request: Request) -> ApiKey:
        kind, _, key = request.headers.get("authorization", "").partition(" ")
        shown = key if kind.lower() == "bearer" else ""
        # The port at which it really came in: what a request says of its address is the asker's choice.
        server = request.scope.get("server")
        if server and server[1] and not shown.startswith(PREFIX) and self._access.is_operator(shown, server[1]):
            return OPERATOR
        return self._keys.check(shown)

    def _limit(self, limiter: RateLimiter, key: str) -> None:
        if not limiter.take(key, time.monotonic()):
            note(SecurityEvent.LIMIT_HIT, "requests")
            raise HTTPException(429, "Too many requests. Try again in a few seconds.", headers={"retry-after": "5"})


class BoundedBody:
    """Refuses bodies that no request of this API has; what else is served beside it has bounds of its own."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Count what comes in."""
        size = 0

        async def counted() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > MAX_BODY_BYTES:
                raise HTTPException(413, "The body is larger than 16 KB.")
            return message

        is_bounded = scope["type"] == "http" and scope["path"].startswith(PREFIX_OF_PATHS)
        await self._app(scope, counted if is_bounded else receive, send)
