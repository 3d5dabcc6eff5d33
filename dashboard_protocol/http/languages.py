"""The language of an answer: `?lang=`, else what was chosen before (a cookie), else what the browser prefers."""

import functools
import json
import re
from collections.abc import Callable, Mapping
from hashlib import sha256

from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse, Response

from dashboard_protocol.language import Language, named, preferred, speaking, spoken
from dashboard_protocol.view.language_files import groups

COOKIE = "classpulse_language"
"""Holds a language's two letters and nothing else; set only where somebody chose one."""
KEPT_S = 365 * 86_400
_ALWAYS = ("language", "locale")
_TEXTS = re.compile(r"text\.([a-z]{2})\.json")
LANG_QUERY = {"lang": {"type": "string", "enum": list(Language), "description": "The language; else the browser's."}}
"""What operations say of it."""


def asked_language(asked: HTTPConnection, given: str = "") -> Language:
    """Return the language that somebody asks for; where we have none of theirs, the one that is spoken here.

    Args:
        asked: the request.
        given: a language that it names elsewhere, as in a form.
    """
    chosen = asked.query_params.get("lang", "") or given
    cookie = asked.cookies.get(COOKIE, "")
    return named(chosen) or named(cookie) or preferred(asked.headers.get("accept-language", "")) or spoken()


def page_response(
    asked: HTTPConnection, draw: Callable[[], str], headers: Mapping[str, str], status: int = 200
) -> Response:
    """Answer with a page in the language that is asked for; one that the address names is remembered.

    Args:
        asked: the request.
        draw: makes the page, while that language is spoken.
        headers: of the answer.
        status: of the answer.
    """
    with speaking(asked_language(asked)) as language:
        answer = HTMLResponse(draw(), status, dict(headers))
    answer.headers["content-language"] = language.value
    answer.headers.add_vary_header("accept-language, cookie")
    chosen = named(asked.query_params.get("lang", ""))
    if chosen is not None and asked.scope.get("method") == "GET":  # a form says what its page spoke; nobody chose it
        is_tls = asked.url.scheme == "https"
        answer.set_cookie(COOKIE, chosen.value, KEPT_S, secure=is_tls, httponly=True, samesite="lax")
    return answer


def texts_response(asked: HTTPConnection, name: str, wanted: frozenset[str], headers: Mapping[str, str]) -> Response:
    """Answer with sentences for a page's script: `text.de.json`; browsers ask again each time and mostly hear 304.

    Args:
        asked: the request.
        name: the file's.
        wanted: the groups that the page's script says something of.
        headers: of the answer.
    """
    found = _TEXTS.fullmatch(name)
    language = named(found[1]) if found else None
    if language is None:
        raise HTTPException(404)
    content, etag = _texts(language, wanted)
    known = {"etag": etag, "cache-control": "no-cache", **headers}
    if etag in asked.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=known)
    return Response(content, media_type="application/json", headers=known)


@functools.cache
def _texts(language: Language, wanted: frozenset[str]) -> tuple[bytes, str]:
    said = {name: text for name, text in groups(language).items() if name in wanted or name in _ALWAYS}
    content = json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode()
    return content, f'"{sha256(content).hexdigest()[:16]}"'
