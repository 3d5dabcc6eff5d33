"""Deletes what is older than the retention, also in rooms where nothing happens any more."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from dashboard_protocol.bus.base import Bus
from dashboard_protocol.errors import BusError
from dashboard_protocol.supervisor import Supervisor

SWEEP_S = 3600.0

log = logging.getLogger(__name__)


@asynccontextmanager
async def sweeping(bus: Bus, background: Supervisor | None = None) -> AsyncIterator[None]:
    """Sweep the bus once an hour while inside; several gateways may do it side by side."""
    async with (background or Supervisor()).running("retention", lambda: _sweep(bus)):
        yield


async def _sweep(bus: Bus) -> None:
    while True:
        try:
            await bus.sweep()
        except BusError as error:
            log.warning("%s What is old is deleted later.", error)
        await asyncio.sleep(SWEEP_S)
