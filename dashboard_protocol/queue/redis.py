"""`redis://` and `rediss://`: the queue of any number of gateways and workers."""

import logging
import secrets
import time
from collections.abc import Collection
from typing import Any

from pydantic import TypeAdapter

from dashboard_protocol.bus import decoding
from dashboard_protocol.bus.base import Bus
from dashboard_protocol.bus.redis_client import connect, place
from dashboard_protocol.bus.redis_link import Need, examine, see_that_it_works, translate_errors
from dashboard_protocol.bus.redis_news import News
from dashboard_protocol.bus.redis_scripts import Keys
from dashboard_protocol.errors import BusRefused, BusUnreadable, RoomTaken, SealBroken, SealForeign
from dashboard_protocol.queue.base import ASKED, CLAIM_S, LOST, RETENTION_S, HeartbeatReply, too_many
from dashboard_protocol.queue.records import (
    Attempt,
    BotRecord,
    Delivery,
    Due,
    Invitation,
    Moment,
    Notification,
    ledger,
)
from dashboard_protocol.queue.redis_common import NEWS_OF_INVITATIONS, NEWS_OF_WEBHOOKS, PAGES
from dashboard_protocol.queue.redis_deliveries import SETTLE, TAKE
from dashboard_protocol.queue.redis_scripts import (
    BEAT,
    CLAIM,
    ERASE,
    LEAVE,
    RELEASE,
    REPORT,
    RESTORE,
)
from dashboard_protocol.queue.redis_submission import SUBMIT
from dashboard_protocol.room_urls import is_page
from dashboard_protocol.sealing import Sealer
from dashboard_protocol.vocabulary import EndReason, State

IDEMPOTENCY_S = 86_400
_NOTIFICATION: TypeAdapter[Notification] = TypeAdapter(Notification)
SEALED_UNDER = "classpulse:sealed_under"
"""Key that shows under which secret invitations are sealed, without showing the secret."""

log = logging.getLogger(__name__)


