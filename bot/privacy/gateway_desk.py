"""Takes people's requests at a gateway, for the bots of all its rooms."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from time import time
from typing import TypeVar

from bot.errors import SettingsRefused
from bot.privacy.audit_log import Audit
from bot.privacy.routes import notice_of, short_notice_of
from bot.rooms.notice import Notice, name_key
from bot.settings import Settings
from dashboard_protocol.auth.consent import ABSENT
from dashboard_protocol.auth.links import Access
from dashboard_protocol.auth.secrets_store import state_directory
from dashboard_protocol.bus.base import Bus
from dashboard_protocol.errors import BusError, ConsentRefused
from dashboard_protocol.events import Hello
from dashboard_protocol.privacy_requests.base import KEPT_S, Noted, PrivacyRequests
from dashboard_protocol.queue.base import Queue
from dashboard_protocol.queue.records import Invitation

T = TypeVar("T")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class GatewayBackend:
    """See `bot.privacy.routes.PrivacyBackend`.

    Args:
        requests: carries them to the bots.
        bus: knows what bots say of themselves.
        queue: knows which are yet to come.
        access: checks consents, with the bots' secret.
    """

    requests: PrivacyRequests
    bus: Bus
    queue: Queue
    access: Access

    async def notice(self, room: str) -> Notice | None:
        """Return what people may know: what the room's bot says of itself, or what is known of one that is to come."""
        retained = await _twice(lambda: self.bus.snapshot(room))
        if retained is not None and isinstance(hello := retained.hello.body, Hello):
            return notice_of(hello.bot_name, hello.title, hello.policy, shares_class=hello.shares_class)
        invited = await self._invitation(room)
        if invited is None:
            return None
        name = invited.bot_name or str(Settings.model_fields["bot_name"].default)
        return short_notice_of(name, invited.title or "", invited.policy)

    async def opt_out(self, room: str, name: str, asker: str) -> Noted:
        """Note it for the room's bot, which looks twice a second, and for those after it; wait for the bot's word."""
        noted = Noted.HELD  # a name that is nobody's
        if key := name_key(name):
            invited = await self._invitation(room)
            ahead_s = max(0.0, invited.join_at - time()) if invited and invited.join_at else 0.0
            pseudonyms = self.access.pseudonyms
            share = pseudonyms.mark(f"{room} {asker}")
            noted = await self.requests.opt_out(room, pseudonyms.labelled(room, key), share, ahead_s + KEPT_S)
        try:
            Audit(state_directory(), room).opted_out()
        except (SettingsRefused, OSError) as error:  # the request is noted, and to say that it was not would be wrong
            log.error("a request not to be read holds, and is not in the audit log: %s", error)
        return noted

    async def agree(self, room: str, token: str) -> None:
        """Hand it to the room's bot, and wait for what it says."""
        consents = self.access.consents
        refusal = await self.requests.offer(room, consents.seal(consents.read(room, token)))
        if refusal is None:
            raise ConsentRefused(ABSENT)
        if refusal:
            raise ConsentRefused(refusal)

    async def _invitation(self, room: str) -> Invitation | None:
        bot = await _twice(lambda: self.queue.serving(room))
        record = None if bot is None else await _twice(lambda: self.queue.bot(bot))
        return None if record is None else record.invitation


async def _twice(ask: Callable[[], Awaitable[T]]) -> T:
    """Ask again at once: a connection of before an outage fails only when it is used, and no request may."""
    try:
        return await ask()
    except BusError:
        return await ask()
