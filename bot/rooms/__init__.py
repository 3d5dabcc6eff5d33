"""Rooms the bot can join: the URL's scheme picks the connector."""

from urllib.parse import unquote, urlsplit

from bot.errors import SettingsRefused
from bot.rooms.base import Clock, Room
from bot.rooms.notice import Notice

KNOWN = ("local://NAME", "janus+ws(s)://HOST:PORT/ROOM", "whep+http(s)://HOST/PATH")


def open_room(
    url: str,
    *,
    clock: Clock,
    notice: Notice,
    host: str = "127.0.0.1",
    token: str | None = None,
    notice_given: bool = False,
) -> Room:
    """Find the connector for a room; nothing is opened before the room is entered.

    Args:
        url: `local://NAME`; `janus+ws://HOST:PORT/ROOM` or `janus+wss://…` with `?pin=` and `token=`;
            `whep+http://HOST/PATH` or `whep+https://…` with `?token=`, several with spaces between them.
        clock: The room's clock.
        notice: What people are told before they join.
        host: Address that media of a local room listens on.
        token: What publishers of a local room must present; None lets everybody in.
        notice_given: Whether the operator says that people were told, where the bot cannot show itself.

    Raises:
        SettingsRefused: The scheme is unknown, or the address cannot be used.
    """
    parts = urlsplit(url)
    if parts.scheme == "local":
        from bot.rooms.local import LocalRoom

        return LocalRoom(unquote(parts.netloc + parts.path), clock=clock, notice=notice, host=host, token=token)
    if parts.scheme in ("janus+ws", "janus+wss"):
        from bot.rooms.janus import JanusRoom

        return JanusRoom(url, clock=clock, notice=notice)
    if parts.scheme in ("whep+http", "whep+https"):
        from bot.rooms.whep import WhepRoom

        return WhepRoom(url, clock=clock, notice_given=notice_given)
    where = url.partition("?")[0]  # behind it stand secrets
    raise SettingsRefused(f"{where!r} is no room this bot can join; known are {', '.join(KNOWN)}")
