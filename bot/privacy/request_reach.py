"""Whether the bot hears who asks not to be read: who cannot hear it reads nobody. Pure; the caller brings the clock."""

DEAF_AFTER_S = 10.0
"""Unheard for so long, nobody is read: a fail-over of the store fits into it, and gateways promise no less."""
LEAVE_AFTER_S = 600.0
"""A bot that hears nothing for so long has no business in a meeting."""


class RequestsReach:
    """When requests were last heard, and what follows from it.

    Before the first time nobody is read. A time is in seconds on any clock that goes on while the machine sleeps.
    """

    def __init__(self) -> None:
        self._heard_at: float | None = None

    def heard(self, at: float) -> None:
        """All requests were heard that had been made until `at`: when they were asked for, not when the answer came."""
        self._heard_at = at if self._heard_at is None else max(self._heard_at, at)

    def may_look(self, now: float) -> bool:
        """Whether pictures may be taken."""
        return self._heard_at is not None and now - self._heard_at <= DEAF_AFTER_S

    def is_lost(self, now: float) -> bool:
        """Whether the bot must leave."""
        return self._heard_at is not None and now - self._heard_at > LEAVE_AFTER_S
