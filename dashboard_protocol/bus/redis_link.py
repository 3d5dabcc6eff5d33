"""What bus and queue need of Redis: its errors in plain words, whether it is of use, and a room's live channel."""

import asyncio
import re
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from enum import Enum
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.sentinel import MasterNotFoundError
from redis.exceptions import AuthenticationError, AuthorizationError, NoPermissionError, RedisError, ResponseError

from dashboard_protocol.bus import decoding
from dashboard_protocol.bus.redis_client import ANSWER_S, NoMaster
from dashboard_protocol.bus.redis_scripts import Keys
from dashboard_protocol.errors import BusError, BusRefused, BusUnreadable
from dashboard_protocol.events import Event

OLDEST = (7, 0)
"""The oldest Redis that knows all the commands that are used."""
PROBE = Keys("")["live"]
"""A channel of no room."""


class Need(Enum):
    """What a process is about to ask of Redis."""

    LISTEN = "listen"
    PUBLISH = "publish"
    QUEUE = "queue"


@contextmanager
def keep_cancellation() -> Iterator[None]:
    """Raise a cancellation that came inside and was lost there.

    redis-py sends with `asyncio.wait_for`, and that of Python 3.11 forgets a cancellation that comes together with the
    answer: a loop that was asked to end would go on for ever.
    """
    task = asyncio.current_task()
    known = task.cancelling() if task else 0
    try:
        yield
    finally:
        # More than before: what is cleaned up after a cancellation may use Redis.
        if task is not None and task.cancelling() > known and not isinstance(sys.exception(), asyncio.CancelledError):
            raise asyncio.CancelledError


@contextmanager
def translate_errors(where: str) -> Iterator[None]:
    """Turn what redis-py raises into a BusError that says what to do and quotes no secret."""
    try:
        with keep_cancellation():
            yield
    except (AuthenticationError, AuthorizationError):
        raise BusRefused(f"Redis at {where} refused the password: check the bus URL.") from None
    except ResponseError as error:
        raise _refusal(error, where) from None
    except NoMaster as error:
        raise BusError(f"Redis at {where} is no master now ({str(error)[:80]}).") from None
    except MasterNotFoundError:
        raise BusError(f"No Sentinel names a master now for {where}.") from None
    except (RedisError, OSError, TimeoutError) as error:
        raise BusError(f"Redis at {where} does not answer ({type(error).__name__}).") from None


def _refusal(error: ResponseError, where: str) -> BusError:
    """Return what a refused command means."""
    # Without what a pipeline was asked, which may be somebody's, and where in a script it was.
    text = str(error).rpartition("caused error: ")[2].strip("(),'\"")
    why = re.sub(r" script: ([0-9a-f]{40}, )?on @user_script.*$", "", text, flags=re.DOTALL)[:120]
    if "WRONGTYPE" in text or why.startswith("user_script"):  # a script met what is not ours
        return BusUnreadable(f"Redis at {where} holds something else in the place of ours ({why}).")
    return BusRefused(f"Redis at {where} answers and refuses: {why}")


async def see_that_it_works(redis: Redis) -> None:
    """Return when Redis answers and takes writes, as far as this user may try: one that is full, or a replica, refuses.

    Raises:
        RedisError, OSError, TimeoutError: As redis-py does; see `translate_errors`.
    """
    await redis.ping()
    with suppress(NoPermissionError):
        await redis.setrange("classpulse:ping", 0, "")  # writes nothing, and is refused as all writes are


async def examine(redis: Redis, where: str, need: Need) -> None:
    """Find out, when Redis is used for the first time, whether it can be used at all.

    Raises:
        BusRefused: It is too old, part of a cluster, a Sentinel, or grants too little; the text says which.
        BusError: It does not answer.
    """
    with translate_errors(where):
        try:
            said = await redis.execute_command("HELLO")  # type: ignore[no-untyped-call]
        except ResponseError as error:
            raise BusRefused(f"Redis at {where} does not say what it is ({str(error)[:60]}): 7.0 is needed.") from None
    if why := unsuited(said):
        raise BusRefused(f"Redis at {where} {why}")
    try:
        with translate_errors(where):
            await redis.exists(PROBE if need is not Need.QUEUE else "classpulse:invitations")
            if need is Need.PUBLISH:
                await redis.publish(PROBE, "")
            elif need is Need.LISTEN:
                async with redis.pubsub() as channel:
                    await channel.subscribe(PROBE)
                    await channel.get_message(timeout=ANSWER_S)
    except BusRefused as error:
        raise BusRefused(f"{error} Its user may not {need.value} here: see deploy/redis/users.acl.") from None


def unsuited(said: object) -> str | None:
    """Return why a server cannot be used, by its answer to HELLO; None if it can. Pure."""
    with decoding.reading("as its answer to HELLO"):
        answer = dict(said)  # type: ignore[call-overload]
        server, version, mode = (str(answer[name]) for name in ("server", "version", "mode"))
        number = tuple(int(part) for part in version.split(".")[:2])
    if mode == "cluster":
        return "is part of a cluster, which is not supported: name a single Redis, or its Sentinels."
    if mode == "sentinel":
        return "is a Sentinel: write redis+sentinel://HOST:PORT/SERVICE."
    if server == "redis" and number < OLDEST:
        return f"is version {version[:20]}: 7.0 is needed."
    return None


class Subscription:
    """One room's channel. A task reads it, so that a subscriber that does not read holds up nobody but itself."""

    def __init__(self, redis: Redis, room: str, where: str, most: int, channel: str = "live") -> None:
        self._pubsub = redis.pubsub()
        self._room = room
        self._channel = Keys(room)[channel]
        self._where = where
        self._mailbox: asyncio.Queue[str | None] = asyncio.Queue()
        self._most = most
        self._ending = ""

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Listen while inside.

        Raises:
            BusError: Redis does not answer.
        """
        try:
            with translate_errors(self._where):
                await self._pubsub.subscribe(self._channel)
                await self._pubsub.get_message(timeout=ANSWER_S)  # Redis confirms: from here on nothing is missed
            # Not a task group: it would wrap what the caller raises.
            reading = asyncio.create_task(self._read(), name=f"read {self._channel}")
            try:
                yield
            finally:
                reading.cancel()
                await asyncio.wait([reading])
        finally:
            await self._pubsub.aclose()  # type: ignore[no-untyped-call]

    async def events(self) -> AsyncIterator[Event]:
        """Yield what came since `open`; raises BusError once cut off."""
        while (text := await self._mailbox.get()) is not None:
            for event in decoding.events([text], self._room):
                yield event
        raise BusError(self._ending)

    def cut_off(self, why: str) -> None:
        """End the subscription; what waits is dropped, so that the subscriber learns at once."""
        self._ending = why
        while not self._mailbox.empty():
            self._mailbox.get_nowait()
        self._mailbox.put_nowait(None)

    async def _read(self) -> None:
        try:
            with translate_errors(self._where):
                while self._mailbox.qsize() < self._most:
                    await self._next()
            self.cut_off("The subscriber fell behind.")
        except BusError as error:
            self.cut_off(str(error))

    async def _next(self) -> None:
        message: dict[str, Any] | None = await self._pubsub.get_message(timeout=ANSWER_S)
        if message is None:
            await self._pubsub.ping()
            message = await self._pubsub.get_message(timeout=ANSWER_S)
            if message is None:
                raise TimeoutError
        if message["type"] == "message":
            self._mailbox.put_nowait(message["data"])
