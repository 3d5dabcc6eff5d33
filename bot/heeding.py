"""What people ask of this bot at a gateway, carried out; and who is not to be read, kept for the bots after it."""

import asyncio
import logging
from collections.abc import Set
from typing import Protocol

from dashboard_protocol.access import Access
from dashboard_protocol.consent import Consent
from dashboard_protocol.errors import BusError, ConsentRefused, SecretRefused
from dashboard_protocol.wishes import Offer, Wishes

LOOK_S = 0.5
"""How often wishes are looked for: with the way to open pages well below the 2 s that are promised."""

log = logging.getLogger(__name__)


class People(Protocol):
    """Those whom the bot sees."""

    @property
    def names(self) -> tuple[str, ...]:
        """The display names of those who are in the room."""

    @property
    def opted_out(self) -> Set[str]:
        """Who is not to be read, as `Heeding.known_as` has it."""

    def opt_out_known(self, names: Set[str]) -> None:
        """Stop reading them, now and whenever they come."""

    def agree(self, consent: Consent) -> None:
        """Take a consent. Raises ConsentRefused."""


class Heeding:
    """Heeds the wishes of one room.

    Args:
        wishes: what carries them; None where people can only ask the bot itself.
        room: the room's name.
        access: with the secret of the gateways.
    """

    def __init__(self, wishes: Wishes | None, room: str, access: Access) -> None:
        self._wishes = wishes
        self._room = room
        self._access = access
        self._heeded_until = 0.0

    def known_as(self, name: str) -> str:
        """Return under what a person is known to all bots and gateways."""
        return self._access.pseudonyms.labelled(self._room, name)

    async def begin(self, people: People) -> None:
        """Learn who is not to be read, before anybody is.

        Raises:
            BusError: It cannot be learned.
            SecretRefused: As `follow`.
        """
        if self._wishes is not None:
            await self._heed(self._wishes, people)

    async def follow(self, people: People) -> None:
        """Heed wishes for as long as the bot is in its room; while they cannot be learned, the last ones hold.

        Raises:
            SecretRefused: Somebody is not to be read, and this bot cannot tell who.
        """
        if self._wishes is None:
            return
        told_of = ""
        while True:
            try:
                await self._heed(self._wishes, people)
                told_of = ""
            except BusError as error:
                if str(error) != told_of:
                    log.warning("wishes not to be read: %s", error)
                told_of = str(error)
            await asyncio.sleep(LOOK_S)

    async def close(self) -> None:
        """Free the connection."""
        if self._wishes is not None:
            await self._wishes.close()

    async def _heed(self, wishes: Wishes, people: People) -> None:
        opt_outs, offers = await wishes.look(self._room)
        if not all(map(self._access.pseudonyms.is_ours, opt_outs)):
            raise SecretRefused(
                f"Whoever opted out of {self._room!r} cannot be told from others: "
                "gateways and workers need the same CLASSPULSE_SECRET."
            )
        # Also whom the bot knew of: since then she may have come back in, or the store have lost its memory.
        new = {who for who, at in opt_outs.items() if at > self._heeded_until or who not in people.opted_out}
        people.opt_out_known(new)
        self._heeded_until = max(self._heeded_until, *opt_outs.values(), 0.0)
        if untold := people.opted_out - opt_outs.keys():
            await wishes.keep(self._room, untold)
        for offer in offers:
            await wishes.answer(self._room, offer, self._take(offer, people))

    def _take(self, offer: Offer, people: People) -> str:
        try:
            people.agree(self._access.consents.unseal(self._room, offer.sealed, people.names))
        except ConsentRefused as refusal:
            return str(refusal)
        return ""
