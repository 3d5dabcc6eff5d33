"""Routes that say of themselves what OpenAPI says of them, for those that no framework describes."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

Operation = dict[str, Any]
"""An operation object of OpenAPI 3.1; refusals that any route may answer are added to it."""
HTML, JSON, TEXT, SDP = "text/html", "application/json", "text/plain", "application/sdp"
_WORDS = {"200": "Done.", "201": "Made.", "202": "Taken.", "204": "Done.", "302": "Elsewhere.", "303": "Elsewhere."}


class Described(Route):
    """A route with its description.

    Args:
        path: as Starlette has it; each `{name}` in it is described as a text.
        endpoint: answers.
        operations: method in lower case → what is said of it.
    """

    def __init__(
        self, path: str, endpoint: Callable[[Request], Awaitable[Response]], operations: Mapping[str, Operation]
    ) -> None:
        super().__init__(path, endpoint, methods=[method.upper() for method in operations])
        self.operations = {method: _with_path(path, said) for method, said in operations.items()}


def operation(  # noqa: PLR0913  what there is to say of a call
    name: str,
    summary: str,
    tag: str,
    *,
    answers: Mapping[int, str | tuple[str, Any] | None],
    refusals: tuple[int, ...] = (),
    body: tuple[str, Any] | None = None,
    query: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
    security: str | None = None,
) -> Operation:
    """Describe one method of a route.

    Args:
        name: unique among all, for programs.
        summary: one sentence.
        tag: which part of the service it belongs to.
        answers: status → media type, or that and a schema; None for no body.
        refusals: statuses that it answers with a problem, beside those of every route.
        body: media type and schema of what is sent.
        query: name → schema of what the address may carry.
        headers: name → what the request may say there.
        security: the scheme by which it is opened; None for everybody.
    """
    given = [("query", word, schema) for word, schema in (query or {}).items()]
    given += [("header", word, {"type": "string", "description": said}) for word, said in (headers or {}).items()]
    said: Operation = {
        "operationId": name,
        "summary": summary,
        "tags": [tag],
        "parameters": [{"in": place, "name": word, "required": False, "schema": s} for place, word, s in given],
        "responses": {str(status): _answer(str(status), held) for status, held in answers.items()}
        | {str(status): {} for status in refusals},
        "security": [] if security is None else [{security: []}],
    }
    if body is not None:
        said["requestBody"] = {"required": True, "content": {body[0]: {"schema": body[1]}}}
    return said


def _answer(status: str, held: str | tuple[str, Any] | None) -> dict[str, Any]:
    said: dict[str, Any] = {"description": _WORDS.get(status, "As the status says.")}
    if held is not None:
        media_type, schema = held if isinstance(held, tuple) else (held, {"type": "string"})
        said["content"] = {media_type: {"schema": schema}}
    return said


def _with_path(path: str, said: Operation) -> Operation:
    named = [part[1:-1].partition(":")[0] for part in path.split("/") if part.startswith("{")]
    parameters = [{"in": "path", "name": name, "required": True, "schema": {"type": "string"}} for name in named]
    return {**said, "parameters": [*parameters, *said["parameters"]]}
