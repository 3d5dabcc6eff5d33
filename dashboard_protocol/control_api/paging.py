"""Long lists in pages: `limit` and where to go on, and the address of the next page in `Link` (RFC 8288)."""

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Annotated, TypeVar
from urllib.parse import urlencode

from fastapi import Query, Request, Response
from fastapi.exceptions import RequestValidationError

from dashboard_protocol.events import Event

BOTS_A_PAGE, MOST_BOTS = 100, 500
MOST_EVENTS = 10_000
T = TypeVar("T")
NEXT = {"Link": {"description": 'The next page, `rel="next"`; absent on the last.', "schema": {"type": "string"}}}
"""What a description says of the header."""

BotLimit = Annotated[int, Query(ge=1, le=MOST_BOTS, description="Most bots of one answer.")]
After = Annotated[str | None, Query(max_length=64, description="Go on after this bot's id, as `Link` has it.")]
EventLimit = Annotated[
    int | None, Query(ge=1, le=MOST_EVENTS, description="Most events of one answer; all of them if absent.")
]
Since = Annotated[
    str | None,
    Query(pattern=r"^[0-9]{1,15}-[0-9]{1,15}$", description="Go on after the event of this `epoch-seq`."),
]


def page_of(items: Sequence[T], limit: int, after: str | None, name: Callable[[T], str]) -> tuple[Sequence[T], bool]:
    """Return a page of a list, and whether there are more.

    Raises:
        RequestValidationError: Nothing in the list is called as `after` says.
    """
    start = 0
    if after is not None:
        found = next((at for at, item in enumerate(items) if name(item) == after), None)
        if found is None:
            error = ValueError("the id of a bot that is still listed")
            raise RequestValidationError([{"type": "value_error", "loc": ("query", "after"), "ctx": {"error": error}}])
        start = found + 1
    return items[start : start + limit], len(items) > start + limit


async def events_after(events: AsyncIterator[Event], since: str | None) -> AsyncIterator[Event]:
    """Yield the events behind a place; a `hello` shares its place with the event before it."""
    place = None if since is None else tuple(map(int, since.split("-")))
    async for event in events:
        if place is None or (event.epoch, event.seq) > place:
            yield event


def say_next(request: Request, response: Response, **where: object) -> None:
    """Put the address of the next page into an answer, relative to this one's host."""
    response.headers["link"] = f'<{request.url.path}?{urlencode(where)}>; rel="next"'
