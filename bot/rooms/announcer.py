"""When the notice is said again in a room where text cannot be left for those who come later."""

import asyncio
from collections.abc import Callable

HEARD_AFTER_S = 5.0
"""A newcomer needs so long until she can hear us."""
AGAIN_AFTER_S = 60.0
"""Everybody hears what is meant for the newcomer, so it is not said more often."""


class Announcer:
    """Says something to each newcomer, to several at once where they come together; `close` it, always."""

    def __init__(self, say: Callable[[], object]) -> None:
        """Prepare.

        Args:
            say: Says it to everybody.
        """
        self._say = say
        self._next: asyncio.TimerHandle | None = None
        self._last_s = -AGAIN_AFTER_S

    def newcomer(self) -> None:
        """Somebody came who has not heard it."""
        if self._next is None:
            loop = asyncio.get_running_loop()
            due_s = max(loop.time() + HEARD_AFTER_S, self._last_s + AGAIN_AFTER_S)
            self._next = loop.call_at(due_s, self._speak)

    def close(self) -> None:
        """Say nothing any more."""
        if self._next is not None:
            self._next.cancel()

    def _speak(self) -> None:
        self._next, self._last_s = None, asyncio.get_running_loop().time()
        self._say()
