"""`redis://` and `rediss://`: the queue of any number of gateways and workers."""

import time
from typing import Any

from dashboard_protocol.bus.redis_link import connect, place, told_plainly
from dashboard_protocol.queue.base import ASKED, CLAIM_S, LOST, BotRecord, Invitation, Moment, Order
from dashboard_protocol.queue.redis_scripts import BEAT, CLAIM, LEAVE, RELEASE, REPORT, RESTORE, SUBMIT
from dashboard_protocol.vocabulary import State

KEEP_S = 7 * 86_400
IDEMPOTENCY_S = 86_400


class RedisQueue:
    """Invitations are a stream that workers read as one consumer group; a heartbeat resets an entry's idle time.

    Args:
        url: as the bus's.
        claim_s: a worker silent for so long is dead.

    Raises:
        BusError: The URL is none of a Redis.
    """

    def __init__(self, url: str, *, claim_s: float = CLAIM_S) -> None:
        self._redis = connect(url, retries=1)
        self._where = place(url)
        self._claim_s = claim_s
        script = self._redis.register_script
        self._submit, self._claim, self._beat, self._restore = map(script, (SUBMIT, CLAIM, BEAT, RESTORE))
        self._report, self._release, self._leave = map(script, (REPORT, RELEASE, LEAVE))

    async def submit(self, invitation: Invitation, idempotency: str | None = None) -> BotRecord:
        """Add an invitation, or return the first one of its key."""
        moment = Moment(state=State.REQUESTED, since=invitation.requested_at)
        with told_plainly(self._where):
            if idempotency is not None:
                first = await self._redis.set(
                    _idempotency(idempotency), invitation.id, nx=True, get=True, ex=IDEMPOTENCY_S
                )
                if first is not None and (known := await self.bot(str(first))) is not None:
                    return known
            await self._submit(
                args=[
                    invitation.id, invitation.model_dump_json(), moment.model_dump_json(),
                    invitation.join_at or 0, invitation.requested_at, KEEP_S,
                ],
            )  # fmt: skip
        return BotRecord(invitation=invitation, now=moment, states=(moment,))

    async def submitted(self, idempotency: str) -> BotRecord | None:
        """Return what was submitted under a key."""
        with told_plainly(self._where):
            first = await self._redis.get(_idempotency(idempotency))
        return None if first is None else await self.bot(str(first))

    async def claim(self, worker: str) -> BotRecord | None:
        """Take the next invitation that is due, those of dead workers first."""
        now = time.time()
        lost = Moment(state=State.RECONNECTING, since=now, reason=LOST).model_dump_json()
        with told_plainly(self._where):
            bot = await self._claim(args=[worker, now, round(self._claim_s * 1000), lost])
        return None if bot is None else await self.bot(bot)

    async def beat(self, worker: str, ids: list[str]) -> dict[str, Order]:
        """Say that the worker lives; learn what to do with each of its bots."""
        with told_plainly(self._where):
            orders = await self._beat(args=[worker, *ids])
        return dict(zip(ids, map(Order, orders), strict=True))

    async def restore(self, worker: str, record: BotRecord) -> None:
        """Take over what a worker knows of its bot."""
        wanted = record.invitation
        states = [moment.model_dump_json() for moment in record.states]
        with told_plainly(self._where):
            await self._restore(
                args=[
                    worker, wanted.id, wanted.model_dump_json(), record.now.state.value,
                    wanted.requested_at, KEEP_S, record.join or "", *states,
                ],
            )  # fmt: skip

    async def report(self, worker: str, bot: str, moment: Moment, join: str | None = None) -> bool:
        """Note a state of the worker's bot."""
        with told_plainly(self._where):
            return bool(
                await self._report(args=[worker, bot, moment.state.value, moment.model_dump_json(), join or ""])
            )

    async def release(self, worker: str, bot: str) -> None:
        """Give an invitation back."""
        with told_plainly(self._where):
            await self._release(args=[worker, bot])

    async def bot(self, bot: str) -> BotRecord | None:
        """Return one bot."""
        return (await self._records([bot]))[0]

    async def bots(self) -> list[BotRecord]:
        """Return the bots, newest first."""
        with told_plainly(self._where):
            ids: Any = await self._redis.zrevrange("classpulse:bots", 0, -1)
        return [record for record in await self._records(ids) if record is not None]

    async def ask_to_leave(self, bot: str) -> BotRecord | None:
        """Make a bot leave; one that nobody runs ends at once."""
        ended = Moment(state=State.ENDED, since=time.time(), reason=ASKED).model_dump_json()
        with told_plainly(self._where):
            await self._leave(args=[bot, ended])
        return await self.bot(bot)

    async def ping(self) -> None:
        """Return when Redis answers."""
        with told_plainly(self._where):
            await self._redis.ping()

    async def close(self) -> None:
        """Disconnect."""
        await self._redis.aclose()

    async def _records(self, ids: list[str]) -> list[BotRecord | None]:
        with told_plainly(self._where):
            async with self._redis.pipeline(transaction=True) as asking:
                for bot in ids:
                    asking.hmget(f"classpulse:bot:{bot}", "invitation", "worker", "join")
                    asking.lrange(f"classpulse:bot:{bot}:states", 0, -1)
                answers = await asking.execute()
        return [_record(*pair) for pair in zip(answers[::2], answers[1::2], strict=True)]


def _idempotency(key: str) -> str:
    return f"classpulse:idempotency:{key}"


def _record(fields: list[str | None], states: list[str]) -> BotRecord | None:
    invitation, worker, join = fields
    if invitation is None:
        return None
    moments = tuple(map(Moment.model_validate_json, states))
    return BotRecord(
        invitation=Invitation.model_validate_json(invitation),
        now=moments[-1],
        states=moments,
        worker=worker,
        join=join,
    )
