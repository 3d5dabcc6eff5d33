"""Pure: the number by which a bot is known to be one, in a room that lets people choose their own.

A name proves nothing, for anybody can take it. This number holds a mark that only holders of the secret can make: so
every bot knows the others, also the one whose place it took, and nobody goes unseen by calling themselves one.
"""

import secrets
from collections.abc import Callable

from bot.rooms.roster import Feed
from dashboard_protocol.auth.pseudonyms import Pseudonyms

_MARK_BITS = 32
_FREE_BITS = 21
"""53 bits in all: more is no number to a browser."""


class BotFeeds:
    """Makes and knows the numbers of the bots of one room.

    Args:
        room: the room, as all bots call it.
        mark: what only holders of the secret can make of a text, as hex digits; None knows the bots of this room alone.
    """

    def __init__(self, room: str, mark: Callable[[str], str] | None = None) -> None:
        self._room = room
        self._mark = mark or Pseudonyms(secrets.token_bytes(32)).mark

    def new(self) -> int:
        """Make a number for one stay of a bot."""
        free = secrets.randbelow(1 << _FREE_BITS)
        return free << _MARK_BITS | self._marked(free)

    def is_bot(self, feed: Feed) -> bool:
        """Whether a number is a bot's; in rooms that name people by text, it is the number as text."""
        if not str(feed).isdecimal() or len(str(feed)) > 16:
            return False
        free, mark = divmod(int(feed), 1 << _MARK_BITS)
        return mark == self._marked(free)

    def _marked(self, free: int) -> int:
        return int(self._mark(f"bot {free} {self._room}")[: _MARK_BITS // 4], 16)