class RedisQueue:
    """Invitations are a stream that workers read as one consumer group; a heartbeat resets an entry's idle time.

    Args:
        url: as the bus's.
        sealer: seals invitations, whose addresses and webhooks carry secrets, and links by which people join.
        claim_s: a worker silent for so long is dead.
        retention_s: how long a bot's states are kept after the last one.

    Raises:
        BusError: The URL is none of a Redis.
    """

    def __init__(self, url: str, sealer: Sealer, *, claim_s: float = CLAIM_S, retention_s: float = RETENTION_S) -> None:
        self._sealer = sealer
        self._redis = connect(url, retries=1)
        self._where = place(url)
        self._is_met = False
        self._invitations = News(self._redis, self._where, NEWS_OF_INVITATIONS)
        self._webhooks = News(self._redis, self._where, NEWS_OF_WEBHOOKS)
        self._claim_s = claim_s
        self._keep_s = max(1, round(retention_s))
        script = self._redis.register_script
        self._submit, self._claim, self._beat, self._restore = map(script, (SUBMIT, CLAIM, BEAT, RESTORE))
        self._report, self._release, self._leave = map(script, (REPORT, RELEASE, LEAVE))
        self._take, self._settle, self._erase = map(script, (TAKE, SETTLE, ERASE))

    async def submit(
        self, invitation: Invitation, idempotency: str | None = None, most: int | None = None
    ) -> BotRecord:
        """Add an invitation, or return the first one of its key."""
        await self._meet()
        moment = Moment(state=State.REQUESTED, since=invitation.requested_at)
        with translate_errors(self._where):
            status, bot = await self._submit(
                args=[
                    invitation.id, invitation.room, self._sealed(invitation), moment.model_dump_json(),
                    invitation.join_at or 0, invitation.requested_at, self._keep_s, "1" if invitation.webhook else "",
                    "" if idempotency is None else f"classpulse:idempotency:{idempotency}", IDEMPOTENCY_S,
                    invitation.owner, "" if most is None else most, _kind(invitation),
                ],
            )  # fmt: skip
        if status == "taken":
            raise RoomTaken(f"A bot serves {invitation.room!r} or is about to: ask it to leave first.")
        if status == "many" and most is not None:
            raise too_many(most)
        known = await self.bot(bot) if status == "known" else None
        return known or BotRecord(invitation=invitation, now=moment, notifications=(moment,))

    async def claim(self, worker: str, serving: Collection[str] = (), *, pages: bool = True) -> BotRecord | None:
        """Take the next invitation that is due, those of dead workers first."""
        await self._meet()
        takes_pages = "1" if pages else ""
        while True:
            with translate_errors(self._where):
                bot = await self._claim(args=[worker, round(self._claim_s * 1000), LOST, takes_pages, *serving])
            if bot is None:
                return None
            try:
                return await self.bot(bot)
            except BusUnreadable as error:
                log.error("invitation %s: %s It is over, and the others wait no longer for it.", bot, error)
                ended = Moment(state=State.ENDED, since=round(time.time(), 3), reason=EndReason.FAILED.value)
                await self.report(worker, bot, ended)

    async def wait_for_invitation(self, within_s: float) -> None:
        """Return when an invitation came or was given back, or after so many seconds."""
        await self._invitations.wait(within_s)

    async def beat(self, worker: str, ids: list[str]) -> dict[str, HeartbeatReply]:
        """Say that the worker lives; learn what to do with each of its bots."""
        with translate_errors(self._where):
            orders = await self._beat(args=[worker, round(self._claim_s * 1000), *ids])
        with decoding.reading("as orders"):
            return dict(zip(ids, map(HeartbeatReply, orders), strict=True))

    async def restore(self, worker: str, record: BotRecord) -> None:
        """Take over what a worker knows of its bot."""
        wanted = record.invitation
        notifications = [known.model_dump_json(by_alias=True) for known in record.notifications]
        with translate_errors(self._where):
            await self._restore(
                args=[
                    worker, wanted.id, wanted.room, self._sealed(wanted), record.now.state.value, wanted.requested_at,
                    self._keep_s, "1" if wanted.webhook else "", self._sealed_join(wanted.id, record.join),
                    wanted.owner, record.newest_state, _kind(wanted), *notifications,
                ],
            )  # fmt: skip

    async def report(self, worker: str, bot: str, notification: Notification, join: str | None = None) -> bool:
        """Note a state of the worker's bot, or an alert of its class."""
        state = notification.state.value if isinstance(notification, Moment) else ""
        text = notification.model_dump_json(by_alias=True)
        with translate_errors(self._where):
            return bool(await self._report(args=[worker, bot, state, text, self._sealed_join(bot, join)]))

    async def release(self, worker: str, bot: str) -> None:
        """Give an invitation back."""
        with translate_errors(self._where):
            await self._release(args=[worker, bot])

    async def bot(self, bot: str) -> BotRecord | None:
        """Return one bot."""
        answer = (await self._answers([bot]))[0]
        return self._record(bot, *answer)

    async def bots(self) -> list[BotRecord]:
        """Return the bots, newest first; one whose record cannot be read is left out."""
        with translate_errors(self._where):
            ids: Any = await self._redis.zrevrange("classpulse:bots", 0, -1)
        found = []
        for bot, answer in zip(ids, await self._answers(ids), strict=True):
            try:
                record = self._record(bot, *answer)
            except BusUnreadable as error:
                log.warning("bot %s: %s It is left out.", bot, error)
            else:
                found += [] if record is None else [record]
        return found

    async def ask_to_leave(self, bot: str) -> BotRecord | None:
        """Make a bot leave; one that nobody runs ends at once."""
        with translate_errors(self._where):
            await self._leave(args=[bot, ASKED])
        return await self.bot(bot)

    async def serving(self, room: str) -> str | None:
        """Return the bot that is in a room or about to come."""
        with translate_errors(self._where):
            bot: Any = await self._redis.hget("classpulse:serving", room)
        known = None if bot is None else await self.bot(bot)
        return None if known is None else known.invitation.id

    async def wait_for_delivery(self, within_s: float) -> None:
        """Return when there is something new to notify of, or after so many seconds."""
        await self._webhooks.wait(within_s)

    async def take_delivery(self, lease_s: float) -> Due | None:
        """Lease the notification that a webhook has waited for longest."""
        lease = secrets.token_hex(8)
        with translate_errors(self._where):
            taken = await self._take(args=[lease, lease_s])
        if taken is None:
            return None
        bot, number = str(taken[0]), decoding.count(taken[1], "as the number of a notification")
        record = await self.bot(bot)
        if record is None:
            return None
        tries = sum(attempt.number == number for attempt in await self._attempts(bot))
        return Due(record=record, number=number, tries=tries, lease=lease)

    async def settle_delivery(self, due: Due, attempt: Attempt, retry_s: float | None) -> bool:
        """Note how a leased notification went."""
        bot, wait = due.record.invitation.id, "" if retry_s is None else retry_s
        with translate_errors(self._where):
            return bool(await self._settle(args=[due.lease, bot, due.number, attempt.model_dump_json(), wait]))

    async def deliveries(self, bot: str) -> list[Delivery]:
        """Return what became of each notification of a bot's webhook."""
        record = await self.bot(bot)
        if record is None or record.invitation.webhook is None:
            return []
        with translate_errors(self._where):
            async with self._redis.pipeline(transaction=True) as asking:
                asking.hmget(f"classpulse:bot:{bot}", "first", "told")
                asking.zscore("classpulse:webhooks", bot)
                (first, delivered), next_at = await asking.execute()
        numbers = [decoding.count(number, "as the number of a notification") for number in (first, delivered)]
        return ledger(record, await self._attempts(bot), first=numbers[0], delivered=numbers[1], next_at=next_at)

    async def erase(self, room: str, bus: Bus) -> bool:
        """Delete all that is kept of a room; the events of `bus` lie in the same Redis, so that one script does it."""
        with translate_errors(self._where):
            return bool(await self._erase(keys=Keys(room).kept(), args=[room]))

    async def ping(self) -> None:
        """Return when Redis answers, takes writes, and is one that can be used."""
        await self._meet()
        with translate_errors(self._where):
            await see_that_it_works(self._redis)

    async def close(self) -> None:
        """Disconnect."""
        await self._redis.aclose()

    async def _attempts(self, bot: str) -> list[Attempt]:
        with translate_errors(self._where):
            found: Any = await self._redis.lrange(f"classpulse:bot:{bot}:attempts", 0, -1)
        return [decoding.model(Attempt, text, "as a try to notify a webhook") for text in found]

    async def _answers(self, ids: list[str]) -> list[tuple[Any, Any]]:
        with translate_errors(self._where):
            async with self._redis.pipeline(transaction=True) as asking:
                for bot in ids:
                    asking.hmget(f"classpulse:bot:{bot}", "invitation", "worker", "join")
                    asking.lrange(f"classpulse:bot:{bot}:states", 0, -1)
                answers = await asking.execute(raise_on_error=False)
        return list(zip(answers[::2], answers[1::2], strict=True))

    async def _meet(self) -> None:
        """See, when Redis is first used, that it can be, and that those who use it have the same secret."""
        if self._is_met:
            return
        await examine(self._redis, self._where, Need.QUEUE)
        with translate_errors(self._where):
            await self._redis.set(SEALED_UNDER, self._sealer.label, nx=True)
            label = await self._redis.get(SEALED_UNDER)
        if label != self._sealer.label:
            raise BusRefused(
                f"Redis at {self._where} is used with another secret: give all gateways and workers the same "
                f"CLASSPULSE_SECRET. If it was changed on purpose: redis-cli del {SEALED_UNDER}"
            )
        self._is_met = True

    def _sealed(self, invitation: Invitation) -> str:
        return self._sealer.seal(invitation.model_dump_json(), f"invitation {invitation.id}")

    def _sealed_join(self, bot: str, link: str | None) -> str:
        return self._sealer.seal(link, f"join {bot}") if link else ""

    def _record(self, bot: str, fields: Any, notified: Any) -> BotRecord | None:
        """Read a bot; either part may be what Redis said instead."""
        for part in (fields, notified):
            if isinstance(part, Exception):
                raise BusUnreadable("Redis holds something else in the place of a bot.")
        invitation, worker, join = fields
        if invitation is None:
            return None
        notifications = tuple(decoding.one_of(_NOTIFICATION, text, "as a bot's state") for text in notified)
        try:
            wanted = self._sealer.unseal(invitation, f"invitation {bot}")
            link = self._sealer.unseal(join, f"join {bot}") if join else None
        except (SealForeign, SealBroken) as error:
            raise BusUnreadable(f"Redis holds an invitation that nobody of ours wrote. {error}") from None
        with decoding.reading("as a bot"):
            return BotRecord(
                invitation=decoding.model(Invitation, wanted, "as an invitation"),
                now=[known for known in notifications if isinstance(known, Moment)][-1],
                notifications=notifications,
                worker=worker,
                join=link,
            )


def _kind(invitation: Invitation) -> str:
    """Return what Redis may know of a meeting's address, which is sealed: whether it takes a browser."""
    return PAGES if is_page(invitation.room_url) else ""
