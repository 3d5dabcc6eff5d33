"""What bus and queue need of Redis: a client, its errors in plain words, and a room's live channel."""

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any
from urllib.parse import urlsplit

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, AuthorizationError, RedisError, ResponseError

from dashboard_protocol.bus import decoding
from dashboard_protocol.bus.scripts import Keys
from dashboard_protocol.errors import BusError, BusRefused, BusUnreadable
from dashboard_protocol.events import Event

ANSWER_S = 3.0
"""Redis that does not answer for so long is away."""


def connect(url: str, *, retries: int = 0) -> Redis:
    """Return a client of the Redis behind a URL; nothing is opened yet.

    Args:
        url: what an operator gave.
        retries: how often a command is tried again at once; a connection of before an outage fails only when used.

    Raises:
        BusError: It is no URL of a Redis.
    """
    try:
        client = Redis.from_url(
            url,
            decode_responses=True,
            # Strictly, a message that is no UTF-8 would be read again and again.
            encoding_errors="replace",
            socket_timeout=ANSWER_S,
            socket_connect_timeout=ANSWER_S,
            retry=Retry(NoBackoff(), retries),
        )
        client.connection_pool.make_connection()  # type: ignore[no-untyped-call]  # unknown options of the URL show only here
        return client
    except (ValueError, TypeError):
        # The cause may quote the password.
        raise BusError("This is no Redis URL: write redis://:PASSWORD@HOST:PORT/0, or rediss:// for TLS.") from None


def place(url: str) -> str:
    """Return host and port of a URL, without its password."""
    parts = urlsplit(url)
    return f"{parts.hostname or 'localhost'}:{parts.port or 6379}"


@contextmanager
def heeding_cancellation() -> Iterator[None]:
    """Raise a cancellation that came inside and was lost there.

    redis-py sends with `asyncio.wait_for`, and that of Python 3.11 forgets a cancellation that comes together with the
    answer: a loop that was told to end would go on for ever.
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
def told_plainly(where: str) -> Iterator[None]:
    """Turn what redis-py raises into a BusError that says what to do and quotes no secret."""
    try:
        with heeding_cancellation():
            yield
    except (AuthenticationError, AuthorizationError):
        raise BusRefused(f"Redis at {where} refused the password: check the bus URL.") from None
    except ResponseError as error:
        raise _told(error, where) from None
    except (RedisError, OSError, TimeoutError) as error:
        raise BusError(f"Redis at {where} does not answer ({type(error).__name__}).") from None


def _told(error: ResponseError, where: str) -> BusError:
    """Return what a refused command means."""
    text = str(error)
    why = text.split(" script: ")[0][:100]
    if "WRONGTYPE" in text or why.startswith("user_script"):  # a script met what is not ours
        return BusUnreadable(f"Redis at {where} holds something else in the place of ours ({why}).")
    return BusRefused(f"Redis at {where} answers and refuses: {why}")


class Subscription:
    """One room's channel. A task reads it, so that a subscriber that does not read holds up nobody but itself."""

    def __init__(self, redis: Redis, room: str, where: str, most: int) -> None:
        self._pubsub = redis.pubsub()
        self._room = room
        self._channel = Keys(room)["live"]
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
            with told_plainly(self._where):
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
            with told_plainly(self._where):
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
