"""The description of everything this service answers (OpenAPI 3.1), made from the routes themselves."""

from collections.abc import Iterable, Iterator
from typing import Any

from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from starlette.routing import BaseRoute

from dashboard_protocol.http.described import Described
from dashboard_protocol.http.problems import PROBLEM_TYPE, Problem, title_of
from dashboard_protocol.schema.field_docs import described as with_field_docs
from dashboard_protocol.webhooks.messages import MESSAGES

VERSION = "1"
DESCRIPTION = """\
Invites bots into video meetings, says where they stand, and hands out links, histories and reports.

A program sends `Authorization: Bearer KEY`; KEY is what `classpulse key add NAME --scope invite` printed. Times are RFC
3339 (ISO 8601) in UTC, durations seconds (`…_s`). What is refused is answered with problem details (RFC 9457) in
`application/problem+json`, to browsers with a page. Query parameters that a call does not know are refused. Long lists
come in pages: `Link` has the address of the next one. The live feed, a WebSocket, is described in `/asyncapi.json`.
"""
TAGS = {
    "bots": "Invite bots, see where they stand, make them leave.",
    "rooms": "What is kept of the classes in a room.",
    "access": "Links for instructors, and people's consents.",
    "feed": "From a link to the live feed.",
    "people": "What everybody in a meeting may ask, without a key.",
    "joining": "How people and programs come into a room of this service (WHIP, RFC 9725).",
    "launching": "From a course in a learning platform to its class (LTI 1.3), where the operator has registered some.",
    "pages": "Pages for people, and their files.",
    "service": "Whether it runs, and what it is.",
}
SCHEMES: dict[str, Any] = {
    "key": {
        "type": "http",
        "scheme": "bearer",
        "description": "An API key. Each call names the scope that it takes; `admin` opens everything.",
    },
    "session": {
        "type": "http",
        "scheme": "bearer",
        "description": "The token of a session, as the live feed takes it.",
    },
    "guest": {"type": "http", "scheme": "bearer", "description": "The token of a join link, behind `#t=`."},
}
_RETRY = {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}}
_CAUSES = {
    400: "The body could not be read.",
    401: "No API key, or one that is unknown or has expired.",
    403: "The key lacks the scope, or the request comes from a page of another site.",
    404: "There is no such thing, or it is another's.",
    409: "It cannot be done as things stand; the sentence says why.",
    410: "It is over: another has taken its place.",
    413: "The body is too large.",
    415: "The body is of another type than this takes.",
    421: "Nothing is served under this name.",
    422: "Something in the request cannot be used; `errors` says what.",
    429: "Too many requests, or as many bots as the key may have.",
    503: "It cannot be done now: what it needs does not answer.",
}
_OURS = ".schemas"
"""Modules of what goes in and comes out: their models are explained in the source."""
_DONE = {"200": "As asked.", "201": "Made.", "202": "Taken up.", "204": "Done."}


def may_refuse(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return what a call says that it may answer beside what every call may."""
    return {status: {"description": _CAUSES[status]} for status in statuses}


def describe(routes: Iterable[BaseRoute]) -> dict[str, Any]:
    """Return the description of these routes."""
    listed = list(routes)
    document = get_openapi(
        title="classpulse",
        version=VERSION,
        description=DESCRIPTION,
        routes=listed,
        tags=[{"name": name, "description": said} for name, said in TAGS.items()],
    )
    for route in listed:
        if isinstance(route, Described):
            document["paths"].setdefault(route.path_format, {}).update(route.operations)
    components = document.setdefault("components", {})
    kept = components.setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        kept.pop(name, None)
    made = Problem.model_json_schema(by_alias=True, ref_template="#/components/schemas/{model}")
    kept |= made.pop("$defs") | {"Problem": made}
    for model in _subclasses(BaseModel):
        if model.__module__.endswith(_OURS) and model.__name__ in kept:
            with_field_docs(kept[model.__name__], model)
            said = model.model_config.get("json_schema_extra")
            if isinstance(said, dict):
                kept[model.__name__] |= said  # the framework drops what is null in them
    document["webhooks"] = {}
    for kind, message in MESSAGES.items():
        made = message.model_json_schema(mode="serialization", ref_template="#/components/schemas/{model}")
        kept |= made.pop("$defs", {}) | {message.__name__: with_field_docs(made, message)}
        document["webhooks"][kind] = {"post": _webhook(message.__name__, made["description"])}
    components["securitySchemes"] = SCHEMES
    for path, methods in document["paths"].items():
        for method, call in methods.items():
            _complete(path, method, call)
    document["paths"] = dict(sorted(document["paths"].items()))
    return document


def _webhook(model: str, summary: str) -> dict[str, Any]:
    """Describe what a receiver is sent, and what it answers."""
    headers = {
        "webhook-id": "The same at every try.",
        "webhook-timestamp": "Unix seconds of this try.",
        "webhook-signature": "`v1,` and the base64 of the HMAC-SHA256 of `ID.TIMESTAMP.BODY` (Standard Webhooks).",
    }
    return {
        "tags": ["bots"],
        "summary": summary,
        "description": f"{summary} Sent to the `webhook` of an invitation, in order, again until it is taken.",
        "parameters": [
            {"name": name, "in": "header", "required": True, "description": said, "schema": {"type": "string"}}
            for name, said in headers.items()
        ],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{model}"}}},
        },
        "responses": {"2XX": {"description": "Taken; everything else is tried again."}},
    }


def _subclasses(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for each in model.__subclasses__():
        yield each
        yield from _subclasses(each)


def _complete(path: str, method: str, call: dict[str, Any]) -> None:
    """Add what any such call may be refused with, and say of every refusal in which form it comes."""
    call["summary"] = call.get("description", call["summary"]).partition("\n")[0]
    answers = call["responses"]
    for status, said in answers.items():
        said["description"] = _DONE.get(status, said.get("description", ""))
    refusals = {int(status) for status in answers if status.isdigit() and int(status) >= 400} | {421}
    if method not in ("get", "head", "options"):
        refusals.add(403)
    if any("key" in scheme for scheme in call.get("security", ())):
        refusals |= {401, 403, 429, 503}
        scopes = next(scheme["key"] for scheme in call["security"] if "key" in scheme)
        takes = f"Takes a key of the scope `{scopes[0]}`." if scopes else "Takes any key."
        call["description"] = f"{call.get('description', '')}\n\n{takes}".strip()
    if path.startswith("/v1/"):
        refusals.add(422)
    if "requestBody" in call:
        refusals |= {400, 413}
    for status in refusals:
        answers[str(status)] = _refusal(status, is_page=not path.startswith("/v1/") and method == "get")
    call["responses"] = dict(sorted(answers.items()))


def _refusal(status: int, *, is_page: bool) -> dict[str, Any]:
    said: dict[str, Any] = {
        "description": _CAUSES.get(status, title_of(status)),
        "content": {PROBLEM_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    if is_page:
        said["content"]["text/html"] = {"schema": {"type": "string"}}
    if status in (429, 503):
        said["headers"] = _RETRY
    return said
