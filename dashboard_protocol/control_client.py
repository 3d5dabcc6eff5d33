"""A client of the control API, for shells and scripts."""

import os
from collections.abc import Iterator
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

import httpx
from pydantic import TypeAdapter

from dashboard_protocol.control_forms import BotRequest, BotView, LinkView
from dashboard_protocol.errors import ControlRefused, UnknownEvent
from dashboard_protocol.proxies import goes_by_proxy
from dashboard_protocol.queue.records import Delivery

if TYPE_CHECKING:
    from dashboard_protocol.events import Event

URL_VARIABLE = "CLASSPULSE_URL"
KEY_VARIABLE = "CLASSPULSE_API_KEY"
DEFAULT_URL = "http://127.0.0.1:8080"
_BOTS = TypeAdapter(list[BotView])
_DELIVERIES = TypeAdapter(list[Delivery])


class ControlClient:
    """Speaks to one gateway; use it as a context manager.

    Args:
        url: the gateway's address; None for `CLASSPULSE_URL`, or this machine's default.
        key: an API key; None for `CLASSPULSE_API_KEY`.

    Every method raises ControlRefused when the gateway says no or cannot be reached.
    """

    def __init__(self, url: str | None = None, key: str | None = None) -> None:
        self._url = url or os.environ.get(URL_VARIABLE, DEFAULT_URL)
        token = key or os.environ.get(KEY_VARIABLE, "")
        headers = {"authorization": f"Bearer {token}"} if token else {}
        self._http = httpx.Client(base_url=self._url, headers=headers, timeout=10, trust_env=goes_by_proxy(self._url))

    def __enter__(self) -> Self:
        """Keep connections open while inside."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close them."""
        self._http.close()

    def invite(self, wanted: BotRequest) -> BotView:
        """Invite a bot into a meeting."""
        return BotView.model_validate_json(self._ask("POST", "/v1/bots", wanted.model_dump_json(exclude_none=True)))

    def bots(self) -> list[BotView]:
        """List the bots of the last days, newest first."""
        return _BOTS.validate_json(self._ask("GET", "/v1/bots"))

    def webhooks(self, bot: str) -> list[Delivery]:
        """List what a bot's webhook was told."""
        return _DELIVERIES.validate_json(self._ask("GET", f"/v1/bots/{bot}/webhooks"))

    def leave(self, bot: str) -> BotView:
        """Make a bot leave."""
        return BotView.model_validate_json(self._ask("DELETE", f"/v1/bots/{bot}"))

    def link(self, room: str) -> str:
        """Make a link for an instructor."""
        return LinkView.model_validate_json(self._ask("POST", _of_room(room, "link"))).link

    def history(self, room: str) -> "Iterator[Event]":
        """Yield the class events that are kept of a room, oldest first."""
        from dashboard_protocol.codec import decode  # with every event, which no other method needs

        for line in self._ask("GET", _of_room(room, "history")).decode().splitlines():
            with suppress(UnknownEvent):  # of a newer gateway
                yield decode(line)

    def _ask(self, method: str, path: str, content: str | None = None) -> bytes:
        headers = {} if content is None else {"content-type": "application/json"}
        try:
            answer = self._http.request(method, path, content=content, headers=headers)
        except (httpx.TransportError, httpx.InvalidURL):
            raise ControlRefused(
                f"No gateway answers at {self._url}: start `classpulse serve`, or set {URL_VARIABLE}."
            ) from None
        if answer.is_success:
            return answer.content
        raise ControlRefused(_reason(answer))


def _of_room(room: str, what: str) -> str:
    return f"/v1/rooms/{quote(room, safe='')}/{what}"


def _reason(answer: httpx.Response) -> str:
    try:
        detail: Any = answer.json()["detail"]
    except (ValueError, KeyError, TypeError):
        return f"The gateway answered {answer.status_code}: is this a classpulse gateway?"
    if isinstance(detail, list):  # FastAPI's list of what is wrong with a body
        return "; ".join(f"{'.'.join(map(str, problem['loc'][1:]))}: {problem['msg']}" for problem in detail)
    return str(detail)
