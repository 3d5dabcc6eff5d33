"""What people ask of a bot at a gateway: not to be read, or to be shown. Nobody is named on the way."""

from collections.abc import Collection, Mapping
from typing import NamedTuple, Protocol

from dashboard_protocol.bus.base import is_shared

KEPT_S = 12 * 3600.0
"""A room's opt-outs are kept for so long after its last bot, or after they were asked for: for the meeting."""


class Offer(NamedTuple):
    """A consent that somebody brought to a gateway, and that a bot has yet to answer."""

    id: str
    sealed: str
    """As `Consents.seal` made it."""


class Asked(NamedTuple):
    """All that a bot has to heed now."""

    opt_outs: Mapping[str, float]
    """Labelled pseudonym → when it was last asked for, on the store's clock; 0 where only a bot told it."""
    offers: tuple[Offer, ...]
    """Given to one bot, once."""


class Wishes(Protocol):
    """Carries them from any gateway to a room's bot, and from there to the bots after it.

    Every method raises BusError when that cannot be done.
    """

    async def opt_out(self, room: str, who: str, kept_s: float = KEPT_S) -> None:
        """Ask that nobody of a labelled pseudonym is read in a room."""

    async def offer(self, room: str, sealed: str) -> str | None:
        """Hand a consent to the room's bot; return why it was not taken, "" if it was, None where no bot answers."""

    async def look(self, room: str) -> Asked:
        """Return what was asked; what is kept of the room is kept on."""

    async def keep(self, room: str, opted_out: Collection[str]) -> None:
        """Keep what a bot knows, for the bots after it."""

    async def answer(self, room: str, offer: Offer, refusal: str) -> None:
        """Say what became of an offer; an empty refusal says that it was taken."""

    async def close(self) -> None:
        """Free what is held."""


def open_wishes(bus: str) -> Wishes | None:
    """Return what carries wishes beside a bus; None for a bus of one process, whose bot is asked directly.

    Raises:
        BusError: The URL is unusable.
    """
    if not is_shared(bus):
        return None
    from dashboard_protocol.bus.redis_wishes import RedisWishes

    return RedisWishes(bus)
