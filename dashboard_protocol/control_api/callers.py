"""Who asks, and whether they may: answered once, before any route of the control API runs, as its description says.

What `openapi.json` says of a call under `security` and of its query is what is enforced here; a call that says nothing
keeps the whole service from starting.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from re import Pattern
from typing import Annotated, Any

from fastapi import Depends, HTTPException, Request
from fastapi.routing import APIRoute
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as AsgiScope

from dashboard_protocol.control_api.api_keys import ApiKey, Scope
from dashboard_protocol.control_api.auth import ApiKeyAuth
from dashboard_protocol.http.described import Described
from dashboard_protocol.http.problems import API, FieldProblem, refused

KEY = "key"
"""The security scheme of calls that take an API key."""
OPEN: dict[str, Any] = {"security": []}
"""What a call says that takes no API key."""


def needs(scope: Scope | None) -> dict[str, Any]:
    """Return what a call says that takes a key of a scope; None for any key."""
    return {"security": [{KEY: [] if scope is None else [scope.value]}]}


@dataclass(frozen=True)
class Call:
    """What one method of a route says of itself."""

    route: str
    """Its path, as the route has it."""
    path: Pattern[str]
    method: str
    security: Sequence[Mapping[str, Sequence[str]]]
    query: frozenset[str]
    """Names that its address may carry."""

    @property
    def is_keyed(self) -> bool:
        """Whether it takes an API key and nothing else; one that takes something else too asks for it itself."""
        return bool(self.security) and all(KEY in each for each in self.security)

    @property
    def scope(self) -> Scope | None:
        """The scope that the key needs; None for any."""
        named = [scope for each in self.security for scope in each.get(KEY, ())]
        return Scope(named[0]) if named else None


def leaves(routes: Iterable[BaseRoute]) -> Iterator[BaseRoute]:
    """Yield routes, and those of routers that were included."""
    for route in routes:
        included = getattr(route, "original_router", None)
        if included is None:
            yield route
        else:
            yield from leaves(included.routes)


def calls(routes: Iterable[BaseRoute]) -> Iterator[Call]:
    """Yield what every route of the API says of itself.

    Raises:
        LookupError: One does not say who may ask.
    """
    for route in leaves(routes):
        if not isinstance(route, Route | APIRoute) or not route.path.startswith(API):
            continue
        for method in (route.methods or set()) - {"HEAD"}:
            said = _said(route, method)
            if said is None or "security" not in said:
                raise LookupError(f"{method} {route.path} does not say who may ask")
            query = {each["name"] for each in said.get("parameters", ()) if each["in"] == "query"}
            if isinstance(route, APIRoute):
                query |= {parameter.alias for parameter in route.dependant.query_params}
            yield Call(route.path, route.path_regex, method, said["security"], frozenset(query))


def _said(route: Route | APIRoute, method: str) -> Mapping[str, Any] | None:
    if isinstance(route, Described):
        return route.operations.get(method.lower())
    return route.openapi_extra if isinstance(route, APIRoute) else None


class CallerCheck:
    """ASGI middleware: lets a request through to its call, or says why not.

    Args:
        app: what is behind it.
        routes: those of the app; read at the first request, when all are there.
        auth: knows API keys; None where nobody has one.
    """

    def __init__(self, app: ASGIApp, routes: Sequence[BaseRoute], auth: ApiKeyAuth | None) -> None:
        self._app = app
        self._routes = routes
        self._auth = auth

    @cached_property
    def _calls(self) -> list[Call]:
        return list(calls(self._routes))

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Serve one request; WebSockets bring their session in their first message."""
        call = self._call(scope) if scope["type"] == "http" else None
        if call is not None:
            refusal = self._refusal(call, Request(scope))
            if refusal is not None:
                await refusal(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _call(self, scope: AsgiScope) -> Call | None:
        path, method = scope["path"], scope["method"]
        if not path.startswith(API):
            return None
        return next((call for call in self._calls if call.method == method and call.path.match(path)), None)

    def _refusal(self, call: Call, request: Request) -> Response | None:
        if call.is_keyed and self._auth is not None:
            try:
                request.scope.setdefault("state", {})["key"] = self._auth.admit(request, call.scope)
            except HTTPException as error:
                return refused(request, error.status_code, error.detail, headers=error.headers or {})
        unknown = sorted(set(request.query_params) - call.query)
        if unknown:
            allowed = f"one of {', '.join(sorted(call.query))}" if call.query else "nothing: this call takes no query"
            errors = [FieldProblem(in_="query", at=name, detail=allowed) for name in unknown]
            return refused(request, 422, f"{', '.join(unknown)}: give {allowed}", errors=errors)
        return None


def _key_of(request: Request) -> ApiKey:
    key: ApiKey = request.state.key
    return key


By = Annotated[ApiKey, Depends(_key_of)]
"""The key of whoever asks, as `CallerCheck` has found it to open this call."""
