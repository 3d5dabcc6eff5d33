"""What may be said of a class while its bot cannot hear who asks not to be read: that, and who is there."""

import logging
from collections.abc import Callable

from bot.engagement import PersonValues
from dashboard_protocol.events import ClassSummary, Withheld

log = logging.getLogger(__name__)


class Listening:
    """Follows whether pictures may be taken, and takes away what would rest on older ones.

    Args:
        may_look: whether a picture may be taken now.
    """

    def __init__(self, may_look: Callable[[], bool]) -> None:
        self.may_look = may_look
        self._deaf_since: float | None = None

    def update(self, at: float) -> None:
        """Look whether pictures may be taken; once a second. The log says when that changes."""
        if self.may_look():
            if self._deaf_since is not None:
                log.warning("the bus works again: pictures are taken")
            self._deaf_since = None
        elif self._deaf_since is None:
            log.warning("the bus lets no request in or no event out: no pictures are taken until it does")
            self._deaf_since = at

    def person(self, values: PersonValues) -> PersonValues:
        """Return what may be said of a person."""
        return values if self._deaf_since is None else values.unread(self._deaf_since)

    def summary(self, summary: ClassSummary) -> ClassSummary:
        """Return what may be said of the class, of whose people `person` has spoken."""
        if self._deaf_since is None:
            return summary
        return summary.model_copy(update={"withheld": Withheld.WISHES_UNREACHABLE})
