"""The signalling of WHIP (RFC 9725) and WHEP: POST an offer, keep the address, DELETE it to leave."""

import asyncio
import logging
from collections.abc import Collection, Mapping
from contextlib import suppress

import httpx

from bot.errors import RoomRefused, RoomUnreachable, SettingsRefused
from bot.ice_servers import NO_ICE, Ice, read_links
from dashboard_protocol.errors import OutboundRefused, OutboundUnreachable, ProxyRefused
from dashboard_protocol.http.outbound import NO_HEADERS, Server
from dashboard_protocol.http.proxies import is_loopback

log = logging.getLogger(__name__)

GOODBYE_WITHIN_S = 2.0
NAMING_WITHIN_S = 3.0


class ServedLater(RoomUnreachable):
    """The server is there, and cannot serve now."""

    def __init__(self, text: str, after_s: float | None) -> None:
        super().__init__(text)
        self.after_s = after_s
        """When to try again, if it said so."""


def endpoint(whip_url: str) -> httpx.URL:
    """Read the address of a WHIP endpoint.

    Raises:
        SettingsRefused: It is none.
    """
    try:
        url = httpx.URL(whip_url)
    except httpx.InvalidURL as error:
        raise SettingsRefused(f"{whip_url} is no address of a WHIP endpoint ({error})") from error
    if url.scheme not in ("http", "https") or not url.host:
        raise SettingsRefused(f"{whip_url} is no address of a WHIP endpoint: it begins with http:// or https://")
    return url


async def post_offer(
    url: httpx.URL,
    offer: str,
    token: str | None,
    *,
    later: Collection[int] = (),
    headers: Mapping[str, str] = NO_HEADERS,
) -> tuple[str, httpx.URL | None]:
    """Send an offer.

    Args:
        url: WHIP endpoint, with its query.
        offer: SDP with all candidates.
        token: Bearer token, where the room wants one.
        headers: What goes with it.
        later: Statuses that mean that trying again may help, besides those of the server's own troubles.

    Returns:
        The SDP answer, and the address to delete on leaving, if the room named one.

    Raises:
        RoomUnreachable: No answer; ServedLater if the room cannot serve now.
        RoomRefused: The room said no.
    """
    posting = asyncio.create_task(_post(url, offer, token, later, headers), name="offer")
    try:
        return await asyncio.shield(posting)
    except asyncio.CancelledError:
        await _take_back(posting, token)
        raise


async def _post(
    url: httpx.URL, offer: str, token: str | None, later: Collection[int], more: Mapping[str, str]
) -> tuple[str, httpx.URL | None]:
    where = url.copy_with(query=None)
    headers = {"content-type": "application/sdp", **more}
    server = _server(url, token)
    try:
        answer = await server.ask("POST", url, content=offer, headers=headers)
    except OutboundUnreachable as error:
        raise RoomUnreachable(f"{where} does not answer ({error}): is the room open?") from error
    except OutboundRefused as error:
        raise RoomRefused(str(error)) from error
    if answer.status != httpx.codes.CREATED:
        refusal = f"{where} answered {answer.status}: {answer.reason[:200] or 'no reason given'}"
        if answer.status >= 500 or answer.status in later:
            raise ServedLater(refusal, _seconds(answer.headers.get("Retry-After")))
        raise RoomRefused(refusal)
    return answer.text, _resource(server, url, answer.headers.get("Location"))


def _resource(server: Server, url: httpx.URL, location: str | None) -> httpx.URL | None:
    """Return the address to delete; None where the server names none, or one that is not its own."""
    try:
        resource = url.join(location) if location else None
    except httpx.InvalidURL:
        resource = None
    if resource is None or server.has(resource):
        return resource
    log.warning("%s names an address of another server for the stay, which is not asked", url.copy_with(query=None))
    return None


async def _take_back(posting: asyncio.Task[tuple[str, httpx.URL | None]], token: str | None) -> None:
    """Say goodbye to a room that is just answering: it counts us as somebody who is there."""
    await asyncio.wait([posting], timeout=GOODBYE_WITHIN_S)
    posting.cancel()
    with suppress(asyncio.CancelledError, RoomRefused, RoomUnreachable):
        _, resource = await posting
        if resource is not None:
            await delete(resource, token)


async def named_ice(url: httpx.URL, token: str | None) -> Ice:
    """Ask which ICE servers a room names; most name none, and one that does not answer shows when the offer is made."""
    try:
        answer = await _server(url, token).ask("OPTIONS", url, within_s=NAMING_WITHIN_S)
    except (OutboundUnreachable, OutboundRefused):
        return NO_ICE
    return read_links(answer.headers.get_list("Link")) if 200 <= answer.status < 300 else NO_ICE


async def delete(resource: httpx.URL, token: str | None) -> None:
    """Say goodbye; a room that does not listen any more is left all the same."""
    try:
        await _server(resource, token).ask("DELETE", resource, within_s=GOODBYE_WITHIN_S)
    except (OutboundUnreachable, OutboundRefused, RoomRefused) as error:
        log.info("No goodbye at %s: %s", resource.copy_with(query=None), error)


def loopback_address(host: str) -> str | None:
    """Return the loopback address a host name stands for, None for any other host."""
    if not is_loopback(host):
        return None
    return "127.0.0.1" if host == "localhost" else host


def _seconds(text: str | None) -> float | None:
    # The other form, a date, is of no use between clocks that differ.
    return float(text) if text is not None and text.strip().isdecimal() else None


def _server(url: httpx.URL, token: str | None) -> Server:
    try:
        return Server(url, token)
    except ProxyRefused as error:
        raise RoomRefused(str(error)) from error
