"""A client of the control API, for shells and scripts."""

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Self
from urllib.parse import quote, urlsplit

import httpx
from pydantic import TypeAdapter

from dashboard_protocol.auth.secrets_store import SECRET_VARIABLE, load_secret, secret_file
from dashboard_protocol.control_api.schemas import (
    BotRequest,
    BotView,
    ConsentRequest,
    ConsentView,
    DeliveryView,
    LinkView,
    RevocationView,
    RoomView,
    Withdrawal,
)
from dashboard_protocol.errors import (
    ControlDenied,
    ControlRefused,
    ControlUnreachable,
    RequestMalformed,
    RoomNotAllowed,
    UnknownEvent,
)
from dashboard_protocol.http.proxies import goes_by_proxy, is_verified
from dashboard_protocol.room_urls import read_room

if TYPE_CHECKING:
    from dashboard_protocol.events import Event

URL_VARIABLE = "CLASSPULSE_URL"
KEY_VARIABLE = "CLASSPULSE_API_KEY"
DEFAULT_URL = "http://127.0.0.1:8080"
_BOTS = TypeAdapter(list[BotView])
_DELIVERIES = TypeAdapter(list[DeliveryView])


class ControlClient:
    """Speaks to one gateway; use it as a context manager.

    Args:
        url: the gateway's address; None for `CLASSPULSE_URL`, or this machine's default.
        key: an API key; None for `CLASSPULSE_API_KEY`, and where that is not set for the signing secret of this user:
            it opens what the same user runs on this machine.

    Every method raises ControlRefused when the gateway says no or cannot be reached.
    """

    def __init__(self, url: str | None = None, key: str | None = None) -> None:
        self.url = url or os.environ.get(URL_VARIABLE, DEFAULT_URL)
        token = key or os.environ.get(KEY_VARIABLE) or _operator_token(self.url)
        headers = {"authorization": f"Bearer {token}"} if token else {}
        self._http = httpx.Client(
            base_url=self.url,
            headers=headers,
            timeout=10,
            trust_env=goes_by_proxy(self.url),
            verify=is_verified(self.url),
        )

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
        """List the bots of the last days, newest first, page after page."""
        found: list[BotView] = []
        page: str | None = "/v1/bots"
        while page is not None:
            answer = self._answer("GET", page)
            found += _BOTS.validate_json(answer.content)
            page = answer.links.get("next", {}).get("url")
        return found

    def webhooks(self, bot: str) -> list[DeliveryView]:
        """List what a bot's webhook was notified of."""
        return _DELIVERIES.validate_json(self._ask("GET", f"/v1/bots/{bot}/webhooks"))

    def leave(self, bot: str) -> BotView:
        """Make a bot leave."""
        return BotView.model_validate_json(self._ask("DELETE", f"/v1/bots/{bot}"))

    def room(self, named: str) -> str:
        """Return the key of a room that is named by it, by its address, or by the readable part of its key."""
        with suppress(RoomNotAllowed):
            named = read_room(named).identity  # secrets stay here
        return RoomView.model_validate_json(self._ask("GET", "/v1/rooms", params={"named": named})).room

    def consent(self, room: str, name: str, valid_s: float) -> str:
        """Make a token by which one person agrees to be shown."""
        wanted = ConsentRequest(name=name, valid_s=valid_s).model_dump_json()
        return ConsentView.model_validate_json(self._ask("POST", _of_room(room, "consents"), wanted)).token

    def end_consents(self, room: str, name: str) -> RevocationView:
        """End every consent of one person in a room."""
        whose = Withdrawal(name=name).model_dump_json()
        return RevocationView.model_validate_json(self._ask("POST", _of_room(room, "consents/revocations"), whose))

    def end_links(self, room: str) -> RevocationView:
        """End every link of a room, and what was opened with them."""
        return RevocationView.model_validate_json(self._ask("DELETE", _of_room(room, "links")))

    def link(self, room: str, *, standing: bool = False) -> str:
        """Make a link for an instructor, to one class or to every class of a room."""
        params = {"standing": "true"} if standing else None
        return LinkView.model_validate_json(self._ask("POST", _of_room(room, "link"), params=params)).link

    def teacher_link(self, rooms: Sequence[str], *, may_start: bool = False) -> str:
        """Make a teacher's link to the home, with the classes of these rooms."""
        wanted = json.dumps({"rooms": list(rooms), "may_start": may_start})
        return LinkView.model_validate_json(self._ask("POST", "/v1/teacher-links", wanted)).link

    def history(self, room: str) -> "Iterator[Event]":
        """Yield the class events that are kept of a room, oldest first."""
        from dashboard_protocol.codec import decode  # with every event, which no other method needs

        for line in self._ask("GET", _of_room(room, "history")).decode().splitlines():
            with suppress(UnknownEvent):  # of a newer gateway
                yield decode(line)

    def _ask(
        self, method: str, path: str, content: str | None = None, *, params: dict[str, str] | None = None
    ) -> bytes:
        return self._answer(method, path, content, params=params).content

    def _answer(
        self, method: str, path: str, content: str | None = None, *, params: dict[str, str] | None = None
    ) -> httpx.Response:
        headers = {} if content is None else {"content-type": "application/json"}
        try:
            answer = self._http.request(method, path, content=content, headers=headers, params=params)
        except (httpx.TransportError, httpx.InvalidURL):
            raise ControlUnreachable(
                f"No gateway answers at {self.url}: start `classpulse serve`, or set {URL_VARIABLE}."
            ) from None
        if answer.is_success:
            return answer
        raise _kind(answer.status_code)(_reason(answer))


def _operator_token(url: str) -> str:
    """Return what stands in for a key at a gateway of this machine; "" elsewhere, and where there is no secret."""
    parts = urlsplit(url)
    if parts.hostname not in ("127.0.0.1", "localhost", "::1"):
        return ""
    if not (os.environ.get(SECRET_VARIABLE) or os.environ.get(f"{SECRET_VARIABLE}_FILE") or secret_file().exists()):
        return ""
    from dashboard_protocol.auth.links import Access

    return Access(load_secret()).operator_token(parts.port or (443 if parts.scheme == "https" else 80))


def _of_room(room: str, what: str) -> str:
    return f"/v1/rooms/{quote(room, safe='')}/{what}"


def _kind(status: int) -> type[ControlRefused]:
    """Keep refusals apart as every other edge does, whatever it is that was asked."""
    if status in (401, 403):
        return ControlDenied
    if status >= 500:
        return ControlUnreachable
    return RequestMalformed if status in (400, 404, 413, 422) else ControlRefused


def _reason(answer: httpx.Response) -> str:
    """Return the sentence of a problem (RFC 9457)."""
    try:
        return str(answer.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return f"The gateway answered {answer.status_code}: is this a classpulse gateway?"
