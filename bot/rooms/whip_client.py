"""The signalling of WHIP (RFC 9725) and WHEP: POST an offer, keep the address, DELETE it to leave."""

import asyncio
import logging
import ssl
from collections.abc import Collection, Mapping
from contextlib import suppress
from functools import cache
from ipaddress import ip_address
from types import MappingProxyType

import httpx

from bot.errors import RoomRefused, RoomUnreachable, SettingsRefused
from bot.ice import NO_ICE, Ice, read_links

log = logging.getLogger(__name__)

REQUEST_WITHIN_S = 15.0
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
    headers: Mapping[str, str] = MappingProxyType({}),
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
    headers = {"Content-Type": "application/sdp", **_authorization(token), **more}
    try:
        async with _http(url) as http:
            response = await http.post(url, content=offer, headers=headers)
    except httpx.HTTPError as error:
        raise RoomUnreachable(f"{where} does not answer ({error}): is the room open?") from error
    if response.status_code != httpx.codes.CREATED:
        refusal = f"{where} answered {response.status_code}: {response.text.strip()[:200] or 'no reason given'}"
        if response.is_server_error or response.status_code in later:
            raise ServedLater(refusal, _seconds(response.headers.get("Retry-After")))
        raise RoomRefused(refusal)
    location = response.headers.get("Location")
    return response.text, response.url.join(location) if location else None


async def _take_back(posting: asyncio.Task[tuple[str, httpx.URL | None]], token: str | None) -> None:
    """Say goodbye to a room that is just answering: it counts us as somebody who is there."""
    await asyncio.wait([posting], timeout=GOODBYE_WITHIN_S)
    posting.cancel()
    with suppress(asyncio.CancelledError, RoomRefused, RoomUnreachable):
        _, resource = await posting
        if resource is not None:
            await delete(resource, token)


async def named_ice(url: httpx.URL, token: str | None) -> Ice:
    """Ask which ICE servers a room names; most name none, and one that does not answer will be told by the offer."""
    try:
        async with asyncio.timeout(NAMING_WITHIN_S), _http(url) as http:
            response = await http.request("OPTIONS", url, headers=_authorization(token))
    except (httpx.HTTPError, TimeoutError):
        return NO_ICE
    return read_links(response.headers.get_list("Link")) if response.is_success else NO_ICE


async def delete(resource: httpx.URL, token: str | None) -> None:
    """Say goodbye; a room that does not listen any more is left all the same."""
    try:
        async with asyncio.timeout(GOODBYE_WITHIN_S), _http(resource) as http:
            await http.delete(resource, headers=_authorization(token))
    except (httpx.HTTPError, TimeoutError) as error:
        log.info("No goodbye at %s: %s", resource.copy_with(query=None), error)


def loopback_address(host: str) -> str | None:
    """Return the loopback address a host name stands for, None for any other host."""
    if host == "localhost":
        return "127.0.0.1"
    try:
        return host if ip_address(host).is_loopback else None
    except ValueError:
        return None


def _seconds(text: str | None) -> float | None:
    # The other form, a date, is of no use between clocks that differ.
    return float(text) if text is not None and text.strip().isdecimal() else None


def _authorization(token: str | None) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"} if token else {}


def _http(url: httpx.URL) -> httpx.AsyncClient:
    # A proxy named in the environment does not lead back to this machine.
    by_proxy = loopback_address(url.host) is None
    return httpx.AsyncClient(verify=_tls(), timeout=REQUEST_WITHIN_S, follow_redirects=True, trust_env=by_proxy)


@cache
def _tls() -> ssl.SSLContext:
    """Load the certificates once: it takes longer than a whole request."""
    return ssl.create_default_context()
