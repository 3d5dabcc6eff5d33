"""Answers every error of a route with a problem: ours, the framework's, and those of values that cannot be used."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

from dashboard_protocol.control_api.callers import leaves
from dashboard_protocol.errors import (
    BusError,
    ConsentRefused,
    PolicyNotChosen,
    RoomNotAllowed,
    RoomTaken,
    SecretRefused,
    TooManyBots,
    WebhookRefused,
)
from dashboard_protocol.http.problems import FieldProblem, refused
from dashboard_protocol.settings.refusal import instead

STATUS: Mapping[type[Exception], int] = {
    RoomNotAllowed: 422,
    WebhookRefused: 422,
    PolicyNotChosen: 422,
    RoomTaken: 409,
    TooManyBots: 429,
    BusError: 503,
    SecretRefused: 503,
    ConsentRefused: 422,
}
"""How our own errors are answered."""
FIELD: Mapping[type[Exception], str] = {
    RoomNotAllowed: "/room_url",
    WebhookRefused: "/webhook",
    PolicyNotChosen: "/policy",
    ConsentRefused: "/name",
}
"""Which part of the body they are about."""
UNEXPECTED = "Something went wrong here; it is in the log of whoever runs this."
_NOT_HERE = {404: "No page and no call of this service has this address.", 405: "This address takes no such request."}
"""Instead of the framework's words, which repeat the status."""
_INSTEAD = {
    "missing": "a value, which is needed",
    "extra_forbidden": "nothing: there is no such field",
    "json_invalid": "JSON",
    "model_attributes_type": "a JSON object, as application/json",
    "model_type": "a JSON object",
    "dict_type": "a JSON object",
}
_WORD = re.compile(r"(?<=[a-z])(?=[A-Z])")


def answer_with_problems(app: FastAPI) -> None:
    """Add the handlers to an app."""
    for kind, status in STATUS.items():
        app.add_exception_handler(kind, _ours(kind, status))
    app.add_exception_handler(RequestValidationError, _unusable)
    app.add_exception_handler(HTTPException, _said)
    app.add_exception_handler(Exception, lambda asked, _: refused(asked, 500, UNEXPECTED))


def _ours(kind: type[Exception], status: int) -> Callable[[Request, Exception], Response]:
    cause = _WORD.sub("-", kind.__name__).lower()
    again = {"retry-after": "5"} if status in (429, 503) else {}

    def answer(asked: Request, error: Exception) -> Response:
        errors = [_problem("body", FIELD[kind], str(error))] if kind in FIELD else ()
        return refused(asked, status, str(error), cause=cause, headers=again, errors=errors)

    return answer


def _said(asked: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    is_framework = error.status_code in _NOT_HERE and error.detail in ("Not Found", "Method Not Allowed")
    detail = _NOT_HERE[error.status_code] if is_framework else error.detail
    headers = {name.lower(): value for name, value in (error.headers or {}).items()}
    if error.status_code == 405:
        headers["allow"] = ", ".join(_methods(asked))
    return refused(asked, error.status_code, detail, headers=headers)


def _methods(asked: Request) -> list[str]:
    """Return what an address takes over all its routes; the framework names the first one's."""
    found: set[str] = set()
    for route in leaves(asked.app.routes):
        if isinstance(route, Route | APIRoute) and route.path_regex.match(asked.url.path):
            found |= route.methods or set()
    return sorted(found)


def _unusable(asked: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    errors = field_problems(error.errors())
    return refused(asked, 422, in_a_sentence(errors), errors=errors)


def field_problems(problems: Sequence[Mapping[str, Any]]) -> list[FieldProblem]:
    """Say of each problem, as the validating library lists them, where it is and what to give instead."""
    found = []
    for problem in problems:
        place, *path = problem["loc"]
        kind = str(problem["type"])
        at = "" if kind == "json_invalid" else "".join(f"/{_escaped(str(part))}" for part in path)
        wanted = _INSTEAD.get(kind) or instead(problem)
        found.append(_problem(place, at if place == "body" else at.removeprefix("/"), wanted))
    return found


def in_a_sentence(errors: Sequence[FieldProblem]) -> str:
    """Say the same in one line."""
    return "; ".join(
        f"{each.at.removeprefix('/').replace('/', '.') or each.in_}: give {each.detail}" for each in errors
    )


def _problem(place: str, at: str, detail: str) -> FieldProblem:
    known = cast(Literal["body", "query", "path", "header"], place)
    return FieldProblem(in_=known, at=at, detail=detail)


def _escaped(part: str) -> str:
    return part.replace("~", "~0").replace("/", "~1")
