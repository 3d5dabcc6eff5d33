"""An invited bot whose bus is away as it begins waits for it; one that a person started says so at once."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from dashboard_protocol.backoff import Backoff
from dashboard_protocol.errors import BusError, EpochOver

INVITED_S = 60.0
"""To start a process anew costs seconds of a processor, and would find the same bus."""

Answer = TypeVar("Answer")

log = logging.getLogger(__name__)


async def patiently(ask: Callable[[], Awaitable[Answer]], stop: asyncio.Event, within_s: float) -> Answer:
    """Ask the bus for something, again and again while it is away or refuses.

    Args:
        ask: what asks.
        stop: set by whoever wants the bot to leave.
        within_s: after so long its error is raised; 0 asks once.

    Raises:
        BusError: It did not answer in time, or the bot is to leave.
        EpochOver: Another bot has the room; waiting does not help.
    """
    loop = asyncio.get_running_loop()
    end_s = loop.time() + within_s
    pauses = Backoff(0.2, 1.0)
    while True:
        try:
            return await ask()
        except EpochOver:
            raise
        except BusError as error:
            if stop.is_set() or loop.time() >= end_s:
                raise
            log.info("%s The bot begins once it can.", error)
        try:
            async with asyncio.timeout(pauses.failed()):
                await stop.wait()
        except TimeoutError:
            pass
