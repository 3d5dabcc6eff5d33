"""What every request passes before any route sees it, and every answer on its way out: the server's ASGI middleware."""

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboard_protocol.auth.security_log import SecurityEvent, note
from dashboard_protocol.http.problems import refused
from dashboard_protocol.http.request_rules import WRONG_HOST, Asked, Refusal, RequestRules

SAFE_HEADERS = {
    "content-security-policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
"""Of every answer that does not say otherwise itself; pages say which files of ours they take."""
_STARTS = ("http.response.start", "websocket.http.response.start")
_SCHEMES = {"http": "http", "https": "https"}


class RequestGuard:
    """Refuses what the rules refuse, gives routes the asker's own address, and adds `SAFE_HEADERS`.

    Args:
        app: what is behind it.
        rules: what is taken.
    """

    def __init__(self, app: ASGIApp, rules: RequestRules) -> None:
        self._app = app
        self._rules = rules

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or WebSocket."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)

        async def send_safely(message: Message) -> None:
            if message["type"] in _STARTS:
                answer = MutableHeaders(scope=message)
                for name, value in SAFE_HEADERS.items():
                    answer.setdefault(name, value)
            await send(message)

        refusal = self._rules.refusal(_asked(scope, headers))
        if refusal is None:
            await self._app(self._as_asked(scope, headers), receive, send_safely)
        else:
            await _refuse(scope, receive, refusal, send_safely)
            note(SecurityEvent.REFUSED, "host" if refusal is WRONG_HOST else "origin")

    def _as_asked(self, scope: Scope, headers: Headers) -> Scope:
        """Return the scope with the address of whoever asks, and the scheme in which they did."""
        peer = scope["client"][0] if scope.get("client") else ""
        if not self._rules.believes(peer):
            return scope
        asker = self._rules.asker(peer, headers.getlist("x-forwarded-for"))
        scheme = _SCHEMES.get(headers.get("x-forwarded-proto", "").strip().lower())
        if scheme is not None and scope["type"] == "websocket":
            scheme = scheme.replace("http", "ws")
        return {**scope, "client": (asker, 0), "scheme": scheme or scope["scheme"]}


def _asked(scope: Scope, headers: Headers) -> Asked:
    hosts = headers.getlist("host")
    return Asked(
        path=scope["path"],
        method=scope.get("method", ""),
        host=hosts[0] if len(hosts) == 1 else "",
        origin=headers.get("origin", ""),
        fetch_site=headers.get("sec-fetch-site", ""),
        reached_at=scope["server"][0] if scope.get("server") else "",
    )


async def _refuse(scope: Scope, receive: Receive, refusal: Refusal, send: Send) -> None:
    answer = refused(HTTPConnection(scope), refusal.status, refusal.text)
    if scope["type"] == "http":
        await answer(scope, receive, send)
        return
    start = {"type": "websocket.http.response.start", "status": answer.status_code, "headers": answer.raw_headers}
    await send(start)
    await send({"type": "websocket.http.response.body", "body": answer.body})
