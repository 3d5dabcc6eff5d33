"""What people ask of a bot at a gateway: not to be read, or to be shown. Nobody is named on the way."""

from collections.abc import Collection, Mapping
from enum import Enum, auto
from typing import NamedTuple, Protocol

KEPT_S = 12 * 3600.0
"""A room's opt-outs are kept for so long after its last bot, or after they were asked for: for the meeting."""


MOST_OPT_OUTS = 100_000
"""Of one room. Bots know the same number: so many ask only to fill the memory, and then nobody is read at all."""


SHARE = 1000
"""Of these that one address may ask for; whoever asks for more is heeded for those who are in the meeting."""


OVERLAP_S = 5.0
"""What was asked for so long before the last look is looked at again: clocks of stores that take over differ."""


class Noted(Enum):
    """What can be said of a request not to be read."""

    HELD = auto()
    """The bot knows: nobody of the name is read, now and later."""
    SOON = auto()
    """It is kept for the bot, which hears of it within 10 s or reads nobody."""
    PRESENT = auto()
    """The same, but for those of the name who are in the meeting by then: too many names were asked for from there."""


class ConsentOffer(NamedTuple):
    """A consent that somebody brought to a gateway, and that a bot has yet to answer."""

    id: str
    sealed: str
    """As `Consents.seal` made it."""


class Pending(NamedTuple):
    """What a bot has to heed now."""

    opt_outs: Mapping[str, float]
    """Labelled pseudonym → when it was last asked for, on the store's clock; 0 where only a bot reported it."""
    kept: int
    """How many are kept in all."""
    now: float
    """On the store's clock."""
    present: frozenset[str] = frozenset()
    """Labelled pseudonyms: who of these is in the meeting now is not to be read. Given once."""
    offers: tuple[ConsentOffer, ...] = ()
    """Given to one bot, once."""


class PrivacyRequests(Protocol):
    """Carries them from any gateway to a room's bot, and from there to the bots after it.

    Every method raises BusError when that cannot be done.
    """

    async def opt_out(self, room: str, who: str, asker: str = "", kept_s: float = KEPT_S) -> Noted:
        """Ask that nobody of a labelled pseudonym is read in a room; waits at most 2 s for the bot's word.

        Args:
            room: the room's name.
            who: a labelled pseudonym.
            asker: whose share it counts towards.
            kept_s: for how long it is kept at least.
        """

    async def offer(self, room: str, sealed: str) -> str | None:
        """Hand a consent to the room's bot; return why it was not taken, "" if it was, None where no bot answers."""

    async def fetch(self, room: str, since: float | None = None) -> Pending:
        """Return what was asked; what is kept of the room is kept on.

        Args:
            room: the room's name.
            since: on the store's clock: leave out what was not asked for since then; None for everything.
        """

    async def wait(self, room: str, within_s: float) -> None:
        """Return when somebody may have asked for something, or after so many seconds."""

    async def keep(self, room: str, opted_out: Collection[str]) -> None:
        """Keep what a bot knows, for the bots after it."""

    async def heard(self, room: str, opt_outs: Mapping[str, float]) -> None:
        """Say that requests are carried out, as `fetch` gave them: whoever asked may know."""

    async def answer(self, room: str, offer: ConsentOffer, refusal: str) -> None:
        """Say what became of an offer; an empty refusal says that it was taken."""

    async def close(self) -> None:
        """Free what is held."""
