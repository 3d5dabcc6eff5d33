"""What people ask of this bot at a gateway, carried out; and who is not to be read, kept for the bots after it."""

import asyncio
import logging
from collections.abc import Set
from contextlib import suppress
from typing import Protocol

from bot.privacy.request_reach import RequestsReach
from bot.rooms.base import Clock, sleepless_s
from bot.rooms.notice import name_key
from dashboard_protocol.auth.consent import Consent
from dashboard_protocol.auth.links import Access
from dashboard_protocol.errors import BusError, BusGivenUp, BusRefused, BusUnreadable, ConsentRefused, SecretRefused
from dashboard_protocol.privacy_requests.base import OVERLAP_S, ConsentOffer, Pending, PrivacyRequests

LOOK_S = 0.5
"""How soon requests are looked for again where that failed."""
WAIT_S = 1.5
"""Whoever asks wakes the bot; without news it looks this often, as it must know that it would hear them."""

GOODBYE_S = 2.0
"""What is not kept by then is not kept: a bot that leaves waits for no store."""

DEAF = "nobody is read: who asks not to be cannot be heard"

log = logging.getLogger(__name__)


class People(Protocol):
    """Those whom the bot sees."""

    @property
    def names(self) -> tuple[str, ...]:
        """The display names of those who are in the room."""

    @property
    def opted_out(self) -> Set[str]:
        """Who is not to be read, as `PrivacyRequestHandler.pseudonym` has it."""

    def opt_out_known(self, names: Set[str]) -> None:
        """Stop reading them, now and whenever they come."""

    def agree(self, consent: Consent) -> None:
        """Take a consent. Raises ConsentRefused."""


class PrivacyRequestHandler:
    """Heeds the requests of one room.

    Args:
        requests: what carries them; None where people can only ask the bot itself.
        room: the room's name.
        access: with the secret of the gateways.
        clock: seconds that also count while the machine sleeps.
    """

    def __init__(self, requests: PrivacyRequests | None, room: str, access: Access, clock: Clock | None = None) -> None:
        self._requests = requests
        self._room = room
        self._access = access
        self._clock = clock or sleepless_s
        self._reach = RequestsReach()
        self._stored: dict[str, float] = {}
        """What the store is known to hold: who → when it was last asked for."""
        self._looked_at = 0.0
        """On the store's clock."""
        self._people: People | None = None
        self._asked_here = asyncio.Event()
        self._is_whole = False
        """Whether `_stored` is all it holds; else everything is asked for again."""

    def pseudonym(self, name: str) -> str:
        """Return under what a person is known to all bots and gateways."""
        return self._access.pseudonyms.labelled(self._room, name)

    def may_look(self) -> bool:
        """Whether pictures may be taken now: whoever cannot hear who asks not to be read reads nobody."""
        return self._requests is None or self._reach.may_look(self._clock())

    def obstacle(self) -> str | None:
        """Say that nobody is read; None where people are."""
        return None if self.may_look() else DEAF

    async def begin(self, people: People) -> None:
        """Learn who is not to be read, before anybody is.

        Raises:
            BusError: It cannot be learned.
            SecretRefused: As `follow`.
        """
        self._people = people
        if self._requests is not None:
            await self._heed(self._requests, people)

    def asked_here(self) -> None:
        """Somebody asked the bot itself: to be kept at once, for a bot that has to follow this one."""
        self._asked_here.set()

    async def follow(self, people: People) -> None:
        """Heed requests for as long as the bot is in its room.

        Raises:
            SecretRefused: Somebody is not to be read, and this bot cannot know who.
            BusError: No request could be heard for ten minutes.
        """
        if self._requests is None:
            return
        last_warning = ""
        while True:
            try:
                await self._heed(self._requests, people)
                last_warning = ""
            except BusError as error:
                if str(error) != last_warning:
                    log.warning("requests not to be read: %s", error)
                last_warning = str(error)
                self._is_whole = False  # whatever answers next may hold something else
                if self._reach.is_lost(self._clock()):
                    is_refusal = isinstance(error, BusRefused | BusUnreadable)
                    deaf = BusGivenUp if is_refusal else BusError
                    raise deaf(f"Who asks not to be read could not be heard for 10 min. {error}") from None
                await asyncio.sleep(LOOK_S)
            else:
                await self._wait(self._requests)

    async def _wait(self, requests: PrivacyRequests) -> None:
        try:
            await requests.wait(self._room, WAIT_S)
        except BusError:
            await asyncio.sleep(LOOK_S)  # the next look meets it again, and says so

    async def keep_up(self, people: People) -> None:
        """Keep what the bot itself is asked, as soon as it is: a bot may be killed at any moment."""
        while self._requests is not None:
            await self._asked_here.wait()
            self._asked_here.clear()
            with suppress(BusError):  # `follow` meets it again, and tries until it is kept
                await self._keep(self._requests, people)

    async def close(self) -> None:
        """Keep what was asked of the bot last, where that takes no time, and free the connection."""
        if self._requests is None:
            return
        try:
            if self._people is not None:
                async with asyncio.timeout(GOODBYE_S):
                    await self._keep(self._requests, self._people)
        except (BusError, TimeoutError) as error:
            log.warning("who was not to be read is not kept for the next bot: %s", error or "no answer")
        finally:
            await self._requests.close()

    async def _heed(self, requests: PrivacyRequests, people: People) -> None:
        at = self._clock()
        asked = await requests.fetch(self._room, self._looked_at - OVERLAP_S if self._is_whole else None)
        new = self._news(asked, people.opted_out)
        people.opt_out_known(new | self._present(asked.present, people))
        self._reach.heard(at)
        self._looked_at = asked.now
        since = asked.now - OVERLAP_S  # whoever asked earlier waits no more for an answer
        await requests.heard(self._room, {who: asked_at for who in new if (asked_at := asked.opt_outs[who]) > since})
        await self._keep(requests, people)
        for offer in asked.offers:
            await requests.answer(self._room, offer, self._take(offer, people))

    async def _keep(self, requests: PrivacyRequests, people: People) -> None:
        if unsaved := people.opted_out - self._stored.keys():
            await requests.keep(self._room, unsaved)
            self._stored |= dict.fromkeys(unsaved, 0.0)

    def _news(self, asked: Pending, known: Set[str]) -> Set[str]:
        """Take in what the store holds; return who is to be put out, also anew."""
        pseudonyms = self._access.pseudonyms
        requests = {who: at for who, at in asked.opt_outs.items() if pseudonyms.is_one(who)}
        if not all(map(pseudonyms.is_ours, requests)):
            raise SecretRefused(
                f"Whoever opted out of {self._room!r} cannot be told from others: "
                "gateways and workers need the same CLASSPULSE_SECRET."
            )
        # Also whom the bot knew of: since then they may have come back in, or the store have lost its memory.
        new = {who for who, at in requests.items() if who not in known or at != self._stored.get(who, 0.0)}
        if not self._is_whole:
            self._stored.clear()
        self._stored |= asked.opt_outs
        self._is_whole = len(self._stored) == asked.kept
        return new

    def _present(self, asked: Set[str], people: People) -> Set[str]:
        """Find those of the names who are in the room."""
        return asked & {self.pseudonym(name_key(name)) for name in people.names} if asked else frozenset()

    def _take(self, offer: ConsentOffer, people: People) -> str:
        try:
            people.agree(self._access.consents.unseal(self._room, offer.sealed, people.names))
        except ConsentRefused as refusal:
            return str(refusal)
        return ""
