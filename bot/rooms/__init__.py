"""Rooms the bot can join: the URL's scheme picks the connector."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from bot.errors import SettingsRefused
from bot.ice_servers import NO_ICE, Ice
from bot.rooms.base import Clock, Room
from bot.rooms.notice import Notice
from dashboard_protocol.auth.consent import Consents
from dashboard_protocol.errors import RoomNotAllowed
from dashboard_protocol.room_urls import LOCAL, read_room

if TYPE_CHECKING:
    from bot.rooms.browser.launcher import BrowserOptions

KNOWN = ("local://NAME", "janus+ws(s)://HOST:PORT/ROOM", "whep+http(s)://HOST/PATH")
"""Beside those of the adapters of pages."""


def open_room(  # noqa: PLR0913  one parameter a part, and each room takes what it needs
    url: str,
    *,
    clock: Clock,
    notice: Notice,
    host: str = "127.0.0.1",
    token: str | None = None,
    notice_given: bool = False,
    ice: Ice = NO_ICE,
    consents: Consents | None = None,
    mark: Callable[[str], str] | None = None,
    key: str | None = None,
    browser: "BrowserOptions | None" = None,
) -> Room:
    """Find the connector for a room; nothing is opened before the room is entered.

    Args:
        url: `local://NAME`; `janus+ws://HOST:PORT/ROOM` or `janus+wss://…` with `?pin=` and `token=`;
            `whep+http://HOST/PATH` or `whep+https://…` with `?token=`, several with spaces between them;
            `browser+https://HOST/PATH` and what other adapters of pages take.
        clock: The room's clock.
        notice: What people may know before they join.
        host: Address that media of a local room listens on.
        token: What publishers of a local room must present; None lets everybody in.
        notice_given: Whether the operator says that people were informed, where the bot cannot show itself.
        ice: Servers by which media finds its way.
        consents: Checks the consents that people bring along into a local room.
        mark: What only bots with the same secret can make of a text, in hex: by it they know each other in a room.
        key: The meeting's, which consents name; None for a local room's own name.
        browser: How this machine runs browsers, for meetings that are pages; None for a usual one.

    Raises:
        SettingsRefused: The scheme is unknown, or the address cannot be used.
    """
    try:
        address = read_room(url)
    except RoomNotAllowed as error:
        raise SettingsRefused(str(error)) from error
    # From here on what was read, and not what was written: what was allowed is what is connected to.
    url, scheme = address.url, address.places[0].scheme
    if scheme == LOCAL:
        from bot.rooms.local.room import LocalRoom

        return LocalRoom(
            address.name, clock=clock, notice=notice, host=host, token=token, ice=ice, consents=consents, key=key,
            notice_given=notice_given,
        )  # fmt: skip
    if scheme in ("janus+ws", "janus+wss"):
        from bot.rooms.janus.room import JanusRoom

        return JanusRoom(url, clock=clock, notice=notice, ice=ice, mark=mark)
    if scheme in ("whep+http", "whep+https"):
        from bot.rooms.whep import WhepRoom

        return WhepRoom(url, clock=clock, notice_given=notice_given, ice=ice)
    from bot.rooms.browser.sites.registry import site_of, sites

    if len(address.places) == 1 and (site := site_of(address.places[0])) is not None:
        from bot.rooms.browser.launcher import BrowserOptions
        from bot.rooms.browser.room import BrowserRoom

        return BrowserRoom(
            site,
            address.places[0],
            clock=clock,
            notice=notice,
            options=browser or BrowserOptions(),
            relay_only=ice.relay_only,
        )
    known = ", ".join([*KNOWN, *(site.example for site in sites())])
    raise SettingsRefused(f"{address.bare!r} is no room this bot can join; known are {known}")
