"""How every route of ours says no: problem details (RFC 9457) to programs, a page to browsers."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from types import MappingProxyType
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse, Response

from dashboard_protocol.view.markup import element

API = "/v1/"
"""Addresses of programs alone begin so."""
PROBLEM_TYPE = "application/problem+json"
NO_HEADERS: Mapping[str, str] = MappingProxyType({})
PAGE_POLICY = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


class FieldProblem(BaseModel):
    """One part of a request that cannot be used."""

    model_config = ConfigDict(populate_by_name=True)

    in_: Literal["body", "query", "path", "header"] = Field(alias="in", description="Which part of the request.")
    at: str = Field(description="In a body a JSON pointer, such as `/leave_out/0`; elsewhere the parameter's name.")
    detail: str = Field(description="What to give instead.")


class Problem(BaseModel):
    """Why a request is refused (RFC 9457)."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"type": "about:blank", "title": "Not Found", "status": 404, "detail": "There is no such bot."},
                {
                    "type": "about:blank",
                    "title": "Unprocessable Content",
                    "status": 422,
                    "detail": "max_duration_s: give 86400 at most",
                    "errors": [{"in": "body", "at": "/max_duration_s", "detail": "86400 at most"}],
                },
            ]
        }
    )

    type: str = Field("about:blank", description="`about:blank`: the status says which; else a URN of one cause.")
    title: str = Field(description="What the status means.")
    status: int = Field(ge=400, le=599, description="The HTTP status.")
    detail: str = Field(description="One sentence for people that says what to do.")
    errors: tuple[FieldProblem, ...] = Field((), description="With 422: what of the request cannot be used.")


def refused(
    asked: HTTPConnection | None,
    status: int,
    detail: str,
    *,
    headers: Mapping[str, str] = NO_HEADERS,
    errors: Sequence[FieldProblem] = (),
    cause: str = "",
) -> Response:
    """Return the answer that says why a request is refused.

    Args:
        asked: the request; whoever opens an address in a browser gets a page. None where it is a program's for sure.
        status: of HTTP, 400 to 599.
        detail: one sentence for people.
        headers: more of the answer.
        errors: what of the request cannot be used; for 422.
        cause: a word that distinguishes this cause from others of its status; empty for none.
    """
    kept = {"cache-control": "no-store", **headers}
    if asked is not None and wants_page(asked):
        return HTMLResponse(problem_page(status, detail), status, {**kept, "content-security-policy": PAGE_POLICY})
    problem = Problem(
        type=f"urn:classpulse:problem:{cause}" if cause else "about:blank",
        title=title_of(status),
        status=status,
        detail=detail,
        errors=tuple(errors),
    )
    body = problem.model_dump_json(by_alias=True, exclude=None if status == 422 else {"errors"})
    return Response(body, status, kept, media_type=PROBLEM_TYPE)


def wants_page(asked: HTTPConnection) -> bool:
    """Whether somebody opened an address in a browser, which says that it takes HTML; calls of the API are no pages."""
    if asked.scope["type"] != "http" or asked.scope["path"].startswith(API):
        return False
    return "text/html" in asked.headers.get("accept", "").lower()


def title_of(status: int) -> str:
    """Return what a status means, in the words of HTTP."""
    return {413: "Content Too Large", 422: "Unprocessable Content"}.get(status) or HTTPStatus(status).phrase


def problem_page(status: int, detail: str) -> str:
    """Return what people read of a problem."""
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", f"{title_of(status)} · classpulse"),
        element("link", rel="stylesheet", href="/static/plain.css"),
    )
    body = element(
        "main",
        element("h1", _HEADINGS.get(status, title_of(status))),
        element("p", detail),
        element("p", element("a", "What is here", href="/")),
        class_="problem",
    )
    return f"<!doctype html>{element('html', head, element('body', body), lang='en')}"


_HEADINGS = {403: "This is not for you", 404: "Nothing is here", 405: "Nothing is here", 503: "Not just now"}
"""What people read above the sentence; other statuses keep their own words."""
