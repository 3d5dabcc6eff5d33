"""Rooms the bot can join: the URL's scheme picks the connector."""

from urllib.parse import unquote, urlsplit

from bot.errors import SettingsRefused
from bot.rooms.base import Clock, Room
from bot.rooms.notice import Notice

SCHEMES = ("local",)


def open_room(url: str, *, clock: Clock, notice: Notice, host: str = "127.0.0.1", token: str | None = None) -> Room:
    """Find the connector for a room; nothing is opened before the room is entered.

    Args:
        url: `local://NAME`.
        clock: The room's clock.
        notice: What people are told before they join.
        host: Address that media of a local room listens on.
        token: What publishers of a local room must present; None lets everybody in.

    Raises:
        SettingsRefused: The scheme is unknown, or the room has no usable name.
    """
    parts = urlsplit(url)
    if parts.scheme == "local":
        from bot.rooms.local import LocalRoom

        return LocalRoom(unquote(parts.netloc + parts.path), clock=clock, notice=notice, host=host, token=token)
    known = ", ".join(f"{scheme}://NAME" for scheme in SCHEMES)
    raise SettingsRefused(f"{url!r} is no room this bot can join; known are {known}")
