"""The hourly sweep."""

import asyncio

import pytest

from dashboard_protocol.bus import MemoryBus, retention
from dashboard_protocol.bus.retention import sweeping
from dashboard_protocol.errors import BusError


class Swept(MemoryBus):
    """Counts, and is away at first."""

    times = 0

    async def sweep(self) -> None:
        self.times += 1
        if self.times == 1:
            raise BusError("The bus is away.")
        await super().sweep()


async def test_bus_is_swept_again_and_again_also_after_it_was_away(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(retention, "SWEEP_S", 0.01)
    bus = Swept()
    async with sweeping(bus), asyncio.timeout(30):
        while bus.times < 3:  # noqa: ASYNC110  nobody notifies
            await asyncio.sleep(0.01)
    assert "deleted later" in caplog.text
    swept = bus.times
    await asyncio.sleep(0.05)
    assert bus.times == swept
